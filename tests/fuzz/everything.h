/*
 * The contract that the targets speak: the JSON tests' everything.proto, with a field of every kind
 * and a service with a method of every kind.
 */
#ifndef FUZZ_EVERYTHING_H
#define FUZZ_EVERYTHING_H

#include <weft/schema.h>

/* Its descriptors, loaded once and never freed. */
const struct weft_schema *everything_schema(void);

#endif
