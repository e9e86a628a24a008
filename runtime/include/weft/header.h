/*
 * A header field as HTTP/2 has it: two runs of bytes. It has a file of its own because the floor of
 * pure bytes (wire) speaks it as well as the connections above.
 */
#ifndef WEFT_HEADER_H
#define WEFT_HEADER_H

#include <string.h>
#include <weft/base.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Names are lower case; pseudo-headers (":path") come first, as on the wire. Both end with a NUL
 * that the lengths do not count when they are received. */
struct weft_h2_header {
	const char *name;
	size_t name_len;
	const char *value;
	size_t value_len;
	bool constant; /* to be sent, and both live as long as the program: they are not copied */
	bool passing;  /* to be sent, and hardly ever so again: HPACK keeps it in no table */
};

#define WEFT_H2_HEADER(n, v)                                                                       \
	((struct weft_h2_header) {                                                                 \
		.name = (n), .name_len = strlen(n), .value = (v), .value_len = strlen(v) })

/* Of two literals. */
#define WEFT_H2_CONSTANT(n, v)                                                                     \
	((struct weft_h2_header) { .name = (n),                                                    \
				   .name_len = sizeof(n) - 1,                                      \
				   .value = (v),                                                   \
				   .value_len = sizeof(v) - 1,                                     \
				   .constant = true })

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
