/* What -H says, as metadata. */
#ifndef CLI_HEADERS_H
#define CLI_HEADERS_H

#include <weft/arena.h>
#include <weft/metadata.h>

#include "options.h"

/* Adds to `metadata`, in `arena`. 0 or an exit code, after a complaint. */
int headers_read(const struct options *options, struct weft_arena *arena,
		 struct weft_metadata *metadata);

#endif
