/*
 * A header block while it is being received: nghttp2 hands fields over one at a time, the owner of
 * a stream gets them together. Their strings are nghttp2's own, which are held until the block has
 * been delivered. A connection has one block under way at most (HTTP/2 lets nothing come between
 * its frames), so the session owns one of these, and its memory is bounded by `limit`: name, value
 * and 32 for each field, as RFC 9113 counts. Fields past the limit are dropped and `over` is set.
 * A block above `soft` is over by chance, the likelier the nearer it comes to the limit, so that a
 * peer whose headers grow meets the limit gradually.
 */
#ifndef H2_SESSION_HEADERS_H
#define H2_SESSION_HEADERS_H

#include <nghttp2/nghttp2.h>
#include <weft/h2.h>

struct held {
	nghttp2_rcbuf *name;
	nghttp2_rcbuf *value;
};

struct headers {
	struct weft_h2_header *fields;
	struct held *held; /* what the fields point into */
	size_t n;
	size_t cap;
	size_t charge;
	size_t soft;
	size_t limit;
	bool over;
};

void headers_fini(struct headers *headers);
void headers_begin(struct headers *headers); /* forgets a block that was not delivered */
void headers_add(struct headers *headers, nghttp2_rcbuf *name, nghttp2_rcbuf *value);
bool headers_are_over(const struct headers *headers); /* once, when the block is complete */
void headers_drop(struct headers *headers);           /* the strings; they have been delivered */

#endif
