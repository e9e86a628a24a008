/*
 * gRPC-Web: gRPC for clients that see no trailers. They come as the last frame of the body; and in
 * its text form the whole body is base64.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
 *
 * Pure: bytes in, bytes out.
 */
#ifndef GATEWAY_GRPC_WEB_H
#define GATEWAY_GRPC_WEB_H

#include <weft/buffer.h>
#include <weft/header.h>

enum grpc_dialect {
	GRPC_PLAIN,
	GRPC_WEB,
	GRPC_WEB_TEXT,
};

/* What a content-type means; false: it is none of gRPC's. */
bool grpc_dialect_of(const char *content_type, enum grpc_dialect *ret_dialect);
/* Of the response. */
const char *grpc_content_type(enum grpc_dialect dialect);

/* A request's base64 in pieces of any size: padding may stand in the middle, where a client put
 * encoded pieces one after the other. Start with a zeroed one. */
struct grpc_web_decoder {
	char quad[4];
	size_t n;
};
/* Appends what can be decoded. -EINVAL: it is not base64. */
int grpc_web_decode(struct grpc_web_decoder *decoder, const uint8_t *text, size_t len,
		    struct weft_buffer *out);

/* Appends `bytes` as base64, with padding. */
int grpc_web_encode(const uint8_t *bytes, size_t len, struct weft_buffer *out);

/* Appends the frame of the trailers. */
int grpc_web_trailers(const struct weft_h2_header *fields, size_t n, struct weft_buffer *out);

#endif
