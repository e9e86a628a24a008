/* The balancing policies alone: subchannels without connections, in states that the test sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "balance_host.h"

#define ADDRESSES(...) ((const char *const[]) { __VA_ARGS__, NULL })
#define THREE          ADDRESSES("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")

/* ---- pick_first ---- */

static void the_first_that_answers_is_taken(void **state)
{
	host_update(&weft_pick_first, NULL, THREE);
	assert_int_equal(reported, WEFT_CONNECTING);
	assert_int_equal(host_connecting(), 1);
	host_change(1, WEFT_TRANSIENT_FAILURE);
	assert_int_equal(reported, WEFT_CONNECTING);
	assert_int_equal(fakes[2].base.state, WEFT_CONNECTING);
	host_change(2, WEFT_READY);
	assert_int_equal(reported, WEFT_READY);
	for (int i = 0; i < 5; i++)
		assert_int_equal(host_pick(), 2);
	assert_int_equal(fakes[3].connects, 0);
	fakes[2].full = true;
	assert_int_equal(host_pick(), -1);
}

static bool are_connecting(void *number)
{
	return host_connecting() == *(unsigned *)number;
}

/* RFC 8305: the slow one goes on, and wins when it answers first after all. */
static void a_slow_address_is_overtaken(void **state)
{
	unsigned two = 2, three = 3;

	host_update(&weft_pick_first, NULL, THREE);
	assert_int_equal(host_connecting(), 1);
	assert_true(host_run_until(are_connecting, &two) > 240 * WEFT_MS);
	assert_int_equal(fakes[2].base.state, WEFT_CONNECTING);
	host_run_until(are_connecting, &three);
	host_change(2, WEFT_READY);
	assert_int_equal(host_pick(), 2);
	assert_int_equal(fakes[1].disconnects, 1);
	assert_int_equal(fakes[3].disconnects, 1);
	assert_int_equal(host_connecting(), 0);
}

/* gRFC A61, and within a family the order in which they came. */
static void the_families_take_turns(void **state)
{
	static const unsigned order[] = { 1, 4, 2, 5, 3, 6 };

	host_update(&weft_pick_first, NULL,
		    ADDRESSES("[::1]:1", "[::1]:2", "[::1]:3", "127.0.0.1:4", "127.0.0.1:5",
			      "127.0.0.1:6"));
	for (size_t i = 0; i < WEFT_COUNT(order); i++) {
		assert_int_equal(fakes[order[i]].base.state, WEFT_CONNECTING);
		assert_int_equal(host_connecting(), 1);
		host_change(order[i], WEFT_TRANSIENT_FAILURE);
	}
	assert_int_equal(reported, WEFT_TRANSIENT_FAILURE);
}

/* After a pass that failed each is tried again as its pause ends, and calls go on failing until
 * one is READY. */
static void all_have_failed(void **state)
{
	host_update(&weft_pick_first, NULL, ADDRESSES("127.0.0.1:1", "127.0.0.1:2"));
	host_change(1, WEFT_TRANSIENT_FAILURE);
	assert_int_equal(refreshes, 0);
	host_change(2, WEFT_TRANSIENT_FAILURE);
	assert_int_equal(reported, WEFT_TRANSIENT_FAILURE);
	assert_string_equal(reported_error, "2 is not there");
	assert_int_equal(refreshes, 1);
	host_change(1, WEFT_IDLE);
	assert_int_equal(fakes[1].connects, 2);
	assert_int_equal(reported, WEFT_TRANSIENT_FAILURE);
	host_update(NULL, NULL, ADDRESSES("127.0.0.1:1", "127.0.0.1:2")); /* no news */
	assert_int_equal(reported, WEFT_TRANSIENT_FAILURE);
	host_change(1, WEFT_READY);
	assert_int_equal(reported, WEFT_READY);
}

