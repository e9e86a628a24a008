/*
 * A walk over the frames of what a peer sends, by their headers alone, ahead of nghttp2: to see
 * what it drops without a word.
 */
#ifndef H2_WALK_H
#define H2_WALK_H

#include <weft/base.h>

#define WALK_HEADER  9
#define WALK_PREFACE 24 /* before a client's first frame */

struct walk {
	size_t skip;   /* bytes until the next header */
	unsigned have; /* bytes of `header` that are there */
	uint8_t header[WALK_HEADER];
};

struct walk_frame {
	uint8_t type;
	int32_t id;
};

/* Goes on in *bytes, and takes off what it has passed. False: the end was met before a frame's
 * header was complete. */
bool walk_next(struct walk *walk, const uint8_t **bytes, size_t *len, struct walk_frame *ret_frame);

#endif
