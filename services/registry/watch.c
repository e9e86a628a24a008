/*
 * Watch: any number of watchers on one stream.
 *
 *	request ──▶ made, answered at once ──▶ due ──pump──▶ events ──▶ idle ──an event──▶ due …
 *
 * What answers a request is sent at once, and no further request is heard while the client does not
 * read. Events are pulled by the pump, watcher after watcher, a page each; a watcher that is far
 * behind lets others have their turn of the loop between its pages.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "registry.h"

typedef Etcdserverpb__WatchResponse Response;

/* As large as etcd lets a response grow before it sends it in fragments, where that was asked
 * for. */
#define FRAGMENT_BYTES ((size_t)2 << 20)
#define NO_WATCH       (-1)

struct watches { /* a worker's */
	struct registry *registry;
	struct weft_list streams;
	struct weft_timer timer;
	uint64_t progress_ns;
};

struct stream { /* in the call's arena */
	struct weft_list node;
	struct watches *watches;
	struct weft_call *call;
	struct weft_map by_id;
	struct weft_list due;
	int64_t next_id;
	size_t progress_requests; /* that wait until nobody is due */
	struct weft_task again;   /* goes on with the pump in a later turn */
	bool again_posted;        /* it keeps the call */
	bool detached;            /* no watcher is left */
};

struct watch {
	struct watcher watcher;
	struct stream *stream;
	struct weft_list due_node;
	int64_t id; /* its key in the map */
	bool prev_kv;
	bool fragment;
	bool progress_notify;
	bool progress_due; /* to be told how far it is */
	bool recent;       /* it was told something since the last tick */
	uint8_t bytes[];   /* of the interval */
};

static struct tail *tail_of(const struct stream *stream)
{
	return stream->watches->registry->tail;
}

/* ---- sending */

static int send_response(struct stream *stream, Response *res)
{
	registry_fill(stream->watches->registry, res->header);
	return etcdserverpb_watch_watch_send(stream->call, res);
}

static void response_init(struct stream *stream, Response *res, int64_t watch_id, int64_t revision)
{
	etcdserverpb__watch_response__init(res);
	res->header = header_new(weft_call_scratch(stream->call), revision);
	res->watch_id = watch_id;
}

/* As many events as a fragment holds, one at least. */
static size_t fit(const Response *whole, size_t from)
{
	size_t size = 0, n = from;

	do {
		size += protobuf_c_message_get_packed_size(&whole->events[n]->base) + 8;
		n++;
	} while (n < whole->n_events && size < FRAGMENT_BYTES);
	return n - from;
}

static int send_fragments(struct stream *stream, const Response *whole)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && at < whole->n_events) {
		Response piece = *whole;

		piece.events = whole->events + at;
		piece.n_events = fit(whole, at);
		at += piece.n_events;
		piece.fragment = at < whole->n_events;
		r = send_response(stream, &piece);
	}
	return r;
}

static int send_events(struct watch *watch, struct tail_event **events, size_t n)
{
	struct stream *stream = watch->stream;
	struct weft_arena *scratch = weft_call_scratch(stream->call);
	Response res;

	response_init(stream, &res, watch->id,
		      watch->watcher.due ? watch->watcher.next - 1
					 : tail_revision(tail_of(stream)));
	res.events = weft_arena_new_array(scratch, Mvccpb__Event *, n);
	if (!res.events)
		return -ENOMEM;
	for (; res.n_events < n; res.n_events++) {
		struct tail_event *from = events[res.n_events];
		Mvccpb__Event *event = weft_arena_alloc(scratch, sizeof(*event));

		mvccpb__event__init(event);
		event->type = from->is_delete ? MVCCPB__EVENT__EVENT_TYPE__DELETE
					      : MVCCPB__EVENT__EVENT_TYPE__PUT;
		event->kv = &from->kv;
		event->prev_kv = watch->prev_kv ? from->prev : NULL;
		res.events[res.n_events] = event;
	}
	watch->recent = true;
	return watch->fragment ? send_fragments(stream, &res) : send_response(stream, &res);
}

