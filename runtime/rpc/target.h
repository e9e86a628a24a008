/* A channel's target, parsed: what to resolve, and what the peer is to be called. */
#ifndef WEFT_RPC_TARGET_H
#define WEFT_RPC_TARGET_H

#include <weft/resolver.h>

enum weft_target_kind {
	WEFT_TARGET_ADDRESSES, /* nothing to resolve */
	WEFT_TARGET_FILE,      /* a file that lists them */
	WEFT_TARGET_DNS,
	WEFT_TARGET_REGISTERED, /* a scheme of weft_resolver_register() */
};

struct weft_target {
	enum weft_target_kind kind;
	char *text;       /* as it was given */
	char *authority;  /* for :authority: "host:port", "localhost" where there is no host */
	char **addresses; /* as weft_transport_connect takes them */
	size_t n_addresses;
	char *path; /* of the file */
	char *host; /* for DNS */
	uint16_t port;
	char *server; /* to be asked, "192.0.2.53:53"; NULL: the system's */

	const struct weft_resolver_class *class; /* registered */
	struct weft_resolver_target parts;       /* of `whole` */
	char *whole;
};

/* -EINVAL: `error` says in a sentence what is wrong and what would be right. */
int weft_target_parse(const char *text, char error[256], struct weft_target **ret_target);
void weft_target_free(struct weft_target *target); /* takes NULL */

/* One address as a file lists it: "unix:/path", "unix-abstract:name", "127.0.0.1:80", "[::1]:80".
 * -EINVAL: it is none. */
int weft_target_check_address(const char *address);

/* The host of "host", "host:port" or "[::1]:port": what a certificate must name. */
char *weft_target_host_of(const char *authority); /* free() it */

#endif
