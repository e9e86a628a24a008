/* The deframer: every cut of the input gives the same messages, and lies about length cost
 * nothing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/frame.h"

static const char *const messages[] = { "first", "", "a third, somewhat longer message", "4" };

static size_t build(uint8_t *out)
{
	size_t len = 0;

	for (size_t i = 0; i < WEFT_COUNT(messages); i++) {
		weft_frame_prefix(out + len, i == 2, strlen(messages[i]));
		memcpy(out + len + WEFT_FRAME_PREFIX, messages[i], strlen(messages[i]));
		len += WEFT_FRAME_PREFIX + strlen(messages[i]);
	}
	return len;
}

static void check(const struct weft_frame *frame, size_t i)
{
	assert_true(i < WEFT_COUNT(messages));
	assert_int_equal(frame->message.len, strlen(messages[i]));
	assert_memory_equal(frame->message.data, messages[i], frame->message.len);
	assert_int_equal(frame->compressed, i == 2);
}

static size_t drain(struct weft_deframer *deframer, size_t seen)
{
	struct weft_frame frame;
	int r;

	while ((r = weft_deframer_next(deframer, &frame)) > 0)
		check(&frame, seen++);
	assert_int_equal(r, 0);
	return seen;
}

/* The input lies in heap blocks of its exact size, so that a read beyond it is noticed. */
static size_t feed(struct weft_deframer *deframer, const uint8_t *bytes, size_t len, size_t seen)
{
	uint8_t *copy = malloc(len ? len : 1);

	memcpy(copy, bytes, len);
	weft_deframer_feed(deframer, copy, len);
	seen = drain(deframer, seen);
	free(copy);
	return seen;
}

static void every_two_cuts_give_the_same(void **state)
{
	uint8_t stream[256];
	size_t len = build(stream);

	for (size_t a = 0; a <= len; a++) {
		for (size_t b = a; b <= len; b++) {
			struct weft_deframer deframer;
			size_t seen = 0;

			weft_deframer_init(&deframer, 64);
			seen = feed(&deframer, stream, a, seen);
			seen = feed(&deframer, stream + a, b - a, seen);
			seen = feed(&deframer, stream + b, len - b, seen);
			assert_int_equal(seen, WEFT_COUNT(messages));
			assert_true(weft_deframer_at_boundary(&deframer));
			weft_deframer_fini(&deframer);
		}
	}
}

static void byte_by_byte(void **state)
{
	struct weft_deframer deframer;
	uint8_t stream[256];
	size_t len = build(stream), seen = 0;

	weft_deframer_init(&deframer, 64);
	for (size_t i = 0; i < len; i++)
		seen = feed(&deframer, stream + i, 1, seen);
	assert_int_equal(seen, WEFT_COUNT(messages));
	weft_deframer_fini(&deframer);
}

static void a_whole_message_is_not_copied(void **state)
{
	struct weft_deframer deframer;
	struct weft_frame frame;
	uint8_t stream[256];

	weft_deframer_init(&deframer, 64);
	weft_deframer_feed(&deframer, stream, build(stream));
	assert_int_equal(weft_deframer_next(&deframer, &frame), 1);
	assert_ptr_equal(frame.message.data, stream + WEFT_FRAME_PREFIX);
	assert_null(deframer.kept.data);
	assert_int_equal(drain(&deframer, 1), WEFT_COUNT(messages));
	assert_null(deframer.kept.data);
	weft_deframer_fini(&deframer);
}

/* A receiver that holds: one message is taken, the rest is saved, and more input comes behind
 * it. */
static void held_input_is_saved(void **state)
{
	uint8_t stream[256];
	size_t len = build(stream);

	for (size_t cut = 0; cut <= len; cut++) {
		struct weft_deframer deframer;
		struct weft_frame frame;
		uint8_t *copy = malloc(cut + 1);
		size_t seen = 0;

		memcpy(copy, stream, cut);
		weft_deframer_init(&deframer, 64);
		weft_deframer_feed(&deframer, copy, cut);
		if (weft_deframer_next(&deframer, &frame) > 0)
			check(&frame, seen++);
		assert_int_equal(weft_deframer_save(&deframer), 0);
		free(copy);
		if (seen && weft_deframer_next(&deframer, &frame) > 0)
			check(&frame, seen++);
		weft_deframer_feed(&deframer, stream + cut, len - cut);
		assert_int_equal(drain(&deframer, seen), WEFT_COUNT(messages));
		weft_deframer_fini(&deframer);
	}
}

static void limits_are_exact(void **state)
{
	uint8_t bytes[WEFT_FRAME_PREFIX + 11] = { 0 };
	struct weft_deframer deframer;
	struct weft_frame frame;

	weft_deframer_init(&deframer, 10);
	weft_frame_prefix(bytes, false, 10);
	weft_deframer_feed(&deframer, bytes, WEFT_FRAME_PREFIX + 10);
	assert_int_equal(weft_deframer_next(&deframer, &frame), 1);
	weft_deframer_fini(&deframer);

	weft_frame_prefix(bytes, false, 11);
	weft_deframer_feed(&deframer, bytes, WEFT_FRAME_PREFIX);
	assert_int_equal(weft_deframer_next(&deframer, &frame), -EMSGSIZE);
	weft_deframer_fini(&deframer);

	weft_deframer_feed(&deframer, (const uint8_t[]) { 2, 0, 0, 0, 0 }, WEFT_FRAME_PREFIX);
	assert_int_equal(weft_deframer_next(&deframer, &frame), -EBADMSG);
	weft_deframer_fini(&deframer);
}

static void a_promise_reserves_nothing(void **state)
{
	struct weft_deframer deframer;
	struct weft_frame frame;
	uint8_t bytes[WEFT_FRAME_PREFIX + 1] = { 0 };

	weft_deframer_init(&deframer, UINT32_MAX);
	weft_frame_prefix(bytes, false, UINT32_MAX);
	weft_deframer_feed(&deframer, bytes, sizeof(bytes));
	assert_int_equal(weft_deframer_next(&deframer, &frame), 0);
	assert_true(deframer.kept.cap < 4096);
	assert_true(weft_deframer_missing(&deframer) == (size_t)UINT32_MAX - 1);
	assert_false(weft_deframer_at_boundary(&deframer));
	weft_deframer_fini(&deframer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_two_cuts_give_the_same),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(a_whole_message_is_not_copied),
		cmocka_unit_test(held_input_is_saved),
		cmocka_unit_test(limits_are_exact),
		cmocka_unit_test(a_promise_reserves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
