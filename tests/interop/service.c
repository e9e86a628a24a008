/*
 * See service.h. A stream of answers is the same thing in all its three methods: what is asked for
 * is appended to a list, and a pump sends it. While the list is not empty no further request is
 * taken in, but by HalfDuplexCall, which collects them all before it answers any.
 */
#include "service.h"

#include <errno.h>
#include <string.h>

/* What HalfDuplexCall collects at most. */
#define ANSWERS_MAX ((size_t)100000)

/* --- What every method does ----------------------------------------------------------- */

static void echo_metadata(struct weft_call *call)
{
	const struct weft_metadata *metadata = weft_call_metadata(call);

	for (size_t i = 0; i < metadata->n; i++) {
		const struct weft_metadata_entry *entry = &metadata->entries[i];

		if (strcmp(entry->name, "x-grpc-test-echo-initial") == 0)
			weft_call_add_header(call, entry->name, entry->value, entry->len);
		if (strcmp(entry->name, "x-grpc-test-echo-trailing-bin") == 0)
			weft_call_add_trailer(call, entry->name, entry->value, entry->len);
	}
}

static bool asks_for_failure(const Grpc__Testing__EchoStatus *status)
{
	return status && status->code != 0;
}

static int fail_as_asked(struct weft_call *call, const Grpc__Testing__EchoStatus *status)
{
	bool known = status->code > 0 && status->code <= WEFT_UNAUTHENTICATED;

	return weft_call_fail(call, known ? (enum weft_code)status->code : WEFT_UNKNOWN, "%s",
			      status->message);
}

/* Zeros in `arena`, which lasts until the answer has been sent; or the call has failed. */
static bool fill_payload(struct weft_call *call, struct weft_arena *arena, int32_t size,
			 Grpc__Testing__Payload *payload)
{
	if (size < 0) {
		weft_call_fail(call, WEFT_INVALID_ARGUMENT, "a payload of %d bytes", size);
		return false;
	}
	payload->body.len = (size_t)size;
	payload->body.data = weft_arena_zalloc(arena, payload->body.len);
	if (payload->body.data)
		return true;
	weft_call_fail(call, WEFT_RESOURCE_EXHAUSTED, "no memory for %d bytes", size);
	return false;
}

static int check_type(struct weft_call *call, Grpc__Testing__PayloadType type)
{
	if (type == GRPC__TESTING__PAYLOAD_TYPE__COMPRESSABLE)
		return 0;
	weft_call_fail(call, WEFT_INVALID_ARGUMENT, "there is no payload type %d", (int)type);
	return 1;
}

/* Whether the message came as the client says that it sent it; or the call has failed. */
static bool check_compression(struct weft_call *call, const Grpc__Testing__BoolValue *expected)
{
	if (!expected || expected->value == weft_call_was_compressed(call))
		return true;
	weft_call_fail(call, WEFT_INVALID_ARGUMENT, "the message is %scompressed",
		       expected->value ? "not " : "");
	return false;
}

/* A client that does not take gzip gets what it asked for uncompressed. */
static void compress(struct weft_call *call)
{
	weft_call_set_encoding(call, WEFT_GZIP);
}

/* --- One answer ----------------------------------------------------------------------- */

static int empty_call(struct weft_call *call, const Grpc__Testing__Empty *req, void *self)
{
	echo_metadata(call);
	return grpc_testing_test_service_empty_call_reply(call, req);
}

static int unary_call(struct weft_call *call, const Grpc__Testing__SimpleRequest *req, void *self)
{
	Grpc__Testing__SimpleResponse res = GRPC__TESTING__SIMPLE_RESPONSE__INIT;
	Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;

	echo_metadata(call);
	if (!check_compression(call, req->expect_compressed))
		return 0;
	if (asks_for_failure(req->response_status))
		return fail_as_asked(call, req->response_status);
	if (req->response_compressed && req->response_compressed->value)
		compress(call);
	if (check_type(call, req->response_type) != 0 ||
	    !fill_payload(call, weft_call_arena(call), req->response_size, &payload))
		return 0;
	if (req->orca_per_query_report)
		load_report_attach(call, req->orca_per_query_report);
	res.payload = &payload;
	return grpc_testing_test_service_unary_call_reply(call, &res);
}

