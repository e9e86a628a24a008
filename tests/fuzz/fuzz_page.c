/*
 * Page tokens: whatever a client sends back, it is a key of this list or it is refused; and a token
 * of one list is none of another. The first line is the scope, the rest the token, or a key.
 */
#include "../../services/chassis/page.h"
#include "fuzz.h"

#define LONGEST_KEY 500 /* a token of more would be refused as too long */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weft_arena *arena = weft_arena_new();
	char *scope = fuzz_string((struct weft_bytes) { data, size });
	char *text = strchr(scope, '\n');
	const char *key, *token;

	text = text ? text + 1 : scope + strlen(scope);
	if (text > scope && text[-1] == '\n')
		text[-1] = '\0';
	if (strlen(text) > LONGEST_KEY)
		text[LONGEST_KEY] = '\0';

	if (page_token_read(arena, scope, text, &key) == 0)
		assert(strcmp(page_token_new(arena, scope, key), text) == 0 || !*text);
	token = page_token_new(arena, scope, text);
	assert(page_token_read(arena, scope, token, &key) == 0);
	assert(strcmp(key, text) == 0);
	assert(!*token || page_token_read(arena, "another", token, &key) < 0 ||
	       strcmp(scope, "another") == 0);
	free(scope);
	weft_arena_free(arena);
	return 0;
}
