/*
 * grpc.health.v1.Health on the generated stubs, and nothing but the public headers.
 *
 * The states of the services belong to the process and have the one lock here: it is held to read
 * or write a state, never while a call is touched. What watches belongs to workers. A change posts
 * one task to each worker, which wakes the watches there; their pumps read the state again, so that
 * a watcher which was slow sees the last state and none in between.
 *
 *	weft_health ──< service            by name, under the lock
 *	     └────────< attachment         one for each server, on its worker
 *	                    └────< watch   one for each Watch, in the arena of its call
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <weft/arena.h>
#include <weft/health.h>
#include <weft/list.h>
#include <weft/map.h>
#include <weft/worker.h>

#include "grpc/health/v1/health.weft.h"

typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus Status;

#define STATUS_UNKNOWN     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__UNKNOWN
#define STATUS_SERVING     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define STATUS_NOT_SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define STATUS_SERVICE_UNKNOWN                                                                     \
	GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

#define MAX_LISTED 100 /* as other implementations have it */

struct service {
	Status status;
	char name[];
};

struct weft_health {
	pthread_mutex_t lock;
	struct weft_map services;
	struct weft_list attachments;
	bool down; /* by weft_health_shutdown: nothing serves any more */
};

struct attachment {
	struct weft_list node;
	struct weft_health *health;
	struct weft_worker *worker;
	struct weft_task wake;
	bool posted;              /* under the lock: `wake` is on its way */
	struct weft_list watches; /* the worker's alone */
};

struct watch {
	struct weft_list node;
	struct attachment *attachment;
	struct weft_call *call;
	const char *service;
	bool sent; /* `status` was */
	Status status;
};

/* Under the lock. */
static struct service *find(const struct weft_health *health, const char *name)
{
	return weft_map_get(&health->services, name, strlen(name));
}

/* `ret_final`: it will not change again. */
static Status status_of(struct weft_health *health, const char *name, bool *ret_final)
{
	const struct service *service;
	Status status = STATUS_SERVICE_UNKNOWN;

	pthread_mutex_lock(&health->lock);
	service = find(health, name);
	if (service)
		status = health->down ? STATUS_NOT_SERVING : service->status;
	*ret_final = health->down;
	pthread_mutex_unlock(&health->lock);
	return status;
}

static int check(struct weft_call *call, const Grpc__Health__V1__HealthCheckRequest *req,
		 void *self)
{
	Grpc__Health__V1__HealthCheckResponse res = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
	struct attachment *attachment = self;
	bool final;

	res.status = status_of(attachment->health, req->service, &final);
	if (res.status == STATUS_SERVICE_UNKNOWN)
		return weft_call_fail(call, WEFT_NOT_FOUND, "nothing is known of a service \"%s\"",
				      req->service);
	return grpc_health_v1_check_reply(call, &res);
}

/* Under the lock. */
static int fill_list(const struct weft_health *health, struct weft_arena *arena,
		     Grpc__Health__V1__HealthListResponse *res)
{
	void *value;

	res->statuses = weft_arena_alloc(arena, health->services.len * sizeof(*res->statuses));
	if (!res->statuses)
		return -ENOMEM;
	for (size_t at = 0; weft_map_next(&health->services, &at, &value);) {
		const struct service *service = value;
		Grpc__Health__V1__HealthListResponse__StatusesEntry *entry;
		Grpc__Health__V1__HealthCheckResponse *state;

		entry = weft_arena_alloc(arena, sizeof(*entry));
		state = weft_arena_alloc(arena, sizeof(*state));
		grpc__health__v1__health_list_response__statuses_entry__init(entry);
		grpc__health__v1__health_check_response__init(state);
		state->status = health->down ? STATUS_NOT_SERVING : service->status;
		entry->key = (char *)service->name; /* stays for the life of `health` */
		entry->value = state;
		res->statuses[res->n_statuses++] = entry;
	}
	return 0;
}

static int list(struct weft_call *call, const Grpc__Health__V1__HealthListRequest *req, void *self)
{
	Grpc__Health__V1__HealthListResponse res = GRPC__HEALTH__V1__HEALTH_LIST_RESPONSE__INIT;
	struct attachment *attachment = self;
	bool too_many;
	int r = 0;

	pthread_mutex_lock(&attachment->health->lock);
	too_many = attachment->health->services.len > MAX_LISTED;
	if (!too_many)
		r = fill_list(attachment->health, weft_call_arena(call), &res);
	pthread_mutex_unlock(&attachment->health->lock);
	if (too_many)
		return weft_call_fail(call, WEFT_RESOURCE_EXHAUSTED,
				      "there are more than %d services", MAX_LISTED);
	return r < 0 ? r : grpc_health_v1_list_reply(call, &res);
}

/* The call ends at most with its connection, or when its client has seen enough. */
static void on_watch_gone(void *data)
{
	struct watch *watch = data;

	weft_list_remove(&watch->node);
}

