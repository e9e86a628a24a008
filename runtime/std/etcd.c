/*
 * The resolver for etcd, on the public headers and the generated stubs.
 *
 *	RANGING ──all keys, at a revision──► WATCHING, from the next revision on
 *	   ▲                                    │
 *	   └──────WAITING◄──it ended, or etcd cannot be reached
 *
 * A watch that etcd ends, be it that the revision has been compacted, is begun with a new range,
 * never by skipping revisions. The names have a connection to etcd each, which is idle but for
 * changes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/channel.h>
#include <weft/list.h>
#include <weft/log.h>

#include "etcd_endpoint.h"
#include "etcdserverpb/rpc.weft.h"

#define VARIABLE      "WEFT_REGISTRY"
#define QUERY         "version="
#define RANGE_TIMEOUT (5 * WEFT_SECOND)
#define WAIT_FIRST    (200 * WEFT_MS)
#define WAIT_MAX      (500 * WEFT_MS)    /* an etcd that is back is heard within a second */
#define KEEPALIVE     (10 * WEFT_SECOND) /* an etcd that is frozen is no etcd */

static char *default_target; /* of the process: written before there are workers */
static struct weft_tls *default_tls;

struct entry {
	struct weft_list node;
	char *key;
	size_t key_len;
	struct weft_arena *arena; /* of the endpoint */
	struct weft_endpoint endpoint;
};

struct etcd {
	struct weft_resolver *resolver; /* NULL: stopped, and freed when the call has ended */
	struct weft_channel *channel;   /* NULL: there is no etcd; `error` says why */
	char error[256];
	char *prefix;      /* "NAME/" */
	const char *range; /* of versions, the target's; NULL: any */
	char *end;         /* of its range: the prefix with the last byte one higher */
	struct weft_list entries;
	size_t n;
	int64_t revision;     /* up to which the entries are known */
	struct weft_rpc *rpc; /* the range or the watch */
	struct weft_timer timer;
	uint64_t wait; /* the next pause */
};

static struct weft_loop *loop_of(const struct etcd *etcd)
{
	return weft_worker_loop(weft_resolver_worker(etcd->resolver));
}

/* ---- entries ---- */

static void entry_free(struct etcd *etcd, struct entry *entry)
{
	weft_list_remove(&entry->node);
	etcd->n--;
	weft_arena_free(entry->arena);
	free(entry->key);
	free(entry);
}

static void clear(struct etcd *etcd)
{
	weft_list_each (node, after, &etcd->entries)
		entry_free(etcd, weft_list_entry(node, struct entry, node));
}

static void remove_key(struct etcd *etcd, ProtobufCBinaryData key)
{
	weft_list_each (node, after, &etcd->entries) {
		struct entry *entry = weft_list_entry(node, struct entry, node);

		if (entry->key_len == key.len && memcmp(entry->key, key.data, key.len) == 0)
			entry_free(etcd, entry);
	}
}

/* One that makes no sense, or has another version than is wanted, is left out. */
static void put(struct etcd *etcd, const Mvccpb__KeyValue *kv)
{
	struct entry *entry = calloc(1, sizeof(*entry));
	const char *version = NULL;
	char error[256] = "";

	remove_key(etcd, kv->key);
	if (!entry)
		abort();
	entry->key = malloc(kv->key.len + 1);
	if (!entry->key)
		abort();
	memcpy(entry->key, kv->key.data, kv->key.len);
	entry->key[kv->key.len] = '\0';
	entry->key_len = kv->key.len;
	entry->arena = weft_arena_new();
	weft_list_append(&etcd->entries, &entry->node);
	etcd->n++;
	if (etcd_endpoint_read((const char *)kv->value.data, kv->value.len, entry->arena, error,
			       &entry->endpoint, &version) < 0) {
		weft_log_warning("an endpoint in etcd makes no sense", WEFT_STR("key", entry->key),
				 WEFT_STR("error", error));
		entry_free(etcd, entry);
	} else if (etcd->range && weft_version_in(version, etcd->range) != 1) {
		entry_free(etcd, entry);
	}
}

