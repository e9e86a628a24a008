/*
 * The few words that every other header of Weft speaks: bytes, time, function pointers.
 *
 * Errors inside Weft are `int`: 0, or a negative errno that is forwarded as it is. A positive value
 * is an outcome that the function's own comment documents. Out-parameters are called `ret_x` and
 * stay untouched on failure; parameters called `take_x` are consumed whatever the result.
 */
#ifndef WEFT_BASE_H
#define WEFT_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_PRINTF(at, first) __attribute__((__format__(__printf__, at, first)))

#define WEFT_US     UINT64_C(1000)    /* a microsecond in nanoseconds */
#define WEFT_MS     UINT64_C(1000000) /* a millisecond in nanoseconds */
#define WEFT_SECOND UINT64_C(1000000000)
#define WEFT_NEVER  UINT64_MAX /* a deadline that does not come */

/* Bytes that somebody else owns. */
struct weft_bytes {
	const uint8_t *data;
	size_t len;
};

/* Any function, kept in a variable; cast back to its true type before it is called. */
typedef void weft_fn(void);

/* The monotonic clock in nanoseconds. All deadlines in Weft are moments of this clock. */
uint64_t weft_now(void);

/* The wall clock in nanoseconds since 1970-01-01T00:00:00Z. */
uint64_t weft_wall_clock(void);

/* "500ms", "1.5s", "2m", "1h", with at most six places: -EINVAL when `text` is none, or is above a
 * million of its unit. */
int weft_duration_parse(const char *text, uint64_t *ret_ns);

#define weft_container_of(pointer, type, member)                                                   \
	((type *)((char *)(pointer)-offsetof(type, member)))

#define WEFT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
