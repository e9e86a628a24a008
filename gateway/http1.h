/*
 * An HTTP/1.1 (and 1.0) connection at the edge: a parser, one exchange at a time, and the
 * response's bytes until the transport takes them. Pipelined requests wait for the one before them.
 */
#ifndef GATEWAY_HTTP1_H
#define GATEWAY_HTTP1_H

#include <weft/transport.h>

#include "edge.h"

struct http1;

/* Takes over an open transport, and the place of `from` among its worker's connections. */
struct http1 *http1_take(struct edge_connection *from, struct weft_transport *transport);
/* Bytes that were read before. */
void http1_receive(struct http1 *http1, const uint8_t *bytes, size_t len);

#endif