static void tell(struct etcd *etcd)
{
	struct weft_endpoint *list = calloc(etcd->n + 1, sizeof(*list));
	struct weft_endpoints endpoints = { .size = sizeof(endpoints), .list = list, .news = true };

	if (!list)
		abort();
	weft_list_each (node, after, &etcd->entries)
		list[endpoints.n++] = weft_list_entry(node, struct entry, node)->endpoint;
	weft_resolver_found(etcd->resolver, &endpoints);
	free(list);
}

/* ---- the end of a call ---- */

static void etcd_free(struct etcd *etcd)
{
	clear(etcd);
	free(etcd->prefix);
	free(etcd->end);
	free(etcd);
}

/* False: nobody wants to know any more, and `etcd` is gone. */
static bool goes_on(struct etcd *etcd)
{
	etcd->rpc = NULL;
	if (etcd->resolver)
		return true;
	etcd_free(etcd);
	return false;
}

static void wait_and_range(struct etcd *etcd)
{
	weft_timer_start(loop_of(etcd), &etcd->timer, etcd->wait);
	etcd->wait = etcd->wait * 2 < WAIT_MAX ? etcd->wait * 2 : WAIT_MAX;
}

/* ---- watching ---- */

static void on_message(struct weft_rpc *rpc, const Etcdserverpb__WatchResponse *message, void *data)
{
	struct etcd *etcd = data;

	if (!etcd->resolver)
		return;
	if (message->canceled) {
		weft_rpc_cancel(rpc); /* and a range follows */
		return;
	}
	etcd->wait = WAIT_FIRST;
	for (size_t i = 0; i < message->n_events; i++) {
		const Mvccpb__Event *event = message->events[i];

		if (!event->kv || event->kv->key.len == 0)
			continue;
		if (event->type == MVCCPB__EVENT__EVENT_TYPE__DELETE)
			remove_key(etcd, event->kv->key);
		else
			put(etcd, event->kv);
	}
	if (message->n_events)
		tell(etcd);
}

static void on_watch_end(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	if (goes_on(data))
		wait_and_range(data);
}

static void watch(struct etcd *etcd)
{
	static const struct etcdserverpb_watch_watch_events events = {
		.on_message = on_message,
		.on_end = on_watch_end,
	};
	Etcdserverpb__WatchCreateRequest create = ETCDSERVERPB__WATCH_CREATE_REQUEST__INIT;
	Etcdserverpb__WatchRequest request = ETCDSERVERPB__WATCH_REQUEST__INIT;

	create.key = (ProtobufCBinaryData) { strlen(etcd->prefix), (uint8_t *)etcd->prefix };
	create.range_end = (ProtobufCBinaryData) { strlen(etcd->end), (uint8_t *)etcd->end };
	create.start_revision = etcd->revision + 1;
	request.request_union_case = ETCDSERVERPB__WATCH_REQUEST__REQUEST_UNION_CREATE_REQUEST;
	request.create_request = &create;
	etcd->rpc = etcdserverpb_watch_watch(etcd->channel, NULL, &events, etcd);
	etcdserverpb_watch_watch_send_request(etcd->rpc, &request);
}

/* ---- ranging ---- */

static void on_range(struct weft_rpc *rpc, const struct weft_status *status,
		     Etcdserverpb__RangeResponse *res, void *data)
{
	struct etcd *etcd = data;

	if (!goes_on(etcd))
		return;
	if (status->code != WEFT_OK || !res->header) {
		char error[256];

		snprintf(error, sizeof(error), "etcd: %.200s", status->message);
		wait_and_range(etcd);
		weft_resolver_failed(etcd->resolver, -EAGAIN, error);
		return;
	}
	clear(etcd);
	for (size_t i = 0; i < res->n_kvs; i++)
		if (res->kvs[i]->key.len)
			put(etcd, res->kvs[i]);
	etcd->revision = res->header->revision;
	watch(etcd);
	tell(etcd);
}

