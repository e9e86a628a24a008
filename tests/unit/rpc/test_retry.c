/* Retries (gRFC A6), and what else a service config says of a call. */
#include "scripted.h"

/* ---- retries ---- */

/* The rules of gRFC A6, row by row: what the server does, how the call ends, and how many requests
 * it has seen when it may be repeated, and when not. */
static void each_rule_of_retrying_holds(void **state)
{
	static const struct {
		struct step steps[8];
		enum weft_code code;
		unsigned requests;
		enum weft_code plain_code; /* the same, without idempotency */
		unsigned plain_requests;
	} rows[] = {
		{ { { REPLY } }, WEFT_OK, 1, WEFT_OK, 1 },
		/* a retryable code, up to maxAttempts */
		{ { { FAIL, WEFT_UNAVAILABLE }, { REPLY } }, WEFT_OK, 2, WEFT_UNAVAILABLE, 1 },
		{ { { FAIL, WEFT_UNAVAILABLE },
		    { FAIL, WEFT_UNAVAILABLE },
		    { FAIL, WEFT_UNAVAILABLE },
		    { REPLY } },
		  WEFT_OK,
		  4,
		  WEFT_UNAVAILABLE,
		  1 },
		{ { { FAIL, WEFT_UNAVAILABLE },
		    { FAIL, WEFT_UNAVAILABLE },
		    { FAIL, WEFT_UNAVAILABLE },
		    { FAIL, WEFT_UNAVAILABLE },
		    { REPLY } },
		  WEFT_UNAVAILABLE,
		  4,
		  WEFT_UNAVAILABLE,
		  1 },
		/* another code, at once or later */
		{ { { FAIL, WEFT_NOT_FOUND }, { REPLY } }, WEFT_NOT_FOUND, 1, WEFT_NOT_FOUND, 1 },
		{ { { FAIL, WEFT_UNAVAILABLE }, { FAIL, WEFT_INTERNAL }, { REPLY } },
		  WEFT_INTERNAL,
		  2,
		  WEFT_UNAVAILABLE,
		  1 },
		/* the response's headers commit */
		{ { { FAIL_LATE, WEFT_UNAVAILABLE }, { REPLY } },
		  WEFT_UNAVAILABLE,
		  1,
		  WEFT_UNAVAILABLE,
		  1 },
		{ { { FAIL, WEFT_UNAVAILABLE }, { FAIL_LATE, WEFT_UNAVAILABLE }, { REPLY } },
		  WEFT_UNAVAILABLE,
		  2,
		  WEFT_UNAVAILABLE,
		  1 },
		{ { { BREAK_OFF }, { REPLY } }, WEFT_INTERNAL, 1, WEFT_INTERNAL, 1 },
		/* an HTTP error does not */
		{ { { HTTP_ERROR }, { REPLY } }, WEFT_OK, 2, WEFT_UNAVAILABLE, 1 },
		/* a reset stream, a lost connection: by their codes */
		{ { { RESET }, { REPLY } }, WEFT_INTERNAL, 1, WEFT_INTERNAL, 1 },
		{ { { HANG_UP }, { REPLY } }, WEFT_OK, 2, WEFT_UNAVAILABLE, 1 },
		/* refused: once by itself, then by policy, for anybody */
		{ { { REFUSE }, { REPLY } }, WEFT_OK, 2, WEFT_OK, 2 },
		{ { { REFUSE }, { REFUSE }, { REPLY } }, WEFT_OK, 3, WEFT_OK, 3 },
		{ { { REFUSE }, { REFUSE }, { FAIL, WEFT_UNAVAILABLE }, { REPLY } },
		  WEFT_OK,
		  4,
		  WEFT_UNAVAILABLE,
		  3 },
		/* pushback: come at once, or not at all, or what is no number */
		{ { { FAIL, WEFT_UNAVAILABLE, "0" }, { REPLY } }, WEFT_OK, 2, WEFT_UNAVAILABLE, 1 },
		{ { { FAIL, WEFT_UNAVAILABLE, "-1" }, { REPLY } },
		  WEFT_UNAVAILABLE,
		  1,
		  WEFT_UNAVAILABLE,
		  1 },
		{ { { FAIL, WEFT_UNAVAILABLE, "soon" }, { REPLY } },
		  WEFT_UNAVAILABLE,
		  1,
		  WEFT_UNAVAILABLE,
		  1 },
		{ { { FAIL, WEFT_UNAVAILABLE, "007" }, { REPLY } },
		  WEFT_UNAVAILABLE,
		  1,
		  WEFT_UNAVAILABLE,
		  1 },
		{ { { FAIL, WEFT_NOT_FOUND, "0" }, { REPLY } },
		  WEFT_NOT_FOUND,
		  1,
		  WEFT_NOT_FOUND,
		  1 },
	};

	open_with(QUICK);
	for (size_t i = 0; i < WEFT_COUNT(rows); i++) {
		enum weft_code code = call_with(rows[i].steps, IDEMPOTENT);

		if (code != rows[i].code || n_requests != rows[i].requests)
			fail_msg("row %zu: %s after %u requests", i, weft_code_name(code),
				 n_requests);
		code = call_with(rows[i].steps, NULL);
		if (code != rows[i].plain_code || n_requests != rows[i].plain_requests)
			fail_msg("row %zu, not idempotent: %s after %u requests", i,
				 weft_code_name(code), n_requests);
	}
}

