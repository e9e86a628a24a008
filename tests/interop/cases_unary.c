/* Cases of unary calls. */
#include "cases.h"

#include <string.h>

/* --- Empty messages ------------------------------------------------------------------- */

struct empty {
	struct outcome outcome;
	bool answered;
};

static void on_empty(struct weft_rpc *rpc, const struct weft_status *status,
		     Grpc__Testing__Empty *res, void *data)
{
	struct empty *empty = data;

	empty->answered = res != NULL;
	empty->outcome.code = status->code;
	empty->outcome.message = weft_arena_strdup(empty->outcome.session->arena, status->message);
	empty->outcome.done = true;
	weft_worker_stop(empty->outcome.session->worker);
}

void case_empty_unary(struct session *session)
{
	const Grpc__Testing__Empty req = GRPC__TESTING__EMPTY__INIT;
	const struct weft_call_options options = session_options(NULL);
	struct empty empty = { .outcome.session = session };

	grpc_testing_test_service_empty_call(session->channel, &req, &options, on_empty, &empty);
	outcome_wait(&empty.outcome);
	outcome_expect(&empty.outcome, WEFT_OK);
	session_check(session, empty.answered);
}

void case_unimplemented_method(struct session *session)
{
	const Grpc__Testing__Empty req = GRPC__TESTING__EMPTY__INIT;
	const struct weft_call_options options = session_options(NULL);
	struct empty empty = { .outcome.session = session };

	grpc_testing_test_service_unimplemented_call(session->channel, &req, &options, on_empty,
						     &empty);
	outcome_wait(&empty.outcome);
	outcome_expect(&empty.outcome, WEFT_UNIMPLEMENTED);
}

void case_unimplemented_service(struct session *session)
{
	const Grpc__Testing__Empty req = GRPC__TESTING__EMPTY__INIT;
	const struct weft_call_options options = session_options(NULL);
	struct empty empty = { .outcome.session = session };

	grpc_testing_unimplemented_service_unimplemented_call(session->channel, &req, &options,
							      on_empty, &empty);
	outcome_wait(&empty.outcome);
	outcome_expect(&empty.outcome, WEFT_UNIMPLEMENTED);
}

/* --- Payloads and statuses ------------------------------------------------------------ */

void case_large_unary(struct session *session)
{
	Grpc__Testing__SimpleRequest req = GRPC__TESTING__SIMPLE_REQUEST__INIT;
	Grpc__Testing__Payload payload = zeros(LARGE_REQUEST);
	struct outcome outcome;

	req.payload = &payload;
	req.response_size = LARGE_RESPONSE;
	unary_call(session, &req, NULL, &outcome);
	outcome_expect(&outcome, WEFT_OK);
	session_check(session, outcome.size == LARGE_RESPONSE);
}

void case_special_status_message(struct session *session)
{
	static char message[] =
		"\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n";
	Grpc__Testing__SimpleRequest req = GRPC__TESTING__SIMPLE_REQUEST__INIT;
	Grpc__Testing__EchoStatus status = GRPC__TESTING__ECHO_STATUS__INIT;
	struct outcome outcome;

	status.code = WEFT_UNKNOWN;
	status.message = message;
	req.response_status = &status;
	unary_call(session, &req, NULL, &outcome);
	outcome_expect(&outcome, WEFT_UNKNOWN);
	session_check(session, strcmp(outcome.message, message) == 0);
}