static int on_input(struct weft_call *call, const Grpc__Testing__StreamingInputCallRequest *message,
		    void *data)
{
	int32_t *sum = data;

	if (!check_compression(call, message->expect_compressed))
		return 0;
	if (message->payload)
		*sum += (int32_t)message->payload->body.len;
	return 0;
}

static int on_input_end(struct weft_call *call, void *data)
{
	Grpc__Testing__StreamingInputCallResponse res =
		GRPC__TESTING__STREAMING_INPUT_CALL_RESPONSE__INIT;
	int32_t *sum = data;

	res.aggregated_payload_size = *sum;
	return grpc_testing_test_service_streaming_input_call_reply(call, &res);
}

static int streaming_input_call(struct weft_call *call, void *self)
{
	int32_t *sum = weft_arena_new_array(weft_call_arena(call), int32_t, 1);

	echo_metadata(call);
	grpc_testing_test_service_streaming_input_call_receive(call, on_input, on_input_end, sum);
	return 0;
}

/* --- Streams of answers --------------------------------------------------------------- */

struct answer {
	int32_t size;
	bool compressed;
	uint64_t interval_ns;
};

struct answers {
	struct weft_call *call;
	struct load_report *report;
	struct answer *list;
	size_t n;
	size_t cap;
	size_t next;
	bool at_end; /* no more will be asked for */
	bool rested; /* the interval before the next one has passed */
	struct weft_timer timer;
};

static void on_rested(struct weft_timer *timer, void *data)
{
	struct answers *answers = data;

	answers->rested = true;
	weft_call_wake(answers->call);
}

static void on_cancel(struct weft_call *call, void *data)
{
	struct answers *answers = data;

	weft_timer_stop(weft_worker_loop(weft_call_worker(call)), &answers->timer);
}

static struct answers *answers_new(struct weft_call *call)
{
	struct answers *answers = weft_arena_new_array(weft_call_arena(call), struct answers, 1);

	answers->call = call;
	weft_timer_init(&answers->timer, on_rested, answers);
	weft_call_on_cancel(call, on_cancel, answers);
	return answers;
}

/* Room for `more`. The old list stays in the arena until the call ends. */
static bool answers_reserve(struct answers *answers, size_t more)
{
	size_t cap = answers->cap ? answers->cap : 8;
	struct answer *list;

	while (cap < answers->n + more)
		cap *= 2;
	if (cap == answers->cap)
		return true;
	if (answers->n + more > ANSWERS_MAX)
		return false;
	list = weft_arena_alloc(weft_call_arena(answers->call), cap * sizeof(*list));
	if (!list)
		return false;
	if (answers->n)
		memcpy(list, answers->list, answers->n * sizeof(*list));
	answers->list = list;
	answers->cap = cap;
	return true;
}

/* Takes down what a request asks for; or the call has failed. */
static bool answers_add(struct answers *answers,
			const Grpc__Testing__StreamingOutputCallRequest *req)
{
	if (!answers_reserve(answers, req->n_response_parameters)) {
		weft_call_fail(answers->call, WEFT_RESOURCE_EXHAUSTED, "too many answers");
		return false;
	}
	for (size_t i = 0; i < req->n_response_parameters; i++) {
		const Grpc__Testing__ResponseParameters *asked = req->response_parameters[i];
		uint64_t wait_us = asked->interval_us > 0 ? (uint64_t)asked->interval_us : 0;

		answers->list[answers->n++] = (struct answer) {
			.size = asked->size,
			.compressed = asked->compressed && asked->compressed->value,
			.interval_ns = wait_us * WEFT_US,
		};
	}
	return true;
}

