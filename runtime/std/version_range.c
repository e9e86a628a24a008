/* Ranges of semantic versions: see weft/etcd.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <weft/etcd.h>

struct version {
	unsigned long parts[3]; /* major, minor, patch */
	int n;                  /* of them are said */
	const char *rest;       /* what follows: "", "-rc.1", "+build" */
};

/* -EINVAL: it does not begin with a number, or a part is longer than nine digits. */
static int read_version(const char *text, struct version *ret_version)
{
	struct version version = { .rest = text };

	do {
		char *end;

		if (version.n > 0)
			version.rest++;
		if (!isdigit((unsigned char)*version.rest))
			return -EINVAL;
		version.parts[version.n++] = strtoul(version.rest, &end, 10);
		if (end - version.rest > 9)
			return -EINVAL;
		version.rest = end;
	} while (*version.rest == '.' && version.n < 3);
	*ret_version = version;
	return 0;
}

int weft_version_in(const char *text, const char *range)
{
	struct version version, least;
	int i = 0;

	if (read_version(range, &least) < 0 || *least.rest)
		return -EINVAL;
	if (!text || read_version(text, &version) < 0 || version.n < 3)
		return 0;
	if (*version.rest && *version.rest != '+')
		return 0; /* a pre-release */
	if (version.parts[0] != least.parts[0])
		return 0;
	/* Before 1.0.0 the second number is the one that breaks. */
	if (least.parts[0] == 0 && least.n > 1 && version.parts[1] != least.parts[1])
		return 0;
	while (i < 2 && version.parts[i] == least.parts[i])
		i++;
	return version.parts[i] >= least.parts[i];
}
