/* Ranges of keys. */
#include "interval.h"

#include <string.h>

struct interval interval_of(ProtobufCBinaryData key, ProtobufCBinaryData range_end)
{
	struct interval interval = { .from = key_of(key), .to = key_of(range_end) };

	if (range_end.len == 0)
		interval.kind = INTERVAL_POINT;
	else if (range_end.len == 1 && range_end.data[0] == 0)
		interval.kind = INTERVAL_OPEN;
	else
		interval.kind = INTERVAL_BOUNDED;
	return interval;
}

int key_compare(struct weft_bytes a, struct weft_bytes b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common ? memcmp(a.data, b.data, common) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool interval_contains(const struct interval *interval, struct weft_bytes key)
{
	int order = key_compare(key, interval->from);

	switch (interval->kind) {
	case INTERVAL_POINT: return order == 0;
	case INTERVAL_OPEN: return order >= 0;
	case INTERVAL_BOUNDED: return order >= 0 && key_compare(key, interval->to) < 0;
	}
	return false;
}
