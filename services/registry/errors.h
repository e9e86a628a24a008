/*
 * What etcd says when it refuses: code and words, which clients compare (etcd's
 * api/v3rpc/rpctypes/error.go has them). The numbers are outcomes beside those of store.h, so that
 * a txn can end with one.
 */
#ifndef REGISTRY_ERRORS_H
#define REGISTRY_ERRORS_H

#include "chassis/store.h"

enum etcd_error {
	ETCD_EMPTY_KEY = 100,
	ETCD_KEY_NOT_FOUND,
	ETCD_VALUE_PROVIDED,
	ETCD_LEASE_PROVIDED,
	ETCD_TOO_MANY_OPS,
	ETCD_DUPLICATE_KEY,
	ETCD_COMPACTED,
	ETCD_FUTURE_REVISION,
	ETCD_REQUEST_TOO_LARGE,
	ETCD_LEASE_NOT_FOUND,
	ETCD_LEASE_EXISTS,
	ETCD_LEASE_TTL_TOO_LARGE,
	ETCD_AUTH_NOT_ENABLED,
	ETCD_STOPPED,
};

/* "etcdserver: key is not provided" */
const char *etcd_error_words(enum etcd_error error);

/* Ends the call for `r`, which is not 0: an etcd_error, an outcome of a write, or negative. To be
 * returned by a handler. */
int etcd_fail(struct weft_call *call, int r);

#endif
