/*
 * The contracts that the targets speak: the JSON tests' everything.proto, with a field of every
 * kind and a service with a method of every kind; and the gateway tests' rules.proto, with every
 * kind of route.
 */
#ifndef FUZZ_EVERYTHING_H
#define FUZZ_EVERYTHING_H

#include <weft/schema.h>

/* Their descriptors, loaded once and never freed. */
const struct weft_schema *everything_schema(void);

#endif
