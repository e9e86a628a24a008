/*
 * gRPC's naming syntax (naming.md). Whatever is an address already becomes one here, so that only
 * files and names are left to a resolver. A target comes from configuration, not from a peer:
 * memory is not a question.
 */
#include "rpc/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "rpc/resolver.h"

#define DEFAULT_PORT 443
#define DNS_PORT     53

static char *copy(const char *text, size_t len)
{
	char *result = strndup(text, len);

	if (!result)
		abort();
	return result;
}

static char *format_address(const char *host, unsigned port)
{
	char *text;

	if (asprintf(&text, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port) < 0)
		abort();
	return text;
}

static bool is_ip(int family, const char *host)
{
	unsigned char binary[sizeof(struct in6_addr)];

	return inet_pton(family, host, binary) == 1;
}

static int parse_port(const char *text, uint16_t *ret_port)
{
	unsigned long port = 0;

	if (!*text || strlen(text) > 5)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		port = port * 10 + (unsigned long)(*text - '0');
	}
	if (port == 0 || port > UINT16_MAX)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

/* Divides "host", "host:port", "[::1]" or "[::1]:port". *ret_port stays as it is when there is
 * none. */
static int split_host(const char *text, char **ret_host, uint16_t *ret_port)
{
	const char *end, *colon;

	if (text[0] == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] != '\0' && end[1] != ':'))
			return -EINVAL;
		colon = end[1] ? end + 1 : NULL;
		text++;
	} else {
		colon = strrchr(text, ':');
		if (colon && strchr(text, ':') != colon)
			colon = NULL; /* a bare IPv6 address */
		end = colon ? colon : text + strlen(text);
	}
	if (end == text)
		return -EINVAL;
	if (colon && parse_port(colon + 1, ret_port) < 0)
		return -EINVAL;
	*ret_host = copy(text, (size_t)(end - text));
	return 0;
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int check_unix(const char *path)
{
	size_t len = strlen(path);

	return len > 0 && len < sizeof(((struct sockaddr_un *)0)->sun_path) ? 0 : -EINVAL;
}

int weft_target_check_address(const char *address)
{
	uint16_t port = 0;
	char *host;
	int r;

	if (starts_with(address, "unix:"))
		return check_unix(address + strlen("unix:"));
	if (starts_with(address, "unix-abstract:"))
		return check_unix(address + strlen("unix-abstract:"));
	r = split_host(address, &host, &port);
	if (r < 0)
		return r;
	r = port && (is_ip(AF_INET, host) || is_ip(AF_INET6, host)) ? 0 : -EINVAL;
	free(host);
	return r;
}

char *weft_target_host_of(const char *authority)
{
	uint16_t port;
	char *host;

	return split_host(authority, &host, &port) < 0 ? copy(authority, strlen(authority)) : host;
}

/* ---- the schemes: `rest` stands behind the colon ---- */

static void add_address(struct weft_target *target, char *take_address)
{
	size_t size = (target->n_addresses + 1) * sizeof(*target->addresses);

	target->addresses = realloc(target->addresses, size);
	if (!target->addresses)
		abort();
	target->addresses[target->n_addresses++] = take_address;
}

static int fail(char error[256], const char *text, const char *why)
{
	snprintf(error, 256, "\"%.130s\" is no target: %s", text, why);
	return -EINVAL;
}

static int parse_unix(struct weft_target *target, const char *rest, char error[256])
{
	char *address;

	if (starts_with(rest, "//"))
		rest += 2;
	if (check_unix(rest) < 0)
		return fail(error, target->text, "the path is empty or too long");
	if (asprintf(&address, "unix:%s", rest) < 0)
		abort();
	add_address(target, address);
	target->authority = copy("localhost", 9);
	return 0;
}

static int parse_abstract(struct weft_target *target, const char *rest, char error[256])
{
	if (check_unix(rest) < 0)
		return fail(error, target->text, "the name is empty or too long");
	add_address(target, copy(target->text, strlen(target->text)));
	target->authority = copy("localhost", 9);
	return 0;
}

/* "ipv4:1.2.3.4:80,5.6.7.8:80": a list, tried in its order. */
static int parse_ip(struct weft_target *target, int family, const char *rest, char error[256])
{
	for (;;) {
		size_t len = strcspn(rest, ",");
		char *part = copy(rest, len), *host;
		uint16_t port = DEFAULT_PORT;
		int r;

		r = split_host(part, &host, &port);
		free(part);
		if (r < 0)
			return fail(error, target->text, "not \"address:port\"");
		if (!is_ip(family, host)) {
			free(host);
			return fail(error, target->text, "not an IP address of that kind");
		}
		add_address(target, format_address(host, port));
		free(host);
		if (rest[len] == '\0')
			break;
		rest += len + 1;
	}
	target->authority = copy(target->addresses[0], strlen(target->addresses[0]));
	return 0;
}

static int parse_ipv4(struct weft_target *target, const char *rest, char error[256])
{
	return parse_ip(target, AF_INET, rest, error);
}

static int parse_ipv6(struct weft_target *target, const char *rest, char error[256])
{
	return parse_ip(target, AF_INET6, rest, error);
}

