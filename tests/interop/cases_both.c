/* Cases that a unary call and a stream have to pass alike. */
#include "cases.h"

#include <string.h>

/* --- custom_metadata ------------------------------------------------------------------ */

#define ECHO_INITIAL  "x-grpc-test-echo-initial"
#define ECHO_TRAILING "x-grpc-test-echo-trailing-bin"

static const char initial_value[] = "test_initial_metadata_value";
static const uint8_t trailing_value[] = { 0xab, 0xab, 0xab };

static void check_echo(const struct outcome *outcome)
{
	const struct weft_metadata_entry *initial =
		weft_metadata_find(&outcome->headers, ECHO_INITIAL);
	const struct weft_metadata_entry *trailing =
		weft_metadata_find(&outcome->trailers, ECHO_TRAILING);

	outcome_expect(outcome, WEFT_OK);
	session_check(outcome->session, initial != NULL);
	session_check(outcome->session, strcmp((const char *)initial->value, initial_value) == 0);
	session_check(outcome->session, trailing != NULL);
	session_check(outcome->session, trailing->len == sizeof(trailing_value));
	session_check(outcome->session,
		      memcmp(trailing->value, trailing_value, trailing->len) == 0);
}

void case_custom_metadata(struct session *session)
{
	Grpc__Testing__SimpleRequest req = GRPC__TESTING__SIMPLE_REQUEST__INIT;
	Grpc__Testing__Payload payload = zeros(LARGE_REQUEST);
	struct weft_metadata metadata = WEFT_METADATA_INIT;
	struct weft_call_options options = session_options(&metadata);
	struct outcome outcome;
	struct stream stream;

	weft_metadata_add_string(&metadata, session->arena, ECHO_INITIAL, initial_value);
	weft_metadata_add(&metadata, session->arena, ECHO_TRAILING, trailing_value,
			  sizeof(trailing_value));

	req.payload = &payload;
	req.response_size = LARGE_RESPONSE;
	unary_call(session, &req, &options, &outcome);
	check_echo(&outcome);

	stream_start(session, STREAM_FULL_DUPLEX, NULL, &options, &stream);
	stream_ask(&stream, STREAM_FULL_DUPLEX, LARGE_RESPONSE, LARGE_REQUEST);
	weft_rpc_half_close(stream.rpc);
	session_check(session, stream_next(&stream) == LARGE_RESPONSE);
	session_check(session, stream_next(&stream) == STREAM_END);
	check_echo(&stream.outcome);
}

/* --- status_code_and_message ---------------------------------------------------------- */

void case_status_code_and_message(struct session *session)
{
	static char message[] = "test status message";
	Grpc__Testing__SimpleRequest req = GRPC__TESTING__SIMPLE_REQUEST__INIT;
	Grpc__Testing__StreamingOutputCallRequest stream_req =
		GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
	Grpc__Testing__EchoStatus status = GRPC__TESTING__ECHO_STATUS__INIT;
	struct outcome outcome;
	struct stream stream;

	status.code = WEFT_UNKNOWN;
	status.message = message;
	req.response_status = &status;
	unary_call(session, &req, NULL, &outcome);
	outcome_expect(&outcome, WEFT_UNKNOWN);
	session_check(session, strcmp(outcome.message, message) == 0);

	stream_req.response_status = &status;
	stream_start(session, STREAM_FULL_DUPLEX, NULL, NULL, &stream);
	stream_send(&stream, STREAM_FULL_DUPLEX, &stream_req);
	weft_rpc_half_close(stream.rpc);
	session_check(session, stream_next(&stream) == STREAM_END);
	outcome_expect(&stream.outcome, WEFT_UNKNOWN);
	session_check(session, strcmp(stream.outcome.message, message) == 0);
}
