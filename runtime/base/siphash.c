/* See siphash.h. One round for each word of input, three at the end. */
#include <endian.h>
#include <pthread.h>
#include <string.h>

#include "base/random.h"
#include "base/siphash.h"

static uint64_t process_key[2];
static pthread_once_t process_key_once = PTHREAD_ONCE_INIT;

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static inline void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

/* Up to eight bytes, the first one lowest. */
static inline uint64_t load(const uint8_t *bytes, size_t len)
{
	uint64_t word = 0;

	if (len)
		memcpy(&word, bytes, len);
	return le64toh(word);
}

uint64_t weft_siphash13(const uint64_t key[2], const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	size_t left = len;
	uint64_t v[4] = {
		key[0] ^ UINT64_C(0x736f6d6570736575),
		key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261),
		key[1] ^ UINT64_C(0x7465646279746573),
	};

	for (; left >= 8; left -= 8, at += 8)
		absorb(v, load(at, 8));
	absorb(v, (uint64_t)len << 56 | load(at, left));
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void draw_process_key(void)
{
	weft_random_bytes(process_key, sizeof(process_key));
}

uint64_t weft_hash(const void *bytes, size_t len)
{
	pthread_once(&process_key_once, draw_process_key);
	return weft_siphash13(process_key, bytes, len);
}
