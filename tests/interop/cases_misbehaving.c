/*
 * Cases of servers that misbehave, as in gRPC's doc/http2-interop-test-descriptions.md: each is
 * played against a server that does what it is named after (misbehaving.py, or gRPC's own). In the
 * others of that description (ping, padding) the client has nothing more to do than a large unary
 * call.
 */
#include "cases.h"

#define STREAMS 10

static void call_large(struct session *session, struct outcome *outcome)
{
	Grpc__Testing__SimpleRequest req = GRPC__TESTING__SIMPLE_REQUEST__INIT;
	Grpc__Testing__Payload payload = zeros(LARGE_REQUEST);

	req.payload = &payload;
	req.response_size = LARGE_RESPONSE;
	unary_start(session, session->channel, &req, NULL, outcome);
}

static void expect_large(struct outcome *outcome)
{
	outcome_wait(outcome);
	outcome_expect(outcome, WEFT_OK);
	session_check(outcome->session, outcome->size == LARGE_RESPONSE);
}

/* The server sends a GOAWAY after the first call: the second one goes over another connection. */
void case_goaway(struct session *session)
{
	struct outcome outcome;

	call_large(session, &outcome);
	expect_large(&outcome);
	session_sleep(session, WEFT_SECOND);
	call_large(session, &outcome);
	expect_large(&outcome);
}

/*
 * The server resets the stream with NO_ERROR before its trailers. However much of the response is
 * there by then, the call has not succeeded; PROTOCOL-HTTP2.md ("Errors") makes it INTERNAL.
 */
void case_rst(struct session *session)
{
	struct outcome outcome;

	call_large(session, &outcome);
	outcome_wait(&outcome);
	outcome_expect(&outcome, WEFT_INTERNAL);
	session_check(session, !outcome.has_payload);
}

/* The server allows one stream at a time, which the first call is there to learn. */
void case_max_streams(struct session *session)
{
	struct outcome outcomes[STREAMS];

	call_large(session, &outcomes[0]);
	expect_large(&outcomes[0]);
	for (size_t i = 0; i < STREAMS; i++)
		call_large(session, &outcomes[i]);
	for (size_t i = 0; i < STREAMS; i++)
		expect_large(&outcomes[i]);
}