static int parse_file(struct weft_target *target, const char *rest, char error[256])
{
	if (starts_with(rest, "//"))
		rest += 2;
	if (rest[0] != '/')
		return fail(error, target->text, "a file's path is absolute: \"file:///path\"");
	target->kind = WEFT_TARGET_FILE;
	target->path = copy(rest, strlen(rest));
	target->authority = copy("localhost", 9);
	return 0;
}

/* The server of "//server/host:port"; *rest moves behind it. */
static int parse_server(struct weft_target *target, const char **rest, char error[256])
{
	const char *end = strchr(*rest, '/');
	uint16_t port = DNS_PORT;
	char *text, *host;
	int r;

	if (!end)
		return fail(error, target->text, "not \"dns://server/host:port\"");
	text = copy(*rest, (size_t)(end - *rest));
	r = split_host(text, &host, &port);
	free(text);
	if (r == 0 && (is_ip(AF_INET, host) || is_ip(AF_INET6, host)))
		target->server = format_address(host, port);
	if (r == 0)
		free(host);
	*rest = end + 1;
	return target->server ? 0
			      : fail(error, target->text,
				     "its DNS server is no IP address with an optional port");
}

/* "//server/host:port" or "host:port"; an address needs no resolver. */
static int parse_dns(struct weft_target *target, const char *rest, char error[256])
{
	uint16_t port = DEFAULT_PORT;
	char *host;

	if (starts_with(rest, "///")) {
		rest += 3;
	} else if (starts_with(rest, "//")) {
		rest += 2;
		if (parse_server(target, &rest, error) < 0)
			return -EINVAL;
	}
	if (strchr(rest, '/') || split_host(rest, &host, &port) < 0) {
		return fail(error, target->text,
			    "not \"host:port\"; the schemes are dns, ipv4, ipv6, unix, "
			    "unix-abstract, file, and registered ones");
	}
	target->authority = format_address(host, port);
	if (is_ip(AF_INET, host) || is_ip(AF_INET6, host)) {
		add_address(target, copy(target->authority, strlen(target->authority)));
		free(host);
		return 0;
	}
	target->kind = WEFT_TARGET_DNS;
	target->host = host;
	target->port = port;
	return 0;
}

/* What a peer of it is called is the last part of the path: gRPC takes the whole, which is no host
 * name where it has several. */
static int parse_registered(struct weft_target *target, const char *rest, char error[256])
{
	struct weft_resolver_target *parts = &target->parts;
	char *at;

	target->kind = WEFT_TARGET_REGISTERED;
	target->whole = copy(rest, strlen(rest));
	*parts = (struct weft_resolver_target) {
		sizeof(*parts), target->text, "", target->whole, "",
	};
	at = strchr(target->whole, '?');
	if (at) {
		*at = '\0';
		parts->query = at + 1;
	}
	if (starts_with(target->whole, "//")) {
		parts->authority = target->whole + 2;
		at = strchr(parts->authority, '/');
		if (!at)
			return fail(error, target->text, "not \"scheme://authority/path\"");
		*at = '\0';
		parts->path = at + 1;
	}
	at = strrchr(parts->path, '/');
	at = at ? at + 1 : (char *)parts->path;
	if (!*at)
		return fail(error, target->text, "it names nothing: \"scheme:///name\"");
	target->authority = copy(at, strlen(at));
	return target->class->check ? target->class->check(parts, error) : 0;
}

static int parse(struct weft_target *target, char error[256])
{
	static const struct {
		const char *scheme;
		int (*parse)(struct weft_target *target, const char *rest, char error[256]);
	} schemes[] = {
		{ "unix", parse_unix }, { "unix-abstract", parse_abstract },
		{ "ipv4", parse_ipv4 }, { "ipv6", parse_ipv6 },
		{ "file", parse_file }, { "dns", parse_dns },
	};
	const char *text = target->text;
	size_t len = strcspn(text, ":");

	if (text[len] == '\0')
		return parse_dns(target, text, error);
	for (size_t i = 0; i < WEFT_COUNT(schemes); i++)
		if (strlen(schemes[i].scheme) == len && memcmp(schemes[i].scheme, text, len) == 0)
			return schemes[i].parse(target, text + len + 1, error);
	target->class = weft_resolver_find(text, len);
	if (target->class)
		return parse_registered(target, text + len + 1, error);
	return parse_dns(target, text, error);
}

int weft_target_parse(const char *text, char error[256], struct weft_target **ret_target)
{
	struct weft_target *target = calloc(1, sizeof(*target));
	int r;

	if (!target)
		abort();
	target->text = copy(text, strlen(text));
	r = parse(target, error);
	if (r < 0) {
		weft_target_free(target);
		return r;
	}
	*ret_target = target;
	return 0;
}

void weft_target_free(struct weft_target *target)
{
	if (!target)
		return;
	for (size_t i = 0; i < target->n_addresses; i++)
		free(target->addresses[i]);
	free(target->addresses);
	free(target->text);
	free(target->authority);
	free(target->path);
	free(target->host);
	free(target->server);
	free(target->whole);
	free(target);
}
