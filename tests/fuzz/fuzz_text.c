/*
 * The small texts that headers carry: grpc-timeout, grpc-message, base64, a call's path,
 * traceparent; and a certificate's SPIFFE ID. Each parser gets the whole input; what one of them
 * takes must survive being written again.
 */
#include <weft/log.h>

#include "fuzz.h"
#include "wire/base64.h"
#include "wire/path.h"
#include "wire/percent.h"
#include "wire/spiffe.h"
#include "wire/timeout.h"

static void timeout(const char *text, size_t len)
{
	char again[WEFT_TIMEOUT_SIZE];
	uint64_t ns, back;

	if (weft_timeout_parse(text, len, &ns) < 0)
		return;
	len = weft_timeout_format(ns, again);
	assert(len < sizeof(again) && again[len] == '\0');
	assert(weft_timeout_parse(again, len, &back) == 0);
	assert(back >= ns || ns == WEFT_NEVER); /* rounded up */
}

static void percent(const char *text, size_t len)
{
	struct weft_arena *arena = weft_arena_new();
	char *decoded = weft_percent_decode(arena, text, len);
	char *encoded, *back;
	size_t encoded_len;

	assert(decoded && strlen(decoded) <= len);
	encoded = weft_percent_encode(arena, decoded, strlen(decoded), &encoded_len);
	assert(encoded);
	for (size_t i = 0; i < encoded_len; i++)
		assert(encoded[i] >= ' ' && encoded[i] <= '~');
	back = weft_percent_decode(arena, encoded, encoded_len);
	assert(back && strcmp(back, decoded) == 0);
	weft_arena_free(arena);
}

static void base64(const char *text, size_t len, enum weft_base64 alphabet)
{
	uint8_t *bytes = malloc(weft_base64_decoded_size(len));
	uint8_t *back;
	char *again;
	size_t n, again_len, back_len;

	if (weft_base64_decode(text, len, alphabet, bytes, &n) < 0) {
		free(bytes);
		return;
	}
	assert(n <= weft_base64_decoded_size(len));
	if (alphabet == WEFT_BASE64_ANY)
		alphabet = WEFT_BASE64_URL;
	again = malloc(weft_base64_encoded_size(n) + 1);
	again_len = weft_base64_encode(bytes, n, alphabet, len % 2, again);
	back = malloc(weft_base64_decoded_size(again_len));
	assert(weft_base64_decode(again, again_len, alphabet, back, &back_len) == 0);
	fuzz_same((struct weft_bytes) { bytes, n }, (struct weft_bytes) { back, back_len });
	free(back);
	free(again);
	free(bytes);
}

static void path(const char *text, size_t len)
{
	struct weft_path parts;

	if (weft_path_split(text, len, &parts) < 0)
		return;
	assert(parts.service == text + 1 && parts.service_len > 0);
	assert(parts.method == parts.service + parts.service_len + 1 && parts.method_len > 0);
	assert(1 + parts.service_len + 1 + parts.method_len == len);
}

static void trace(const char *text, size_t len)
{
	struct weft_trace parsed, child, back;
	char again[56];

	if (weft_trace_parse(text, len, &parsed) < 0)
		return;
	weft_trace_child(&parsed, &child);
	weft_trace_format(&child, again);
	assert(weft_trace_parse(again, strlen(again), &back) == 0);
}

static void spiffe(const char *text, size_t len)
{
	char *copy = calloc(1, len + 1);

	memcpy(copy, text, len);
	if (weft_spiffe_id_valid(copy))
		assert(!strncmp(copy, "spiffe://", 9) && copy[9] != '/' &&
		       copy[strlen(copy) - 1] != '/' && !strpbrk(copy, "?#@%"));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = (char *)fuzz_copy((struct weft_bytes) { data, size });

	timeout(text, size);
	percent(text, size);
	base64(text, size, WEFT_BASE64_STANDARD);
	base64(text, size, WEFT_BASE64_URL);
	base64(text, size, WEFT_BASE64_ANY);
	path(text, size);
	trace(text, size);
	spiffe(text, size);
	free(text);
	return 0;
}
