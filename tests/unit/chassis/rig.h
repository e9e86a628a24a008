/*
 * What the store's tests have in common: a store in a folder of its own, one worker, and writes
 * that insert a row. The tests' thread stands outside of the loop, and waits with a bound.
 */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include <semaphore.h>

#include "chassis/store.h"

struct rig {
	char folder[64];
	char path[96];
	struct weft_worker *worker;
	struct store *store;
};

extern const struct store_migration rig_migrations[]; /* item (id, body), part (id, item → item) */
#define RIG_MIGRATIONS 1

void rig_folder(struct rig *rig);                                    /* the folder only */
void rig_open(struct rig *rig, const struct store_options *options); /* on a folder, new or used */
void rig_close(struct rig *rig);                                     /* keeps the folder */
void rig_new(struct rig *rig, const struct store_options *options);  /* folder and open */
void rig_free(struct rig *rig);                                      /* and removes the folder */

/* Runs `fn(data)` on the loop, and waits for its end. */
void rig_call(struct rig *rig, void (*fn)(void *data), void *data);
void rig_wait(sem_t *sem);                           /* at most a minute */
int64_t rig_count(struct rig *rig, const char *sql); /* one number, from a connection of its own */

/* A write of one item. `sql` NULL: an insert of (id, 'x'); another one may use ?1. */
struct put {
	struct store_write write;
	struct rig *rig;
	const char *sql;
	int64_t id;
	int runs;
	int r;
	int64_t seen; /* rows that a snapshot opened in done() shows */
	sem_t *done;
};

int put_txn(struct store_txn *txn, struct store_write *write);
void put_done(struct store_write *write, int r);
void rig_send(struct rig *rig, struct put *puts, size_t n); /* all at once, on the loop */
void rig_put(struct rig *rig, struct put *puts, size_t n);  /* and waits for all of them */
int rig_put_one(struct rig *rig, const char *sql, int64_t id);

/* A write that holds the writer's thread, so that others come to wait together. */
struct hold {
	struct put put;
	sem_t entered, leave, done;
};

void hold_writer(struct rig *rig, struct hold *hold);
void release_writer(struct hold *hold);

#endif
