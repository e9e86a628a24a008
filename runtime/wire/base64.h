/* Base64 (RFC 4648), both alphabets, with padding or without. */
#ifndef WEFT_WIRE_BASE64_H
#define WEFT_WIRE_BASE64_H

#include <weft/base.h>

enum weft_base64 {
	WEFT_BASE64_STANDARD, /* + and / */
	WEFT_BASE64_URL,      /* - and _ */
	/* Decoding only: either alphabet, and the unused low bits of the last character may be
	 * set, as proto3 JSON demands. */
	WEFT_BASE64_ANY,
};

/* Room for the text of `len` bytes, padding included, no NUL. */
static inline size_t weft_base64_encoded_size(size_t len)
{
	return (len + 2) / 3 * 4;
}

/* Room for the bytes of `len` characters; it may be up to three more than there are. */
static inline size_t weft_base64_decoded_size(size_t len)
{
	return len / 4 * 3 + 3;
}

/* Returns how many characters were written; no NUL. */
size_t weft_base64_encode(const void *bytes, size_t len, enum weft_base64 alphabet, bool padded,
			  char *text);

/* Padded or not; whatever else is not exactly base64 is refused: -EINVAL. */
int weft_base64_decode(const char *text, size_t len, enum weft_base64 alphabet, uint8_t *bytes,
		       size_t *ret_len);

#endif
