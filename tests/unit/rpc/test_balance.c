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

/* RFC 8305: the slow one goes on, and wins when it answers first after all. */
static void a_slow_address_is_overtaken(void **state)
{
	host_update(&weft_pick_first, NULL, THREE);
	assert_int_equal(host_connecting(), 1);
	assert_true(host_run_until_connecting(2) > 240 * WEFT_MS);
	assert_int_equal(fakes[2].base.state, WEFT_CONNECTING);
	host_run_until_connecting(3);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
