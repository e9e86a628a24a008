/*
 * gRPC's status as HTTP says it: the number (google/rpc/code.proto), and the body, which is the
 *JSON form of google.rpc.Status with every detail decoded:
 *
 *	{"code":3,"message":"…","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest",
 *	 "fieldViolations":[{"field":"lines[2].quantity","description":"…"}]}]}
 */
#ifndef GATEWAY_HTTP_STATUS_H
#define GATEWAY_HTTP_STATUS_H

#include <weft/buffer.h>
#include <weft/schema.h>
#include <weft/status.h>

unsigned http_status_of(enum weft_code code); /* unknown codes are 500 */

/* Appends the body. A detail whose type `schema` (may be NULL) does not know, or that is broken,
 * keeps its bytes, as base64 in "value". */
int http_status_body(const struct weft_status *status, const struct weft_schema *schema,
		     struct weft_buffer *out);

/* The last line of a server stream that failed after messages were sent: {"error":{…the body…}} and
 * '\n'. */
int http_status_error_line(const struct weft_status *status, const struct weft_schema *schema,
			   struct weft_buffer *out);

#endif
