/* Cases of streams. */
#include "cases.h"

static const int32_t request_sizes[] = { 27182, 8, 1828, 45904 };
static const int32_t response_sizes[] = { 31415, 9, 2653, 58979 };

#define N WEFT_COUNT(request_sizes)

/* What slow_consumer is sent, and how slowly it takes it: gRPC's own client takes ten times as
 * long, which shows no more. 2 MB are more than windows and socket buffers hold. */
#define SLOW_MESSAGES     2000
#define SLOW_MESSAGE_SIZE 1030
#define SLOW_PAUSE        (2 * WEFT_MS)

/* Nothing follows, and all is well. */
static void expect_end(struct stream *stream)
{
	session_check(stream->outcome.session, stream_next(stream) == STREAM_END);
	outcome_expect(&stream->outcome, WEFT_OK);
}

/* Starts a StreamingOutputCall for `n` responses. */
static void ask_for(struct session *session, size_t n, const int32_t *sizes, struct stream *stream)
{
	Grpc__Testing__StreamingOutputCallRequest req =
		GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
	Grpc__Testing__ResponseParameters *asked =
		weft_arena_new_array(session->arena, Grpc__Testing__ResponseParameters, n);

	req.response_parameters =
		weft_arena_new_array(session->arena, Grpc__Testing__ResponseParameters *, n);
	req.n_response_parameters = n;
	for (size_t i = 0; i < n; i++) {
		grpc__testing__response_parameters__init(&asked[i]);
		asked[i].size = sizes[i % N];
		req.response_parameters[i] = &asked[i];
	}
	stream_start(session, STREAM_OUTPUT, &req, NULL, stream);
}

void case_client_streaming(struct session *session)
{
	struct input input;

	input_start(session, NULL, &input);
	for (size_t i = 0; i < N; i++)
		input_send(&input, (size_t)request_sizes[i], NULL);
	weft_rpc_half_close(input.rpc);
	outcome_wait(&input.outcome);
	outcome_expect(&input.outcome, WEFT_OK);
	session_check(session, input.outcome.size == 74922);
}

void case_server_streaming(struct session *session)
{
	struct stream stream;

	ask_for(session, N, response_sizes, &stream);
	for (size_t i = 0; i < N; i++)
		session_check(session, stream_next(&stream) == response_sizes[i]);
	expect_end(&stream);
}

void case_ping_pong(struct session *session)
{
	struct stream stream;

	stream_start(session, STREAM_FULL_DUPLEX, NULL, NULL, &stream);
	for (size_t i = 0; i < N; i++) {
		stream_ask(&stream, STREAM_FULL_DUPLEX, response_sizes[i],
			   (size_t)request_sizes[i]);
		session_check(session, stream_next(&stream) == response_sizes[i]);
	}
	weft_rpc_half_close(stream.rpc);
	expect_end(&stream);
}

void case_empty_stream(struct session *session)
{
	struct stream stream;

	stream_start(session, STREAM_FULL_DUPLEX, NULL, NULL, &stream);
	weft_rpc_half_close(stream.rpc);
	expect_end(&stream);
}

void case_half_duplex(struct session *session)
{
	struct stream stream;

	stream_start(session, STREAM_HALF_DUPLEX, NULL, NULL, &stream);
	for (size_t i = 0; i < N; i++)
		stream_ask(&stream, STREAM_HALF_DUPLEX, response_sizes[i],
			   (size_t)request_sizes[i]);
	weft_rpc_half_close(stream.rpc);
	for (size_t i = 0; i < N; i++)
		session_check(session, stream_next(&stream) == response_sizes[i]);
	expect_end(&stream);
}

void case_cancel_after_begin(struct session *session)
{
	struct input input;

	input_start(session, NULL, &input);
	weft_rpc_cancel(input.rpc);
	outcome_wait(&input.outcome);
	outcome_expect(&input.outcome, WEFT_CANCELLED);
}

void case_cancel_after_first_response(struct session *session)
{
	struct stream stream;

	stream_start(session, STREAM_FULL_DUPLEX, NULL, NULL, &stream);
	stream_ask(&stream, STREAM_FULL_DUPLEX, response_sizes[0], (size_t)request_sizes[0]);
	session_check(session, stream_next(&stream) == response_sizes[0]);
	weft_rpc_cancel(stream.rpc);
	session_check(session, stream_next(&stream) == STREAM_END);
	outcome_expect(&stream.outcome, WEFT_CANCELLED);
}

void case_timeout_on_sleeping_server(struct session *session)
{
	Grpc__Testing__StreamingOutputCallRequest req =
		GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
	struct weft_call_options options = session_options(NULL);
	Grpc__Testing__Payload payload = zeros(27182);
	struct stream stream;

	options.timeout_ns = WEFT_MS;
	req.payload = &payload;
	stream_start(session, STREAM_FULL_DUPLEX, NULL, &options, &stream);
	stream_send(&stream, STREAM_FULL_DUPLEX, &req);
	session_check(session, stream_next(&stream) == STREAM_END);
	outcome_expect(&stream.outcome, WEFT_DEADLINE_EXCEEDED);
}

void case_slow_consumer(struct session *session)
{
	static const int32_t sizes[N] = { SLOW_MESSAGE_SIZE, SLOW_MESSAGE_SIZE, SLOW_MESSAGE_SIZE,
					  SLOW_MESSAGE_SIZE };
	struct stream stream;

	ask_for(session, SLOW_MESSAGES, sizes, &stream);
	for (int i = 0; i < SLOW_MESSAGES; i++) {
		session_check(session, stream_next(&stream) == SLOW_MESSAGE_SIZE);
		session_sleep(session, SLOW_PAUSE);
	}
	expect_end(&stream);
}
