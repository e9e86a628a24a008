/* The table of etcd's refusals. */
#include "errors.h"

#include <errno.h>

struct refusal_words {
	enum weft_code code;
	const char *words;
};

static const struct refusal_words table[] = {
#define AT(error) [(error)-ETCD_EMPTY_KEY]
	AT(ETCD_EMPTY_KEY) = { WEFT_INVALID_ARGUMENT, "etcdserver: key is not provided" },
	AT(ETCD_KEY_NOT_FOUND) = { WEFT_INVALID_ARGUMENT, "etcdserver: key not found" },
	AT(ETCD_VALUE_PROVIDED) = { WEFT_INVALID_ARGUMENT, "etcdserver: value is provided" },
	AT(ETCD_LEASE_PROVIDED) = { WEFT_INVALID_ARGUMENT, "etcdserver: lease is provided" },
	AT(ETCD_TOO_MANY_OPS) = { WEFT_INVALID_ARGUMENT,
				  "etcdserver: too many operations in txn request" },
	AT(ETCD_DUPLICATE_KEY) = { WEFT_INVALID_ARGUMENT,
				   "etcdserver: duplicate key given in txn request" },
	AT(ETCD_COMPACTED) = { WEFT_OUT_OF_RANGE,
			       "etcdserver: mvcc: required revision has been compacted" },
	AT(ETCD_FUTURE_REVISION) = { WEFT_OUT_OF_RANGE,
				     "etcdserver: mvcc: required revision is a future revision" },
	AT(ETCD_REQUEST_TOO_LARGE) = { WEFT_INVALID_ARGUMENT, "etcdserver: request is too large" },
	AT(ETCD_LEASE_NOT_FOUND) = { WEFT_NOT_FOUND, "etcdserver: requested lease not found" },
	AT(ETCD_LEASE_EXISTS) = { WEFT_FAILED_PRECONDITION, "etcdserver: lease already exists" },
	AT(ETCD_LEASE_TTL_TOO_LARGE) = { WEFT_OUT_OF_RANGE, "etcdserver: too large lease TTL" },
	AT(ETCD_AUTH_NOT_ENABLED) = { WEFT_FAILED_PRECONDITION,
				      "etcdserver: authentication is not enabled" },
	AT(ETCD_STOPPED) = { WEFT_UNAVAILABLE, "etcdserver: server stopped" },
#undef AT
};

static const struct refusal_words *find(int r)
{
	static const struct refusal_words busy = { WEFT_RESOURCE_EXHAUSTED,
						   "etcdserver: too many requests" };
	static const struct refusal_words unknown = { WEFT_UNAVAILABLE,
						      "etcdserver: request timed out" };

	if (r == STORE_BUSY)
		return &busy;
	if (r == STORE_UNKNOWN)
		return &unknown;
	if (r < ETCD_EMPTY_KEY || (size_t)(r - ETCD_EMPTY_KEY) >= WEFT_COUNT(table))
		return NULL;
	return &table[r - ETCD_EMPTY_KEY];
}

const char *etcd_error_words(enum etcd_error error)
{
	return find(error)->words;
}

int etcd_fail(struct weft_call *call, int r)
{
	const struct refusal_words *found = find(r);

	if (found)
		return weft_call_fail(call, found->code, "%s", found->words);
	/* An outcome that nobody has foreseen is a fault of ours. */
	return weft_call_fail_errno(call, r < 0 ? r : -EPROTO);
}
