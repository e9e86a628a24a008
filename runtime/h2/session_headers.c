/* The collector of a header block; see session_headers.h. */
#include "h2/session_headers.h"

#include <stdlib.h>

#include "base/random.h"

#define FIELD_OVERHEAD 32 /* RFC 9113, 6.5.2 */
#define FIRST_FIELDS   16
#define KEPT_FIELDS    64 /* what an idle connection may keep room for */

static void free_fields(struct headers *headers)
{
	free(headers->fields);
	free(headers->held);
	headers->fields = NULL;
	headers->held = NULL;
	headers->cap = 0;
}

void headers_drop(struct headers *headers)
{
	for (size_t i = 0; i < headers->n; i++) {
		nghttp2_rcbuf_decref(headers->held[i].name);
		nghttp2_rcbuf_decref(headers->held[i].value);
	}
	headers->n = 0;
	if (headers->cap > KEPT_FIELDS)
		free_fields(headers);
}

void headers_fini(struct headers *headers)
{
	headers_drop(headers);
	free_fields(headers);
}

void headers_begin(struct headers *headers)
{
	headers_drop(headers);
	headers->charge = 0;
	headers->over = false;
}

/* Room for one more field; false when memory is out, which counts as too large. */
static bool make_room(struct headers *headers)
{
	size_t cap = headers->cap ? headers->cap * 2 : FIRST_FIELDS;
	struct weft_h2_header *fields;
	struct held *held;

	if (headers->n < headers->cap)
		return true;
	fields = reallocarray(headers->fields, cap, sizeof(*fields));
	if (!fields)
		return false;
	headers->fields = fields;
	held = reallocarray(headers->held, cap, sizeof(*held));
	if (!held)
		return false;
	headers->held = held;
	headers->cap = cap;
	return true;
}

void headers_add(struct headers *headers, nghttp2_rcbuf *name, nghttp2_rcbuf *value)
{
	nghttp2_vec name_bytes = nghttp2_rcbuf_get_buf(name);
	nghttp2_vec value_bytes = nghttp2_rcbuf_get_buf(value);

	headers->charge += name_bytes.len + value_bytes.len + FIELD_OVERHEAD;
	if (headers->charge > headers->limit)
		headers->over = true;
	if (headers->over)
		return;
	if (!make_room(headers)) {
		headers->over = true;
		return;
	}

	nghttp2_rcbuf_incref(name);
	nghttp2_rcbuf_incref(value);
	headers->held[headers->n] = (struct held) { name, value };
	headers->fields[headers->n++] = (struct weft_h2_header) {
		.name = (const char *)name_bytes.base,
		.name_len = name_bytes.len,
		.value = (const char *)value_bytes.base,
		.value_len = value_bytes.len,
	};
}

bool headers_are_over(const struct headers *headers)
{
	uint32_t random;

	if (headers->over || headers->charge <= headers->soft)
		return headers->over;
	weft_random_bytes(&random, sizeof(random));
	return random % (headers->limit - headers->soft) < headers->charge - headers->soft;
}
