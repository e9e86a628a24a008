/* See peer.h. Frame types, flags and settings are those of RFC 9113. */
#include "peer.h"

#include "fuzz.h"

enum frame {
	DATA,
	HEADERS,
	PRIORITY,
	RST_STREAM,
	SETTINGS,
	PUSH_PROMISE,
	PING,
	GOAWAY,
	WINDOW_UPDATE,
	CONTINUATION,
};

#define END_STREAM  0x1
#define ACK         0x1
#define END_HEADERS 0x4

struct header {
	const char *name;
	const char *value;
};

/* How a request or a response begins; a client's path comes besides. */
static const struct header request[] = {
	{ ":method", "POST" }, { ":scheme", "http" },
	{ ":authority", "a" }, { "content-type", "application/grpc" },
	{ "te", "trailers" },
};
static const struct header response[] = {
	{ ":status", "200" },
	{ "content-type", "application/grpc" },
};
static const char *const paths[] = {
	"/weft.test.Answers/Get",  "/weft.test.Answers/Watch", "/weft.test.Answers/Import",
	"/weft.test.Answers/Talk", "/weft.test.Answers/None",  "/",
};
/* What may come besides, in headers and in trailers. */
static const struct header extras[] = {
	{ "grpc-status", "0" },
	{ "grpc-status", "5" },
	{ "grpc-status", "99" },
	{ "grpc-message", "no %E2%82%AC%" },
	{ "grpc-status-details-bin", "CAUSAm5v" },
	{ "grpc-status-details-bin",
	  "CAUSAm5vGi4KKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5FcnJvckluZm8SAgoA" },
	{ "grpc-timeout", "1S" },
	{ "grpc-timeout", "1n" },
	{ "grpc-timeout", "x" },
	{ "grpc-encoding", "gzip" },
	{ "grpc-encoding", "identity" },
	{ "grpc-accept-encoding", "gzip,identity" },
	{ "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
	{ "some", "metadata" },
	{ "some-bin", "AAEC,AwQ" },
	{ "some-bin", "*" },
	{ ":status", "200" },
	{ ":status", "100" },
	{ ":status", "404" },
	{ ":status", "503" },
	{ ":method", "GET" },
	{ ":path", "/weft.test.Answers/Get" },
	{ "content-type", "text/html" },
	{ "content-type", "application/grpc+proto" },
	{ "content-length", "5" },
	{ "content-length", "18446744073709551616" },
	{ "connection", "close" },
	{ "transfer-encoding", "chunked" },
	{ "grpc-retry-pushback-ms", "1" },
	{ "grpc-previous-rpc-attempts", "1" },
};

static void put(struct peer *peer, const void *bytes, size_t len)
{
	if (weft_buffer_append(&peer->out, bytes, len) < 0)
		abort();
}

static void put_frame(struct peer *peer, uint8_t type, uint8_t flags, uint32_t stream,
		      struct weft_bytes payload)
{
	uint8_t head[9] = { payload.len >> 16, payload.len >> 8, payload.len, type,  flags,
			    stream >> 24,      stream >> 16,     stream >> 8, stream };

	put(peer, head, sizeof(head));
	put(peer, payload.data, payload.len);
}

static uint32_t number(struct peer *peer)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 8 | fuzz_byte(&peer->input);
	return value;
}

static void put_number(struct peer *peer, uint8_t type, uint32_t stream, uint32_t value)
{
	uint8_t bytes[4] = { value >> 24, value >> 16, value >> 8, value };

	put_frame(peer, type, 0, stream, (struct weft_bytes) { bytes, sizeof(bytes) });
}

static uint32_t stream(struct peer *peer)
{
	return 1 + 2 * (fuzz_byte(&peer->input) % 8);
}

/* HPACK: a string without Huffman's code, and a field that enters no table. */
static void hpack_string(struct weft_buffer *block, struct weft_bytes string)
{
	size_t rest = string.len;

	if (rest < 127) {
		weft_buffer_append_byte(block, (uint8_t)rest);
	} else {
		weft_buffer_append_byte(block, 127);
		for (rest -= 127; rest >= 128; rest >>= 7)
			weft_buffer_append_byte(block, (uint8_t)(rest | 128));
		weft_buffer_append_byte(block, (uint8_t)rest);
	}
	weft_buffer_append(block, string.data, string.len);
}

static struct weft_bytes text(const char *string)
{
	return (struct weft_bytes) { (const uint8_t *)string, strlen(string) };
}

static void hpack_field(struct weft_buffer *block, struct weft_bytes name, struct weft_bytes value)
{
	weft_buffer_append_byte(block, 0);
	hpack_string(block, name);
	hpack_string(block, value);
}

static void hpack_header(struct weft_buffer *block, const struct header *header)
{
	hpack_field(block, text(header->name), text(header->value));
}

static void add_extras(struct peer *peer, struct weft_buffer *block)
{
	unsigned n = fuzz_byte(&peer->input) % 8;

	while (n--) {
		uint8_t which = fuzz_byte(&peer->input);
		struct weft_bytes name;

		if (which < 4 * WEFT_COUNT(extras)) {
			hpack_header(block, &extras[which % WEFT_COUNT(extras)]);
			continue;
		}
		name = fuzz_take(&peer->input, which % 16);
		hpack_field(block, name, fuzz_take(&peer->input, fuzz_byte(&peer->input)));
	}
}

