/* The collector of a header block; see headers.h. Strings move while it grows, so that the pointers
 * are set once, at the end. */
#include "h2/headers.h"

#include <stdlib.h>
#include <string.h>

#define FIELD_OVERHEAD 32   /* RFC 9113, 6.5.2 */
#define KEPT_BYTES     4096 /* what an idle connection may keep */

void headers_fini(struct headers *headers)
{
	free(headers->bytes);
	free(headers->fields);
	headers->bytes = NULL;
	headers->fields = NULL;
	headers->cap = headers->fields_cap = 0;
	headers->len = headers->n = headers->charge = 0;
}

void headers_begin(struct headers *headers)
{
	if (headers->cap > KEPT_BYTES)
		headers_fini(headers);
	headers->len = headers->n = headers->charge = 0;
	headers->over = false;
}

/* Room for one more field; false when memory is out, which counts as too large. */
static bool make_room(struct headers *headers, size_t len)
{
	if (headers->len + len > headers->cap) {
		size_t cap = headers->cap * 2 > headers->len + len ? headers->cap * 2
								   : headers->len + len;
		uint8_t *bytes;

		cap = cap < 512 ? 512 : cap;
		bytes = realloc(headers->bytes, cap);
		if (!bytes)
			return false;
		headers->bytes = bytes;
		headers->cap = cap;
	}
	if (headers->n == headers->fields_cap) {
		size_t cap = headers->fields_cap ? headers->fields_cap * 2 : 16;
		struct weft_h2_header *fields;

		fields = reallocarray(headers->fields, cap, sizeof(*fields));
		if (!fields)
			return false;
		headers->fields = fields;
		headers->fields_cap = cap;
	}
	return true;
}

static void append_string(struct headers *headers, const uint8_t *bytes, size_t len)
{
	memcpy(headers->bytes + headers->len, bytes, len);
	headers->bytes[headers->len + len] = '\0';
	headers->len += len + 1;
}

void headers_add(struct headers *headers, const uint8_t *name, size_t name_len,
		 const uint8_t *value, size_t value_len)
{
	headers->charge += name_len + value_len + FIELD_OVERHEAD;
	if (headers->charge > headers->limit)
		headers->over = true;
	if (headers->over)
		return;

	if (!make_room(headers, name_len + value_len + 2)) {
		headers->over = true;
		return;
	}
	append_string(headers, name, name_len);
	append_string(headers, value, value_len);
	headers->fields[headers->n++] =
		(struct weft_h2_header) { .name_len = name_len, .value_len = value_len };
}

const struct weft_h2_header *headers_finish(struct headers *headers)
{
	const char *at = (const char *)headers->bytes;

	for (size_t i = 0; i < headers->n; i++) {
		struct weft_h2_header *field = &headers->fields[i];

		field->name = at;
		at += field->name_len + 1;
		field->value = at;
		at += field->value_len + 1;
	}
	return headers->fields;
}