static int watch_pump(struct weft_call *call, void *data)
{
	Grpc__Health__V1__HealthCheckResponse res = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
	struct watch *watch = data;
	bool final;
	int r;

	if (!weft_call_writable(call))
		return 0;
	res.status = status_of(watch->attachment->health, watch->service, &final);
	if (!watch->sent || res.status != watch->status) {
		r = grpc_health_v1_watch_send(call, &res);
		if (r < 0)
			return r;
		watch->sent = true;
		watch->status = res.status;
	}
	return final ? weft_call_finish(call) : 0;
}

static int watch(struct weft_call *call, const Grpc__Health__V1__HealthCheckRequest *req,
		 void *self)
{
	struct weft_arena *arena = weft_call_arena(call);
	struct watch *watch = weft_arena_zalloc(arena, sizeof(*watch));

	watch->attachment = self;
	watch->call = call;
	watch->service = req->service;
	weft_list_append(&watch->attachment->watches, &watch->node);
	weft_arena_defer(arena, on_watch_gone, watch);
	weft_call_on_ready(call, watch_pump, watch);
	return 0;
}

static const struct grpc_health_v1_handlers handlers = {
	.check = check,
	.list = list,
	.watch = watch,
};

static void wake_watches(struct weft_task *task)
{
	struct attachment *attachment = weft_container_of(task, struct attachment, wake);

	/* First: a change from now on posts anew. */
	pthread_mutex_lock(&attachment->health->lock);
	attachment->posted = false;
	pthread_mutex_unlock(&attachment->health->lock);

	weft_list_each (at, after, &attachment->watches)
		weft_call_wake(weft_list_entry(at, struct watch, node)->call);
}

static Status status_from(enum weft_health_state state)
{
	switch (state) {
	case WEFT_HEALTH_SERVING: return STATUS_SERVING;
	case WEFT_HEALTH_NOT_SERVING: return STATUS_NOT_SERVING;
	case WEFT_HEALTH_UNKNOWN: break;
	}
	return STATUS_UNKNOWN;
}

/* Under the lock. A name that is new stays for the life of `health`. */
static struct service *find_or_add(struct weft_health *health, const char *name)
{
	struct service *service = find(health, name);
	size_t len = strlen(name);

	if (service)
		return service;
	service = malloc(sizeof(*service) + len + 1);
	if (!service)
		abort();
	memcpy(service->name, name, len + 1);
	if (weft_map_put(&health->services, service->name, len, service) < 0)
		abort();
	return service;
}

/* Under the lock. */
static void wake_workers(struct weft_health *health)
{
	weft_list_each (at, after, &health->attachments) {
		struct attachment *attachment = weft_list_entry(at, struct attachment, node);

		if (!attachment->posted)
			weft_worker_post(attachment->worker, &attachment->wake);
		attachment->posted = true;
	}
}

void weft_health_set(struct weft_health *health, const char *service, enum weft_health_state state)
{
	pthread_mutex_lock(&health->lock);
	find_or_add(health, service)->status = status_from(state);
	wake_workers(health);
	pthread_mutex_unlock(&health->lock);
}

void weft_health_shutdown(struct weft_health *health)
{
	pthread_mutex_lock(&health->lock);
	health->down = true;
	wake_workers(health);
	pthread_mutex_unlock(&health->lock);
}

int weft_health_add(struct weft_health *health, struct weft_server *server)
{
	struct attachment *attachment = calloc(1, sizeof(*attachment));
	int r;

	if (!attachment)
		abort();
	attachment->health = health;
	attachment->worker = weft_server_worker(server);
	attachment->wake.run = wake_watches;
	weft_list_init(&attachment->watches);

	r = grpc_health_v1_add(server, &handlers, attachment);
	if (r < 0) {
		free(attachment);
		return r;
	}
	pthread_mutex_lock(&health->lock);
	weft_list_append(&health->attachments, &attachment->node);
	pthread_mutex_unlock(&health->lock);
	return 0;
}

int weft_health_new(struct weft_health **ret_health)
{
	struct weft_health *health = calloc(1, sizeof(*health));

	if (!health)
		abort();
	pthread_mutex_init(&health->lock, NULL);
	weft_list_init(&health->attachments);
	weft_health_set(health, "", WEFT_HEALTH_NOT_SERVING);
	*ret_health = health;
	return 0;
}

void weft_health_free(struct weft_health *health)
{
	struct weft_list *node;
	void *service;

	if (!health)
		return;
	while ((node = weft_list_pop(&health->attachments)))
		free(weft_list_entry(node, struct attachment, node));
	for (size_t at = 0; weft_map_next(&health->services, &at, &service);)
		free(service);
	weft_map_fini(&health->services);
	pthread_mutex_destroy(&health->lock);
	free(health);
}
