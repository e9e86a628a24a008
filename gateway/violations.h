/*
 * A service names the fields at fault by its contract, "lines[0].unit_price"; a REST client knows
 * them by JSON's names, "lines[0].unitPrice".
 */
#ifndef GATEWAY_VIOLATIONS_H
#define GATEWAY_VIOLATIONS_H

#include <weft/buffer.h>
#include <weft/schema.h>

/* Appends `status`, which is a serialised google.rpc.Status, with the fields of its
 * google.rpc.BadRequest details in JSON's names, as far as `request` knows them. -EBADMSG: it is no
 * such thing. */
int violations_in_json_names(const struct weft_schema_message *request, struct weft_bytes status,
			     struct weft_buffer *out);

#endif
