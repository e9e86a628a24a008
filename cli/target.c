#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

/* The host and port of a URL: an URL's path has no meaning for gRPC. */
static int cut_url(const char *rest, const char *default_port, char **ret_target, char error[256])
{
	size_t len = strcspn(rest, "/?#");
	bool port = memchr(rest, ']', len) ? memmem(rest, len, "]:", 2) != NULL
					   : memchr(rest, ':', len) != NULL;

	if (len == 0 || (rest[len] && strcmp(rest + len, "/") != 0)) {
		snprintf(error, 256, "\"%s\": expected a host and port, and no path", rest);
		return -EINVAL;
	}
	if (asprintf(ret_target, "%.*s%s%s", (int)len, rest, port ? "" : ":",
		     port ? "" : default_port) < 0)
		abort();
	return 0;
}

int target_parse(const struct options *options, char **ret_target, bool *ret_tls, char error[256])
{
	const char *text = options->target, *rest;

	if (!text) {
		snprintf(error, 256, "which server? Say --target, or set WEFT_TARGET");
		return -EINVAL;
	}
	*ret_tls = !options->plaintext;
	rest = after(text, "https://");
	if (rest && options->plaintext) {
		snprintf(error, 256, "https:// and --plaintext contradict each other");
		return -EINVAL;
	}
	if (rest)
		return cut_url(rest, "443", ret_target, error);
	rest = after(text, "http://");
	if (rest) {
		*ret_tls = false;
		return cut_url(rest, "80", ret_target, error);
	}
	if ((after(text, "unix:") || after(text, "unix-abstract:")) && !options->ca_given &&
	    !options->insecure && !options->cert)
		*ret_tls = false;
	*ret_target = strdup(text);
	if (!*ret_target)
		abort();
	return 0;
}
