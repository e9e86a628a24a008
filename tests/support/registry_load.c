/*
 * Our client against a registry, ours or a real etcd:
 *
 *	registry_load TARGET OPERATIONS
 *
 * A few actors, each with keys of its own, go round until so many operations are done, and check
 * each answer: a put; a range, which must give what was put; now and then a watch, which is made at
 * that put's revision, must show it, and is cancelled; now and then a lease, which is granted, kept
 * alive, given a key and revoked, after which the key must be gone. One more watch looks on all
 * the while: it must see each change, in the order of revisions.
 *
 *	PUT ─▶ RANGE ─▶ WATCH ─▶ SEEN ─▶ CANCEL ─▶ PUT …
 *	         └────▶ GRANT ─▶ KEEP ─▶ LEASED ─▶ REVOKE ─▶ GONE ─▶ PUT …
 *
 * Prints the operations of each kind, and ends with 1 at the first wrong answer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/channel.h>

#include "etcdserverpb/rpc.weft.h"

#define ACTORS     16
#define HOME       "/load/"
#define WAIT_NS    (60 * WEFT_SECOND) /* for the last events */
#define LEASE_TTL  60
#define WATCH_EACH 8 /* rounds */

enum step { PUT, RANGE, WATCH, SEEN, CANCEL, GRANT, KEEP, LEASED, REVOKE, GONE };

struct actor {
	struct load *load;
	enum step step;
	unsigned long round;
	char key[32];
	char leased[32]; /* the key that the lease gets */
	char value[32];
	int64_t revision; /* of the last put */
	int64_t lease;
	int64_t watch_id;
	struct weft_list node; /* among those who wait for a stream's next answer */
};

struct load {
	struct weft_worker *worker;
	struct weft_channel *channel;
	struct weft_task begin;
	struct weft_rpc *watch, *keep;
	struct actor actors[ACTORS];
	struct weft_list making;  /* who waits for a watch, in the order of the requests */
	struct weft_list keeping; /* who waits for a renewal, the same */
	struct weft_timer timer;
	unsigned long wanted;
	unsigned long puts, ranges, watches, leases;
	unsigned long changes; /* that the watch of all must show */
	unsigned long events;  /* that it has */
	int64_t last;          /* revision it has seen */
	unsigned ready;        /* of the streams */
	unsigned resting;      /* actors */
	unsigned ended;        /* of the streams */
	bool closing;
};

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "registry_load: %s: %s\n", what, why);
	exit(1);
}

static void check(bool holds, const char *what)
{
	if (!holds)
		fail(what, "not as it should be");
}

static void check_status(const struct weft_status *status, const char *what)
{
	if (status->code != WEFT_OK)
		fail(what, status->message);
}

static ProtobufCBinaryData bytes_of(const char *text)
{
	return (ProtobufCBinaryData) { .len = strlen(text), .data = (uint8_t *)text };
}

static bool is(ProtobufCBinaryData data, const char *text)
{
	return data.len == strlen(text) && !memcmp(data.data, text, data.len);
}

/* ---- the round */

static void go(struct actor *actor, enum step step);

static unsigned long done(const struct load *load)
{
	return load->puts + load->ranges + load->watches + load->leases;
}

static void on_channel_closed(void *data)
{
	struct load *load = data;

	weft_worker_stop(load->worker);
}

static void finish_when_seen(struct load *load)
{
	if (load->closing || load->resting < ACTORS || load->events < load->changes)
		return;
	check(load->events == load->changes, "the number of events");
	load->closing = true;
	weft_timer_stop(weft_worker_loop(load->worker), &load->timer);
	weft_rpc_cancel(load->watch);
	weft_rpc_half_close(load->keep);
}

static void on_late(struct weft_timer *timer, void *data)
{
	fail("the last events", "have not come");
}

