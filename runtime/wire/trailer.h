/* A call's status as trailers: grpc-status, grpc-message, grpc-status-details-bin. */
#ifndef WEFT_WIRE_TRAILER_H
#define WEFT_WIRE_TRAILER_H

#include <weft/grpc.h>
#include <weft/header.h>
#include <weft/status.h>

/* What one status may take of the trailers, since many peers refuse lists above 8 KiB and would
 * then lose the status itself: a longer message is cut, longer details are left out. */
#define WEFT_TRAILER_MESSAGE_MAX ((size_t)1024)
#define WEFT_TRAILER_DETAILS_MAX ((size_t)4096)

/* 1: *ret_status is what the fields say. 0: there is no grpc-status among them. A code that is
 * none is UNKNOWN; details that are not base64 are dropped. -ENOMEM */
int weft_trailer_read(const struct weft_h2_header *headers, size_t n, struct weft_arena *arena,
		      struct weft_status *ret_status);

#endif