static void attempts_are_counted_for_the_server(void **state)
{
	static const struct step steps[] = {
		{ FAIL, WEFT_UNAVAILABLE }, { REFUSE }, { FAIL, WEFT_UNAVAILABLE }, { REPLY }, { 0 }
	};

	open_with(QUICK);
	assert_int_equal(call_with(steps, IDEMPOTENT), WEFT_OK);
	assert_string_equal(requests[0].previous, "");
	assert_string_equal(requests[1].previous, "1");
	assert_string_equal(requests[2].previous, "1"); /* a transparent retry does not count */
	assert_string_equal(requests[3].previous, "2");
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(requests[i].bytes, 7);
}

static void the_pause_is_the_server_s(void **state)
{
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE, "60" }, { REPLY }, { 0 } };

	open_with(RETRY("2", "30s") "}");
	assert_int_equal(call_with(steps, IDEMPOTENT), WEFT_OK);
	assert_true(requests[1].at - requests[0].at >= 60 * WEFT_MS);
}

/* After the server's word the pauses begin anew: the third one here would be above the deadline. */
static void pauses_begin_anew(void **state)
{
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE },
					     { FAIL, WEFT_UNAVAILABLE, "1" },
					     { FAIL, WEFT_UNAVAILABLE },
					     { REPLY },
					     { 0 } };

	open_with(NAMED("\"retryPolicy\":{\"maxAttempts\":4,\"initialBackoff\":\"0.01s\","
			"\"maxBackoff\":\"300s\",\"backoffMultiplier\":10000,"
			"\"retryableStatusCodes\":[14]}") "}");
	assert_int_equal(call_with(steps, IDEMPOTENT), WEFT_OK);
	assert_int_equal(n_requests, 4);
}

static void the_deadline_is_one_for_all_attempts(void **state)
{
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE }, { REPLY }, { 0 } };

	open_with(RETRY("2", "30s") "}");
	assert_int_equal(call_with(steps, WEFT_CALL_OPTIONS(.idempotency = WEFT_IDEMPOTENT,
							    .timeout_ns = 50 * WEFT_MS)),
			 WEFT_DEADLINE_EXCEEDED);
	assert_int_equal(n_requests, 1);
}

static bool has_one_request_ended(void *data)
{
	return n_closed == 1;
}

