/*
 * What can be said of a request without the store: 0, or an etcd_error. Pure but for memory.
 */
#ifndef REGISTRY_CHECK_H
#define REGISTRY_CHECK_H

#include "errors.h"
#include "etcdserverpb/rpc.pb-c.h"

/* etcd's defaults: operations in a list of a txn (its nested ones have what is left), bytes. */
#define TXN_OPS_MOST       128
#define REQUEST_BYTES_MOST (3 * 512 * 1024)
/* Our own bound, for all lists of a txn and its nested ones: a write does not hold up the others
 * for long. */
#define TXN_OPS_TOTAL      1024

int check_range(const Etcdserverpb__RangeRequest *req);
int check_put(const Etcdserverpb__PutRequest *req);
int check_delete(const Etcdserverpb__DeleteRangeRequest *req);
int check_txn(const Etcdserverpb__TxnRequest *req);

/* Whether it only reads, whichever list is done. */
bool txn_is_readonly(const Etcdserverpb__TxnRequest *req);

/* Whether a comparison holds for a key; NULL: there is none in its range. */
bool compare_holds(const Etcdserverpb__Compare *compare, const Mvccpb__KeyValue *kv);

#endif
