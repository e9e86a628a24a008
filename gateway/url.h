/* Percent-encoding as URLs have it (RFC 3986). */
#ifndef GATEWAY_URL_H
#define GATEWAY_URL_H

#include <weft/buffer.h>

enum url_part {
	URL_SEGMENT,  /* everything is decoded */
	URL_SEGMENTS, /* "%2F" stays as it is, so that it is not taken for a separator */
	URL_QUERY,    /* '+' is a space, too */
};

/* Appends the decoded bytes. -EINVAL: a '%' without two hexadecimal digits. */
int url_decode(const char *text, size_t len, enum url_part part, struct weft_buffer *out);

/* Whether an encoded segment, decoded, is `literal`. */
bool url_segment_equals(const char *text, size_t len, const char *literal, size_t literal_len);

#endif
