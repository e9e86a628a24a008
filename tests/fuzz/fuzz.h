/*
 * What the fuzz targets share. A target is one function, LLVMFuzzerTestOneInput, that gives
 * hostile bytes to one parser and asserts what must hold whatever they are. Built with libFuzzer
 * (the option `fuzz`) it searches for bytes that break it; built without, replay.c gives it the
 * files of corpus/TARGET/, so that what was found once is tested for ever.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/base.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes choices, then data, off the front of the input. At its end there is only zero. */
static inline uint8_t fuzz_byte(struct weft_bytes *input)
{
	if (input->len == 0)
		return 0;
	input->len--;
	return *input->data++;
}

static inline struct weft_bytes fuzz_take(struct weft_bytes *input, size_t len)
{
	struct weft_bytes taken = { input->data, len < input->len ? len : input->len };

	if (taken.len > 0) /* `data` may be NULL */
		input->data += taken.len;
	input->len -= taken.len;
	return taken;
}

/* A heap block of exactly these bytes, so that ASan sees a read past them. free() it. */
static inline uint8_t *fuzz_copy(struct weft_bytes bytes)
{
	uint8_t *copy = malloc(bytes.len);

	if (bytes.len)
		memcpy(copy, bytes.data, bytes.len);
	return copy;
}

/* The same as a C string: up to the first NUL, if there is one. */
static inline char *fuzz_string(struct weft_bytes bytes)
{
	char *copy = calloc(1, bytes.len + 1);

	if (bytes.len)
		memcpy(copy, bytes.data, bytes.len);
	return copy;
}

/* Both are the same, or the run ends with a look at them. */
static inline void fuzz_same(struct weft_bytes a, struct weft_bytes b)
{
	if (a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0))
		return;
	fprintf(stderr, "first:  \"%.*s\"\nsecond: \"%.*s\"\n", (int)a.len, (const char *)a.data,
		(int)b.len, (const char *)b.data);
	abort();
}

#endif
