/*
 * Streams that do not grow: a million messages over one call, in each direction, and the process is
 * no larger at the end than it was after the first tenth.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peers.h"

#define COUNT      1000000u
#define STEP       10000 /* each is waited for */
#define UNDER_WAY  1000  /* messages of a chat that are not back yet */
#define MOST_GROWN ((size_t)1 << 20)

static unsigned sent;
static size_t resident_at_a_tenth;

/* AddressSanitizer keeps freed memory for a while, which is not what is measured here. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=1:thread_local_quarantine_size_kb=64";
}

static size_t resident(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	size_t total, pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%zu %zu", &total, &pages), 2);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void note_a_tenth(unsigned n)
{
	if (n == COUNT / 10)
		resident_at_a_tenth = resident();
}

static int setup(void **state)
{
	if (peers_setup(state) != 0)
		return -1;
	sent = 0;
	resident_at_a_tenth = 0;
	start_server(target, NULL);
	open_channel(target, NULL);
	return 0;
}

struct progress {
	const struct outcome *outcome;
	unsigned next;
};

static bool has_moved_on(void *data)
{
	const struct progress *progress = data;

	return progress->outcome->ends || progress->outcome->messages + sent >= progress->next;
}

/* As long as it goes on: only each step of it has a limit. */
static void end_without_growth(struct outcome *outcome)
{
	struct progress progress = { .outcome = outcome };
	size_t now;

	while (!outcome->ends) {
		progress.next = outcome->messages + sent + STEP;
		run_until(has_moved_on, &progress);
	}
	now = resident();
	assert_int_equal(outcome->code, WEFT_OK);
	assert_true(resident_at_a_tenth > 0);
	if (now > resident_at_a_tenth + MOST_GROWN)
		fail_msg("grew from %zu to %zu bytes", resident_at_a_tenth, now);
}

static void note_message(struct outcome *outcome)
{
	note_a_tenth(outcome->messages);
}

static void a_server_stream(void **state)
{
	struct outcome outcome = { .in_message = note_message };
	char text[32];

	snprintf(text, sizeof(text), "%u 100", COUNT);
	start(&outcome, "/test.Test/Stream", text, NULL);
	end_without_growth(&outcome);
	assert_int_equal(outcome.messages, COUNT);
	outcome_fini(&outcome);
}

static void send_one(struct outcome *outcome)
{
	static const char text[101] = { [0 ... 99] = 's' };

	send_text(outcome, text);
	note_a_tenth(++sent);
	if (sent == COUNT)
		weft_rpc_half_close(outcome->rpc);
}

static void send_all(struct outcome *outcome)
{
	while (sent < COUNT && weft_rpc_writable(outcome->rpc))
		send_one(outcome);
}

static void a_client_stream(void **state)
{
	struct outcome outcome = { .in_writable = send_all };
	char sum[32];

	snprintf(sum, sizeof(sum), "%zu", (size_t)COUNT * 100);
	start(&outcome, "/test.Test/Sum", NULL, NULL);
	end_without_growth(&outcome);
	assert_string_equal((char *)outcome.last.data, sum);
	outcome_fini(&outcome);
}

static void send_more(struct outcome *outcome)
{
	while (sent < COUNT && sent < outcome->messages + UNDER_WAY &&
	       weft_rpc_writable(outcome->rpc))
		send_one(outcome);
}

static void a_chat(void **state)
{
	struct outcome outcome = { .in_writable = send_more, .in_message = send_more };

	start(&outcome, "/test.Test/Chat", NULL, NULL);
	end_without_growth(&outcome);
	assert_int_equal(outcome.messages, COUNT);
	outcome_fini(&outcome);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, peers_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server_stream),
		TEST(a_client_stream),
		TEST(a_chat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
