/*
 * The contracts that a command speaks of: those of --protoset, or those that are built in; and
 * where they do not have a name, what the server tells by reflection.
 */
#ifndef CLI_DESCRIPTORS_H
#define CLI_DESCRIPTORS_H

#include <weft/schema.h>

#include "options.h"

/* 0 or an exit code, after a complaint. */
int descriptors_load(const struct options *options, struct weft_schema **ret_schema);
/* The same; but when they lack `name`, a type, service or SERVICE/METHOD, and `ask_server` is set,
 * what the server has of it. When nobody has it, the first. */
int descriptors_find(const struct options *options, const char *name, bool ask_server,
		     struct weft_schema **ret_schema);

#endif
