/*
 * The codec: what protobuf-c would have swallowed, or choked on, is refused with the field's path;
 * what is good comes through unchanged.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <weft/protobuf.h>

#include "codec.pb-c.h"
#include "rpc/codec.h"

enum { NAME = 1, CHILD, CHILDREN, NUMBERS, FIXED, BLOB, COUNTS, RATIO, BIG, WORDS, FLAG };

/* In a block of its exact size, so that a read beyond it is noticed. */
static int unpack(const void *bytes, size_t len, unsigned max_depth, struct weft_arena *arena,
		  char error[256], Codec__Node **ret_node)
{
	uint8_t *copy = malloc(len ? len : 1);
	ProtobufCMessage *message;
	int r;

	if (len)
		memcpy(copy, bytes, len);
	r = weft_message_unpack(&codec__node__descriptor, (struct weft_bytes) { copy, len },
				max_depth, arena, error, &message);
	free(copy);
	if (r == 0)
		*ret_node = (Codec__Node *)message;
	return r;
}

static int check_bytes(const void *bytes, size_t len, char error[256])
{
	struct weft_arena *arena = weft_arena_new();
	Codec__Node *node;
	int r;

	error[0] = '\0';
	r = unpack(bytes, len, 0, arena, error, &node);
	weft_arena_free(arena);
	return r;
}

static void hostile_bytes_are_refused_by_name(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *error;
	} cases[] = {
#define CASE(text, error) { text, sizeof(text) - 1, error }
		CASE("\x0a\x05"
		     "abc",
		     "name is cut off"),
		CASE("\x0a\x02\xc3\x28", "name is not UTF-8"),
		CASE("\x0a\x03\xed\xa0\x80", "name is not UTF-8"), /* a surrogate */
		CASE("\x0a\x02\xc0\x80", "name is not UTF-8"),     /* overlong */
		CASE("\x0a", "name is cut off"),
		CASE("\x08\x01", "name has wire type 0 instead of 2"),
		CASE("\x48\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "big is cut off"),
		CASE("\x48\x80", "big is cut off"),
		CASE("\x41\x01\x02\x03", "ratio is cut off"),
		CASE("\x4a\x00", "big has wire type 2 instead of 0"),
		CASE("\x00\x01", "the message has a broken tag at byte 0"),
		CASE("\x80\x80\x80\x80\x80\x01", "the message has a broken tag at byte 0"),
		CASE("\x0b\x0c", "name has wire type 3, which is not taken"),
		CASE("\xa3\x06\xa4\x06", "100 has wire type 3, which is not taken"),
		CASE("\xa6\x06", "100 has wire type 6, which is not taken"),
		CASE("\x22\x02\x01\x80", "numbers[0] holds a broken varint"),
		CASE("\x2a\x07"
		     "1234567",
		     "fixed[0] is cut off"),
		CASE("\x52\x01"
		     "a"
		     "\x52\x01\xff",
		     "words[1] is not UTF-8"),
		CASE("\x12\x04\x1a\x02\x0a\x05", "child.children[0].name is cut off"),
		CASE("\x1a\x00\x0a\x00\x1a\x00\x1a\x03\x0a\x01\x80",
		     "children[2].name is not UTF-8"),
		CASE("\x1a\x02\x12\x01", "children[0].child is cut off"),
		CASE("\x1a\x01\xff", "children[0] has a broken tag at byte 0"),
		CASE("\x3a\x05\x0a\x01\xff\x10\x01", "counts[0].key is not UTF-8"),
		CASE("\x0a\xff\xff\xff\xff\xff\x01", "name is cut off"),
		CASE("\x0a\xff\xff\xff\xff\x0f", "name is cut off"),
#undef CASE
	};

	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		char error[256];

		assert_int_equal(check_bytes(cases[i].bytes, cases[i].len, error), -EBADMSG);
		assert_string_equal(error, cases[i].error);
	}
}

static void nul_in_a_string_is_refused_by_itself(void **state)
{
	char error[256];

	assert_int_equal(check_bytes("\x0a\x03\x61\x00\x62", 5, error), -EINVAL);
	assert_string_equal(error, "name holds a NUL byte");
}

/* `levels` messages, each the child of the one before. */
static struct weft_buffer nest(size_t levels, unsigned field)
{
	struct weft_buffer bytes = WEFT_BUFFER_INIT;

	for (size_t i = 0; i < levels; i++) {
		struct weft_buffer outer = WEFT_BUFFER_INIT;

		weft_wire_append_bytes(&outer, field, bytes.data, bytes.len);
		weft_buffer_fini(&bytes);
		bytes = outer;
	}
	return bytes;
}

static void nesting_is_bounded(void **state)
{
	struct weft_buffer bytes;
	char error[256];

	bytes = nest(100, CHILD);
	assert_int_equal(check_bytes(bytes.data, bytes.len, error), 0);
	weft_buffer_fini(&bytes);
	bytes = nest(101, CHILD);
	assert_int_equal(check_bytes(bytes.data, bytes.len, error), -EBADMSG);
	assert_non_null(strstr(error, "child.child.child"));
	assert_non_null(strstr(error, "is nested too deep"));
	weft_buffer_fini(&bytes);
	bytes = nest(10000, CHILDREN);
	assert_int_equal(check_bytes(bytes.data, bytes.len, error), -EBADMSG);
	assert_non_null(strstr(error, "is nested too deep"));
	weft_buffer_fini(&bytes);
}