static void a_lost_connection_waits_for_a_call(void **state)
{
	host_update(&weft_pick_first, NULL, THREE);
	host_change(1, WEFT_READY);
	host_change(1, WEFT_IDLE);
	assert_int_equal(reported, WEFT_IDLE);
	assert_int_equal(refreshes, 1);
	assert_int_equal(host_connecting(), 0);
	balancer->policy->wake(balancer);
	assert_int_equal(reported, WEFT_CONNECTING);
	assert_int_equal(fakes[1].connects, 2);
}

static void the_selected_one_is_kept_while_it_is_listed(void **state)
{
	host_update(&weft_pick_first, NULL, THREE);
	host_change(1, WEFT_READY);
	host_update(NULL, NULL, ADDRESSES("127.0.0.1:4", "127.0.0.1:1"));
	assert_int_equal(reported, WEFT_READY);
	assert_int_equal(host_pick(), 1);
	assert_int_equal(host_open(), 2);
	host_update(NULL, NULL, ADDRESSES("127.0.0.1:4"));
	assert_int_equal(reported, WEFT_CONNECTING);
	assert_int_equal(fakes[4].connects, 1);
	assert_int_equal(host_open(), 1);
}

static void new_addresses_end_a_failure(void **state)
{
	host_update(&weft_pick_first, NULL, ADDRESSES("127.0.0.1:1"));
	host_change(1, WEFT_TRANSIENT_FAILURE);
	assert_int_equal(reported, WEFT_TRANSIENT_FAILURE);
	host_update(NULL, NULL, ADDRESSES("127.0.0.1:1", "127.0.0.1:2"));
	assert_int_equal(reported, WEFT_CONNECTING);
	assert_int_equal(fakes[2].connects, 1);
}

/* Each of six orders comes in its turn; that one is missing in 200 has a chance of 10^-15. */
static void a_shuffled_list_begins_anywhere(void **state)
{
	const struct weft_balancing balancing = { .shuffle = true };
	unsigned begun[4] = { 0 };

	for (int i = 0; i < 200; i++) {
		memset(fakes, 0, sizeof(fakes));
		host_update(&weft_pick_first, &balancing, THREE);
		for (unsigned n = 1; n <= 3; n++)
			begun[n] += fakes[n].connects;
		balancer->policy->destroy(balancer);
		balancer = NULL;
	}
	assert_int_equal(begun[1] + begun[2] + begun[3], 200);
	assert_true(begun[1] && begun[2] && begun[3]);
}

/* ---- round_robin ---- */

static void spread(unsigned counts[FAKES_MAX], unsigned picks)
{
	memset(counts, 0, FAKES_MAX * sizeof(*counts));
	for (unsigned i = 0; i < picks; i++) {
		int n = host_pick();

		assert_true(n >= 0);
		counts[n]++;
	}
}

static void the_spread_is_even(void **state)
{
	unsigned counts[FAKES_MAX];

	host_update(&weft_round_robin, NULL, THREE);
	assert_int_equal(reported, WEFT_CONNECTING);
	assert_int_equal(host_connecting(), 3);
	for (unsigned n = 1; n <= 3; n++)
		host_change(n, WEFT_READY);
	spread(counts, 300);
	for (unsigned n = 1; n <= 3; n++)
		assert_int_equal(counts[n], 100);
}

static void those_that_are_not_ready_are_left_out(void **state)
{
	unsigned counts[FAKES_MAX];

	host_update(&weft_round_robin, NULL, THREE);
	host_change(1, WEFT_READY);
	host_change(2, WEFT_READY);
	host_change(3, WEFT_TRANSIENT_FAILURE);
	spread(counts, 100);
	assert_int_equal(counts[1], 50);
	assert_int_equal(counts[2], 50);
	host_change(2, WEFT_IDLE); /* lost: looked for again at once */
	assert_int_equal(fakes[2].connects, 2);
	assert_int_equal(reported, WEFT_READY);
	spread(counts, 10);
	assert_int_equal(counts[1], 10);
	host_change(2, WEFT_READY);
	host_change(3, WEFT_READY);
	spread(counts, 30);
	assert_int_equal(counts[3], 10);
}

