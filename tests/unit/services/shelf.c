/* Stores for tests: see shelf.h. */
#include "shelf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* Something to be done on the loop, which is run until it is done. */
struct visit {
	struct weft_task task;
	struct shelf *shelf;
	shelf_read_fn *read;
	void *data;
	int r;
};

static void run_visit(struct weft_task *task)
{
	struct visit *visit = weft_container_of(task, struct visit, task);

	visit->r = visit->read(visit->shelf->reader, visit->data);
	weft_worker_stop(visit->shelf->worker);
}

int shelf_read(struct shelf *shelf, shelf_read_fn *read, void *data)
{
	struct visit visit = { .task.run = run_visit, .shelf = shelf, .read = read, .data = data };

	weft_worker_post(shelf->worker, &visit.task);
	weft_worker_run(shelf->worker);
	return visit.r;
}

static int open_reader(struct store_reader *reader, void *data)
{
	struct shelf *shelf = data;

	return store_reader_new(shelf->store, shelf->worker, &shelf->reader);
}

static int close_reader(struct store_reader *reader, void *data)
{
	store_reader_free(reader);
	return 0;
}

void shelf_open(struct shelf *shelf, const struct store_migration *migrations, size_t n)
{
	char path[96], error[256] = "";

	*shelf = (struct shelf) { .folder = "/tmp/weft-shelf-XXXXXX" };
	assert_non_null(mkdtemp(shelf->folder));
	snprintf(path, sizeof(path), "%s/store.db", shelf->folder);
	assert_int_equal(weft_worker_new(0, &shelf->worker), 0);
	if (store_open(path, migrations, n, NULL, error, &shelf->store) < 0)
		fail_msg("%s", error);
	assert_int_equal(shelf_read(shelf, open_reader, shelf), 0);
	shelf->arena = weft_arena_new();
}

void shelf_close(struct shelf *shelf)
{
	char command[128];

	weft_arena_free(shelf->arena);
	shelf_read(shelf, close_reader, NULL);
	store_close(shelf->store);
	weft_worker_free(shelf->worker);
	snprintf(command, sizeof(command), "rm -r '%s'", shelf->folder);
	assert_int_equal(system(command), 0);
}

struct errand {
	struct store_write write;
	shelf_txn *txn;
	void *data;
	int r;
};

static int errand_txn(struct store_txn *txn, struct store_write *write)
{
	struct errand *errand = weft_container_of(write, struct errand, write);

	return errand->txn(txn, errand->data);
}

static void errand_done(struct store_write *write, int r)
{
	struct errand *errand = weft_container_of(write, struct errand, write);

	errand->r = r;
	weft_worker_stop(write->owner);
}

struct start {
	struct weft_task task;
	struct shelf *shelf;
	struct errand *errand;
};

static void start_errand(struct weft_task *task)
{
	struct start *start = weft_container_of(task, struct start, task);

	store_write(start->shelf->store, &start->errand->write);
}

int shelf_write(struct shelf *shelf, shelf_txn *txn, void *data)
{
	struct errand errand = {
		.write = { .txn = errand_txn, .done = errand_done, .owner = shelf->worker },
		.txn = txn,
		.data = data,
	};
	struct start start = { .task.run = start_errand, .shelf = shelf, .errand = &errand };

	weft_worker_post(shelf->worker, &start.task);
	weft_worker_run(shelf->worker);
	return errand.r;
}