static void next_round(struct actor *actor)
{
	struct load *load = actor->load;

	actor->round++;
	if (done(load) < load->wanted) {
		go(actor, PUT);
		return;
	}
	if (++load->resting == ACTORS)
		weft_timer_start(weft_worker_loop(load->worker), &load->timer, WAIT_NS);
	finish_when_seen(load);
}

/* ---- keys */

static void on_put(struct weft_rpc *rpc, const struct weft_status *status,
		   Etcdserverpb__PutResponse *res, void *data)
{
	struct actor *actor = data;
	struct load *load = actor->load;

	check_status(status, "put");
	check(res->header->revision > actor->revision, "the revision of a put");
	actor->revision = res->header->revision;
	load->puts++;
	load->changes++;
	go(actor, actor->step == PUT ? RANGE : REVOKE);
}

static void put(struct actor *actor, const char *key, int64_t lease)
{
	Etcdserverpb__PutRequest req = ETCDSERVERPB__PUT_REQUEST__INIT;

	req.key = bytes_of(key);
	req.value = bytes_of(actor->value);
	req.lease = lease;
	etcdserverpb_kv_put(actor->load->channel, &req, NULL, on_put, actor);
}

static void on_range(struct weft_rpc *rpc, const struct weft_status *status,
		     Etcdserverpb__RangeResponse *res, void *data)
{
	struct actor *actor = data;
	struct load *load = actor->load;

	check_status(status, "range");
	load->ranges++;
	if (actor->step == GONE) {
		check(res->n_kvs == 0, "a key whose lease was revoked");
		next_round(actor);
		return;
	}
	check(res->n_kvs == 1 && res->count == 1 && is(res->kvs[0]->value, actor->value) &&
		      res->kvs[0]->mod_revision == actor->revision,
	      "what a range gives");
	if (actor->round % WATCH_EACH == 0)
		go(actor, WATCH);
	else if (actor->round % WATCH_EACH == WATCH_EACH / 2)
		go(actor, GRANT);
	else
		next_round(actor);
}

static void range(struct actor *actor, const char *key)
{
	Etcdserverpb__RangeRequest req = ETCDSERVERPB__RANGE_REQUEST__INIT;

	req.key = bytes_of(key);
	etcdserverpb_kv_range(actor->load->channel, &req, NULL, on_range, actor);
}

/* ---- watches */

static void make_watch(struct actor *actor)
{
	Etcdserverpb__WatchRequest req = ETCDSERVERPB__WATCH_REQUEST__INIT;
	Etcdserverpb__WatchCreateRequest create = ETCDSERVERPB__WATCH_CREATE_REQUEST__INIT;

	create.key = bytes_of(actor->key);
	create.start_revision = actor->revision;
	req.request_union_case = ETCDSERVERPB__WATCH_REQUEST__REQUEST_UNION_CREATE_REQUEST;
	req.create_request = &create;
	weft_list_append(&actor->load->making, &actor->node);
	etcdserverpb_watch_watch_send(actor->load->watch, &req);
}

static void cancel_watch(struct actor *actor)
{
	Etcdserverpb__WatchRequest req = ETCDSERVERPB__WATCH_REQUEST__INIT;
	Etcdserverpb__WatchCancelRequest cancel = ETCDSERVERPB__WATCH_CANCEL_REQUEST__INIT;

	cancel.watch_id = actor->watch_id;
	req.request_union_case = ETCDSERVERPB__WATCH_REQUEST__REQUEST_UNION_CANCEL_REQUEST;
	req.cancel_request = &cancel;
	etcdserverpb_watch_watch_send(actor->load->watch, &req);
}

/* The watch of all: made first, its id is 0. */
static void look_on(struct load *load)
{
	Etcdserverpb__WatchRequest req = ETCDSERVERPB__WATCH_REQUEST__INIT;
	Etcdserverpb__WatchCreateRequest create = ETCDSERVERPB__WATCH_CREATE_REQUEST__INIT;

	create.key = bytes_of(HOME);
	create.range_end = bytes_of("/load0"); /* '0' comes after '/' */
	req.request_union_case = ETCDSERVERPB__WATCH_REQUEST__REQUEST_UNION_CREATE_REQUEST;
	req.create_request = &create;
	etcdserverpb_watch_watch_send(load->watch, &req);
}

