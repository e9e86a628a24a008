/*
 * The room that a flush offers for frames, and the spill: the rest of a frame that did not fit,
 * which goes first the next time. So a room is always filled to its end, and the spill is one frame
 * at most.
 */
#ifndef H2_ROOM_H
#define H2_ROOM_H

#include <weft/buffer.h>

struct room {
	uint8_t *bytes; /* of whoever flushes, between room_begin and room_end */
	size_t cap;
	size_t len;
	struct weft_buffer spill;
};

void room_fini(struct room *room);
void room_begin(struct room *room, uint8_t *bytes, size_t cap); /* takes what was spilled */
void room_put(struct room *room, const uint8_t *bytes, size_t len);
size_t room_end(struct room *room); /* how much is in it */

static inline bool room_full(const struct room *room)
{
	return room->len == room->cap;
}

#endif
