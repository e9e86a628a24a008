/*
 * A worker's reader: a read-only connection of its own, and the place where its loop hears of
 * commits.
 *
 * A snapshot that stays open keeps the log from beginning anew and shows an older world with every
 * turn, so none survives a return to the loop: each use of the reader defers a check to the end of
 * the turn.
 *
 * Commits arrive as a mask of topics. The writer adds its topics to `pending` and posts `notify` if
 * it was the first; the loop takes all that has come together since and calls who asked for it:
 * however fast the writer is, a loop has at most one notification waiting.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <weft/log.h>

#include "store_internal.h"

struct store_subscription {
	struct weft_list node;
	struct store_reader *reader;
	uint64_t topics;
	store_changed_cb *cb; /* NULL: unsubscribed inside the callbacks */
	void *data;
};

/* ---- open and close */

int store_reader_open(struct store_reader *reader, struct store *store)
{
	char error[256] = "";
	int r;

	r = store_connection_open(&reader->connection, store->path, SQLITE_OPEN_READONLY, error);
	if (r < 0)
		weft_log_error("no reader", WEFT_STR("error", error));
	reader->store = store;
	return r;
}

void store_reader_close(struct store_reader *reader)
{
	store_connection_close(&reader->connection);
}

static void release(struct store_reader *reader)
{
	/* A task that is on its way frees it. */
	if (!reader->freed || reader->checking || atomic_load(&reader->pending))
		return;
	free(reader);
}

static void on_check(struct weft_task *task)
{
	struct store_reader *reader = weft_container_of(task, struct store_reader, check);

	reader->checking = false;
	if (!reader->freed)
		assert(sqlite3_txn_state(reader->connection.db, NULL) == SQLITE_TXN_NONE);
	release(reader);
}

static void check_later(struct store_reader *reader)
{
	if (!reader->worker || reader->checking)
		return;
	assert(weft_worker_current() == reader->worker);
	reader->checking = true;
	weft_loop_defer(weft_worker_loop(reader->worker), &reader->check);
}

static void on_notify(struct weft_task *task);

int store_reader_new(struct store *store, struct weft_worker *worker,
		     struct store_reader **ret_reader)
{
	struct store_reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		abort();
	r = store_reader_open(reader, store);
	if (r < 0) {
		free(reader);
		return r;
	}
	reader->worker = worker;
	reader->check.run = on_check;
	reader->notify.run = on_notify;
	weft_list_init(&reader->subscriptions);
	pthread_mutex_lock(&store->readers_mutex);
	weft_list_append(&store->readers, &reader->node);
	pthread_mutex_unlock(&store->readers_mutex);
	*ret_reader = reader;
	return 0;
}

void store_reader_free(struct store_reader *reader)
{
	if (!reader)
		return;
	assert(weft_list_empty(&reader->subscriptions));
	pthread_mutex_lock(&reader->store->readers_mutex);
	weft_list_remove(&reader->node);
	pthread_mutex_unlock(&reader->store->readers_mutex);
	store_connection_reset(&reader->connection);
	store_reader_close(reader);
	reader->freed = true;
	release(reader);
}

/* ---- reading */

sqlite3_stmt *store_reader_stmt(struct store_reader *reader, const char *sql)
{
	check_later(reader);
	return store_connection_stmt(&reader->connection, sql);
}

sqlite3 *store_reader_db(struct store_reader *reader)
{
	check_later(reader);
	return reader->connection.db;
}

int store_reader_begin(struct store_reader *reader)
{
	int rc;

	check_later(reader);
	rc = store_connection_run(&reader->connection, "BEGIN");
	reader->in_snapshot = rc == SQLITE_OK;
	return store_code(rc);
}

void store_reader_end(struct store_reader *reader)
{
	store_connection_reset(&reader->connection);
	if (reader->in_snapshot)
		store_connection_run(&reader->connection, "ROLLBACK");
	reader->in_snapshot = false;
}

/* ---- who is told of commits */

void store_readers_changed(struct store *store, uint64_t topics)
{
	pthread_mutex_lock(&store->readers_mutex);
	weft_list_each (at, after, &store->readers) {
		struct store_reader *reader = weft_list_entry(at, struct store_reader, node);
		uint64_t of_interest = topics & atomic_load(&reader->interest);

		if (of_interest && atomic_fetch_or(&reader->pending, of_interest) == 0)
			weft_worker_post(reader->worker, &reader->notify);
	}
	pthread_mutex_unlock(&store->readers_mutex);
}

/* Forgets who has unsubscribed, and reckons anew what anybody wants to know. */
static void sweep(struct store_reader *reader)
{
	uint64_t interest = 0;

	weft_list_each (at, after, &reader->subscriptions) {
		struct store_subscription *subscription =
			weft_list_entry(at, struct store_subscription, node);

		if (subscription->cb) {
			interest |= subscription->topics;
			continue;
		}
		weft_list_remove(&subscription->node);
		free(subscription);
	}
	atomic_store(&reader->interest, interest);
}

static void on_notify(struct weft_task *task)
{
	struct store_reader *reader = weft_container_of(task, struct store_reader, notify);
	uint64_t topics = atomic_exchange(&reader->pending, 0);

	if (!reader->freed) {
		reader->notifying = true;
		weft_list_each (at, after, &reader->subscriptions) {
			struct store_subscription *subscription =
				weft_list_entry(at, struct store_subscription, node);

			if (subscription->cb && subscription->topics & topics)
				subscription->cb(subscription->topics & topics, subscription->data);
		}
		reader->notifying = false;
		sweep(reader);
	}
	release(reader);
}

struct store_subscription *store_subscribe(struct store_reader *reader, uint64_t topics,
					   store_changed_cb *cb, void *data)
{
	struct store_subscription *subscription = calloc(1, sizeof(*subscription));

	if (!subscription)
		abort();
	*subscription = (struct store_subscription) {
		.reader = reader,
		.topics = topics,
		.cb = cb,
		.data = data,
	};
	weft_list_append(&reader->subscriptions, &subscription->node);
	/* From here on: a commit that comes before is in what the subscriber reads next. */
	atomic_fetch_or(&reader->interest, topics);
	return subscription;
}

void store_unsubscribe(struct store_subscription *subscription)
{
	if (!subscription)
		return;
	subscription->cb = NULL;
	if (!subscription->reader->notifying)
		sweep(subscription->reader);
}