static void those_that_are_full_are_left_out(void **state)
{
	unsigned counts[FAKES_MAX];

	host_update(&weft_round_robin, NULL, THREE);
	for (unsigned n = 1; n <= 3; n++)
		host_change(n, WEFT_READY);
	fakes[1].full = true;
	spread(counts, 100);
	assert_int_equal(counts[1], 0);
	assert_int_equal(counts[2], 50);
	fakes[2].full = fakes[3].full = true;
	assert_int_equal(host_pick(), -1);
}

static void those_that_were_tried_are_avoided(void **state)
{
	host_update(&weft_round_robin, NULL, THREE);
	for (unsigned n = 1; n <= 3; n++)
		host_change(n, WEFT_READY);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(host_pick_but((uint32_t[]) { 1, 3 }, 2), 2);
		assert_int_not_equal(host_pick_but((uint32_t[]) { 2 }, 1), 2);
	}
	/* there is no other */
	assert_int_not_equal(host_pick_but((uint32_t[]) { 1, 2, 3 }, 3), -1);
	fakes[2].full = true;
	assert_int_equal(host_pick_but((uint32_t[]) { 1, 3 }, 2) % 2, 1);
}

static void states_become_one(void **state)
{
	host_update(&weft_round_robin, NULL, ADDRESSES("127.0.0.1:1", "127.0.0.1:2"));
	host_change(1, WEFT_TRANSIENT_FAILURE);
	assert_int_equal(reported, WEFT_CONNECTING);
	host_change(2, WEFT_TRANSIENT_FAILURE);
	assert_int_equal(reported, WEFT_TRANSIENT_FAILURE);
	host_change(2, WEFT_IDLE); /* connects again, which is no reason to hope yet */
	assert_int_equal(fakes[2].base.state, WEFT_CONNECTING);
	assert_int_equal(reported, WEFT_TRANSIENT_FAILURE);
	host_change(2, WEFT_READY);
	assert_int_equal(reported, WEFT_READY);
	host_change(2, WEFT_IDLE);
	assert_int_equal(reported, WEFT_CONNECTING);
}

static void an_update_keeps_what_stays(void **state)
{
	unsigned counts[FAKES_MAX];

	host_update(&weft_round_robin, NULL, THREE);
	for (unsigned n = 1; n <= 3; n++)
		host_change(n, WEFT_READY);
	host_update(NULL, NULL, ADDRESSES("127.0.0.1:3", "127.0.0.1:4", "127.0.0.1:2"));
	assert_int_equal(fakes[1].base.openings, 0);
	assert_int_equal(fakes[3].connects, 1);
	assert_int_equal(fakes[4].connects, 1);
	spread(counts, 20);
	assert_int_equal(counts[2], 10);
	assert_int_equal(counts[3], 10);
}

/* ---- least_request ---- */

static void the_idle_are_preferred(void **state)
{
	const struct weft_balancing balancing = { .choices = 10 };
	unsigned counts[FAKES_MAX];

	host_update(&weft_least_request, &balancing, THREE);
	for (unsigned n = 1; n <= 3; n++) {
		host_change(n, WEFT_READY);
		fakes[n].base.outstanding = n == 2 ? 3 : 4;
	}
	spread(counts, 100);
	assert_int_equal(counts[2], 100);
	fakes[2].full = true;
	spread(counts, 100);
	assert_int_equal(counts[2], 0);
}

/* It is never compared with itself. */
static void the_busy_one_gets_nothing(void **state)
{
	unsigned counts[FAKES_MAX];

	host_update(&weft_least_request, NULL, THREE);
	for (unsigned n = 1; n <= 3; n++)
		host_change(n, WEFT_READY);
	fakes[3].base.outstanding = 1;
	spread(counts, 200);
	assert_int_equal(counts[3], 0);
	assert_in_range(counts[1], 50, 150);
}

