/*
 * The newest part of history in memory.
 *
 * The ring holds whole revisions in order: all of those from `from` to `last`. It is bounded in
 * events and in bytes; one revision that is larger than all of it is in no ring, and is read from
 * the store by whom it concerns.
 */
#include "tail.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"

#define RING_EVENTS 8192 /* a power of two */
#define RING_BYTES  ((size_t)8 << 20)

/* What a watcher is told in one go, and what is read from the store in one go. */
#define TAKE_EVENTS 1000
#define TAKE_BYTES  ((size_t)1 << 20)

/* The watchers of one key. */
struct point {
	struct weft_list watchers;
	struct weft_bytes key; /* of one of them at first; so it is a copy */
};

struct tail {
	struct store_reader *reader;
	struct store_subscription *subscription;
	struct tail_event *ring[RING_EVENTS];
	size_t head; /* of the oldest */
	size_t n;
	size_t bytes;
	int64_t from; /* the first revision of which the ring has everything */
	int64_t last;
	int64_t compacted;
	struct weft_map points; /* struct point by its key */
	struct weft_list ranges;
};

static struct tail_event *at(const struct tail *tail, size_t i)
{
	return tail->ring[(tail->head + i) % RING_EVENTS];
}

static size_t size_of(const struct tail_event *event)
{
	return sizeof(*event) + event->kv.key.len + event->kv.value.len;
}

/* ---- events */

static struct tail_event *event_new(const struct kv_event *from, void *room)
{
	struct tail_event *event = room;
	uint8_t *bytes = (uint8_t *)(event + 1);

	*event = (struct tail_event) {
		.main = from->main,
		.is_delete = from->is_delete,
		.kv = from->kv,
	};
	event->kv.key.data = bytes;
	memcpy(bytes, from->kv.key.data, from->kv.key.len);
	if (from->kv.value.len) {
		event->kv.value.data = bytes + from->kv.key.len;
		memcpy(event->kv.value.data, from->kv.value.data, from->kv.value.len);
	}
	return event;
}

static size_t room_for(const struct kv_event *event)
{
	return sizeof(struct tail_event) + event->kv.key.len + event->kv.value.len;
}

static void event_free(struct tail_event *event)
{
	weft_arena_free(event->prev_arena);
	free(event);
}

/* Gives up the oldest revision. */
static void drop_revision(struct tail *tail)
{
	int64_t main = at(tail, 0)->main;

	while (tail->n && at(tail, 0)->main == main) {
		struct tail_event *event = at(tail, 0);

		tail->bytes -= size_of(event);
		tail->head = (tail->head + 1) % RING_EVENTS;
		tail->n--;
		event_free(event);
	}
	tail->from = main + 1;
}

static void drop_all(struct tail *tail)
{
	while (tail->n)
		drop_revision(tail);
}

/* ---- who is concerned */

bool watcher_wants(const struct watcher *watcher, const struct tail_event *event)
{
	if (event->is_delete ? watcher->no_delete : watcher->no_put)
		return false;
	return event->main >= watcher->least &&
	       interval_contains(&watcher->interval, key_of(event->kv.key));
}

static void make_due(struct watcher *watcher, int64_t next)
{
	if (watcher->due)
		return;
	watcher->due = true;
	watcher->next = next;
	watcher->on_due(watcher);
}

static void tell_each(struct weft_list *watchers, const struct tail_event *event)
{
	weft_list_each (node, after, watchers) {
		struct watcher *watcher = weft_list_entry(node, struct watcher, node);

		if (!watcher->due && watcher_wants(watcher, event))
			make_due(watcher, event->main);
	}
}

static void tell(struct tail *tail, const struct tail_event *event)
{
	struct point *point =
		weft_map_get(&tail->points, (const char *)event->kv.key.data, event->kv.key.len);

	if (point)
		tell_each(&point->watchers, event);
	tell_each(&tail->ranges, event);
}

static void lose_each(struct weft_list *watchers, int64_t next)
{
	weft_list_each (node, after, watchers)
		make_due(weft_list_entry(node, struct watcher, node), next);
}

/* History was compacted that this tail has not read: nobody here knows what it has missed. */
static void lose(struct tail *tail)
{
	void *point;

	drop_all(tail);
	for (size_t each = 0; weft_map_next(&tail->points, &each, &point);)
		lose_each(&((struct point *)point)->watchers, tail->last + 1);
	lose_each(&tail->ranges, tail->last + 1);
}

