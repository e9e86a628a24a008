/*
 * A header block while it is being received: nghttp2 hands fields over one at a time, the owner of
 * a stream gets them together. A connection has one block under way at most (HTTP/2 lets nothing
 * come between its frames), so the session owns one of these, and its memory is bounded by `limit`:
 * name, value and 32 for each field, as RFC 9113 counts. Fields past the limit are dropped and
 * `over` is set.
 */
#ifndef H2_HEADERS_H
#define H2_HEADERS_H

#include <weft/h2.h>

struct headers {
	uint8_t *bytes; /* name NUL value NUL, field after field */
	size_t len;
	size_t cap;
	struct weft_h2_header *fields;
	size_t n;
	size_t fields_cap;
	size_t charge;
	size_t limit;
	bool over;
};

void headers_fini(struct headers *headers);
void headers_begin(struct headers *headers); /* forgets the block before; keeps little memory */
void headers_add(struct headers *headers, const uint8_t *name, size_t name_len,
		 const uint8_t *value, size_t value_len);
/* The fields with their strings, until the next headers_begin. */
const struct weft_h2_header *headers_finish(struct headers *headers);

#endif
