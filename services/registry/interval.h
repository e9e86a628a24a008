/* Ranges of keys, as etcd's requests name them by `key` and `range_end`. Pure. */
#ifndef REGISTRY_INTERVAL_H
#define REGISTRY_INTERVAL_H

#include <protobuf-c/protobuf-c.h>
#include <weft/base.h>

enum interval_kind {
	INTERVAL_POINT,   /* one key */
	INTERVAL_BOUNDED, /* from ≤ key < to; none when `to` is not above `from` */
	INTERVAL_OPEN,    /* from ≤ key */
};

struct interval {
	enum interval_kind kind;
	struct weft_bytes from;
	struct weft_bytes to; /* of a bounded one */
};

/* Borrows. An empty `range_end` is a point, "\0" is open. */
struct interval interval_of(ProtobufCBinaryData key, ProtobufCBinaryData range_end);
bool interval_contains(const struct interval *interval, struct weft_bytes key);

/* By bytes, the shorter first: below, at or above 0. */
int key_compare(struct weft_bytes a, struct weft_bytes b);

static inline struct weft_bytes key_of(ProtobufCBinaryData data)
{
	return (struct weft_bytes) { data.data, data.len };
}

#endif
