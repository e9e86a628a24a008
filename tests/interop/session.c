/* See session.h. */
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t zero_bytes[ZEROS_MAX];

Grpc__Testing__Payload zeros(size_t size)
{
	Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;

	if (size > sizeof(zero_bytes))
		abort();
	payload.body.data = (uint8_t *)zero_bytes; /* only ever read */
	payload.body.len = size;
	return payload;
}

static bool is_zeros(const Grpc__Testing__Payload *payload)
{
	return payload->body.len <= sizeof(zero_bytes) &&
	       (payload->body.len == 0 ||
		memcmp(payload->body.data, zero_bytes, payload->body.len) == 0);
}

void session_fail(const struct session *session, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "%s: ", session->test_case);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* --- Channels and time ---------------------------------------------------------------- */

struct weft_channel *session_open_channel(struct session *session)
{
	struct weft_channel *channel;
	char error[256];

	if (weft_channel_new(session->worker, session->target, session->channel_options, error,
			     &channel) < 0)
		session_fail(session, "%s", error);
	return channel;
}

static void on_awake(struct weft_timer *timer, void *data)
{
	struct session *session = data;

	weft_worker_stop(session->worker);
}

void session_sleep(struct session *session, uint64_t ns)
{
	uint64_t until = weft_now() + ns;
	struct weft_timer timer;

	if (ns == 0)
		return;
	weft_timer_init(&timer, on_awake, session);
	weft_timer_start_at(weft_worker_loop(session->worker), &timer, until);
	while (weft_timer_started(&timer))
		weft_worker_run(session->worker);
}

static void on_gone(void *data)
{
	struct session *session = data;

	session->closed = true;
	weft_worker_stop(session->worker);
}

void session_close_channel(struct session *session, struct weft_channel *channel)
{
	session->closed = false;
	weft_channel_close(channel, on_gone, session);
	while (!session->closed)
		weft_worker_run(session->worker);
}

/* --- Outcomes ------------------------------------------------------------------------- */

static void copy_metadata(struct weft_arena *arena, const struct weft_metadata *from,
			  struct weft_metadata *to)
{
	for (size_t i = 0; i < from->n; i++)
		weft_metadata_add(to, arena, from->entries[i].name, from->entries[i].value,
				  from->entries[i].len);
}

static void finish(struct outcome *outcome, struct weft_rpc *rpc, const struct weft_status *status)
{
	struct weft_arena *arena = outcome->session->arena;

	outcome->code = status->code;
	outcome->message = weft_arena_strdup(arena, status->message);
	copy_metadata(arena, weft_rpc_headers(rpc), &outcome->headers);
	copy_metadata(arena, weft_rpc_trailers(rpc), &outcome->trailers);
	outcome->done = true;
	weft_worker_stop(outcome->session->worker);
}

void outcome_wait(struct outcome *outcome)
{
	while (!outcome->done)
		weft_worker_run(outcome->session->worker);
}

void outcome_expect(const struct outcome *outcome, enum weft_code code)
{
	if (outcome->code != code)
		session_fail(outcome->session, "the call ended with %s instead of %s: %s",
			     weft_code_name(outcome->code), weft_code_name(code), outcome->message);
}

struct weft_call_options session_options(const struct weft_metadata *metadata)
{
	return (struct weft_call_options) {
		.size = sizeof(struct weft_call_options),
		.timeout_ns = SESSION_TIMEOUT,
		.metadata = metadata,
		.wait_for_ready = true,
	};
}

/* --- Unary ---------------------------------------------------------------------------- */

static void on_unary(struct weft_rpc *rpc, const struct weft_status *status,
		     Grpc__Testing__SimpleResponse *res, void *data)
{
	struct outcome *outcome = data;

	if (res && res->payload) {
		outcome->has_payload = true;
		outcome->compressed = weft_rpc_was_compressed(rpc);
		outcome->size = res->payload->body.len;
		session_check(outcome->session, is_zeros(res->payload));
	}
	finish(outcome, rpc, status);
}

void unary_start(struct session *session, struct weft_channel *channel,
		 const Grpc__Testing__SimpleRequest *req, const struct weft_call_options *options,
		 struct outcome *outcome)
{
	const struct weft_call_options defaults = session_options(NULL);

	*outcome = (struct outcome) { .session = session };
	grpc_testing_test_service_unary_call(channel, req, options ? options : &defaults, on_unary,
					     outcome);
}

void unary_call(struct session *session, const Grpc__Testing__SimpleRequest *req,
		const struct weft_call_options *options, struct outcome *outcome)
{
	unary_start(session, session->channel, req, options, outcome);
	outcome_wait(outcome);
}

/* --- Streams of responses ------------------------------------------------------------- */

