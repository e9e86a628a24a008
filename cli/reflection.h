/* What the server at --target says of itself, by grpc.reflection.v1 or, where it has no more,
 * v1alpha. */
#ifndef CLI_REFLECTION_H
#define CLI_REFLECTION_H

#include <weft/schema.h>

#include "options.h"

/* They return 0, or an exit code after a complaint. */

/* Prints the names of its services, a line each. */
int reflection_list(const struct options *options);
/* What it has of `name`, a type, service or SERVICE/METHOD, in contracts of their own. *ret_schema
 * stays as it is when the server does not know the name, or (after a word of it) has no
 * reflection. */
int reflection_find(const struct options *options, const char *name,
		    struct weft_schema **ret_schema);

#endif
