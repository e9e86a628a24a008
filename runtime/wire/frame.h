/*
 * gRPC's message frame: a byte that says "compressed", four bytes of length, the message.
 *
 * The deframer turns a stream of bytes into messages with as few copies as possible: a message that
 * lies wholly within the fed input is given by reference; only what is cut by the input's end is
 * copied.
 *
 *	weft_deframer_feed(&deframer, bytes, len);
 *	while ((r = weft_deframer_next(&deframer, &frame)) > 0)
 *		…
 *	weft_deframer_save(&deframer);	 only when the loop was left before it returned 0
 */
#ifndef WEFT_WIRE_FRAME_H
#define WEFT_WIRE_FRAME_H

#include <weft/buffer.h>

#define WEFT_FRAME_PREFIX 5

struct weft_frame {
	bool compressed;
	struct weft_bytes message; /* until the next call on the deframer, or the input goes */
};

struct weft_deframer {
	size_t max;              /* longest message that is taken */
	struct weft_buffer kept; /* copied input: a cut message, or what was saved */
	size_t taken;            /* bytes of `kept` that were given out */
	struct weft_bytes input; /* what is left of the fed bytes */
};

void weft_frame_prefix(uint8_t prefix[WEFT_FRAME_PREFIX], bool compressed, size_t len);

void weft_deframer_init(struct weft_deframer *deframer, size_t max);
void weft_deframer_fini(struct weft_deframer *deframer);

/* The former input must be used up or saved. */
void weft_deframer_feed(struct weft_deframer *deframer, const uint8_t *bytes, size_t len);

/* 1: *ret_frame is the next message. 0: all input is used up. -EMSGSIZE: it is longer than `max`;
 * -EBADMSG: the first byte is neither 0 nor 1; -ENOMEM. After an error the stream is lost. */
int weft_deframer_next(struct weft_deframer *deframer, struct weft_frame *ret_frame);

/* Copies what is left of the input, which is about to go. -ENOMEM */
int weft_deframer_save(struct weft_deframer *deframer);

/* How many bytes the message that has begun still lacks; 0: none has begun, or its length is not
 * known. */
size_t weft_deframer_missing(const struct weft_deframer *deframer);

/* Whether the stream may end here: no message has begun. */
bool weft_deframer_at_boundary(const struct weft_deframer *deframer);

#endif
