/* What the watch wants to know of a TLS context; tls_context.c. */
#ifndef WEFT_IO_TLS_WATCH_H
#define WEFT_IO_TLS_WATCH_H

#include <weft/tls.h>

/* A number that changes when one of the files does: by name, time, size, or by coming and going. */
uint64_t weft_tls_stamp(const struct weft_tls *tls);
uint64_t weft_tls_loaded_stamp(struct weft_tls *tls); /* as it was when they were loaded */

#endif
