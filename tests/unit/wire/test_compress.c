/* Messages into an encoding and out again, and what a stranger may send instead. */
#include "wire/compress.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const enum weft_encoding both[] = { WEFT_DEFLATE, WEFT_GZIP };

#define each_encoding(e) for (const enum weft_encoding *e = both; e < both + WEFT_COUNT(both); e++)

/* `len` bytes that compress, but not to nothing. */
static uint8_t *text(size_t len)
{
	uint8_t *bytes = malloc(len + 1);

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)("abcdefgh"[(i * i) % 8] + (i / 1000) % 3);
	return bytes;
}

static struct weft_buffer compressed(enum weft_encoding encoding, const void *bytes, size_t len)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;

	assert_int_equal(weft_compress(encoding, (struct weft_bytes) { bytes, len }, &out), 1);
	assert_true(out.len < len);
	return out;
}

static int decompress(enum weft_encoding encoding, const struct weft_buffer *in, size_t len,
		      size_t max, struct weft_buffer *out)
{
	return weft_decompress(encoding, (struct weft_bytes) { in->data, len }, max, out);
}

static void test_round_trip(void **state)
{
	static const size_t sizes[] = { 100, 512, 4096, 32768, 100000, 3 << 20 };

	each_encoding(encoding)
	{
		for (size_t i = 0; i < WEFT_COUNT(sizes); i++) {
			size_t len = sizes[i];
			uint8_t *bytes = text(len);
			struct weft_buffer in = compressed(*encoding, bytes, len), out = { 0 };

			assert_int_equal(decompress(*encoding, &in, in.len, len, &out), 0);
			assert_int_equal(out.len, len);
			assert_memory_equal(out.data, bytes, len);
			weft_buffer_fini(&in);
			weft_buffer_fini(&out);
			free(bytes);
		}
	}
}

static void test_what_does_not_shrink_is_left_alone(void **state)
{
	static const uint8_t noise[] = { 0x8f, 0x12, 0xee, 0x43, 0x90, 0x5a, 0x01, 0xcc };
	struct weft_buffer out = WEFT_BUFFER_INIT;

	for (size_t len = 0; len <= sizeof(noise); len++)
		assert_int_equal(weft_compress(WEFT_GZIP, (struct weft_bytes) { noise, len }, &out),
				 0);
	assert_int_equal(out.len, 0);
	weft_buffer_fini(&out);
}

static void test_the_limit_is_that_of_the_message(void **state)
{
	const size_t len = 100000;
	uint8_t *bytes = calloc(1, len);

	each_encoding(encoding)
	{
		struct weft_buffer in = compressed(*encoding, bytes, len);

		for (size_t max = 0; max <= len + 1; max += max < 3000 ? 1000 : len / 2 - 1499) {
			struct weft_buffer out = WEFT_BUFFER_INIT;
			int r = decompress(*encoding, &in, in.len, max, &out);

			assert_int_equal(r, max < len ? -EMSGSIZE : 0);
			weft_buffer_fini(&out);
		}
		for (size_t max = len - 1; max <= len; max++) {
			struct weft_buffer out = WEFT_BUFFER_INIT;

			assert_int_equal(decompress(*encoding, &in, in.len, max, &out),
					 max < len ? -EMSGSIZE : 0);
			weft_buffer_fini(&out);
		}
		weft_buffer_fini(&in);
	}
	free(bytes);
}

/* 64 MiB of zeros are 64 KiB of gzip: they cost no more than the limit and its doubling. */
static void test_a_bomb_costs_what_the_limit_allows(void **state)
{
	const size_t len = (size_t)64 << 20, max = 100000;
	uint8_t *bytes = calloc(1, len);
	struct weft_buffer in = compressed(WEFT_GZIP, bytes, len), out = WEFT_BUFFER_INIT;

	free(bytes);
	assert_true(in.len < len / 500);
	assert_int_equal(decompress(WEFT_GZIP, &in, in.len, max, &out), -EMSGSIZE);
	assert_true(out.cap <= 2 * (max + 1));
	weft_buffer_fini(&in);
	weft_buffer_fini(&out);
}

static void test_what_is_cut_or_goes_on_is_refused(void **state)
{
	uint8_t *bytes = text(3000);

	each_encoding(encoding)
	{
		struct weft_buffer in = compressed(*encoding, bytes, 3000), out = { 0 };

		for (size_t len = 0; len < in.len; len++)
			assert_int_equal(decompress(*encoding, &in, len, 5000, &out), -EBADMSG);
		assert_int_equal(weft_buffer_append_byte(&in, 0), 0);
		assert_int_equal(decompress(*encoding, &in, in.len, 5000, &out), -EBADMSG);
		weft_buffer_fini(&in);
		weft_buffer_fini(&out);
	}
	free(bytes);
}

static void test_each_is_no_other(void **state)
{
	uint8_t *bytes = text(3000);
	struct weft_buffer in = compressed(WEFT_GZIP, bytes, 3000), out = WEFT_BUFFER_INIT;

	assert_int_equal(decompress(WEFT_DEFLATE, &in, in.len, 5000, &out), -EBADMSG);
	in.data[in.len - 5] ^= 1; /* its checksum */
	assert_int_equal(decompress(WEFT_GZIP, &in, in.len, 5000, &out), -EBADMSG);
	weft_buffer_fini(&in);
	weft_buffer_fini(&out);
	free(bytes);
}

static void test_frames(void **state)
{
	static const uint8_t plain[] = "plain";
	struct weft_frame frame = { .message = { plain, 5 } };
	struct weft_buffer room = WEFT_BUFFER_INIT;
	struct weft_bytes message = { 0 };

	assert_int_equal(weft_frame_open(&frame, WEFT_GZIP, 100, &room, &message), 0);
	assert_ptr_equal(message.data, plain);
	frame.compressed = true;
	assert_int_equal(weft_frame_open(&frame, WEFT_IDENTITY, 100, &room, &message), -EPROTO);
	assert_int_equal(weft_frame_open(&frame, WEFT_GZIP, 100, &room, &message), -EBADMSG);
	assert_ptr_equal(message.data, plain);
	weft_buffer_fini(&room);
}

static unsigned list(const char *names)
{
	return weft_encoding_parse_list(names, strlen(names));
}

static void test_names(void **state)
{
	const unsigned all = 1u << WEFT_IDENTITY | 1u << WEFT_DEFLATE | 1u << WEFT_GZIP;
	enum weft_encoding encoding = WEFT_ENCODING_DEFAULT;

	assert_int_equal(list(WEFT_ENCODINGS_ACCEPTED), all);
	assert_int_equal(list(" gzip ,\tdeflate,,identity"), all);
	assert_int_equal(list(""), 0);
	assert_int_equal(list("br,gzip2,GZIP,zgzip"), 0);
	assert_int_equal(list("snappy,gzip"), 1u << WEFT_GZIP);
	assert_true(weft_encoding_parse("gzip", 4, &encoding));
	assert_int_equal(encoding, WEFT_GZIP);
	assert_false(weft_encoding_parse("gzi", 3, &encoding));
	assert_string_equal(weft_encoding_name(WEFT_DEFLATE), "deflate");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_what_does_not_shrink_is_left_alone),
		cmocka_unit_test(test_the_limit_is_that_of_the_message),
		cmocka_unit_test(test_a_bomb_costs_what_the_limit_allows),
		cmocka_unit_test(test_what_is_cut_or_goes_on_is_refused),
		cmocka_unit_test(test_each_is_no_other),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
