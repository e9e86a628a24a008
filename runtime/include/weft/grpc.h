/*
 * How gRPC says things in HTTP/2 headers, for programs that pass calls on without understanding
 * them: the user's part of the metadata, and a call's status as trailers.
 */
#ifndef WEFT_GRPC_H
#define WEFT_GRPC_H

#include <weft/header.h>
#include <weft/metadata.h>
#include <weft/status.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Adds the user's part of received headers to `metadata`. -EBADMSG: a "-bin" value is not base64
 * or another one not ASCII; -ENOMEM. */
int weft_metadata_from_wire(const struct weft_h2_header *headers, size_t n,
			    struct weft_arena *arena, struct weft_metadata *metadata);

/* Fills `headers`, room for metadata->n. What is not "-bin" is borrowed from `metadata`. -ENOMEM */
int weft_metadata_to_wire(const struct weft_metadata *metadata, struct weft_arena *arena,
			  struct weft_h2_header *headers);

#define WEFT_TRAILER_FIELDS 3

/* grpc-status, grpc-message, grpc-status-details-bin. Fills at most WEFT_TRAILER_FIELDS fields
 * and returns how many, or -ENOMEM. */
int weft_trailer_write(const struct weft_status *status, struct weft_arena *arena,
		       struct weft_h2_header headers[WEFT_TRAILER_FIELDS]);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