/* ---- watches come and go */

static void on_due(struct watcher *watcher)
{
	struct watch *watch = weft_container_of(watcher, struct watch, watcher);

	if (weft_list_empty(&watch->due_node))
		weft_list_append(&watch->stream->due, &watch->due_node);
	weft_call_wake(watch->stream->call);
}

static struct watch *find(struct stream *stream, int64_t id)
{
	return weft_map_get(&stream->by_id, (const char *)&id, sizeof(id));
}

static void discard(struct watch *watch)
{
	struct stream *stream = watch->stream;

	tail_remove(tail_of(stream), &watch->watcher);
	weft_list_remove(&watch->due_node);
	weft_map_remove(&stream->by_id, (const char *)&watch->id, sizeof(watch->id));
	free(watch);
}

static void detach(struct stream *stream)
{
	void *value;

	if (stream->detached)
		return;
	stream->detached = true;
	weft_list_remove(&stream->node);
	for (size_t at = 0; weft_map_next(&stream->by_id, &at, &value);) {
		struct watch *watch = value;

		tail_remove(tail_of(stream), &watch->watcher);
		weft_list_remove(&watch->due_node);
		free(watch);
	}
	weft_map_fini(&stream->by_id);
}

static int64_t choose_id(struct stream *stream)
{
	while (find(stream, stream->next_id))
		stream->next_id++;
	return stream->next_id++;
}

/* The request's key and end, the way etcd reads them: no key is the smallest one. */
static struct watch *watch_new(struct stream *stream, const Etcdserverpb__WatchCreateRequest *req)
{
	struct watch *watch = calloc(1, sizeof(*watch) + req->key.len + 1 + req->range_end.len);
	ProtobufCBinaryData key, end;

	if (!watch)
		return NULL;
	watch->stream = stream;
	weft_list_init(&watch->due_node);
	watch->watcher.on_due = on_due;
	key = (ProtobufCBinaryData) { .len = req->key.len ? req->key.len : 1,
				      .data = watch->bytes };
	end = (ProtobufCBinaryData) { .len = req->range_end.len, .data = watch->bytes + key.len };
	if (req->key.len)
		memcpy(key.data, req->key.data, req->key.len);
	if (end.len)
		memcpy(end.data, req->range_end.data, end.len);
	watch->watcher.interval = interval_of(key, end);
	for (size_t i = 0; i < req->n_filters; i++) {
		if (req->filters[i] == ETCDSERVERPB__WATCH_CREATE_REQUEST__FILTER_TYPE__NOPUT)
			watch->watcher.no_put = true;
		if (req->filters[i] == ETCDSERVERPB__WATCH_CREATE_REQUEST__FILTER_TYPE__NODELETE)
			watch->watcher.no_delete = true;
	}
	watch->prev_kv = req->prev_kv;
	watch->fragment = req->fragment;
	watch->progress_notify = req->progress_notify;
	return watch;
}

/* Why it cannot be, in etcd's words; or NULL. */
static const char *refusal(struct stream *stream, const Etcdserverpb__WatchCreateRequest *req)
{
	struct interval interval = interval_of(req->key, req->range_end);

	if (interval.kind == INTERVAL_BOUNDED && key_compare(interval.from, interval.to) >= 0)
		return "mvcc: watcher range is empty";
	if (req->watch_id && find(stream, req->watch_id))
		return "mvcc: duplicate watch ID provided on the WatchStream";
	return NULL;
}

static int send_created(struct stream *stream, int64_t id, const char *refused)
{
	Response res;

	response_init(stream, &res, id, tail_revision(tail_of(stream)));
	res.created = true;
	if (refused) {
		res.canceled = true;
		res.cancel_reason = (char *)refused;
	}
	return send_response(stream, &res);
}

