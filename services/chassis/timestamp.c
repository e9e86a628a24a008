/* Timestamps: see timestamp.h. */
#include "timestamp.h"

Google__Protobuf__Timestamp *timestamp_to_message(int64_t ns, struct weft_arena *arena)
{
	Google__Protobuf__Timestamp *timestamp = weft_arena_alloc(arena, sizeof(*timestamp));

	google__protobuf__timestamp__init(timestamp);
	timestamp->seconds = ns / (int64_t)WEFT_SECOND;
	timestamp->nanos = (int32_t)(ns % (int64_t)WEFT_SECOND);
	return timestamp;
}
