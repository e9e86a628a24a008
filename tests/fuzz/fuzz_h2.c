/*
 * An HTTP/2 session in either role, in memory. Its owner does as the peer says (echoes, trails,
 * resets, holds the window back), for what matters is what the session makes of it: every stream
 * is closed exactly once, nothing comes after that, and nothing leaks. The first byte chooses role
 * and manner.
 */
#include "fuzz.h"
#include "h2/session.h"
#include "peer.h"

struct run {
	struct session *session;
	uint8_t manner;
	bool dispatch;
	size_t open; /* streams between their first event and on_close */
	uint64_t now;
};

struct echo {
	struct run *run;
	bool ended;
};

static void on_headers(struct weft_h2_stream *stream, const struct weft_h2_header *headers,
		       size_t n, bool end, void *data)
{
	struct echo *echo = data;

	assert(!echo->ended);
	for (size_t i = 0; i < n; i++)
		assert(headers[i].name[headers[i].name_len] == '\0' &&
		       headers[i].value[headers[i].value_len] == '\0');
}

static void on_data(struct weft_h2_stream *stream, const uint8_t *bytes, size_t len, void *data)
{
	struct echo *echo = data;

	assert(!echo->ended && len > 0);
	weft_h2_stream_write(stream, bytes, len);
	if (bytes[0] == 'r')
		weft_h2_stream_reset(stream, WEFT_H2_CANCEL);
	if (bytes[0] == 'a')
		weft_h2_stream_abort(stream, WEFT_H2_CANCEL);
	if (bytes[0] == 'e')
		weft_h2_stream_expect(stream, len * 1000);
	if (bytes[0] == 'w')
		memset(weft_h2_stream_reserve(stream, 100000), 'w', 100000);
	if (echo->run->manner & 2)
		weft_h2_stream_consume(stream, len);
}

static void on_end(struct weft_h2_stream *stream, void *data)
{
	static const struct weft_h2_header trailers[] = { { "a", 1, "b", 1 } };
	struct echo *echo = data;

	assert(!echo->ended);
	echo->ended = true;
	weft_h2_stream_end(stream, trailers, echo->run->manner & 4 ? 1 : 0);
}

static void on_writable(struct weft_h2_stream *stream, void *data)
{
	assert(weft_h2_stream_writable(stream));
}

static void on_close(struct weft_h2_stream *stream, uint32_t error_code, bool refused, void *data)
{
	struct echo *echo = data;

	assert(echo->run->open > 0);
	echo->run->open--;
	free(echo);
}

static const struct weft_h2_stream_events stream_events = {
	.on_headers = on_headers,
	.on_data = on_data,
	.on_end = on_end,
	.on_writable = on_writable,
	.on_close = on_close,
};

static struct echo *echo_new(struct run *run)
{
	struct echo *echo = calloc(1, sizeof(*echo));

	echo->run = run;
	run->open++;
	return echo;
}

static const struct weft_h2_stream_events *on_stream(struct weft_h2_stream *stream,
						     const struct weft_h2_header *headers, size_t n,
						     bool end, void **ret_data, void *data)
{
	static const struct weft_h2_header answer[] = { { ":status", 7, "200", 3 } };
	struct run *run = data;

	assert(n > 0 && headers[0].name[0] == ':');
	if (run->manner & 8)
		return NULL;
	*ret_data = echo_new(run);
	weft_h2_respond(stream, answer, 1, run->manner & 16);
	return &stream_events;
}

static void on_goaway(uint32_t error_code, void *data)
{
}

static void on_nothing(void *data)
{
}

static void on_dispatch(void *data)
{
	struct run *run = data;

	run->dispatch = true;
}

static const struct session_events session_events = {
	.on_stream = on_stream,
	.on_ready = on_nothing,
	.on_goaway = on_goaway,
	.on_drain_answer = on_nothing,
	.on_output = on_nothing,
	.on_dispatch = on_dispatch,
};

static void send_and_dispatch(struct run *run)
{
	static uint8_t room[1 << 14];
	size_t turns = 0;

	do {
		run->dispatch = false;
		session_dispatch(run->session);
		while (session_send(run->session, room, sizeof(room)) == sizeof(room))
			assert(turns++ < 10000);
		assert(turns++ < 10000);
	} while (run->dispatch);
}

static int receive(struct run *run, struct peer *peer)
{
	uint8_t *copy = fuzz_copy((struct weft_bytes) { peer->out.data, peer->out.len });
	int r = session_receive(run->session, copy, peer->out.len, run->now += WEFT_MS);

	free(copy);
	weft_buffer_clear(&peer->out);
	return r;
}

static void make_request(struct run *run)
{
	static const struct weft_h2_header headers[] = {
		{ ":method", 7, "POST", 4 },
		{ ":scheme", 7, "http", 4 },
		{ ":path", 5, "/", 1 },
		{ ":authority", 10, "a", 1 },
	};

	if (session_can_request(run->session))
		session_request(run->session, headers, WEFT_COUNT(headers), run->manner & 16,
				&stream_events, echo_new(run));
}

static void converse(struct run *run, struct peer *peer, enum session_role role)
{
	enum peer_step step;

	do {
		if (role == SESSION_CLIENT)
			make_request(run);
		while ((step = peer_step(peer)) == PEER_GO)
			;
		if (receive(run, peer) < 0)
			break;
		send_and_dispatch(run);
	} while (step != PEER_END);
	if (run->manner & 32)
		session_drain(run->session);
	if (run->manner & 64)
		session_terminate(run->session, WEFT_H2_NO_ERROR);
	send_and_dispatch(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weft_bytes input = { data, size };
	struct run run = { .manner = fuzz_byte(&input), .now = WEFT_SECOND };
	enum session_role role = run.manner & 1 ? SESSION_CLIENT : SESSION_SERVER;
	struct weft_h2_options options = { .size = sizeof(options),
					   .max_concurrent_streams = 4,
					   .stream_window = run.manner & 128 ? 100 : 0 };
	struct peer peer;

	peer_init(&peer, role == SESSION_CLIENT ? PEER_SERVER : PEER_CLIENT, input);
	run.session = session_new(role, &options, &session_events, &run);
	converse(&run, &peer, role);
	session_abort(run.session, WEFT_H2_CONNECT_ERROR);
	session_dispatch(run.session);
	assert(run.open == 0);
	session_free(run.session);
	peer_fini(&peer);
	return 0;
}
