/*
 * Framing and deframing. `kept` grows as bytes arrive and never by what a length promises, so a
 * peer that announces 4 MiB and sends nothing costs nothing.
 */
#include "wire/frame.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* A buffer above this size goes back when it is empty: a stream that idles for a week should
 * hold little. */
#define KEPT_IDLE ((size_t)4096)

void weft_frame_prefix(uint8_t prefix[WEFT_FRAME_PREFIX], bool compressed, size_t len)
{
	assert(len <= UINT32_MAX);
	prefix[0] = compressed;
	prefix[1] = (uint8_t)(len >> 24);
	prefix[2] = (uint8_t)(len >> 16);
	prefix[3] = (uint8_t)(len >> 8);
	prefix[4] = (uint8_t)len;
}

void weft_deframer_init(struct weft_deframer *deframer, size_t max)
{
	*deframer = (struct weft_deframer) { .max = max };
}

void weft_deframer_fini(struct weft_deframer *deframer)
{
	weft_buffer_fini(&deframer->kept);
	weft_deframer_init(deframer, deframer->max);
}

void weft_deframer_feed(struct weft_deframer *deframer, const uint8_t *bytes, size_t len)
{
	assert(deframer->input.len == 0);
	deframer->input = (struct weft_bytes) { bytes, len };
}

static size_t prefix_len(const uint8_t *prefix)
{
	return (size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 | (size_t)prefix[3] << 8 |
	       prefix[4];
}

/* What `avail` bytes at `at` hold. 1: a whole frame of *ret_size bytes; 0: *ret_size must be
 * there to go on. */
static int look(const struct weft_deframer *deframer, const uint8_t *at, size_t avail,
		size_t *ret_size)
{
	size_t len;

	if (avail < WEFT_FRAME_PREFIX) {
		*ret_size = WEFT_FRAME_PREFIX;
		return 0;
	}
	if (at[0] > 1)
		return -EBADMSG;
	len = prefix_len(at);
	if (len > deframer->max)
		return -EMSGSIZE;
	*ret_size = WEFT_FRAME_PREFIX + len;
	return avail >= *ret_size;
}

static struct weft_frame frame_at(const uint8_t *at, size_t size)
{
	return (struct weft_frame) {
		.compressed = at[0] != 0,
		.message = { at + WEFT_FRAME_PREFIX, size - WEFT_FRAME_PREFIX },
	};
}

static void advance(struct weft_bytes *bytes, size_t n)
{
	bytes->data += n;
	bytes->len -= n;
}

/* Copies at most `want` bytes of the input behind what is kept. */
static int keep(struct weft_deframer *deframer, size_t want)
{
	size_t n = want < deframer->input.len ? want : deframer->input.len;
	int r;

	if (n == 0)
		return 0;
	if (deframer->taken) {
		weft_buffer_consume(&deframer->kept, deframer->taken);
		deframer->taken = 0;
	}
	r = weft_buffer_append(&deframer->kept, deframer->input.data, n);
	if (r < 0)
		return r;
	advance(&deframer->input, n);
	return 0;
}

static size_t kept_len(const struct weft_deframer *deframer)
{
	return deframer->kept.len - deframer->taken;
}

static void drop_kept(struct weft_deframer *deframer)
{
	deframer->taken = 0;
	if (deframer->kept.cap > KEPT_IDLE)
		weft_buffer_fini(&deframer->kept);
	else
		weft_buffer_clear(&deframer->kept);
}

/* Continues the frame at the front of what is kept; the prefix may have to be completed first. */
static int next_kept(struct weft_deframer *deframer, struct weft_frame *ret_frame)
{
	for (;;) {
		const uint8_t *at = deframer->kept.data + deframer->taken;
		size_t avail = kept_len(deframer), size;
		int r;

		r = look(deframer, at, avail, &size);
		if (r < 0)
			return r;
		if (r > 0) {
			*ret_frame = frame_at(at, size);
			deframer->taken += size;
			return 1;
		}
		if (deframer->input.len == 0)
			return 0;
		r = keep(deframer, size - avail);
		if (r < 0)
			return r;
	}
}

int weft_deframer_next(struct weft_deframer *deframer, struct weft_frame *ret_frame)
{
	size_t size;
	int r;

	if (kept_len(deframer) > 0)
		return next_kept(deframer, ret_frame);
	drop_kept(deframer);
	if (deframer->input.len == 0)
		return 0;
	r = look(deframer, deframer->input.data, deframer->input.len, &size);
	if (r < 0)
		return r;
	if (r == 0)
		return keep(deframer, deframer->input.len);
	*ret_frame = frame_at(deframer->input.data, size);
	advance(&deframer->input, size);
	return 1;
}

int weft_deframer_save(struct weft_deframer *deframer)
{
	return keep(deframer, deframer->input.len);
}

size_t weft_deframer_missing(const struct weft_deframer *deframer)
{
	size_t avail = kept_len(deframer), size;

	if (avail == 0 || look(deframer, deframer->kept.data + deframer->taken, avail, &size) != 0)
		return 0;
	return avail < WEFT_FRAME_PREFIX ? 0 : size - avail;
}

bool weft_deframer_at_boundary(const struct weft_deframer *deframer)
{
	return kept_len(deframer) == 0 && deframer->input.len == 0;
}
