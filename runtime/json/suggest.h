/* "Did you mean …?": the known name that is closest to an unknown one. */
#ifndef JSON_SUGGEST_H
#define JSON_SUGGEST_H

#include <weft/base.h>

/* Offer every known name; `best` is the closest, or NULL when none is close. */
struct suggestion {
	const char *text;
	size_t len;
	const char *best;
	size_t distance;
};
void suggestion_offer(struct suggestion *suggestion, const char *name);

#endif
