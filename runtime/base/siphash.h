/*
 * SipHash-1-3 (Aumasson and Bernstein) under a key that the process draws once: a peer who picks
 * the strings cannot pick where they fall.
 */
#ifndef WEFT_BASE_SIPHASH_H
#define WEFT_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t weft_siphash13(const uint64_t key[2], const void *bytes, size_t len);

/* With the key of this process. */
uint64_t weft_hash(const void *bytes, size_t len);

#endif
