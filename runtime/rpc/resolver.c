/*
 * What stands between a channel and the class that resolves for it: the table of the schemes, and
 * what is left out of what a class has found. The class that has nothing to resolve is here too.
 *
 * The table is one for the process, because a scheme means the same in all of it; it is written
 * before there is a second thread, and then only read.
 */
#include "rpc/resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <weft/arena.h>
#include <weft/log.h>
#include <weft/map.h>

#include "rpc/target.h"

#define CLASSES_MAX 16

static const struct weft_resolver_class *classes[CLASSES_MAX];
static size_t n_classes;

struct weft_resolver {
	struct weft_worker *worker;
	const struct weft_target *target;
	const struct weft_resolver_class *class;
	void *self;
	uint64_t interval_ns;
	const struct weft_resolver_events *events;
	void *data;
	struct weft_arena *arena; /* of `last`; NULL: there is none */
	struct weft_endpoints last;
};

/* ---- classes ---- */

const struct weft_resolver_class *weft_resolver_find(const char *scheme, size_t len)
{
	for (size_t i = 0; i < n_classes; i++)
		if (strlen(classes[i]->scheme) == len &&
		    memcmp(classes[i]->scheme, scheme, len) == 0)
			return classes[i];
	return NULL;
}

int weft_resolver_register(const struct weft_resolver_class *class)
{
	if (weft_resolver_find(class->scheme, strlen(class->scheme)))
		return -EEXIST;
	if (n_classes == CLASSES_MAX)
		return -ENOSPC;
	classes[n_classes++] = class;
	return 0;
}

static const struct weft_resolver_class *class_of(const struct weft_target *target)
{
	switch (target->kind) {
	case WEFT_TARGET_ADDRESSES: return &weft_resolver_addresses;
	case WEFT_TARGET_FILE: return &weft_resolver_file;
	case WEFT_TARGET_DNS: return &weft_resolver_dns;
	case WEFT_TARGET_REGISTERED: return target->class;
	}
	abort();
}

/* ---- the instance ---- */

struct weft_resolver *weft_resolver_new(struct weft_worker *worker,
					const struct weft_target *target, uint64_t interval_ns,
					const struct weft_resolver_events *events, void *data)
{
	struct weft_resolver *resolver = calloc(1, sizeof(*resolver));

	if (!resolver)
		abort();
	resolver->worker = worker;
	resolver->target = target;
	resolver->class = class_of(target);
	resolver->interval_ns = interval_ns;
	resolver->events = events;
	resolver->data = data;
	resolver->self = resolver->class->start(resolver, &target->parts);
	return resolver;
}

void weft_resolver_refresh(struct weft_resolver *resolver)
{
	if (resolver->class->refresh)
		resolver->class->refresh(resolver->self);
}

bool weft_resolver_changed(const struct weft_resolver *resolver)
{
	return resolver->class->changed && resolver->class->changed(resolver->self);
}

void weft_resolver_free(struct weft_resolver *resolver)
{
	if (!resolver)
		return;
	resolver->class->stop(resolver->self);
	weft_arena_free(resolver->arena);
	free(resolver);
}

const struct weft_target *weft_resolver_parsed(const struct weft_resolver *resolver)
{
	return resolver->target;
}

uint64_t weft_resolver_interval(const struct weft_resolver *resolver)
{
	return resolver->interval_ns;
}

struct weft_worker *weft_resolver_worker(const struct weft_resolver *resolver)
{
	return resolver->worker;
}

/* ---- what it has found ---- */

static bool is_wanted(const struct weft_resolver *resolver, struct weft_map *seen,
		      const struct weft_endpoint *endpoint)
{
	if (!endpoint->address || weft_target_check_address(endpoint->address) < 0) {
		weft_log_warning("a resolver's address is none",
				 WEFT_STR("target", resolver->target->text),
				 WEFT_STR("address", endpoint->address ? endpoint->address : ""));
		return false;
	}
	return weft_map_put(seen, endpoint->address, strlen(endpoint->address), (void *)endpoint) ==
	       0;
}

const struct weft_endpoints *weft_resolver_last(const struct weft_resolver *resolver)
{
	return resolver->arena ? &resolver->last : NULL;
}

static const char *copy(struct weft_arena *arena, const char *text)
{
	const char *result = text ? weft_arena_strdup(arena, text) : NULL;

	if (text && !result)
		abort();
	return result;
}

void weft_resolver_found(struct weft_resolver *resolver, const struct weft_endpoints *endpoints)
{
	struct weft_arena *before = resolver->arena, *arena = weft_arena_new();
	struct weft_endpoint *list =
		weft_arena_new_array(arena, struct weft_endpoint, endpoints->n + 1);
	struct weft_map seen = WEFT_MAP_INIT;
	size_t n = 0;

	if (!list)
		abort();
	for (size_t i = 0; i < endpoints->n; i++) {
		if (!is_wanted(resolver, &seen, &endpoints->list[i]))
			continue;
		list[n].address = copy(arena, endpoints->list[i].address);
		list[n].weight = endpoints->list[i].weight;
		list[n++].attributes = copy(arena, endpoints->list[i].attributes);
	}
	weft_map_fini(&seen);
	resolver->arena = arena;
	resolver->last = (struct weft_endpoints) {
		.size = sizeof(resolver->last),
		.list = list,
		.n = n,
		.service_config = copy(arena, endpoints->service_config),
		.news = endpoints->news,
	};
	resolver->events->on_found(&resolver->last, resolver->data);
	weft_arena_free(before);
}

void weft_resolver_failed(struct weft_resolver *resolver, int r, const char *error)
{
	resolver->events->on_failed(r, error, resolver->data);
}

/* ---- targets that are addresses ---- */

struct addresses {
	struct weft_task task;
	struct weft_resolver *resolver; /* NULL: stopped while the task was queued */
	bool told;
};

static void tell_addresses(struct weft_task *task)
{
	struct addresses *addresses = weft_container_of(task, struct addresses, task);
	const struct weft_target *target;
	struct weft_endpoints endpoints = { .size = sizeof(endpoints) };
	struct weft_endpoint *list;

	if (!addresses->resolver) {
		free(addresses);
		return;
	}
	addresses->told = true;
	target = addresses->resolver->target;
	list = calloc(target->n_addresses, sizeof(*list));
	if (!list)
		abort();
	for (size_t i = 0; i < target->n_addresses; i++)
		list[i].address = target->addresses[i];
	endpoints.list = list;
	endpoints.n = target->n_addresses;
	weft_resolver_found(addresses->resolver, &endpoints);
	free(list);
}

static void *start_addresses(struct weft_resolver *resolver,
			     const struct weft_resolver_target *target)
{
	struct addresses *addresses = calloc(1, sizeof(*addresses));

	if (!addresses)
		abort();
	addresses->resolver = resolver;
	addresses->task.run = tell_addresses;
	weft_loop_defer(weft_worker_loop(resolver->worker), &addresses->task);
	return addresses;
}

static void stop_addresses(void *self)
{
	struct addresses *addresses = self;

	addresses->resolver = NULL;
	if (addresses->told)
		free(addresses);
}

const struct weft_resolver_class weft_resolver_addresses = {
	.size = sizeof(struct weft_resolver_class),
	.scheme = "",
	.start = start_addresses,
	.stop = stop_addresses,
};