/* The four kinds of call differ in nothing that is seen here. */
static int send_answer(struct answers *answers, const struct answer *answer)
{
	Grpc__Testing__StreamingOutputCallResponse res =
		GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
	Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
	struct weft_call *call = answers->call;
	struct weft_arena *scratch = weft_call_scratch(call);

	weft_arena_reset(scratch);
	if (!fill_payload(call, scratch, answer->size, &payload))
		return -ECANCELED;
	res.payload = &payload;
	weft_call_compress(call, answer->compressed);
	return grpc_testing_test_service_streaming_output_call_send(call, &res);
}

/* Whether the time for the next answer has come; if not, the timer wakes the pump. */
static bool may_send(struct answers *answers)
{
	uint64_t interval = answers->list[answers->next].interval_ns;

	if (interval == 0 || answers->rested)
		return true;
	if (!weft_timer_started(&answers->timer))
		weft_timer_start(weft_worker_loop(weft_call_worker(answers->call)), &answers->timer,
				 interval);
	return false;
}

static int answers_pump(struct weft_call *call, void *data)
{
	struct answers *answers = data;

	while (answers->next < answers->n) {
		int r;

		if (!weft_call_writable(call) || !may_send(answers))
			return 0;
		r = send_answer(answers, &answers->list[answers->next]);
		if (r < 0)
			return r;
		answers->next++;
		answers->rested = false;
	}
	if (answers->at_end)
		return weft_call_finish(call);
	answers->n = 0;
	answers->next = 0;
	weft_call_resume(call);
	return 0;
}

static int streaming_output_call(struct weft_call *call,
				 const Grpc__Testing__StreamingOutputCallRequest *req, void *self)
{
	struct answers *answers = answers_new(call);

	echo_metadata(call);
	if (asks_for_failure(req->response_status))
		return fail_as_asked(call, req->response_status);
	if (check_type(call, req->response_type) != 0 || !answers_add(answers, req))
		return 0;
	for (size_t i = 0; i < answers->n; i++)
		if (answers->list[i].compressed)
			compress(call); /* the headers have to say so, before the first message */
	answers->at_end = true;
	weft_call_on_ready(call, answers_pump, answers);
	return 0;
}

static int on_full_duplex(struct weft_call *call,
			  const Grpc__Testing__StreamingOutputCallRequest *req, void *data)
{
	struct answers *answers = data;

	if (req->orca_oob_report)
		load_report_set(answers->report, req->orca_oob_report);
	if (asks_for_failure(req->response_status))
		return fail_as_asked(call, req->response_status);
	if (!answers_add(answers, req))
		return 0;
	weft_call_hold(call); /* until the pump has answered it */
	weft_call_wake(call);
	return 0;
}

static int on_full_duplex_end(struct weft_call *call, void *data)
{
	return weft_call_finish(call);
}

static int full_duplex_call(struct weft_call *call, void *self)
{
	struct answers *answers = answers_new(call);

	answers->report = self;
	echo_metadata(call);
	grpc_testing_test_service_full_duplex_call_receive(call, on_full_duplex, on_full_duplex_end,
							   answers);
	weft_call_on_ready(call, answers_pump, answers);
	return 0;
}

static int on_half_duplex(struct weft_call *call,
			  const Grpc__Testing__StreamingOutputCallRequest *req, void *data)
{
	answers_add(data, req);
	return 0;
}

static int on_half_duplex_end(struct weft_call *call, void *data)
{
	struct answers *answers = data;

	answers->at_end = true;
	weft_call_on_ready(call, answers_pump, answers);
	return 0;
}

static int half_duplex_call(struct weft_call *call, void *self)
{
	echo_metadata(call);
	grpc_testing_test_service_half_duplex_call_receive(call, on_half_duplex, on_half_duplex_end,
							   answers_new(call));
	return 0;
}

const struct grpc_testing_test_service_handlers interop_handlers = {
	.empty_call = empty_call,
	.unary_call = unary_call,
	.streaming_output_call = streaming_output_call,
	.streaming_input_call = streaming_input_call,
	.full_duplex_call = full_duplex_call,
	.half_duplex_call = half_duplex_call,
};