static void a_pause_can_be_cancelled(void **state)
{
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE }, { 0 } };
	struct outcome outcome = { 0 };

	open_with(RETRY("2", "30s") "}");
	script = steps;
	start(&outcome, "/test.Test/Any", "hi", IDEMPOTENT);
	run_until(has_one_request_ended, NULL);
	weft_rpc_cancel(outcome.rpc);
	assert_int_equal(outcome.ends, 0);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_CANCELLED);
	outcome_fini(&outcome);
}

static bool has_failed_once(void *data)
{
	return n_requests == 1 && n_closed == 1;
}

/* What a stream has sent before, between and after its attempts reaches the last one whole. */
static void a_stream_is_sent_again(void **state)
{
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE }, { REPLY }, { 0 } };
	struct outcome outcome = { 0 };

	open_with(RETRY("2", "0.05s") "}");
	script = steps;
	start(&outcome, "/test.Test/Any", NULL, IDEMPOTENT);
	send_text(&outcome, "one");
	send_text(&outcome, "two");
	weft_rpc_half_close(outcome.rpc);
	run_until(has_failed_once, NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(requests[0].bytes, 16);
	assert_int_equal(requests[1].bytes, 16);
	outcome_fini(&outcome);
}

/* Two endpoints, of which the first fails whatever it gets: an attempt after it goes to the other.
 * The balancing is the service config's too. */
static void another_attempt_goes_elsewhere(void **state)
{
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE },
					     { FAIL, WEFT_UNAVAILABLE },
					     { FAIL, WEFT_UNAVAILABLE },
					     { FAIL, WEFT_UNAVAILABLE },
					     { 0 } };
	char path[128], at[160], list[256], error[256];
	struct weft_service_config *config =
		config_of(RETRY("2", "0.001s") ",\"loadBalancingConfig\":[{\"round_robin\":{}}]}");
	struct outcome outcomes[4] = { 0 };
	FILE *file;

	snprintf(at, sizeof(at), "unix:%s/other", directory);
	assert_int_equal(weft_listener_new(worker, at, on_accept, NULL, error, &other), 0);
	snprintf(path, sizeof(path), "%s/endpoints", directory);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "%s\n%s\n", target, at);
	fclose(file);
	snprintf(list, sizeof(list), "file://%s", path);
	open_channel(list,
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .service_config = config });
	weft_service_config_unref(config);
	n_spare = 0;
	script = steps;
	for (unsigned i = 0; i < WEFT_COUNT(outcomes); i++)
		start(&outcomes[i], "/test.Test/Any", "hi", IDEMPOTENT);
	for (unsigned i = 0; i < WEFT_COUNT(outcomes); i++) {
		run_until_end(&outcomes[i]);
		assert_int_equal(outcomes[i].code, WEFT_OK);
		outcome_fini(&outcomes[i]);
	}
	assert_int_equal(n_spare, 4);
	assert_true(n_requests > 0);
}

/* What is too much to be kept goes once. */
static void a_large_request_is_sent_once(void **state)
{
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE }, { REPLY }, { 0 } };
	struct outcome outcome = { 0 };
	size_t size = (size_t)2 << 20;
	char *text = malloc(size + 1);

	memset(text, 'x', size);
	text[size] = '\0';
	open_with(QUICK);
	script = steps;
	start(&outcome, "/test.Test/Any", text, IDEMPOTENT);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_UNAVAILABLE);
	assert_int_equal(n_requests, 1);
	free(text);
	outcome_fini(&outcome);
}

static void on_nobody_a_call_waits_by_policy(void **state)
{
	static const struct step steps[] = { { REPLY }, { 0 } };
	struct outcome outcome = { 0 };

	weft_listener_free(listener);
	listener = NULL;
	open_with(QUICK);
	script = steps;
	start(&outcome, "/test.Test/Any", "hi", NULL); /* it has certainly not been seen */
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_UNAVAILABLE);
	assert_int_equal(n_requests, 0);
	outcome_fini(&outcome);
	listen_again();
}