void tail_add(struct tail *tail, struct watcher *watcher)
{
	struct weft_bytes key = watcher->interval.from;
	struct point *point;

	weft_list_init(&watcher->node);
	watcher->point = NULL;
	if (watcher->interval.kind != INTERVAL_POINT) {
		weft_list_append(&tail->ranges, &watcher->node);
		return;
	}
	point = weft_map_get(&tail->points, (const char *)key.data, key.len);
	if (!point) {
		uint8_t *copy;

		point = malloc(sizeof(*point) + key.len);
		if (!point)
			abort();
		copy = (uint8_t *)(point + 1);
		memcpy(copy, key.data, key.len);
		point->key = (struct weft_bytes) { copy, key.len };
		weft_list_init(&point->watchers);
		if (weft_map_put(&tail->points, (const char *)copy, key.len, point) < 0)
			abort();
	}
	watcher->point = point;
	weft_list_append(&point->watchers, &watcher->node);
}

void tail_remove(struct tail *tail, struct watcher *watcher)
{
	struct point *point = watcher->point;

	weft_list_remove(&watcher->node);
	watcher->point = NULL;
	if (!point || !weft_list_empty(&point->watchers))
		return;
	weft_map_remove(&tail->points, (const char *)point->key.data, point->key.len);
	free(point);
}

/* ---- reading what is new */

static int on_new(const struct kv_event *from, void *data)
{
	struct tail *tail = data;
	void *room = malloc(room_for(from));
	struct tail_event *event;

	if (!room)
		return -ENOMEM;
	event = event_new(from, room);
	while (tail->n && (tail->n == RING_EVENTS || tail->bytes + size_of(event) > RING_BYTES))
		drop_revision(tail);
	tell(tail, event);
	if (event->main < tail->from) { /* its revision is larger than the ring */
		event_free(event);
		return 0;
	}
	tail->ring[(tail->head + tail->n) % RING_EVENTS] = event;
	tail->n++;
	tail->bytes += size_of(event);
	return 0;
}

/* In a snapshot. What a failure has left half read is read again: the ring has no revision after
 * `last` then. */
static int read_new(struct tail *tail, const struct kv_state *state)
{
	struct kv_view view = { .reader = tail->reader };
	int64_t next = tail->last + 1;
	int r = 0;

	while (r == 0 && next <= state->revision) {
		r = kv_walk(&view, next, state->revision, SIZE_MAX, SIZE_MAX, on_new, tail, &next);
		if (r == 0)
			tail->last = next - 1;
	}
	if (r < 0) {
		drop_all(tail);
		tail->from = tail->last + 1;
	}
	return r;
}

int tail_refresh(struct tail *tail)
{
	struct kv_view view = { .reader = tail->reader };
	struct kv_state state;
	int r;

	r = store_reader_begin(tail->reader);
	if (r != 0)
		return r;
	r = kv_state(&view, &state);
	if (r == 0) {
		tail->compacted = state.compacted;
		if (state.sweeping > tail->last + 1) {
			lose(tail);
			tail->last = state.revision;
			tail->from = state.revision + 1;
		}
		r = read_new(tail, &state);
	}
	store_reader_end(tail->reader);
	return r;
}

static void on_commit(uint64_t topics, void *data)
{
	int r = tail_refresh(data);

	/* The next commit tries again. */
	if (r < 0)
		weft_log_error("new revisions could not be read", WEFT_ERRNO(r));
}

int64_t tail_revision(const struct tail *tail)
{
	return tail->last;
}

int64_t tail_compacted(const struct tail *tail)
{
	return tail->compacted;
}

/* ---- telling a watcher */

/* A growing list in an arena, of what a watcher is told. */
struct taken {
	const struct watcher *watcher;
	struct weft_arena *arena;
	struct tail_event **events;
	size_t n, cap;
};

static int take(struct taken *taken, struct tail_event *event)
{
	if (taken->n == taken->cap) {
		size_t cap = taken->cap ? taken->cap * 2 : 16;
		struct tail_event **more =
			weft_arena_new_array(taken->arena, struct tail_event *, cap);

		if (!more)
			return -ENOMEM;
		if (taken->n)
			memcpy(more, taken->events, taken->n * sizeof(*more));
		taken->events = more;
		taken->cap = cap;
	}
	taken->events[taken->n++] = event;
	return 0;
}

