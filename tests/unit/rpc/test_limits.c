/* What a call may cost: large messages that share a budget in both directions, and metadata. */
#include <stdlib.h>
#include <string.h>

#include "peers.h"
#include "rpc/metadata_limits.h"

#define CALLS 40
#define LARGE 300000

static unsigned ended(const struct outcome *outcomes)
{
	unsigned n = 0;

	for (size_t i = 0; i < CALLS; i++)
		n += outcomes[i].ends;
	return n;
}

/* Three at a time have room, here and there. */
static void large_messages_wait_and_small_ones_do_not(void **state)
{
	struct outcome outcomes[CALLS] = { 0 }, small = { 0 };
	char *text = calloc(1, LARGE + 1);

	start_server(target, &(struct weft_server_options) {
				     .size = sizeof(struct weft_server_options),
				     .message_budget = 1000000,
			     });
	open_channel(target, &(struct weft_channel_options) {
				     .size = sizeof(struct weft_channel_options),
				     .message_budget = 1000000,
			     });
	memset(text, 'y', LARGE);
	for (size_t i = 0; i < CALLS; i++)
		start(&outcomes[i], "/test.Test/Echo", text, NULL);
	start(&small, "/test.Test/Echo", "small", NULL);
	run_until_end(&small);
	assert_int_equal(small.code, WEFT_OK);
	assert_true(ended(outcomes) < CALLS / 2);
	for (size_t i = 0; i < CALLS; i++) {
		run_until_end(&outcomes[i]);
		assert_int_equal(outcomes[i].code, WEFT_OK);
		assert_int_equal(outcomes[i].bytes, LARGE);
		outcome_fini(&outcomes[i]);
	}
	assert_int_equal(weft_server_connections(server), 1);
	free(text);
	outcome_fini(&small);
}

/* One at a time, and none that is larger than the budget is refused. */
static void a_budget_below_a_message(void **state)
{
	struct outcome outcomes[CALLS] = { 0 };

	start_server(target, NULL);
	open_channel(target, &(struct weft_channel_options) {
				     .size = sizeof(struct weft_channel_options),
				     .message_budget = 1,
			     });
	for (size_t i = 0; i < CALLS; i++)
		start(&outcomes[i], "/test.Test/Stream", "3 300000", NULL);
	for (size_t i = 0; i < CALLS; i++) {
		run_until_end(&outcomes[i]);
		assert_int_equal(outcomes[i].code, WEFT_OK);
		assert_int_equal(outcomes[i].messages, 3);
		outcome_fini(&outcomes[i]);
	}
}

/* ---- metadata ---- */

static void echo_metadata(struct outcome *outcome, size_t len)
{
	struct weft_arena *arena = weft_arena_new();
	struct weft_metadata metadata = { 0 };
	char *value = weft_arena_zalloc(arena, len + 1);

	memset(value, 'm', len);
	assert_int_equal(weft_metadata_add(&metadata, arena, "x-echo", value, len), 0);
	start(outcome, "/test.Test/Echo", "hello", WEFT_CALL_OPTIONS(.metadata = &metadata));
	run_until_end(outcome);
	weft_arena_free(arena);
}

/* A server that takes all, and sends it back: the channel minds. The connection lives on. */
static void a_client_takes_so_much_metadata(void **state)
{
	struct outcome outcome = { 0 };

	start_server(target, &(struct weft_server_options) {
				     .size = sizeof(struct weft_server_options),
				     .max_metadata = 60000,
				     .soft_metadata = 60000,
			     });
	open_channel(target, &(struct weft_channel_options) {
				     .size = sizeof(struct weft_channel_options),
				     .max_metadata = 10000,
				     .soft_metadata = 10000,
			     });
	echo_metadata(&outcome, 9000);
	assert_int_equal(outcome.code, WEFT_OK);
	outcome_fini(&outcome);
	echo_metadata(&outcome, 10000);
	assert_int_equal(outcome.code, WEFT_RESOURCE_EXHAUSTED);
	assert_string_equal(outcome.message, "the server sent too much metadata: above 10000 bytes "
					     "it may be refused, above 10000 it is");
	outcome_fini(&outcome);
	echo_metadata(&outcome, 9000);
	assert_int_equal(outcome.code, WEFT_OK);
	outcome_fini(&outcome);
	assert_int_equal(weft_server_connections(server), 1);
}

/* That of grpc/grpc#32600. */
static void limits_that_nobody_has_set(void **state)
{
	static const struct {
		size_t soft, hard, is_soft, is_hard;
	} rows[] = {
		{ 0, 0, 8192, 16384 },          { 4000, 0, 4000, 16384 },
		{ 20000, 0, 20000, 25000 },     { 0, 100000, 80000, 100000 },
		{ 0, 9000, 8192, 9000 },        { 0, 1000, 1000, 1000 },
		{ 12000, 13000, 12000, 13000 }, { 5000, 4000, 4000, 4000 },
	};

	for (size_t i = 0; i < WEFT_COUNT(rows); i++) {
		struct metadata_limits limits = metadata_limits(rows[i].soft, rows[i].hard);

		assert_int_equal(limits.soft, rows[i].is_soft);
		assert_int_equal(limits.hard, rows[i].is_hard);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, peers_setup, peers_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(large_messages_wait_and_small_ones_do_not),
		TEST(a_budget_below_a_message),
		TEST(a_client_takes_so_much_metadata),
		TEST(limits_that_nobody_has_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