static void begin_when_ready(struct load *load)
{
	if (++load->ready < 2)
		return;
	for (int i = 0; i < ACTORS; i++)
		go(&load->actors[i], PUT);
}

static void see_all(struct load *load, const Etcdserverpb__WatchResponse *res)
{
	if (res->created) {
		check(!res->canceled, "the watch of all");
		begin_when_ready(load);
	}
	check(!res->canceled, "the watch of all, which was cancelled");
	for (size_t i = 0; i < res->n_events; i++) {
		check(res->events[i]->kv->mod_revision >= load->last, "the order of events");
		load->last = res->events[i]->kv->mod_revision;
		load->events++;
	}
	finish_when_seen(load);
}

static void see_own(struct actor *actor, const Etcdserverpb__WatchResponse *res)
{
	struct load *load = actor->load;

	if (res->canceled) {
		check(actor->step == CANCEL && !res->compact_revision, "the end of a watch");
		actor->watch_id = -1;
		load->watches += 2;
		next_round(actor);
	} else if (res->n_events) {
		check(actor->step == SEEN && res->n_events == 1 &&
			      is(res->events[0]->kv->value, actor->value),
		      "what a watch shows");
		go(actor, CANCEL);
	}
}

static void on_watch(struct weft_rpc *rpc, const Etcdserverpb__WatchResponse *res, void *data)
{
	struct load *load = data;
	struct weft_list *node;

	if (res->watch_id == 0) {
		see_all(load, res);
		return;
	}
	if (res->created) {
		node = weft_list_pop(&load->making);
		check(node && !res->canceled, "a new watch");
		weft_list_entry(node, struct actor, node)->watch_id = res->watch_id;
		weft_list_entry(node, struct actor, node)->step = SEEN;
		return;
	}
	for (int i = 0; i < ACTORS; i++) {
		if (load->actors[i].watch_id == res->watch_id) {
			see_own(&load->actors[i], res);
			return;
		}
	}
	fail("a watch", "is nobody's");
}

/* ---- leases */

static void on_granted(struct weft_rpc *rpc, const struct weft_status *status,
		       Etcdserverpb__LeaseGrantResponse *res, void *data)
{
	struct actor *actor = data;

	check_status(status, "grant");
	check(res->id && res->ttl >= LEASE_TTL, "a lease");
	actor->lease = res->id;
	actor->load->leases++;
	go(actor, KEEP);
}

static void grant(struct actor *actor)
{
	Etcdserverpb__LeaseGrantRequest req = ETCDSERVERPB__LEASE_GRANT_REQUEST__INIT;

	req.ttl = LEASE_TTL;
	etcdserverpb_lease_lease_grant(actor->load->channel, &req, NULL, on_granted, actor);
}

static void keep(struct actor *actor)
{
	Etcdserverpb__LeaseKeepAliveRequest req = ETCDSERVERPB__LEASE_KEEP_ALIVE_REQUEST__INIT;

	req.id = actor->lease;
	weft_list_append(&actor->load->keeping, &actor->node);
	etcdserverpb_lease_lease_keep_alive_send(actor->load->keep, &req);
}

static void on_kept(struct weft_rpc *rpc, const Etcdserverpb__LeaseKeepAliveResponse *res,
		    void *data)
{
	struct load *load = data;
	struct weft_list *node = weft_list_pop(&load->keeping);
	struct actor *actor;

	check(node, "a renewal");
	actor = weft_list_entry(node, struct actor, node);
	check(res->id == actor->lease && res->ttl >= LEASE_TTL, "a renewed lease");
	load->leases++;
	go(actor, LEASED);
}

