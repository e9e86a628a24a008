/*
 * A channel's resolver: an instance of the class that its target's scheme has, from the first call
 * until the channel is idle again. weft/resolver.h is what a class sees of it.
 */
#ifndef WEFT_RPC_RESOLVER_H
#define WEFT_RPC_RESOLVER_H

#include <weft/resolver.h>

struct weft_target;

struct weft_resolver_events {
	/* Each address is one, and stands once. */
	void (*on_found)(const struct weft_endpoints *endpoints, void *data);
	void (*on_failed)(int r, const char *error, void *data);
};

/* `target` outlives it; `interval_ns` is the least between two questions to DNS. Events come later,
 * from the loop. */
struct weft_resolver *weft_resolver_new(struct weft_worker *worker,
					const struct weft_target *target, uint64_t interval_ns,
					const struct weft_resolver_events *events, void *data);
void weft_resolver_refresh(struct weft_resolver *resolver);
/* The last answer, or NULL: there was none yet. */
const struct weft_endpoints *weft_resolver_last(const struct weft_resolver *resolver);
/* Whether it is known that the last answer is old: the file has been written anew. */
bool weft_resolver_changed(const struct weft_resolver *resolver);
/* No event comes any more. Takes NULL. */
void weft_resolver_free(struct weft_resolver *resolver);

/* For the classes that are built in. */
const struct weft_target *weft_resolver_parsed(const struct weft_resolver *resolver);
uint64_t weft_resolver_interval(const struct weft_resolver *resolver);
extern const struct weft_resolver_class weft_resolver_addresses;
extern const struct weft_resolver_class weft_resolver_dns;
extern const struct weft_resolver_class weft_resolver_file;

/* The class that was registered for the scheme, or NULL. */
const struct weft_resolver_class *weft_resolver_find(const char *scheme, size_t len);

#endif