/* ---- what else the config says ---- */

static void the_config_sets_limits(void **state)
{
	static const struct step one[] = { { HANG }, { 0 } },
				 good[] = { { REPLY }, { REPLY }, { 0 } };
	struct weft_service_config *config;
	struct outcome outcome = { 0 };

	open_with(NAMED("\"timeout\":\"0.05s\"") "}");
	assert_int_equal(call_with(one, IDEMPOTENT), WEFT_DEADLINE_EXCEEDED);

	config = config_of(NAMED("\"maxResponseMessageBytes\":1") "}");
	weft_channel_set_service_config(channel, config);
	weft_service_config_unref(config);
	script = good;
	n_requests = 0;
	start(&outcome, "/test.Test/Any", "hi", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_RESOURCE_EXHAUSTED);
	assert_int_equal(outcome.messages, 0);
	outcome_fini(&outcome);

	weft_channel_set_service_config(channel, NULL);
	start(&outcome, "/test.Test/Any", "hi", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	outcome_fini(&outcome);
}

static void a_request_may_be_too_large(void **state)
{
	struct outcome outcome = { 0 };

	open_with(NAMED("\"maxRequestMessageBytes\":1") "}");
	outcome.rpc =
		weft_rpc_start_raw(channel, "/test.Test/Any", NULL, &outcome_events, &outcome);
	assert_int_equal(
		weft_rpc_send_bytes(outcome.rpc, (struct weft_bytes) { (const uint8_t *)"hi", 2 }),
		-EMSGSIZE);
	weft_rpc_cancel(outcome.rpc);
	run_until_end(&outcome);
	outcome_fini(&outcome);
}

/* A name's own config goes before ours; one that is wrong changes nothing. */
static void a_name_may_bring_its_config(void **state)
{
	struct weft_service_config *config = config_of(NAMED("\"timeout\":\"1s\"") "}");
	const struct weft_channel_options options = { .service_config = config };
	struct weft_upstream upstream = { 0 };

	weft_upstream_init(&upstream, &options);
	assert_false(weft_upstream_resolved(&upstream, NULL, "name"));
	assert_true(weft_upstream_resolved(&upstream, NAMED("\"timeout\":\"2s\"") "}", "name"));
	assert_int_equal(weft_upstream_method(&upstream, "/test.Test/Any")->timeout_ns,
			 2 * WEFT_SECOND);
	assert_false(weft_upstream_resolved(&upstream, NAMED("\"timeout\":\"2s\"") "}", "name"));
	assert_false(weft_upstream_resolved(&upstream, "{\"methodConfigs\":[]}", "name"));
	assert_int_equal(weft_upstream_method(&upstream, "/test.Test/Any")->timeout_ns,
			 2 * WEFT_SECOND);
	assert_true(weft_upstream_resolved(&upstream, NULL, "name"));
	assert_int_equal(weft_upstream_method(&upstream, "/test.Test/Any")->timeout_ns,
			 WEFT_SECOND);
	weft_upstream_fini(&upstream);
	weft_service_config_unref(config);
}

/* ---- throttling ---- */

static void tokens_go_and_come(void **state)
{
	struct weft_service_config *config =
		config_of("{\"retryThrottling\":{\"maxTokens\":4,\"tokenRatio\":0.5}}");
	struct weft_service_config *twice =
		config_of("{\"retryThrottling\":{\"maxTokens\":8,\"tokenRatio\":0.5}}");
	const struct weft_channel_options options = { .service_config = config };
	struct weft_upstream upstream = { 0 };

	weft_upstream_init(&upstream, &options);
	assert_true(weft_upstream_may_retry(&upstream));
	weft_upstream_failed(&upstream); /* 3 */
	assert_true(weft_upstream_may_retry(&upstream));
	weft_upstream_failed(&upstream); /* 2: half */
	assert_false(weft_upstream_may_retry(&upstream));
	weft_upstream_succeeded(&upstream); /* 2.5 */
	assert_true(weft_upstream_may_retry(&upstream));
	weft_upstream_set_config(&upstream, twice); /* 5 of 8 */
	assert_int_equal(upstream.tokens, 5000);
	for (unsigned i = 0; i < 20; i++)
		weft_upstream_failed(&upstream);
	assert_int_equal(upstream.tokens, 0);
	for (unsigned i = 0; i < 40; i++)
		weft_upstream_succeeded(&upstream);
	assert_int_equal(upstream.tokens, 8000);
	weft_upstream_set_config(&upstream, NULL);
	assert_true(weft_upstream_may_retry(&upstream));
	weft_upstream_fini(&upstream);
	weft_service_config_unref(config);
	weft_service_config_unref(twice);
}

static void throttled_calls_are_not_retried(void **state)
{
	static const struct step fails[] = { { FAIL, WEFT_UNAVAILABLE },
					     { FAIL, WEFT_UNAVAILABLE },
					     { FAIL, WEFT_UNAVAILABLE },
					     { 0 } };
	static const struct step good[] = { { REPLY }, { 0 } };
	static const struct step wrong[] = { { FAIL, WEFT_NOT_FOUND }, { 0 } };

	open_with(RETRY("4", "0.001s") ",\"retryThrottling\":{\"maxTokens\":4,\"tokenRatio\":1}}");
	assert_int_equal(call_with(fails, IDEMPOTENT), WEFT_UNAVAILABLE); /* 4, 3, 2 */
	assert_int_equal(n_requests, 2);
	assert_int_equal(call_with(fails, IDEMPOTENT), WEFT_UNAVAILABLE); /* 1 */
	assert_int_equal(n_requests, 1);
	assert_int_equal(call_with(wrong, IDEMPOTENT), WEFT_NOT_FOUND); /* it costs nothing */
	for (unsigned i = 0; i < 3; i++)                                /* 4 */
		assert_int_equal(call_with(good, NULL), WEFT_OK);
	assert_int_equal(call_with(fails, IDEMPOTENT), WEFT_UNAVAILABLE);
	assert_int_equal(n_requests, 2);
}

static void backoff_grows_and_is_bounded(void **state)
{
	const struct weft_retry_policy policy = {
		.initial_ns = 100 * WEFT_MS,
		.max_ns = 1000 * WEFT_MS,
		.multiplier = 3,
	};
	static const double expected[] = { 0.1, 0.3, 0.9, 1, 1, 1 };
	bool below = false, above = false;

	for (unsigned n = 0; n < WEFT_COUNT(expected); n++) {
		for (unsigned i = 0; i < 200; i++) {
			double pause = (double)weft_retry_backoff(&policy, n) / WEFT_SECOND;

			assert_true(pause >= expected[n] * 0.799 && pause <= expected[n] * 1.201);
			below |= pause < expected[n] * 0.9;
			above |= pause > expected[n] * 1.1;
		}
	}
	assert_true(below && above);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_rule_of_retrying_holds),
		TEST(attempts_are_counted_for_the_server),
		TEST(the_pause_is_the_server_s),
		TEST(pauses_begin_anew),
		TEST(the_deadline_is_one_for_all_attempts),
		TEST(a_pause_can_be_cancelled),
		TEST(a_stream_is_sent_again),
		TEST(another_attempt_goes_elsewhere),
		TEST(a_large_request_is_sent_once),
		TEST(on_nobody_a_call_waits_by_policy),
		TEST(the_config_sets_limits),
		TEST(a_request_may_be_too_large),
		cmocka_unit_test(a_name_may_bring_its_config),
		cmocka_unit_test(tokens_go_and_come),
		TEST(throttled_calls_are_not_retried),
		cmocka_unit_test(backoff_grows_and_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