/* Calls that do not come back lie as evenly as two choices can lay them. */
static void two_choices_even_out(void **state)
{
	unsigned most = 0, least = UINT32_MAX;

	host_update(&weft_least_request, NULL, THREE);
	for (unsigned n = 1; n <= 3; n++)
		host_change(n, WEFT_READY);
	for (int i = 0; i < 3000; i++)
		fakes[host_pick()].base.outstanding++;
	for (unsigned n = 1; n <= 3; n++) {
		unsigned outstanding = (unsigned)fakes[n].base.outstanding;

		most = outstanding > most ? outstanding : most;
		least = outstanding < least ? outstanding : least;
	}
	assert_true(most - least < 30);
}

static void the_tried_are_avoided_here_too(void **state)
{
	host_update(&weft_least_request, NULL, THREE);
	assert_int_equal(reported, WEFT_CONNECTING);
	for (unsigned n = 1; n <= 3; n++)
		host_change(n, WEFT_READY);
	for (int i = 0; i < 50; i++)
		assert_int_equal(host_pick_but((uint32_t[]) { 1, 3 }, 2), 2);
	assert_int_not_equal(host_pick_but((uint32_t[]) { 1, 2, 3 }, 3), -1);
	for (unsigned n = 1; n <= 3; n++)
		fakes[n].full = true;
	assert_int_equal(host_pick(), -1);
}

/* ---- outlier_detection ---- */

#define FIVE ADDRESSES("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:4", "127.0.0.1:5")

/* Over round_robin, with intervals as short as the loop allows. */
static struct weft_balancing over_round_robin(void)
{
	struct weft_balancing balancing = {
		.policy = &weft_round_robin,
		.detects_outliers = true,
		.outlier = weft_outlier_defaults,
	};

	balancing.outlier.interval_ns = 20 * WEFT_MS;
	balancing.outlier.base_ejection_ns = 30 * WEFT_MS;
	return balancing;
}

static void begin_five(const struct weft_balancing *balancing)
{
	host_update(&weft_outlier_detection, balancing, FIVE);
	for (unsigned n = 1; n <= 5; n++)
		host_change(n, WEFT_READY);
}

/* The next interval has calls like these. */
static void give_calls(unsigned n, unsigned successes, unsigned failures)
{
	fakes[n].base.successes = successes;
	fakes[n].base.failures = failures;
}

static bool is_ejected(void *number)
{
	return fakes[*(unsigned *)number].base.ejected;
}

static bool is_let_in(void *number)
{
	return !is_ejected(number);
}

static bool is_judged(void *number)
{
	const struct weft_subchannel *subchannel = &fakes[*(unsigned *)number].base;

	return subchannel->successes + subchannel->failures == 0;
}

static void the_one_that_fails_is_ejected_and_returns(void **state)
{
	struct weft_balancing balancing = over_round_robin();
	unsigned counts[FAKES_MAX], three = 3;

	balancing.outlier.failure_percentage.on = true;
	begin_five(&balancing);
	for (unsigned n = 1; n <= 5; n++)
		give_calls(n, n == 3 ? 5 : 50, n == 3 ? 45 : 0);
	host_run_until(is_ejected, &three);
	assert_int_equal(fakes[3].base.ejections, 1);
	assert_int_equal(reported, WEFT_READY);
	spread(counts, 40);
	assert_int_equal(counts[3], 0);
	assert_int_equal(counts[1], 10);

	host_run_until(is_let_in, &three);
	spread(counts, 50);
	assert_int_equal(counts[3], 10);
}

static void a_share_of_successes_far_below_the_mean(void **state)
{
	struct weft_balancing balancing = over_round_robin();
	unsigned four = 4;

	balancing.outlier.success_rate.on = true;
	balancing.outlier.base_ejection_ns = 60 * WEFT_SECOND;
	begin_five(&balancing);
	/* 1.9 deviations: one of five lies two under the mean when the others are alike */
	for (unsigned n = 1; n <= 5; n++)
		give_calls(n, n == 4 ? 80 : 100, n == 4 ? 20 : 0);
	host_run_until(is_ejected, &four);
	for (unsigned n = 1; n <= 5; n++)
		assert_int_equal(fakes[n].base.ejected, n == 4);
}

