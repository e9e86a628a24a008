/* The contracts that a command speaks of: those of --protoset, or those that are built in. */
#ifndef CLI_DESCRIPTORS_H
#define CLI_DESCRIPTORS_H

#include <weft/schema.h>

#include "options.h"

/* 0 or an exit code, after a complaint. */
int descriptors_load(const struct options *options, struct weft_schema **ret_schema);

#endif