/* The place in the ring of the first event from a revision on. */
static size_t seek(const struct tail *tail, int64_t main)
{
	size_t low = 0, high = tail->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (at(tail, middle)->main < main)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int take_from_ring(struct tail *tail, struct watcher *watcher, struct taken *taken)
{
	int64_t main = watcher->next;
	size_t bytes = 0;
	int r;

	for (size_t i = seek(tail, watcher->next); i < tail->n; i++) {
		struct tail_event *event = at(tail, i);

		if (event->main != main && (taken->n >= TAKE_EVENTS || bytes >= TAKE_BYTES)) {
			watcher->next = event->main;
			return 0;
		}
		main = event->main;
		if (!watcher_wants(watcher, event))
			continue;
		bytes += size_of(event);
		r = take(taken, event);
		if (r < 0)
			return r;
	}
	watcher->next = tail->last + 1;
	return 0;
}

static int on_old(const struct kv_event *from, void *data)
{
	struct taken *taken = data;
	void *room = weft_arena_alloc(taken->arena, room_for(from));
	struct tail_event *event;

	if (!room)
		return -ENOMEM;
	event = event_new(from, room);
	return watcher_wants(taken->watcher, event) ? take(taken, event) : 0;
}

/* In a snapshot. */
static int take_from_store(struct tail *tail, struct watcher *watcher, struct taken *taken)
{
	struct kv_view view = { .reader = tail->reader };
	struct kv_state state;
	int r;

	r = kv_state(&view, &state);
	if (r != 0)
		return r;
	tail->compacted = state.compacted;
	if (watcher->next < state.compacted)
		return ETCD_COMPACTED;
	return kv_walk(&view, watcher->next, tail->last, TAKE_EVENTS, TAKE_BYTES, on_old, taken,
		       &watcher->next);
}

/* What the key was before the event's revision. In a snapshot. */
static int read_prev(struct tail *tail, struct tail_event *event, struct weft_arena *arena)
{
	struct kv_view view = { .reader = tail->reader };
	struct kv_query query = KV_QUERY(.revision = event->main - 1);
	Mvccpb__KeyValue **kvs = NULL;
	size_t n = 0;
	int r = 0;

	query.interval.from = key_of(event->kv.key);
	if (event->main - 1 >= tail->compacted && event->main > 1)
		r = kv_range(&view, &query, arena, &kvs, &n);
	event->prev = n ? kvs[0] : NULL;
	return r;
}

static int add_prev(struct tail *tail, struct taken *taken, bool in_ring)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < taken->n; i++) {
		struct tail_event *event = taken->events[i];
		struct weft_arena *arena = taken->arena;

		/* A key that has just been made was nothing before. */
		if (event->prev_read ||
		    (!event->is_delete && event->kv.create_revision == event->main))
			continue;
		if (in_ring) {
			if (!event->prev_arena)
				event->prev_arena = weft_arena_new();
			arena = event->prev_arena;
		}
		r = read_prev(tail, event, arena);
		event->prev_read = r == 0;
	}
	return r;
}

static int take_reading(struct tail *tail, struct watcher *watcher, bool with_prev, bool in_ring,
			struct taken *taken)
{
	int r;

	r = store_reader_begin(tail->reader);
	if (r != 0)
		return r;
	r = in_ring ? take_from_ring(tail, watcher, taken) : take_from_store(tail, watcher, taken);
	if (r == 0 && with_prev)
		r = add_prev(tail, taken, in_ring);
	store_reader_end(tail->reader);
	return r;
}

int tail_take(struct tail *tail, struct watcher *watcher, bool with_prev, struct weft_arena *arena,
	      struct tail_event ***ret_events, size_t *ret_n)
{
	struct taken taken = { .watcher = watcher, .arena = arena };
	bool in_ring = watcher->next >= tail->from;
	int r;

	assert(watcher->due);
	r = in_ring && !with_prev ? take_from_ring(tail, watcher, &taken)
				  : take_reading(tail, watcher, with_prev, in_ring, &taken);
	if (r != 0)
		return r;
	if (watcher->next > tail->last)
		watcher->due = false;
	*ret_events = taken.events;
	*ret_n = taken.n;
	return 0;
}

/* ---- its life */

int tail_new(struct store_reader *reader, struct tail **ret_tail)
{
	struct tail *tail = calloc(1, sizeof(*tail));
	struct kv_state state;
	int r;

	if (!tail)
		abort();
	tail->reader = reader;
	weft_list_init(&tail->ranges);
	/* First of all, so that no commit is missed. */
	tail->subscription = store_subscribe(reader, TOPIC_KEYS, on_commit, tail);
	r = kv_state(&(struct kv_view) { .reader = reader }, &state);
	if (r != 0) {
		tail_free(tail);
		return r;
	}
	tail->last = state.revision;
	tail->from = state.revision + 1;
	tail->compacted = state.compacted;
	*ret_tail = tail;
	return 0;
}

void tail_free(struct tail *tail)
{
	if (!tail)
		return;
	store_unsubscribe(tail->subscription);
	assert(weft_list_empty(&tail->ranges) && tail->points.len == 0);
	drop_all(tail);
	weft_map_fini(&tail->points);
	free(tail);
}
