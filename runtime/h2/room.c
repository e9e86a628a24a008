/* Where frames are gathered; see room.h. */
#include "h2/room.h"

#include <stdlib.h>
#include <string.h>

void room_fini(struct room *room)
{
	weft_buffer_fini(&room->spill);
}

void room_put(struct room *room, const uint8_t *bytes, size_t len)
{
	size_t left = room->cap - room->len;
	size_t n = len < left ? len : left;

	memcpy(room->bytes + room->len, bytes, n);
	room->len += n;
	if (n < len && weft_buffer_append(&room->spill, bytes + n, len - n) < 0)
		abort(); /* a frame: small and of our own making */
}

void room_begin(struct room *room, uint8_t *bytes, size_t cap)
{
	size_t n = room->spill.len < cap ? room->spill.len : cap;

	room->bytes = bytes;
	room->cap = cap;
	room->len = 0;
	if (!n)
		return;
	room_put(room, room->spill.data, n);
	weft_buffer_consume(&room->spill, n);
	if (!room->spill.len)
		weft_buffer_fini(&room->spill);
}

size_t room_end(struct room *room)
{
	room->bytes = NULL;
	return room->len;
}
