/*
 * Resolvers: from a target to the endpoints that it stands for now. A channel picks the class by
 * the target's scheme and lends each instance itself, as a struct weft_resolver, to say what has
 * been found, as often as it changes. dns, file and addresses are built in (channel.h); others, as
 * etcd, come by weft_resolver_register().
 */
#ifndef WEFT_RESOLVER_H
#define WEFT_RESOLVER_H

#include <weft/worker.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_resolver;

struct weft_endpoint {
	const char *address;    /* "unix:/path", "unix-abstract:name", "127.0.0.1:80", "[::1]:80" */
	uint32_t weight;        /* relative to the others; 0: none is said */
	const char *attributes; /* what else is known, a JSON object; or NULL */
};

struct weft_endpoints {
	size_t size;
	const struct weft_endpoint *list; /* borrowed */
	size_t n;                         /* 0: the name is known, and nobody serves it now */
	const char *service_config;       /* gRPC's JSON, or NULL: the name says nothing */
	/* Their owner has just said so, unasked: an endpoint that failed is tried again at once. */
	bool news;
};

/* A target of a registered scheme, taken apart: "scheme://authority/path?query", or
 * "scheme:path?query". */
struct weft_resolver_target {
	size_t size;
	const char *text;      /* as it was given */
	const char *authority; /* "" where there is none */
	const char *path;      /* without the slash behind the authority */
	const char *query;     /* behind a '?'; "" where there is none */
};

/* All functions run on the channel's worker. */
struct weft_resolver_class {
	size_t size;
	const char *scheme;
	/* -EINVAL: `error` says in a sentence what would be right. NULL: every target is. */
	int (*check)(const struct weft_resolver_target *target, char error[256]);
	/* Begins to resolve and goes on until stop(). Cannot fail: what goes wrong is said later
	 * with weft_resolver_failed(). `target` lives as long as the resolver. */
	void *(*start)(struct weft_resolver *resolver, const struct weft_resolver_target *target);
	/* A connection was lost or could not be had: look again, though not too often. NULL where
	 * the resolver learns of each change by itself. */
	void (*refresh)(void *self);
	/* Whether it is known that what was told is old; refresh() follows then, and calls wait for
	 * what comes of it. NULL: never. */
	bool (*changed)(void *self);
	/* Nothing is said any more, and `self` is freed. Also from inside the two below. */
	void (*stop)(void *self);
};

/* Once for a scheme, -EEXIST, and before any worker has been started: the table is the process's
 * and not locked. The class is static. -ENOSPC: there are 16 already. */
int weft_resolver_register(const struct weft_resolver_class *resolver_class);

/* What has been found, in place of all that was found before. Never before start() has returned.
 * What is no address is left out, and so is what stands twice. */
void weft_resolver_found(struct weft_resolver *resolver, const struct weft_endpoints *endpoints);
/* It did not work: `error` is a sentence. What was found before stays in use. */
void weft_resolver_failed(struct weft_resolver *resolver, int r, const char *error);
struct weft_worker *weft_resolver_worker(const struct weft_resolver *resolver);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
