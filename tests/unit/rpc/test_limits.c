/* What a call may cost: large messages that share a budget in both directions. */
#include <stdlib.h>
#include <string.h>

#include "peers.h"

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

#define TEST(function) cmocka_unit_test_setup_teardown(function, peers_setup, peers_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(large_messages_wait_and_small_ones_do_not),
		TEST(a_budget_below_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
