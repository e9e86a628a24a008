/*
 * How a call ended: a gRPC status code, a sentence, and details (google.rpc.Status, AIP-193).
 * https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
 */
#ifndef WEFT_STATUS_H
#define WEFT_STATUS_H

#include <weft/arena.h>
#include <weft/base.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

enum weft_code {
	WEFT_OK = 0,
	WEFT_CANCELLED = 1,
	WEFT_UNKNOWN = 2,
	WEFT_INVALID_ARGUMENT = 3,
	WEFT_DEADLINE_EXCEEDED = 4,
	WEFT_NOT_FOUND = 5,
	WEFT_ALREADY_EXISTS = 6,
	WEFT_PERMISSION_DENIED = 7,
	WEFT_RESOURCE_EXHAUSTED = 8,
	WEFT_FAILED_PRECONDITION = 9,
	WEFT_ABORTED = 10,
	WEFT_OUT_OF_RANGE = 11,
	WEFT_UNIMPLEMENTED = 12,
	WEFT_INTERNAL = 13,
	WEFT_UNAVAILABLE = 14,
	WEFT_DATA_LOSS = 15,
	WEFT_UNAUTHENTICATED = 16,
};

/* `message` is never NULL once a function of this header has made it. `details` holds the
 * serialised google.rpc.Status of grpc-status-details-bin, or nothing. All of it lives in the
 * arena it was made in. */
struct weft_status {
	enum weft_code code;
	const char *message;
	struct weft_bytes details;
};

const char *weft_code_name(
	enum weft_code code); /* "NOT_FOUND"; "CODE_42" never: unknown codes are "UNKNOWN" */

void weft_status_init(struct weft_status *status, struct weft_arena *arena, enum weft_code code,
		      const char *format, ...) WEFT_PRINTF(4, 5);

/* Typed details. They may be added one after the other; several violations share one BadRequest. */
/* google.rpc.ErrorInfo: a stable UPPER_SNAKE_CASE reason and the domain that defines it. */
void weft_status_add_error_info(struct weft_status *status, struct weft_arena *arena,
				const char *reason, const char *domain);
/* google.rpc.BadRequest.FieldViolation: the field's path ("lines[2].quantity") and what is wrong
 * with it. */
void weft_status_add_violation(struct weft_status *status, struct weft_arena *arena,
			       const char *field, const char *format, ...) WEFT_PRINTF(4, 5);
/* google.rpc.RetryInfo */
void weft_status_add_retry_info(struct weft_status *status, struct weft_arena *arena,
				uint64_t delay_ns);
/* Any other detail, already serialised; `type` is its full name ("google.rpc.Help"). */
void weft_status_add_detail(struct weft_status *status, struct weft_arena *arena, const char *type,
			    struct weft_bytes value);

/* A detail as it came, whatever its type. */
struct weft_detail {
	struct weft_bytes type;  /* its full name, "google.rpc.Help"; no NUL behind it */
	struct weft_bytes value; /* the message, serialised */
};

/* Takes the next detail off the front of `rest`, which begins as status.details. All is borrowed.
 * False: there is none left, or what is left makes no sense. */
bool weft_status_next_detail(struct weft_bytes *rest, struct weft_detail *ret_detail);

/* Reads ErrorInfo's reason back: NULL when there is none. */
const char *weft_status_reason(const struct weft_status *status, struct weft_arena *arena);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