/* Two bytes each on the wire, a struct each in memory. */
static void many_empty_messages_are_refused_before_memory_is_taken(void **state)
{
	size_t len = 4u << 20;
	uint8_t *bytes = malloc(len);
	char error[256];

	for (size_t i = 0; i < len; i += 2)
		memcpy(bytes + i, "\x1a\x00", 2);
	assert_int_equal(check_bytes(bytes, len, error), -EMSGSIZE);
	assert_non_null(strstr(error, "memory"));
	free(bytes);
}

/* A field that is no list, again and again: protobuf-c merges, and copies the list within each
 * time. */
static void merging_without_end_is_refused(void **state)
{
	size_t len = 1u << 20;
	uint8_t *bytes = malloc(len);
	char error[256];

	for (size_t i = 0; i < len; i += 4)
		memcpy(bytes + i, "\x12\x02\x1a\x00", 4);
	assert_int_equal(check_bytes(bytes, len, error), -EMSGSIZE);
	free(bytes);
}

static void a_few_merges_are_taken(void **state)
{
	static const char bytes[] = "\x72\x03\x0a\x01"
				    "a"
				    "\x72\x02\x10\x01";
	struct weft_arena *arena = weft_arena_new();
	Codec__Node *node;
	char error[256];

	assert_int_equal(unpack(bytes, sizeof(bytes) - 1, 0, arena, error, &node), 0);
	assert_string_equal(node->leaf->name, "a");
	assert_true(node->leaf->flag);
	weft_arena_free(arena);
}

static void any_bytes_are_survived(void **state)
{
	unsigned seed = 1;
	uint8_t bytes[64];
	char error[256];

	for (unsigned round = 0; round < 200000; round++) {
		size_t len = (size_t)rand_r(&seed) % sizeof(bytes);

		for (size_t i = 0; i < len; i++) /* small numbers are tags that exist */
			bytes[i] = (uint8_t)(rand_r(&seed) % (rand_r(&seed) % 2 ? 128 : 256));
		check_bytes(bytes, len, error);
	}
}

static void what_is_good_comes_back(void **state)
{
	Codec__Node child = CODEC__NODE__INIT, node = CODEC__NODE__INIT, *back;
	Codec__Node *children[] = { &child, &child };
	int32_t numbers[] = { 0, -1, INT32_MAX };
	struct weft_arena *arena = weft_arena_new();
	uint8_t *bytes, *again;
	char error[256];
	size_t size, size_again;

	child.name = (char *)"Lübeck \u2603";
	node.children = children;
	node.n_children = 2;
	node.numbers = numbers;
	node.n_numbers = 3;
	node.big = INT64_MIN;
	node.blob = (ProtobufCBinaryData) { 3, (uint8_t *)"\xff\x00\x01" };
	assert_int_equal(weft_message_size(&node.base, &size), 0);
	bytes = malloc(size);
	weft_message_pack(&node.base, bytes);
	assert_int_equal(unpack(bytes, size, 0, arena, error, &back), 0);
	assert_string_equal(back->children[1]->name, child.name);
	assert_int_equal(back->numbers[1], -1);
	assert_true(back->big == INT64_MIN);
	assert_int_equal(weft_message_size(&back->base, &size_again), 0);
	assert_int_equal(size_again, size);
	again = malloc(size);
	weft_message_pack(&back->base, again);
	assert_memory_equal(again, bytes, size);
	free(bytes);
	free(again);
	weft_arena_free(arena);
}

static void unknown_fields_are_kept(void **state)
{
	static const char bytes[] = "\xa2\x06\x02"
				    "hi"
				    "\x0a\x01"
				    "n";
	struct weft_arena *arena = weft_arena_new();
	uint8_t back[sizeof(bytes)];
	Codec__Node *node;
	char error[256];
	size_t size;

	assert_int_equal(unpack(bytes, sizeof(bytes) - 1, 0, arena, error, &node), 0);
	assert_string_equal(node->name, "n");
	assert_int_equal(weft_message_size(&node->base, &size), 0);
	assert_int_equal(size, sizeof(bytes) - 1);
	weft_message_pack(&node->base, back);
	assert_memory_equal(back,
			    "\x0a\x01"
			    "n"
			    "\xa2\x06\x02"
			    "hi",
			    size);
	weft_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_bytes_are_refused_by_name),
		cmocka_unit_test(nul_in_a_string_is_refused_by_itself),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(many_empty_messages_are_refused_before_memory_is_taken),
		cmocka_unit_test(merging_without_end_is_refused),
		cmocka_unit_test(a_few_merges_are_taken),
		cmocka_unit_test(any_bytes_are_survived),
		cmocka_unit_test(what_is_good_comes_back),
		cmocka_unit_test(unknown_fields_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