/* Whole, or cut in two: HEADERS and CONTINUATION. */
static void put_block(struct peer *peer, uint8_t flags, uint32_t id,
		      const struct weft_buffer *block)
{
	uint8_t cut = fuzz_byte(&peer->input);
	struct weft_bytes all = { block->data, block->len };

	if (cut >= 32) {
		put_frame(peer, HEADERS, flags | END_HEADERS, id, all);
		return;
	}
	put_frame(peer, HEADERS, flags, id, fuzz_take(&all, cut));
	put_frame(peer, CONTINUATION, END_HEADERS, id, all);
}

static void put_headers(struct peer *peer)
{
	const struct header *usual = peer->role == PEER_CLIENT ? request : response;
	size_t n = peer->role == PEER_CLIENT ? WEFT_COUNT(request) : WEFT_COUNT(response);
	struct weft_buffer block = WEFT_BUFFER_INIT;
	uint8_t choice = fuzz_byte(&peer->input);
	uint8_t left_out = fuzz_byte(&peer->input);
	uint32_t id = stream(peer);

	if (peer->role == PEER_CLIENT) {
		if (choice < 0xc0) {
			id = peer->next_stream;
			peer->next_stream += 2;
		}
		hpack_field(&block, text(":path"), text(paths[choice / 2 % WEFT_COUNT(paths)]));
	}
	for (size_t i = 0; i < n; i++)
		if (i != left_out)
			hpack_header(&block, &usual[i]);
	add_extras(peer, &block);
	put_block(peer, choice & 1 ? END_STREAM : 0, id, &block);
	weft_buffer_fini(&block);
}

static void put_trailers(struct peer *peer)
{
	struct weft_buffer block = WEFT_BUFFER_INIT;
	uint32_t id = stream(peer);

	add_extras(peer, &block);
	put_block(peer, END_STREAM, id, &block);
	weft_buffer_fini(&block);
}

/* A frame of gRPC in a frame of DATA; its length may lie, or the frame be cut from what follows. */
static void put_message(struct peer *peer)
{
	struct weft_buffer data = WEFT_BUFFER_INIT;
	uint8_t choice = fuzz_byte(&peer->input);
	uint32_t id = stream(peer);
	struct weft_bytes message = fuzz_take(&peer->input, fuzz_byte(&peer->input));
	size_t len = message.len;
	struct weft_bytes all;

	if (choice & 4)
		len = number(peer);
	weft_buffer_append(&data,
			   (uint8_t[]) { choice >> 1 & 1, len >> 24, len >> 16, len >> 8, len }, 5);
	weft_buffer_append(&data, message.data, message.len);
	all = (struct weft_bytes) { data.data, data.len };
	if (choice & 8)
		put_frame(peer, DATA, 0, id, fuzz_take(&all, choice >> 4));
	put_frame(peer, DATA, choice & 1 ? END_STREAM : 0, id, all);
	weft_buffer_fini(&data);
}

static void put_settings(struct peer *peer)
{
	unsigned n = fuzz_byte(&peer->input) % 4;
	uint8_t payload[6 * 4];

	for (unsigned i = 0; i < n; i++) {
		uint32_t value;

		payload[6 * i] = 0;
		payload[6 * i + 1] = fuzz_byte(&peer->input) % 8;
		value = number(peer);
		for (unsigned b = 0; b < 4; b++)
			payload[6 * i + 2 + b] = (uint8_t)(value >> (24 - 8 * b));
	}
	put_frame(peer, SETTINGS, 0, 0, (struct weft_bytes) { payload, 6 * n });
}

/* Any type, any flags, any stream; the length is right. */
static void put_any(struct peer *peer)
{
	uint8_t type = fuzz_byte(&peer->input), flags = fuzz_byte(&peer->input);
	uint32_t id = fuzz_byte(&peer->input) % 12;

	put_frame(peer, type % 12, flags, id, fuzz_take(&peer->input, fuzz_byte(&peer->input)));
}

static void put_goaway(struct peer *peer)
{
	uint8_t payload[8] = { 0 };

	payload[3] = fuzz_byte(&peer->input);
	payload[7] = fuzz_byte(&peer->input) % 16;
	put_frame(peer, GOAWAY, 0, 0, (struct weft_bytes) { payload, sizeof(payload) });
}

void peer_init(struct peer *peer, enum peer_role role, struct weft_bytes input)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

	*peer = (struct peer) { .role = role, .input = input, .next_stream = 1 };
	if (role == PEER_CLIENT)
		put(peer, preface, strlen(preface));
	put_settings(peer);
}

void peer_fini(struct peer *peer)
{
	weft_buffer_fini(&peer->out);
}

enum peer_step peer_step(struct peer *peer)
{
	struct weft_bytes raw;

	if (peer->input.len == 0)
		return PEER_END;
	switch (fuzz_byte(&peer->input) % 16) {
	case 0:
	case 1: put_headers(peer); break;
	case 2:
	case 3: put_message(peer); break;
	case 4: put_trailers(peer); break;
	case 5: put_number(peer, RST_STREAM, stream(peer), fuzz_byte(&peer->input) % 16); break;
	case 6: put_number(peer, WINDOW_UPDATE, stream(peer), number(peer)); break;
	case 7: put_number(peer, WINDOW_UPDATE, 0, number(peer)); break;
	case 8: put_frame(peer, PING, fuzz_byte(&peer->input) & ACK, 0, text("12345678")); break;
	case 9: put_settings(peer); break;
	case 10: put_frame(peer, SETTINGS, ACK, 0, (struct weft_bytes) { 0 }); break;
	case 11: put_goaway(peer); break;
	case 12: put_any(peer); break;
	case 13:
		raw = fuzz_take(&peer->input, fuzz_byte(&peer->input));
		put(peer, raw.data, raw.len);
		break;
	default: return PEER_TURN;
	}
	return PEER_GO;
}
