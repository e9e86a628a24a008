/* From one frame's header to the next; see walk.h. */
#include "h2/walk.h"

#include <string.h>

static void take(const uint8_t **bytes, size_t *len, size_t n)
{
	*bytes += n;
	*len -= n;
}

bool walk_next(struct walk *walk, const uint8_t **bytes, size_t *len, struct walk_frame *ret_frame)
{
	const uint8_t *header = walk->header;
	size_t n = walk->skip < *len ? walk->skip : *len;

	take(bytes, len, n);
	walk->skip -= n;
	n = WALK_HEADER - walk->have < *len ? WALK_HEADER - walk->have : *len;
	if (n)
		memcpy(walk->header + walk->have, *bytes, n);
	take(bytes, len, n);
	walk->have += (unsigned)n;
	if (walk->have < WALK_HEADER)
		return false;

	walk->have = 0;
	walk->skip = (size_t)header[0] << 16 | (size_t)header[1] << 8 | header[2];
	ret_frame->type = header[3];
	ret_frame->id = (int32_t)((uint32_t)(header[5] & 0x7f) << 24 | (uint32_t)header[6] << 16 |
				  (uint32_t)header[7] << 8 | header[8]);
	return true;
}
