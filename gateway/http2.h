/* An HTTP/2 connection at the edge: each of its streams is an exchange. */
#ifndef GATEWAY_HTTP2_H
#define GATEWAY_HTTP2_H

#include <weft/h2.h>

#include "edge.h"

/* Takes over an open transport, and the place of `from` among its worker's connections. */
struct weft_h2 *http2_take(struct edge_connection *from, struct weft_transport *transport);

#endif
