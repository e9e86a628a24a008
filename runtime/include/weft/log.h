/*
 * One JSON object a line on standard error, one line an event:
 *
 *	{"time":"2026-01-31T12:00:00.000000Z","level":"info","service":"catalog",
 *	 "message":"listening","trace_id":"4bf9…","address":"unix:/run/catalog"}
 *
 * A line is written by one write(2), so lines of several threads never mix. Log a failure once,
 * where it is handled.
 *
 *	weft_log_info("listening", WEFT_STR("address", address), WEFT_INT("workers", n));
 */
#ifndef WEFT_LOG_H
#define WEFT_LOG_H

#include <weft/base.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

enum weft_log_level { WEFT_LOG_DEBUG, WEFT_LOG_INFO, WEFT_LOG_WARNING, WEFT_LOG_ERROR };

/* W3C Trace Context: who caused this work. All zero: nobody said. */
struct weft_trace {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t flags;
};

struct weft_log_field {
	const char *key; /* NULL ends the array */
	enum {
		WEFT_LOG_FIELD_STR,
		WEFT_LOG_FIELD_INT,
		WEFT_LOG_FIELD_UINT,
		WEFT_LOG_FIELD_DOUBLE,
		WEFT_LOG_FIELD_BOOL
	} kind;
	union {
		const char *s; /* NULL is written as null; bytes that are not UTF-8 as U+FFFD */
		int64_t i;
		uint64_t u;
		double d;
	};
};

#define WEFT_STR(k, v)                                                                             \
	((struct weft_log_field) { .key = (k), .kind = WEFT_LOG_FIELD_STR, .s = (v) })
#define WEFT_INT(k, v)                                                                             \
	((struct weft_log_field) { .key = (k), .kind = WEFT_LOG_FIELD_INT, .i = (v) })
#define WEFT_UINT(k, v)                                                                            \
	((struct weft_log_field) { .key = (k), .kind = WEFT_LOG_FIELD_UINT, .u = (v) })
#define WEFT_DOUBLE(k, v)                                                                          \
	((struct weft_log_field) { .key = (k), .kind = WEFT_LOG_FIELD_DOUBLE, .d = (v) })
#define WEFT_BOOL(k, v)                                                                            \
	((struct weft_log_field) { .key = (k), .kind = WEFT_LOG_FIELD_BOOL, .i = (v) })
/* The words for a negative errno. */
#define WEFT_ERRNO(r) WEFT_STR("error", weft_errno_string(r))

void weft_log_set_service(const char *name); /* borrowed for the life of the process */
/* "debug", "info", "warning", "error": -EINVAL when `text` is none of them. */
int weft_log_level_parse(const char *text, enum weft_log_level *ret_level);
void weft_log_set_level(enum weft_log_level least);
bool weft_log_enabled(enum weft_log_level level);
const char *weft_errno_string(int r); /* thread-local or static */

/* `trace` may be NULL; `fields` ends with a NULL key. */
void weft_log_emit(enum weft_log_level level, const struct weft_trace *trace, const char *message,
		   const struct weft_log_field *fields);

#define weft_log(level, trace, message, ...)                                                       \
	weft_log_emit(                                                                             \
		(level), (trace), (message),                                                       \
		(const struct weft_log_field[]) { __VA_ARGS__ __VA_OPT__(, ) { .key = NULL } })
#define weft_log_debug(message, ...)   weft_log(WEFT_LOG_DEBUG, NULL, message, __VA_ARGS__)
#define weft_log_info(message, ...)    weft_log(WEFT_LOG_INFO, NULL, message, __VA_ARGS__)
#define weft_log_warning(message, ...) weft_log(WEFT_LOG_WARNING, NULL, message, __VA_ARGS__)
#define weft_log_error(message, ...)   weft_log(WEFT_LOG_ERROR, NULL, message, __VA_ARGS__)

/* traceparent (W3C Trace Context level 1): -EINVAL when `text` is none. */
int weft_trace_parse(const char *text, size_t len, struct weft_trace *ret_trace);
void weft_trace_format(const struct weft_trace *trace, char text[56]);
void weft_trace_generate(struct weft_trace *ret_trace); /* a new trace */
void weft_trace_child(const struct weft_trace *parent,
		      struct weft_trace *ret_trace); /* a new span of it */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