static void range(struct weft_timer *timer, void *data)
{
	struct etcd *etcd = data;
	Etcdserverpb__RangeRequest request = ETCDSERVERPB__RANGE_REQUEST__INIT;

	if (!etcd->channel) {
		weft_resolver_failed(etcd->resolver, -EINVAL, etcd->error);
		return;
	}
	request.key = (ProtobufCBinaryData) { strlen(etcd->prefix), (uint8_t *)etcd->prefix };
	request.range_end = (ProtobufCBinaryData) { strlen(etcd->end), (uint8_t *)etcd->end };
	request.serializable = true;
	etcd->rpc = etcdserverpb_kv_range(etcd->channel, &request,
					  WEFT_CALL_OPTIONS(.timeout_ns = RANGE_TIMEOUT), on_range,
					  etcd);
}

/* ---- the class ---- */

static void open_channel(struct etcd *etcd, const struct weft_resolver_target *target)
{
	const char *at = *target->authority ? target->authority : default_target;
	const struct weft_channel_options options = {
		.size = sizeof(options),
		.tls = default_tls,
		.keepalive_ns = KEEPALIVE,
		.idle_timeout_ns = WEFT_NEVER,
		.backoff_ns = WAIT_FIRST,
		.backoff_max_ns = WAIT_MAX,
	};

	if (!at)
		at = getenv(VARIABLE);
	if (!at || !*at)
		snprintf(etcd->error, sizeof(etcd->error),
			 "%.100s: no etcd is known: say etcd://host:port/name, or set " VARIABLE,
			 target->text);
	else if (strncmp(at, "etcd:", 5) == 0)
		snprintf(etcd->error, sizeof(etcd->error),
			 "%.100s: " VARIABLE " is such a name itself", target->text);
	else
		weft_channel_new(weft_resolver_worker(etcd->resolver), at, &options, etcd->error,
				 &etcd->channel);
}

/* The range behind "version="; NULL: none. */
static const char *range_of(const struct weft_resolver_target *target)
{
	return strncmp(target->query, QUERY, strlen(QUERY)) == 0 ? target->query + strlen(QUERY)
								 : NULL;
}

static int check(const struct weft_resolver_target *target, char error[256])
{
	const char *range = range_of(target);

	if (*target->query == '\0' || (range && weft_version_in(NULL, range) >= 0))
		return 0;
	snprintf(error, 256, "%.150s: behind the '?' may stand a version, as in ?" QUERY "1.2",
		 target->text);
	return -EINVAL;
}

static void *start(struct weft_resolver *resolver, const struct weft_resolver_target *target)
{
	struct etcd *etcd = calloc(1, sizeof(*etcd));

	if (!etcd || asprintf(&etcd->prefix, "%s/", target->path) < 0)
		abort();
	etcd->end = strdup(etcd->prefix);
	if (!etcd->end)
		abort();
	etcd->end[strlen(etcd->end) - 1] = '/' + 1;
	etcd->resolver = resolver;
	etcd->range = range_of(target);
	etcd->wait = WAIT_FIRST;
	weft_list_init(&etcd->entries);
	weft_timer_init(&etcd->timer, range, etcd);
	open_channel(etcd, target);
	weft_timer_start(loop_of(etcd), &etcd->timer, 0);
	return etcd;
}

static void stop(void *self)
{
	struct etcd *etcd = self;

	weft_timer_stop(loop_of(etcd), &etcd->timer);
	etcd->resolver = NULL;
	if (etcd->rpc)
		weft_rpc_cancel(etcd->rpc);
	weft_channel_unref(etcd->channel);
	if (!etcd->rpc)
		etcd_free(etcd);
}

int weft_etcd_register(const char *target, struct weft_tls *tls)
{
	static const struct weft_resolver_class class = {
		.size = sizeof(class),
		.scheme = "etcd",
		.check = check,
		.start = start,
		.stop = stop,
	};
	int r = weft_resolver_register(&class);

	if (r < 0)
		return r;
	default_target = target ? strdup(target) : NULL;
	if (target && !default_target)
		abort();
	default_tls = tls ? weft_tls_ref(tls) : NULL;
	return 0;
}
