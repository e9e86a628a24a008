/*
 * Cases of compression. A server that can check what it gets says so by refusing a message that
 * claims to be compressed and is not: the probe.
 */
#include "cases.h"

static Grpc__Testing__BoolValue yes = GRPC__TESTING__BOOL_VALUE__INIT;
static Grpc__Testing__BoolValue no = GRPC__TESTING__BOOL_VALUE__INIT;

static struct weft_call_options compressed_options(void)
{
	struct weft_call_options options = session_options(NULL);

	options.encoding = WEFT_GZIP;
	return options;
}

static void call_expecting(struct session *session, Grpc__Testing__BoolValue *expect_compressed,
			   const struct weft_call_options *options, struct outcome *outcome)
{
	Grpc__Testing__SimpleRequest req = GRPC__TESTING__SIMPLE_REQUEST__INIT;
	Grpc__Testing__Payload payload = zeros(LARGE_REQUEST);

	req.payload = &payload;
	req.response_size = LARGE_RESPONSE;
	req.expect_compressed = expect_compressed;
	unary_call(session, &req, options, outcome);
}

void case_client_compressed_unary(struct session *session)
{
	const struct weft_call_options options = compressed_options();
	struct outcome outcome;

	yes.value = true;
	call_expecting(session, &yes, NULL, &outcome);
	outcome_expect(&outcome, WEFT_INVALID_ARGUMENT);

	call_expecting(session, &yes, &options, &outcome);
	outcome_expect(&outcome, WEFT_OK);
	session_check(session, outcome.size == LARGE_RESPONSE);

	call_expecting(session, &no, NULL, &outcome);
	outcome_expect(&outcome, WEFT_OK);
	session_check(session, outcome.size == LARGE_RESPONSE);
}

void case_server_compressed_unary(struct session *session)
{
	Grpc__Testing__BoolValue *const wanted[] = { &yes, &no };
	Grpc__Testing__SimpleRequest req = GRPC__TESTING__SIMPLE_REQUEST__INIT;
	Grpc__Testing__Payload payload = zeros(LARGE_REQUEST);
	struct outcome outcome;

	yes.value = true;
	req.payload = &payload;
	req.response_size = LARGE_RESPONSE;
	for (size_t i = 0; i < WEFT_COUNT(wanted); i++) {
		req.response_compressed = wanted[i];
		unary_call(session, &req, NULL, &outcome);
		outcome_expect(&outcome, WEFT_OK);
		session_check(session, outcome.compressed == wanted[i]->value);
		session_check(session, outcome.size == LARGE_RESPONSE);
	}
}

void case_client_compressed_streaming(struct session *session)
{
	const struct weft_call_options options = compressed_options();
	struct input input;

	yes.value = true;
	input_start(session, &options, &input);
	weft_rpc_compress(input.rpc, false);
	input_send(&input, 27182, &yes);
	weft_rpc_half_close(input.rpc);
	outcome_wait(&input.outcome);
	outcome_expect(&input.outcome, WEFT_INVALID_ARGUMENT);

	input_start(session, &options, &input);
	input_send(&input, 27182, &yes);
	weft_rpc_compress(input.rpc, false);
	input_send(&input, 45904, &no);
	weft_rpc_half_close(input.rpc);
	outcome_wait(&input.outcome);
	outcome_expect(&input.outcome, WEFT_OK);
	session_check(session, input.outcome.size == 73086);
}

void case_server_compressed_streaming(struct session *session)
{
	Grpc__Testing__ResponseParameters asked[] = { GRPC__TESTING__RESPONSE_PARAMETERS__INIT,
						      GRPC__TESTING__RESPONSE_PARAMETERS__INIT };
	Grpc__Testing__ResponseParameters *list[] = { &asked[0], &asked[1] };
	Grpc__Testing__StreamingOutputCallRequest req =
		GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
	struct stream stream;

	yes.value = true;
	asked[0].size = 31415;
	asked[0].compressed = &yes;
	asked[1].size = 92653;
	asked[1].compressed = &no;
	req.response_parameters = list;
	req.n_response_parameters = WEFT_COUNT(list);
	stream_start(session, STREAM_OUTPUT, &req, NULL, &stream);
	for (size_t i = 0; i < WEFT_COUNT(list); i++) {
		session_check(session, stream_next(&stream) == asked[i].size);
		session_check(session, stream.compressed == asked[i].compressed->value);
	}
	session_check(session, stream_next(&stream) == STREAM_END);
	outcome_expect(&stream.outcome, WEFT_OK);
}