static void on_revoked(struct weft_rpc *rpc, const struct weft_status *status,
		       Etcdserverpb__LeaseRevokeResponse *res, void *data)
{
	struct actor *actor = data;

	check_status(status, "revoke");
	actor->load->leases++;
	actor->load->changes++; /* its key is deleted */
	go(actor, GONE);
}

static void revoke(struct actor *actor)
{
	Etcdserverpb__LeaseRevokeRequest req = ETCDSERVERPB__LEASE_REVOKE_REQUEST__INIT;

	req.id = actor->lease;
	etcdserverpb_lease_lease_revoke(actor->load->channel, &req, NULL, on_revoked, actor);
}

/* ---- */

static void go(struct actor *actor, enum step step)
{
	actor->step = step;
	switch (step) {
	case PUT:
		snprintf(actor->value, sizeof(actor->value), "%lu", actor->round);
		put(actor, actor->key, 0);
		break;
	case RANGE: range(actor, actor->key); break;
	case WATCH: make_watch(actor); break;
	case SEEN: break; /* on_watch() sets it */
	case CANCEL: cancel_watch(actor); break;
	case GRANT: grant(actor); break;
	case KEEP: keep(actor); break;
	case LEASED: put(actor, actor->leased, actor->lease); break;
	case REVOKE: revoke(actor); break;
	case GONE: range(actor, actor->leased); break;
	}
}

/* ---- the streams, the program */

static void on_watch_writable(struct weft_rpc *rpc, void *data)
{
	struct load *load = data;

	if (load->watch)
		return;
	load->watch = rpc;
	look_on(load);
}

static void on_keep_writable(struct weft_rpc *rpc, void *data)
{
	struct load *load = data;

	if (load->keep)
		return;
	load->keep = rpc;
	begin_when_ready(load);
}

static void on_stream_end(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	struct load *load = data;

	if (!load->closing)
		fail("a stream", status->message);
	if (++load->ended == 2)
		weft_channel_close(load->channel, on_channel_closed, load);
}

static void on_begin(struct weft_task *task)
{
	static const struct etcdserverpb_watch_watch_events watch_events = {
		.on_message = on_watch,
		.on_writable = on_watch_writable,
		.on_end = on_stream_end,
	};
	static const struct etcdserverpb_lease_lease_keep_alive_events keep_events = {
		.on_message = on_kept,
		.on_writable = on_keep_writable,
		.on_end = on_stream_end,
	};
	struct load *load = weft_container_of(task, struct load, begin);

	etcdserverpb_watch_watch(load->channel, NULL, &watch_events, load);
	etcdserverpb_lease_lease_keep_alive(load->channel, NULL, &keep_events, load);
}

int main(int argc, char **argv)
{
	struct load load = { .begin.run = on_begin };
	char error[256] = "";

	if (argc != 3 || !(load.wanted = strtoul(argv[2], NULL, 10))) {
		fprintf(stderr, "usage: registry_load TARGET OPERATIONS\n");
		return 2;
	}
	weft_list_init(&load.making);
	weft_list_init(&load.keeping);
	weft_timer_init(&load.timer, on_late, &load);
	for (int i = 0; i < ACTORS; i++) {
		struct actor *actor = &load.actors[i];

		actor->load = &load;
		actor->watch_id = -1;
		weft_list_init(&actor->node);
		snprintf(actor->key, sizeof(actor->key), HOME "%03d", i);
		snprintf(actor->leased, sizeof(actor->leased), HOME "%03d/leased", i);
	}
	if (weft_worker_new(0, &load.worker) < 0 ||
	    weft_channel_new(load.worker, argv[1], NULL, error, &load.channel) < 0)
		fail(argv[1], error);
	weft_worker_post(load.worker, &load.begin);
	weft_worker_run(load.worker);
	weft_worker_free(load.worker);
	printf("put %lu range %lu watch %lu lease %lu events %lu\n", load.puts, load.ranges,
	       load.watches, load.leases, load.events);
	return 0;
}
