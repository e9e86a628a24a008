/* See address.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "io/address.h"

#define PATH_MAX_LEN (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static const char *after_prefix(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static int parse_port(const char *text, in_port_t *ret_port)
{
	unsigned port = 0;

	if (!*text || strlen(text) > 5)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		port = port * 10 + (unsigned)(*text - '0');
	}
	if (port > 65535)
		return -EINVAL;
	*ret_port = htons((uint16_t)port);
	return 0;
}

/* "host:port" with an IPv6 host in brackets; `host` holds what stands before the port. */
static int split(const char *text, char host[INET6_ADDRSTRLEN], bool *ret_v6, const char **ret_port)
{
	bool v6 = *text == '[';
	const char *start = v6 ? text + 1 : text;
	const char *end = strstr(start, v6 ? "]:" : ":");

	if (!end || (size_t)(end - start) >= INET6_ADDRSTRLEN)
		return -EINVAL;
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';
	*ret_v6 = v6;
	*ret_port = end + (v6 ? 2 : 1);
	return 0;
}

static int parse_inet(const char *text, struct weft_address *address)
{
	char host[INET6_ADDRSTRLEN];
	const char *port;
	bool v6;
	int r;

	r = split(text, host, &v6, &port);
	if (r < 0)
		return r;
	if (v6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->storage;

		in6->sin6_family = AF_INET6;
		address->len = sizeof(*in6);
		return inet_pton(AF_INET6, host, &in6->sin6_addr) == 1
			       ? parse_port(port, &in6->sin6_port)
			       : -EINVAL;
	} else {
		struct sockaddr_in *in = (struct sockaddr_in *)&address->storage;

		in->sin_family = AF_INET;
		address->len = sizeof(*in);
		return inet_pton(AF_INET, host, &in->sin_addr) == 1
			       ? parse_port(port, &in->sin_port)
			       : -EINVAL;
	}
}

static int parse_unix(const char *name, bool abstract, struct weft_address *address)
{
	size_t len = strlen(name);

	if (len == 0)
		return -EINVAL;
	if (len > PATH_MAX_LEN)
		return -ENAMETOOLONG;
	address->un.sun_family = AF_UNIX;
	memcpy(address->un.sun_path + abstract, name, len);
	/* A path counts its NUL; an abstract name begins with one. */
	address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	return 0;
}

int weft_address_parse(const char *text, struct weft_address *ret_address)
{
	struct weft_address address;
	const char *name;
	int r;

	memset(&address, 0, sizeof(address));
	if ((name = after_prefix(text, "unix:")))
		r = parse_unix(name, false, &address);
	else if ((name = after_prefix(text, "unix-abstract:")))
		r = parse_unix(name, true, &address);
	else
		r = parse_inet(text, &address);
	if (r == 0)
		*ret_address = address;
	return r;
}

static void format_unix(const struct weft_address *address, char text[WEFT_ADDRESS_MAX])
{
	size_t len = address->len - offsetof(struct sockaddr_un, sun_path);
	const char *path = address->un.sun_path;

	if (address->len <= offsetof(struct sockaddr_un, sun_path))
		snprintf(text, WEFT_ADDRESS_MAX, "unix:");
	else if (path[0])
		snprintf(text, WEFT_ADDRESS_MAX, "unix:%.*s", (int)strnlen(path, len), path);
	else
		snprintf(text, WEFT_ADDRESS_MAX, "unix-abstract:%.*s", (int)len - 1, path + 1);
}

static void format_inet6(const struct sockaddr_in6 *in6, char text[WEFT_ADDRESS_MAX])
{
	char host[INET6_ADDRSTRLEN];
	unsigned port = ntohs(in6->sin6_port);

	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		inet_ntop(AF_INET, in6->sin6_addr.s6_addr + 12, host, sizeof(host));
		snprintf(text, WEFT_ADDRESS_MAX, "%s:%u", host, port);
	} else {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(text, WEFT_ADDRESS_MAX, "[%s]:%u", host, port);
	}
}

void weft_address_format(const struct weft_address *address, char text[WEFT_ADDRESS_MAX])
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&address->storage;
	char host[INET_ADDRSTRLEN];

	switch (address->sa.sa_family) {
	case AF_UNIX: format_unix(address, text); break;
	case AF_INET6: format_inet6((const struct sockaddr_in6 *)&address->storage, text); break;
	case AF_INET:
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(text, WEFT_ADDRESS_MAX, "%s:%u", host, (unsigned)ntohs(in->sin_port));
		break;
	default: snprintf(text, WEFT_ADDRESS_MAX, "unknown"); break;
	}
}

const char *weft_address_path(const struct weft_address *address)
{
	if (address->sa.sa_family != AF_UNIX || !address->un.sun_path[0])
		return NULL;
	return address->un.sun_path;
}

bool weft_address_is_ip(const char *host)
{
	uint8_t bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}
