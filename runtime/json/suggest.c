#include "suggest.h"

#include <string.h>
#include <weft/schema.h>

#define SUGGEST_LENGTH 64 /* longer names are not compared */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein's distance: one row of its table at a time. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
	size_t row[SUGGEST_LENGTH + 1];

	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t above = row[j];

			row[j] = least(least(above, row[j - 1]) + 1,
				       diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[m];
}

void suggestion_offer(struct suggestion *suggestion, const char *name)
{
	size_t len = strlen(name), d;

	if (len > SUGGEST_LENGTH || suggestion->len > SUGGEST_LENGTH)
		return;
	d = distance(suggestion->text, suggestion->len, name, len);
	if (d > 1 + suggestion->len / 4 || (suggestion->best && d >= suggestion->distance))
		return;
	suggestion->best = name;
	suggestion->distance = d;
}

const char *weft_schema_field_suggest(const struct weft_schema_message *message, const char *name,
				      size_t len)
{
	struct suggestion suggestion = { .text = name, .len = len };

	for (size_t i = 0; i < message->n_fields; i++) {
		suggestion_offer(&suggestion, message->fields[i].json_name);
		suggestion_offer(&suggestion, message->fields[i].name);
	}
	return suggestion.best;
}
