/* The files of the API explorer, which explorer/embed.py writes into C. */
#ifndef GATEWAY_PAGES_H
#define GATEWAY_PAGES_H

#include <weft/base.h>

struct page {
	const char *name; /* "index.html"; NULL ends the list */
	const char *content_type;
	const char *etag;       /* with its quotes */
	struct weft_bytes gzip; /* the file, compressed */
};

/* Ends with an entry without a name; none but that where the explorer was not there at the
 * build. */
extern const struct page pages[];

#endif
