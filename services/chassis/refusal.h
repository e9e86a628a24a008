/*
 * Saying no in the words of AIP-193: a status with its ErrorInfo, and for a wrong request every
 * wrong field at once, so that a client mends it in one go.
 *
 *	struct refusal refusal = { .arena = arena, .domain = "orders.weft.example" };
 *
 *	if (line->quantity < 1)
 *		refusal_add(&refusal, weft_arena_printf(…, "lines[%zu].quantity", i), "must be …");
 *	if (refusal.n)
 *		return refusal_send(&refusal, call);
 */
#ifndef CHASSIS_REFUSAL_H
#define CHASSIS_REFUSAL_H

#include "store.h"

/* Trailers are bounded, often to 8 KiB: what does not fit is counted only. */
#define REFUSAL_MOST 16

struct refusal {
	struct weft_arena *arena;
	const char *domain; /* "catalog.weft.example" */
	size_t n;           /* violations, those beyond REFUSAL_MOST too */
	struct {
		const char *field;
		const char *words;
	} violations[REFUSAL_MOST];
};

/* `field` is borrowed until the call ends. The words must not repeat what a peer has sent but
 * for text that is known to be short and ASCII. */
void refusal_add(struct refusal *refusal, const char *field, const char *format, ...)
	WEFT_PRINTF(3, 4);
/* Ends the call with INVALID_ARGUMENT, ErrorInfo (INVALID_REQUEST) and BadRequest. There is a
 * violation. */
int refusal_send(const struct refusal *refusal, struct weft_call *call);
/* INVALID_ARGUMENT for a single field. */
int refuse_field(struct weft_call *call, const char *domain, const char *field, const char *format,
		 ...) WEFT_PRINTF(4, 5);
/* Ends the call with any other code and an ErrorInfo. */
int refuse(struct weft_call *call, enum weft_code code, const char *domain, const char *reason,
	   const char *format, ...) WEFT_PRINTF(5, 6);
/* Ends the call as a store_write that is done with `r` (not 0) asks for: RESOURCE_EXHAUSTED when
 * the queue is full, UNAVAILABLE when the outcome is unknown, and otherwise as a handler's
 * return of it would. */
void refuse_write(struct weft_call *call, const char *domain, int r);

#endif
