/* A call's path is split, never decoded: gRPC gives '%' no meaning here. */
#include "wire/path.h"

#include <errno.h>
#include <string.h>

int weft_path_split(const char *path, size_t len, struct weft_path *ret_path)
{
	const char *slash;

	if (len < 4 || path[0] != '/')
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (path[i] <= 0x20 || path[i] >= 0x7f)
			return -EINVAL;
	slash = memrchr(path, '/', len);
	if (slash == path || slash == path + 1 || slash == path + len - 1)
		return -EINVAL;
	*ret_path = (struct weft_path) {
		.service = path + 1,
		.service_len = (size_t)(slash - path) - 1,
		.method = slash + 1,
		.method_len = (size_t)(path + len - slash) - 1,
	};
	return 0;
}
