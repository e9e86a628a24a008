/* Checks of PlaceOrderRequest: see check.h. */
#include "check.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "chassis/resource.h"

#define MOST_LINES     1000
#define MOST_QUANTITY  1000000
#define MOST_COUPON    40
#define MOST_REFERENCE 64

static void check_line(const Orders__V1__PlaceOrderRequest__Line *line, size_t at,
		       struct refusal *refusal)
{
	const char *id;

	if (resource_id(line->product, "products", &id) < 0)
		refusal_add(refusal, weft_arena_printf(refusal->arena, "lines[%zu].product", at),
			    "must be a product's name, as \"products/85123A\"");
	if (line->quantity < 1 || line->quantity > MOST_QUANTITY)
		refusal_add(refusal, weft_arena_printf(refusal->arena, "lines[%zu].quantity", at),
			    "must be %s, not %d",
			    line->quantity < 1 ? "at least 1" : "at most 1,000,000",
			    line->quantity);
}

static bool is_printable(const char *text, size_t most)
{
	size_t len = 0;

	while (text[len] >= ' ' && text[len] <= '~')
		if (++len > most)
			return false;
	return text[len] == '\0';
}

bool external_reference_valid(const char *text)
{
	return is_printable(text, MOST_REFERENCE);
}

void check_order(const Orders__V1__PlaceOrderRequest *req, struct refusal *refusal,
		 char request_id[UUID_TEXT + 1])
{
	if (uuid_read(req->request_id, request_id) < 0)
		refusal_add(refusal, "request_id", "must be a UUID of your own choice");
	if (req->customer_id[0] && !resource_id_valid(req->customer_id))
		refusal_add(refusal, "customer_id",
			    "must be a letter or digit and up to 62 letters, digits, \".\", "
			    "\"_\" and \"-\"");
	if (!region_code_valid(req->region_code))
		refusal_add(refusal, "region_code", "must be two letters A to Z, as \"GB\"");
	if (!is_printable(req->coupon, MOST_COUPON))
		refusal_add(refusal, "coupon", "must be at most 40 letters, digits and hyphens");
	if (!external_reference_valid(req->external_reference))
		refusal_add(refusal, "external_reference",
			    "must be at most 64 printable ASCII characters");
	if (req->n_lines == 0)
		refusal_add(refusal, "lines", "must not be empty");
	if (req->n_lines > MOST_LINES) {
		refusal_add(refusal, "lines", "must be at most 1000, not %zu", req->n_lines);
		return;
	}
	for (size_t i = 0; i < req->n_lines; i++)
		check_line(req->lines[i], i, refusal);
}

int hash_order(const Orders__V1__PlaceOrderRequest *req, struct weft_arena *arena,
	       uint8_t hash[HASH_BYTES])
{
	Orders__V1__PlaceOrderRequest body = *req;
	uint8_t *bytes;
	size_t len;

	body.request_id = (char *)"";
	len = orders__v1__place_order_request__get_packed_size(&body);
	bytes = weft_arena_alloc(arena, len);
	if (!bytes)
		return -ENOMEM;
	orders__v1__place_order_request__pack(&body, bytes);
	return EVP_Digest(bytes, len, hash, NULL, EVP_sha256(), NULL) ? 0 : -EIO;
}
