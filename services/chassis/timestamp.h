/* Moments as services keep them, nanoseconds since 1970, and as messages say them. */
#ifndef CHASSIS_TIMESTAMP_H
#define CHASSIS_TIMESTAMP_H

#include <weft/arena.h>

#include "google/protobuf/timestamp.pb-c.h"

/* `ns` is not negative. */
Google__Protobuf__Timestamp *timestamp_to_message(int64_t ns, struct weft_arena *arena);

#endif
