/* The grpc-timeout header: at most eight digits and a unit, both ways. */
#ifndef WEFT_WIRE_TIMEOUT_H
#define WEFT_WIRE_TIMEOUT_H

#include <weft/base.h>

#define WEFT_TIMEOUT_SIZE 10 /* eight digits, a unit, a NUL */

/* -EINVAL: not 1 to 8 digits and one of H M S m u n. What no uint64_t holds becomes WEFT_NEVER. */
int weft_timeout_parse(const char *text, size_t len, uint64_t *ret_ns);

/* In the finest unit that fits, rounded up: the peer never gives up before us. Returns the
 * length. */
size_t weft_timeout_format(uint64_t ns, char text[WEFT_TIMEOUT_SIZE]);

#endif