static int send_canceled(struct stream *stream, int64_t id, int64_t compact_revision)
{
	Response res;

	response_init(stream, &res, id, tail_revision(tail_of(stream)));
	res.canceled = true;
	res.compact_revision = compact_revision;
	return send_response(stream, &res);
}

/* From where on it watches. */
static void begin(struct watch *watch, int64_t start)
{
	struct tail *tail = tail_of(watch->stream);
	struct watcher *watcher = &watch->watcher;

	watcher->least = start ? start : tail_revision(tail) + 1;
	tail_add(tail, watcher);
	if (watcher->least > tail_revision(tail))
		return;
	watcher->due = true;
	watcher->next = watcher->least;
	on_due(watcher);
}

static int create(struct stream *stream, const Etcdserverpb__WatchCreateRequest *req)
{
	struct tail *tail = tail_of(stream);
	struct watch *watch;
	const char *refused;
	int r;

	r = tail_refresh(tail);
	if (r != 0)
		return r;
	refused = refusal(stream, req);
	if (refused)
		return send_created(stream, NO_WATCH, refused);
	watch = watch_new(stream, req);
	if (!watch)
		return -ENOMEM;
	watch->id = req->watch_id ? req->watch_id : choose_id(stream);
	r = weft_map_put(&stream->by_id, (const char *)&watch->id, sizeof(watch->id), watch);
	if (r < 0) {
		free(watch);
		return r;
	}
	begin(watch, req->start_revision);
	r = send_created(stream, watch->id, NULL);
	if (r == 0 && watch->watcher.least < tail_compacted(tail)) {
		r = send_canceled(stream, watch->id, tail_compacted(tail));
		discard(watch);
	}
	return r;
}

static int cancel(struct stream *stream, int64_t id)
{
	struct watch *watch = find(stream, id);

	if (!watch)
		return 0; /* etcd says nothing either */
	discard(watch);
	return send_canceled(stream, id, 0);
}

static int on_request(struct weft_call *call, const Etcdserverpb__WatchRequest *req, void *data)
{
	struct stream *stream = data;
	int r = 0;

	weft_arena_reset(weft_call_scratch(call));
	switch (req->request_union_case) {
	case ETCDSERVERPB__WATCH_REQUEST__REQUEST_UNION_CREATE_REQUEST:
		r = create(stream, req->create_request);
		break;
	case ETCDSERVERPB__WATCH_REQUEST__REQUEST_UNION_CANCEL_REQUEST:
		r = cancel(stream, req->cancel_request->watch_id);
		break;
	case ETCDSERVERPB__WATCH_REQUEST__REQUEST_UNION_PROGRESS_REQUEST:
		r = tail_refresh(tail_of(stream));
		stream->progress_requests++;
		weft_call_wake(call);
		break;
	default: break; /* what is not known is passed over */
	}
	if (r != 0)
		detach(stream);
	else if (!weft_call_writable(call))
		weft_call_hold(call);
	return r;
}

/* A client that asks for nothing more may still want to hear. */
static int on_half_close(struct weft_call *call, void *data)
{
	return 0;
}

/* ---- the pump */

static void on_again(struct weft_task *task)
{
	struct stream *stream = weft_container_of(task, struct stream, again);

	stream->again_posted = false;
	if (!stream->detached)
		weft_call_wake(stream->call);
	weft_call_unref(stream->call);
}

static void go_on_later(struct stream *stream)
{
	if (stream->again_posted)
		return;
	stream->again_posted = true;
	stream->again.run = on_again;
	weft_call_ref(stream->call);
	weft_worker_post(stream->watches->registry->worker, &stream->again);
}

