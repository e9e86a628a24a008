/* Hedging (gRFC A6) and circuit breaking. */
#include "scripted.h"

/* ---- hedging ---- */

static bool all_closed(void *data)
{
	return n_closed == n_requests;
}

static void the_first_response_wins(void **state)
{
	static const struct step steps[] = { { HANG }, { HANG }, { REPLY }, { 0 } };

	open_with(HEDGE("3", "0.02s") "}");
	assert_int_equal(call_with(steps, IDEMPOTENT), WEFT_OK);
	assert_int_equal(n_requests, 3);
	assert_string_equal(requests[0].previous, "");
	assert_string_equal(requests[1].previous, "1");
	assert_string_equal(requests[2].previous, "2");
	assert_true(requests[1].at - requests[0].at >= 19 * WEFT_MS);
	assert_true(requests[2].at - requests[1].at >= 19 * WEFT_MS);
	run_until(all_closed, NULL);
	assert_int_equal(requests[0].closed, WEFT_H2_CANCEL); /* the losers */
	assert_int_equal(requests[1].closed, WEFT_H2_CANCEL);
}

static bool has_first_closed(void *data)
{
	return requests[0].is_closed;
}

/* As soon as one has begun to answer, not only when it has ended. */
static void losers_are_cancelled_at_once(void **state)
{
	static const struct step steps[] = { { HANG }, { BEGIN }, { 0 } };
	struct outcome outcome = { 0 };

	open_with(HEDGE("3", "0.01s") "}");
	script = steps;
	start(&outcome, "/test.Test/Any", "hi", IDEMPOTENT);
	run_until(has_first_closed, NULL);
	assert_int_equal(requests[0].closed, WEFT_H2_CANCEL);
	assert_int_equal(outcome.headers, 1);
	assert_int_equal(outcome.ends, 0);
	assert_false(requests[1].is_closed);
	weft_rpc_cancel(outcome.rpc);
	run_until_end(&outcome);
	assert_int_equal(n_requests, 2);
	outcome_fini(&outcome);
}

static void without_delay_all_go_at_once(void **state)
{
	static const struct step steps[] = { { HANG }, { HANG }, { HANG }, { REPLY }, { 0 } };

	open_with(HEDGE("4", "0s") "}");
	assert_int_equal(call_with(steps, IDEMPOTENT), WEFT_OK);
	assert_int_equal(n_requests, 4);
}

/* As the table of retries. The delay is so long that only failures bring the next attempt. */
static void each_rule_of_hedging_holds(void **state)
{
	static const struct {
		struct step steps[6];
		enum weft_code code;
		unsigned requests;
	} rows[] = {
		{ { { REPLY } }, WEFT_OK, 1 },
		{ { { FAIL, WEFT_UNAVAILABLE }, { REPLY } }, WEFT_OK, 2 },
		{ { { FAIL, WEFT_UNAVAILABLE }, { FAIL, WEFT_UNAVAILABLE }, { REPLY } },
		  WEFT_OK,
		  3 },
		{ { { FAIL, WEFT_UNAVAILABLE },
		    { FAIL, WEFT_UNAVAILABLE },
		    { FAIL, WEFT_UNAVAILABLE },
		    { REPLY } },
		  WEFT_UNAVAILABLE,
		  3 },
		{ { { FAIL, WEFT_INTERNAL }, { REPLY } }, WEFT_INTERNAL, 1 },
		{ { { FAIL, WEFT_UNAVAILABLE }, { FAIL, WEFT_INTERNAL }, { REPLY } },
		  WEFT_INTERNAL,
		  2 },
		{ { { FAIL_LATE, WEFT_UNAVAILABLE }, { REPLY } }, WEFT_UNAVAILABLE, 1 },
		{ { { FAIL, WEFT_UNAVAILABLE, "0" }, { REPLY } }, WEFT_OK, 2 },
		{ { { FAIL, WEFT_UNAVAILABLE, "-1" }, { REPLY } }, WEFT_UNAVAILABLE, 1 },
		{ { { REFUSE }, { REPLY } }, WEFT_OK, 2 },
	};

	open_with(HEDGE("3", "30s") "}");
	for (size_t i = 0; i < WEFT_COUNT(rows); i++) {
		enum weft_code code = call_with(rows[i].steps, IDEMPOTENT);

		if (code != rows[i].code || n_requests != rows[i].requests)
			fail_msg("row %zu: %s after %u requests", i, weft_code_name(code),
				 n_requests);
	}
}

static void only_what_may_be_repeated_is_hedged(void **state)
{
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE }, { REPLY }, { 0 } };

	open_with(HEDGE("3", "0s") "}");
	assert_int_equal(call_with(steps, NULL), WEFT_UNAVAILABLE);
	assert_int_equal(n_requests, 1);
}

