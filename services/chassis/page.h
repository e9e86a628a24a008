/*
 * Pagination after AIP-158: page sizes, and the tokens that lead from page to page.
 *
 * A token says after which key the next page begins. It is bound to its list and filters (the
 * scope) by a checksum, so that a token of another list, or one made up, is refused instead of
 * giving a wrong page. It is no secret and grants nothing: whoever may list may start at any key.
 */
#ifndef CHASSIS_PAGE_H
#define CHASSIS_PAGE_H

#include <weft/arena.h>

/* 0: `usual`; above `most`: `most`. -EINVAL: negative. */
int page_size(int32_t asked, int32_t usual, int32_t most, int32_t *ret_size);

char *page_token_new(struct weft_arena *arena, const char *scope, const char *key);
/* "" gives the empty key, where a list begins. -EINVAL: no token of this scope. */
int page_token_read(struct weft_arena *arena, const char *scope, const char *token,
		    const char **ret_key);

#endif