static int tell(struct watch *watch)
{
	struct stream *stream = watch->stream;
	struct weft_arena *scratch = weft_call_scratch(stream->call);
	struct tail_event **events = NULL;
	size_t n = 0;
	int r = 0;

	weft_arena_reset(scratch);
	if (watch->watcher.due)
		r = tail_take(tail_of(stream), &watch->watcher, watch->prev_kv, scratch, &events,
			      &n);
	if (r == ETCD_COMPACTED) {
		r = send_canceled(stream, watch->id, tail_compacted(tail_of(stream)));
		discard(watch);
		return r;
	}
	if (r == 0 && (n || watch->progress_due)) {
		watch->progress_due = false;
		r = send_events(watch, events, n);
	}
	if (r == 0 && watch->watcher.due) {
		weft_list_append(&stream->due, &watch->due_node);
		go_on_later(stream);
	}
	return r;
}

static int send_progress(struct stream *stream)
{
	Response res;

	weft_arena_reset(weft_call_scratch(stream->call));
	response_init(stream, &res, NO_WATCH, tail_revision(tail_of(stream)));
	stream->progress_requests--;
	return send_response(stream, &res);
}

static int pump(struct weft_call *call, void *data)
{
	struct stream *stream = data;
	int r = 0;

	while (r == 0 && !stream->again_posted && weft_call_writable(call)) {
		struct weft_list *node = weft_list_pop(&stream->due);

		if (node)
			r = tell(weft_list_entry(node, struct watch, due_node));
		else if (stream->progress_requests)
			r = send_progress(stream);
		else
			break;
	}
	if (r != 0)
		detach(stream);
	else if (weft_call_writable(call))
		weft_call_resume(call);
	return r;
}

static void on_cancel(struct weft_call *call, void *data)
{
	detach(data);
}

static void on_gone(void *data)
{
	detach(data);
}

int watch(struct weft_call *call, void *self)
{
	struct registry *registry = self;
	struct stream *stream = weft_arena_zalloc(weft_call_arena(call), sizeof(*stream));

	stream->watches = registry->watches;
	stream->call = call;
	weft_list_init(&stream->due);
	weft_list_append(&registry->watches->streams, &stream->node);
	weft_arena_defer(weft_call_arena(call), on_gone, stream);
	weft_call_on_cancel(call, on_cancel, stream);
	etcdserverpb_watch_watch_receive(call, on_request, on_half_close, stream);
	weft_call_on_ready(call, pump, stream);
	return 0;
}

/* ---- a worker's */

static void tick(struct stream *stream)
{
	void *value;

	for (size_t at = 0; weft_map_next(&stream->by_id, &at, &value);) {
		struct watch *watch = value;

		if (watch->progress_notify && !watch->recent && !watch->watcher.due) {
			watch->progress_due = true;
			on_due(&watch->watcher);
		}
		watch->recent = false;
	}
}

static void on_tick(struct weft_timer *timer, void *data)
{
	struct watches *watches = data;

	weft_list_each (node, after, &watches->streams)
		tick(weft_list_entry(node, struct stream, node));
	weft_timer_start(weft_worker_loop(watches->registry->worker), &watches->timer,
			 watches->progress_ns);
}

struct watches *watches_new(struct registry *registry, uint64_t progress_ns)
{
	struct watches *watches = calloc(1, sizeof(*watches));

	if (!watches)
		abort();
	watches->registry = registry;
	watches->progress_ns = progress_ns;
	weft_list_init(&watches->streams);
	weft_timer_init(&watches->timer, on_tick, watches);
	weft_timer_start(weft_worker_loop(registry->worker), &watches->timer, progress_ns);
	return watches;
}

void watches_end(struct watches *watches)
{
	weft_list_each (node, after, &watches->streams) {
		struct stream *stream = weft_list_entry(node, struct stream, node);

		detach(stream);
		etcd_fail(stream->call, ETCD_STOPPED);
	}
}

void watches_free(struct watches *watches)
{
	if (!watches)
		return;
	weft_timer_stop(weft_worker_loop(watches->registry->worker), &watches->timer);
	free(watches);
}
