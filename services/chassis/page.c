/*
 * A token is hexadecimal: eight bytes of SHA-256 over scope and key, then the key. Hexadecimal
 * passes through queries, shells and spreadsheets as it is.
 */
#include "page.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_BYTES   8
#define LONGEST_TOKEN 1024

int page_size(int32_t asked, int32_t usual, int32_t most, int32_t *ret_size)
{
	if (asked < 0)
		return -EINVAL;
	*ret_size = asked == 0 ? usual : asked > most ? most : asked;
	return 0;
}

static void checksum(const char *scope, const char *key, uint8_t check[CHECK_BYTES])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	/* The NUL between them keeps ("a", "bc") and ("ab", "c") apart. */
	if (!context || !EVP_DigestInit_ex(context, EVP_sha256(), NULL) ||
	    !EVP_DigestUpdate(context, scope, strlen(scope) + 1) ||
	    !EVP_DigestUpdate(context, key, strlen(key)) ||
	    !EVP_DigestFinal_ex(context, digest, NULL))
		abort();
	EVP_MD_CTX_free(context);
	memcpy(check, digest, CHECK_BYTES);
}

static char *put_hex(char *out, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (const uint8_t *at = bytes; len--; at++) {
		*out++ = digits[*at >> 4];
		*out++ = digits[*at & 15];
	}
	return out;
}

char *page_token_new(struct weft_arena *arena, const char *scope, const char *key)
{
	size_t len = strlen(key);
	char *token = weft_arena_alloc(arena, 2 * (CHECK_BYTES + len) + 1);
	uint8_t check[CHECK_BYTES];

	if (!token)
		return NULL;
	checksum(scope, key, check);
	*put_hex(put_hex(token, check, CHECK_BYTES), key, len) = '\0';
	return token;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* -EINVAL */
static int read_hex(const char *text, size_t n_bytes, uint8_t *bytes)
{
	for (size_t i = 0; i < n_bytes; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

int page_token_read(struct weft_arena *arena, const char *scope, const char *token,
		    const char **ret_key)
{
	size_t len = strnlen(token, LONGEST_TOKEN + 1);
	uint8_t *bytes, check[CHECK_BYTES];
	const char *key;

	if (len == 0) {
		*ret_key = "";
		return 0;
	}
	if (len > LONGEST_TOKEN || len % 2 || len < 2 * CHECK_BYTES)
		return -EINVAL;

	bytes = weft_arena_zalloc(arena, len / 2 + 1);
	if (read_hex(token, len / 2, bytes) < 0)
		return -EINVAL;
	key = (const char *)bytes + CHECK_BYTES;
	checksum(scope, key, check);
	if (strlen(key) != len / 2 - CHECK_BYTES || memcmp(check, bytes, CHECK_BYTES) != 0)
		return -EINVAL;
	*ret_key = key;
	return 0;
}
