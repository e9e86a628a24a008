/*
 * The contracts as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1): what the edge
 * serves at /openapi.json. Everything in it is read from the contracts: paths from the routes,
 * schemas from the messages in their JSON form, words from the comments, what is required or
 * read-only from google.api.field_behavior, examples from weft.example.
 *
 * Pure: no I/O. A binding that OpenAPI has no words for (an HTTP method of one's own) is left out.
 */
#ifndef GATEWAY_OPENAPI_H
#define GATEWAY_OPENAPI_H

#include <weft/buffer.h>

#include "route.h"

/* Appends the document. -EINVAL: an example in the contracts is none of its field's; `error` says
 * which and why. -ENOMEM */
int openapi_write(const struct weft_schema *schema, const struct route_table *routes,
		  struct weft_buffer *out, char error[256]);

#endif
