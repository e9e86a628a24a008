/* The path of a call: "/package.Service/Method". */
#ifndef WEFT_WIRE_PATH_H
#define WEFT_WIRE_PATH_H

#include <weft/base.h>

struct weft_path {
	const char *service; /* points into the path */
	size_t service_len;
	const char *method;
	size_t method_len;
};

/* The last '/' divides. -EINVAL: no leading '/', an empty part, or a byte that is no visible
 * ASCII. */
int weft_path_split(const char *path, size_t len, struct weft_path *ret_path);

#endif
