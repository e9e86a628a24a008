/*
 * A service's store for a test: a file in a folder of its own, a reader, and writes that the test
 * waits for. The test's thread is the worker.
 */
#ifndef TESTS_SHELF_H
#define TESTS_SHELF_H

#include "chassis/store.h"

struct shelf {
	char folder[64];
	struct weft_worker *worker;
	struct store *store;
	struct store_reader *reader;
	struct weft_arena *arena; /* the test's own */
};

void shelf_open(struct shelf *shelf, const struct store_migration *migrations, size_t n);
void shelf_close(struct shelf *shelf); /* and removes the folder */

typedef int shelf_read_fn(struct store_reader *reader, void *data);
/* Runs `read(data)` on the loop, where readers belong, and gives its result. */
int shelf_read(struct shelf *shelf, shelf_read_fn *read, void *data);

typedef int shelf_txn(struct store_txn *txn, void *data);
/* Runs `txn(data)` as a write, and gives what it was done with. */
int shelf_write(struct shelf *shelf, shelf_txn *txn, void *data);

#endif
