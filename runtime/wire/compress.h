/*
 * gRPC's message encodings: their names in headers, and a message's way into one and out again.
 * Each message is compressed on its own, and nothing is kept between two: a stream that idles
 * holds no window of zlib's.
 */
#ifndef WEFT_WIRE_COMPRESS_H
#define WEFT_WIRE_COMPRESS_H

#include <weft/buffer.h>
#include <weft/encoding.h>

#include "wire/frame.h"

/* What we accept, as grpc-accept-encoding says it. */
#define WEFT_ENCODINGS_ACCEPTED "identity,deflate,gzip"

const char *weft_encoding_name(enum weft_encoding encoding);
/* Of a grpc-encoding. False: we do not know it. */
bool weft_encoding_parse(const char *name, size_t len, enum weft_encoding *ret_encoding);
/* Of a grpc-accept-encoding: a bit (1 << encoding) for each name in it that we know. */
unsigned weft_encoding_parse_list(const char *names, size_t len);

/* 1: what `message` is in that encoding was appended. 0: it would not be shorter, and nothing was.
 * -ENOMEM */
int weft_compress(enum weft_encoding encoding, struct weft_bytes message, struct weft_buffer *out);

/* Appends the message that `bytes` are. -EMSGSIZE: it is longer than `max`, which is noticed as
 * soon as it is; -EBADMSG: they are no such thing, or cut short, or more than one; -ENOMEM. What
 * was appended before an error stays. */
int weft_decompress(enum weft_encoding encoding, struct weft_bytes bytes, size_t max,
		    struct weft_buffer *out);

/* A received frame's message: as it came, or decompressed into `room`, which is cleared first.
 * -EPROTO: it says that it is compressed, and `encoding` is identity; or as weft_decompress. */
int weft_frame_open(const struct weft_frame *frame, enum weft_encoding encoding, size_t max,
		    struct weft_buffer *room, struct weft_bytes *ret_message);

#endif
