/* Refusals: see refusal.h. */
#include "refusal.h"

#include <assert.h>
#include <errno.h>

static void add(struct refusal *refusal, const char *field, const char *format, va_list args)
{
	size_t at = refusal->n++;

	if (at >= REFUSAL_MOST)
		return;
	refusal->violations[at].field = field;
	refusal->violations[at].words = weft_arena_vprintf(refusal->arena, format, args);
}

void refusal_add(struct refusal *refusal, const char *field, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(refusal, field, format, args);
	va_end(args);
}

int refusal_send(const struct refusal *refusal, struct weft_call *call)
{
	struct weft_status status;

	assert(refusal->n > 0);
	if (refusal->n == 1)
		weft_status_init(&status, refusal->arena, WEFT_INVALID_ARGUMENT, "%s: %s",
				 refusal->violations[0].field, refusal->violations[0].words);
	else
		weft_status_init(&status, refusal->arena, WEFT_INVALID_ARGUMENT,
				 "%s: %s; and %zu more", refusal->violations[0].field,
				 refusal->violations[0].words, refusal->n - 1);
	weft_status_add_error_info(&status, refusal->arena, "INVALID_REQUEST", refusal->domain);
	for (size_t i = 0; i < refusal->n && i < REFUSAL_MOST; i++)
		weft_status_add_violation(&status, refusal->arena, refusal->violations[i].field,
					  "%s", refusal->violations[i].words);
	return weft_call_fail_with(call, &status);
}

int refuse_field(struct weft_call *call, const char *domain, const char *field, const char *format,
		 ...)
{
	struct refusal refusal = { .arena = weft_call_arena(call), .domain = domain };
	va_list args;

	va_start(args, format);
	add(&refusal, field, format, args);
	va_end(args);
	return refusal_send(&refusal, call);
}

int refuse(struct weft_call *call, enum weft_code code, const char *domain, const char *reason,
	   const char *format, ...)
{
	struct weft_arena *arena = weft_call_arena(call);
	struct weft_status status;
	va_list args;

	va_start(args, format);
	weft_status_init(&status, arena, code, "%s", weft_arena_vprintf(arena, format, args));
	va_end(args);
	weft_status_add_error_info(&status, arena, reason, domain);
	return weft_call_fail_with(call, &status);
}

void refuse_write(struct weft_call *call, const char *domain, int r)
{
	if (r == STORE_BUSY)
		refuse(call, WEFT_RESOURCE_EXHAUSTED, domain, "STORE_BUSY",
		       "too many writes are waiting; try again later");
	else if (r == STORE_UNKNOWN)
		refuse(call, WEFT_UNAVAILABLE, domain, "STORE_UNKNOWN",
		       "the store failed in the middle; it may have been done");
	else if (r > 0) /* an outcome that the caller should have known */
		weft_call_fail_errno(call, -EINVAL);
	else
		weft_call_fail_errno(call, r);
}