static void too_few_calls_or_hosts_are_not_judged(void **state)
{
	struct weft_balancing balancing = over_round_robin();
	unsigned one = 1;

	balancing.outlier.failure_percentage.on = true;
	balancing.outlier.success_rate.on = true;
	begin_five(&balancing);
	for (unsigned n = 1; n <= 5; n++)
		give_calls(n, n == 3 ? 0 : 49, n == 3 ? 49 : 0);
	host_run_until(is_judged, &one);
	for (unsigned n = 1; n <= 5; n++)
		assert_false(fakes[n].base.ejected);

	/* four have had enough, five are wanted */
	for (unsigned n = 1; n <= 4; n++)
		give_calls(n, n == 3 ? 0 : 200, n == 3 ? 200 : 0);
	host_run_until(is_judged, &one);
	assert_false(fakes[3].base.ejected);
}

static void no_more_than_a_share_is_ejected(void **state)
{
	struct weft_balancing balancing = over_round_robin();
	unsigned one = 1, ejected = 0;

	balancing.outlier.failure_percentage.on = true;
	balancing.outlier.max_ejection_percent = 40;
	balancing.outlier.base_ejection_ns = 60 * WEFT_SECOND;
	begin_five(&balancing);
	for (unsigned n = 1; n <= 5; n++)
		give_calls(n, 0, 100);
	host_run_until(is_judged, &one);
	for (unsigned n = 1; n <= 5; n++)
		ejected += fakes[n].base.ejected;
	assert_int_equal(ejected, 2);

	/* without enforcement all may come back, and none goes */
	balancing.outlier.failure_percentage.on = false;
	host_update(NULL, &balancing, FIVE);
	for (unsigned n = 1; n <= 5; n++)
		assert_false(fakes[n].base.ejected);
}

static void an_endpoint_that_is_gone_is_forgotten(void **state)
{
	struct weft_balancing balancing = over_round_robin();
	unsigned one = 1;

	balancing.outlier.failure_percentage.on = true;
	begin_five(&balancing);
	host_update(NULL, &balancing, ADDRESSES("127.0.0.1:1", "127.0.0.1:6"));
	host_change(6, WEFT_READY);
	assert_int_equal(host_open(), 2);
	give_calls(1, 0, 100);
	give_calls(2, 0, 100);
	host_run_until(is_judged, &one);
	assert_int_equal(fakes[2].base.failures, 100);
	/* the child may become another policy */
	balancing.policy = &weft_pick_first;
	host_update(NULL, &balancing, ADDRESSES("127.0.0.1:1", "127.0.0.1:6"));
	assert_int_equal(reported, WEFT_READY);
	assert_int_equal(host_pick(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, host_setup, host_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_that_answers_is_taken),
		TEST(a_slow_address_is_overtaken),
		TEST(the_families_take_turns),
		TEST(all_have_failed),
		TEST(a_lost_connection_waits_for_a_call),
		TEST(the_selected_one_is_kept_while_it_is_listed),
		TEST(new_addresses_end_a_failure),
		TEST(a_shuffled_list_begins_anywhere),
		TEST(the_spread_is_even),
		TEST(those_that_are_not_ready_are_left_out),
		TEST(those_that_are_full_are_left_out),
		TEST(those_that_were_tried_are_avoided),
		TEST(states_become_one),
		TEST(an_update_keeps_what_stays),
		TEST(the_idle_are_preferred),
		TEST(the_busy_one_gets_nothing),
		TEST(two_choices_even_out),
		TEST(the_tried_are_avoided_here_too),
		TEST(the_one_that_fails_is_ejected_and_returns),
		TEST(a_share_of_successes_far_below_the_mean),
		TEST(too_few_calls_or_hosts_are_not_judged),
		TEST(no_more_than_a_share_is_ejected),
		TEST(an_endpoint_that_is_gone_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
