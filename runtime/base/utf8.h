/*
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef WEFT_BASE_UTF8_H
#define WEFT_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of the character at `at`, or 0 when the bytes there are none. `len` is at least 1. */
size_t weft_utf8_step(const uint8_t *at, size_t len);

/* The largest length up to `len` that does not end inside a character. */
size_t weft_utf8_floor(const uint8_t *at, size_t len);

/* Whether all of it is UTF-8. */
bool weft_utf8_valid(const uint8_t *bytes, size_t len);

#endif
