/* Names: see resource.h. */
#include "resource.h"

#include <errno.h>
#include <string.h>

static bool is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool resource_id_valid(const char *id)
{
	size_t len = 0;

	if (!is_alphanumeric(id[0]))
		return false;
	while (is_alphanumeric(id[len]) || id[len] == '.' || id[len] == '_' || id[len] == '-')
		if (++len > RESOURCE_ID_MOST)
			return false;
	return id[len] == '\0';
}

int resource_id(const char *name, const char *collection, const char **ret_id)
{
	size_t len = strlen(collection);

	if (strncmp(name, collection, len) != 0 || name[len] != '/' ||
	    !resource_id_valid(name + len + 1))
		return -EINVAL;
	*ret_id = name + len + 1;
	return 0;
}

bool region_code_valid(const char *text)
{
	return text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'A' && text[1] <= 'Z' && !text[2];
}