static void on_response(struct weft_rpc *rpc,
			const Grpc__Testing__StreamingOutputCallResponse *message, void *data)
{
	struct stream *stream = data;
	struct session *session = stream->outcome.session;

	session_check(session, message->payload != NULL);
	session_check(session, is_zeros(message->payload));
	stream->size = message->payload->body.len;
	stream->compressed = weft_rpc_was_compressed(rpc);
	stream->arrived = true;
	weft_rpc_hold(rpc); /* until the next one is asked for */
	weft_worker_stop(session->worker);
}

static void on_stream_end(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	struct stream *stream = data;

	stream->rpc = NULL;
	finish(&stream->outcome, rpc, status);
}

static const struct grpc_testing_test_service_streaming_output_call_events output_events = {
	.on_message = on_response,
	.on_end = on_stream_end,
};
static const struct grpc_testing_test_service_full_duplex_call_events full_events = {
	.on_message = on_response,
	.on_end = on_stream_end,
};
static const struct grpc_testing_test_service_half_duplex_call_events half_events = {
	.on_message = on_response,
	.on_end = on_stream_end,
};

void stream_start(struct session *session, enum stream_kind kind,
		  const Grpc__Testing__StreamingOutputCallRequest *req,
		  const struct weft_call_options *options, struct stream *stream)
{
	const struct weft_call_options defaults = session_options(NULL);
	struct weft_channel *channel = session->channel;

	if (!options)
		options = &defaults;
	*stream = (struct stream) { .outcome.session = session };
	switch (kind) {
	case STREAM_OUTPUT:
		stream->rpc = grpc_testing_test_service_streaming_output_call(
			channel, req, options, &output_events, stream);
		break;
	case STREAM_FULL_DUPLEX:
		stream->rpc = grpc_testing_test_service_full_duplex_call(channel, options,
									 &full_events, stream);
		break;
	case STREAM_HALF_DUPLEX:
		stream->rpc = grpc_testing_test_service_half_duplex_call(channel, options,
									 &half_events, stream);
		break;
	}
	weft_rpc_hold(stream->rpc);
}

void stream_send(struct stream *stream, enum stream_kind kind,
		 const Grpc__Testing__StreamingOutputCallRequest *req)
{
	int r;

	if (kind == STREAM_FULL_DUPLEX)
		r = grpc_testing_test_service_full_duplex_call_send(stream->rpc, req);
	else
		r = grpc_testing_test_service_half_duplex_call_send(stream->rpc, req);
	/* -ECANCELED: it has ended, and its outcome says why */
	session_check(stream->outcome.session, r == 0 || r == -ECANCELED);
}

void stream_ask(struct stream *stream, enum stream_kind kind, int32_t response_size, size_t size)
{
	Grpc__Testing__StreamingOutputCallRequest req =
		GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
	Grpc__Testing__ResponseParameters asked = GRPC__TESTING__RESPONSE_PARAMETERS__INIT;
	Grpc__Testing__ResponseParameters *list[] = { &asked };
	Grpc__Testing__Payload payload = zeros(size);

	asked.size = response_size;
	req.response_parameters = list;
	req.n_response_parameters = WEFT_COUNT(list);
	req.payload = &payload;
	stream_send(stream, kind, &req);
}

long stream_next(struct stream *stream)
{
	stream->arrived = false;
	if (stream->rpc)
		weft_rpc_resume(stream->rpc);
	while (!stream->arrived && !stream->outcome.done)
		weft_worker_run(stream->outcome.session->worker);
	return stream->arrived ? (long)stream->size : STREAM_END;
}

/* --- Streams of requests -------------------------------------------------------------- */

static void on_input_end(struct weft_rpc *rpc, const struct weft_status *status,
			 Grpc__Testing__StreamingInputCallResponse *res, void *data)
{
	struct input *input = data;

	if (res)
		input->outcome.size = (size_t)res->aggregated_payload_size;
	input->rpc = NULL;
	finish(&input->outcome, rpc, status);
}

void input_start(struct session *session, const struct weft_call_options *options,
		 struct input *input)
{
	static const struct grpc_testing_test_service_streaming_input_call_events events = {
		.on_end = on_input_end,
	};
	const struct weft_call_options defaults = session_options(NULL);

	*input = (struct input) { .outcome.session = session };
	input->rpc = grpc_testing_test_service_streaming_input_call(
		session->channel, options ? options : &defaults, &events, input);
}

void input_send(struct input *input, size_t size, const Grpc__Testing__BoolValue *expect_compressed)
{
	Grpc__Testing__StreamingInputCallRequest req =
		GRPC__TESTING__STREAMING_INPUT_CALL_REQUEST__INIT;
	Grpc__Testing__Payload payload = zeros(size);

	req.payload = &payload;
	req.expect_compressed = (Grpc__Testing__BoolValue *)expect_compressed; /* only read */
	session_check(input->outcome.session,
		      grpc_testing_test_service_streaming_input_call_send(input->rpc, &req) == 0);
}
