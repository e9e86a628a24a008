/*
 * JSON strings, quoted.
 */
#ifndef JSON_QUOTE_H
#define JSON_QUOTE_H

#include <weft/buffer.h>

/* With quotes around. What is not UTF-8 is refused with -EINVAL where `strict`, and becomes U+FFFD
 * elsewhere. */
int quote(const uint8_t *bytes, size_t len, bool strict, struct weft_buffer *out);

#endif