static void a_fatal_failure_cancels_the_others(void **state)
{
	static const struct step steps[] = { { HANG }, { FAIL, WEFT_INTERNAL }, { 0 } };

	open_with(HEDGE("2", "0.01s") "}");
	assert_int_equal(call_with(steps, IDEMPOTENT), WEFT_INTERNAL);
	run_until(all_closed, NULL);
	assert_int_equal(requests[0].closed, WEFT_H2_CANCEL);
}

static void throttled_calls_are_not_hedged(void **state)
{
	static const struct step fails[] = { { FAIL, WEFT_UNAVAILABLE },
					     { FAIL, WEFT_UNAVAILABLE },
					     { 0 } };

	open_with(HEDGE("5", "30s") ",\"retryThrottling\":{\"maxTokens\":4,\"tokenRatio\":1}}");
	assert_int_equal(call_with(fails, IDEMPOTENT), WEFT_UNAVAILABLE); /* 3, 2 */
	assert_int_equal(n_requests, 2);
	assert_int_equal(call_with(fails, IDEMPOTENT), WEFT_UNAVAILABLE);
	assert_int_equal(n_requests, 1);
}

static void hedges_end_with_the_call(void **state)
{
	static const struct step steps[] = { { HANG }, { HANG }, { 0 } };

	open_with(HEDGE("2", "0.005s") "}");
	assert_int_equal(call_with(steps, WEFT_CALL_OPTIONS(.idempotency = WEFT_NO_SIDE_EFFECTS,
							    .timeout_ns = 100 * WEFT_MS)),
			 WEFT_DEADLINE_EXCEEDED);
	assert_int_equal(n_requests, 2);
	run_until(all_closed, NULL);
}

static bool is_past(void *time)
{
	return weft_now() >= *(uint64_t *)time;
}

/* Else all of them would go out when a connection is there. */
static void waiting_calls_are_not_hedged(void **state)
{
	static const struct step steps[] = { { REPLY }, { 0 } };
	struct weft_service_config *config = config_of(HEDGE("4", "0.002s") "}");
	struct outcome outcome = { 0 };
	uint64_t time = weft_now() + 100 * WEFT_MS;

	weft_listener_free(listener);
	listener = NULL;
	open_channel(target,
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .backoff_ns = 10 * WEFT_MS,
						      .backoff_max_ns = 10 * WEFT_MS,
						      .service_config = config });
	weft_service_config_unref(config);
	script = steps;
	start(&outcome, "/test.Test/Any", "hi",
	      WEFT_CALL_OPTIONS(.idempotency = WEFT_IDEMPOTENT, .wait_for_ready = true));
	run_until(is_past, &time);
	assert_int_equal(weft_channel_upstream(channel)->attempts, 1);
	listen_again();
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(n_requests, 1);
	outcome_fini(&outcome);
}

static void note_ejected(const struct weft_endpoint_view *view, void *data)
{
	*(bool *)data |= view->health == WEFT_ENDPOINT_EJECTED;
}

static bool is_ejected(void *data)
{
	bool ejected = false;

	weft_channel_each_endpoint(channel, note_ejected, &ejected);
	return ejected;
}

static void the_overtaken_count_as_failures(void **state)
{
	static const struct step steps[] = { { HANG }, { REPLY }, { 0 } };

	open_with(HEDGE("2", "0.002s") ",\"loadBalancingConfig\":[{"
				       "\"outlier_detection_experimental\":{\"interval\":\"0.02s\","
				       "\"failurePercentageEjection\":{\"threshold\":40,"
				       "\"minimumHosts\":1,\"requestVolume\":1},"
				       "\"childPolicy\":[{\"round_robin\":{}}]}}]}");
	assert_int_equal(call_with(steps, IDEMPOTENT), WEFT_OK);
	run_until(is_ejected, NULL);
}

/* ---- circuit breaking ---- */

static void beyond_the_limit_calls_end_at_once(void **state)
{
	static const struct step steps[] = { { HANG }, { HANG }, { REPLY }, { 0 } };
	struct outcome first = { 0 }, second = { 0 }, third = { 0 };

	open_channel(target,
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .max_outstanding = 2 });
	script = steps;
	start(&first, "/test.Test/Any", "hi", NULL);
	start(&second, "/test.Test/Any", "hi", NULL);
	start(&third, "/test.Test/Any", "hi", NULL);
	run_until_end(&third);
	assert_int_equal(third.code, WEFT_UNAVAILABLE);
	assert_non_null(strstr(third.message, "2 calls are under way"));
	assert_int_equal(first.ends + second.ends, 0);
	outcome_fini(&third);

	weft_rpc_cancel(first.rpc);
	run_until_end(&first);
	weft_rpc_cancel(second.rpc);
	run_until_end(&second);
	assert_int_equal(weft_channel_upstream(channel)->attempts, 0);
	assert_int_equal(call_with(steps + 2, NULL), WEFT_OK); /* there is room again */
	outcome_fini(&first);
	outcome_fini(&second);
}

static void shed_calls_are_not_retried(void **state)
{
	struct weft_service_config *config = config_of(QUICK);
	static const struct step steps[] = { { HANG }, { 0 } };
	struct outcome first = { 0 }, second = { 0 };

	open_channel(target,
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .service_config = config,
						      .max_outstanding = 1 });
	weft_service_config_unref(config);
	script = steps;
	start(&first, "/test.Test/Any", "hi", IDEMPOTENT);
	start(&second, "/test.Test/Any", "hi", IDEMPOTENT);
	run_until_end(&second);
	assert_int_equal(second.code, WEFT_UNAVAILABLE);
	assert_int_equal(weft_channel_upstream(channel)->attempts, 1);
	weft_rpc_cancel(first.rpc);
	run_until_end(&first);
	assert_int_equal(weft_channel_upstream(channel)->attempts, 0);
	assert_int_equal(weft_channel_upstream(channel)->kept, 0);
	outcome_fini(&first);
	outcome_fini(&second);
}

static void only_so_many_calls_wait(void **state)
{
	struct outcome first = { 0 }, second = { 0 };

	open_channel("unix:/nowhere/at/all",
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .max_pending = 1 });
	start(&first, "/test.Test/Any", "hi", WEFT_CALL_OPTIONS(.wait_for_ready = true));
	start(&second, "/test.Test/Any", "hi", WEFT_CALL_OPTIONS(.wait_for_ready = true));
	run_until_end(&second);
	assert_int_equal(second.code, WEFT_RESOURCE_EXHAUSTED);
	assert_int_equal(first.ends, 0);
	weft_rpc_cancel(first.rpc);
	run_until_end(&first);
	outcome_fini(&first);
	outcome_fini(&second);
}

/* What all calls keep in sum is bounded too: beyond it a call is sent once. */
static void what_is_kept_is_bounded(void **state)
{
	struct weft_service_config *config = config_of(QUICK);
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE }, { REPLY }, { 0 } };

	open_channel(target,
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .service_config = config,
						      .retry_buffer = 6 });
	weft_service_config_unref(config);
	assert_int_equal(call_with(steps, IDEMPOTENT), WEFT_UNAVAILABLE); /* 7 bytes */
	assert_int_equal(n_requests, 1);
	assert_int_equal(weft_channel_upstream(channel)->kept, 0);
}

/* So many windows of calls of that latency, with so many beside each. */
static void sample(struct weft_limit *limit, uint64_t *now, unsigned windows, uint64_t latency_ns,
		   size_t under_way)
{
	for (unsigned i = 0; i < windows * 11; i++) {
		*now += 10 * WEFT_MS;
		weft_limit_sample(limit, *now, latency_ns, under_way);
	}
}

static void the_limit_follows_latency(void **state)
{
	struct weft_limit limit;
	uint64_t now = WEFT_SECOND;
	double before;

	weft_limit_init(&limit);
	sample(&limit, &now, 20, 5 * WEFT_MS, 1);
	assert_true(limit.value == WEFT_LIMIT_FIRST); /* it is not used: it stays */
	sample(&limit, &now, 100, 5 * WEFT_MS, 2000);
	before = limit.value;
	assert_true(before > 50); /* used, and no slower: it grows */
	sample(&limit, &now, 10, 7 * WEFT_MS, 2000);
	assert_true(limit.value >= before); /* within what is tolerated */
	before = limit.value;
	sample(&limit, &now, 15, 50 * WEFT_MS, 2000);
	assert_true(limit.value < before / 3); /* ten times slower: it falls */
	sample(&limit, &now, 100, 500 * WEFT_MS, 2000);
	assert_true(limit.value >= WEFT_LIMIT_MIN);
	sample(&limit, &now, 400, 5 * WEFT_MS, 2000);
	assert_true(limit.value > before); /* and comes back */
	sample(&limit, &now, 4000, 5 * WEFT_MS, 2000);
	assert_true(limit.value <= WEFT_LIMIT_MAX);
}

static void an_adapting_channel_measures(void **state)
{
	static const struct step steps[] = { { REPLY }, { 0 } };

	open_channel(target,
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .adaptive_limit = true });
	assert_int_equal(call_with(steps, NULL), WEFT_OK);
	assert_int_equal(weft_channel_upstream(channel)->limit.samples, 1);
	assert_int_equal(weft_upstream_limit(weft_channel_upstream(channel)), WEFT_LIMIT_FIRST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_response_wins),
		TEST(losers_are_cancelled_at_once),
		TEST(without_delay_all_go_at_once),
		TEST(each_rule_of_hedging_holds),
		TEST(only_what_may_be_repeated_is_hedged),
		TEST(a_fatal_failure_cancels_the_others),
		TEST(throttled_calls_are_not_hedged),
		TEST(hedges_end_with_the_call),
		TEST(waiting_calls_are_not_hedged),
		TEST(the_overtaken_count_as_failures),
		TEST(beyond_the_limit_calls_end_at_once),
		TEST(shed_calls_are_not_retried),
		TEST(only_so_many_calls_wait),
		TEST(what_is_kept_is_bounded),
		cmocka_unit_test(the_limit_follows_latency),
		TEST(an_adapting_channel_measures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
