/* What a port needs of a server beyond <weft/server.h>. Any thread, but for server_keep_promise. */
#ifndef RPC_SERVER_H
#define RPC_SERVER_H

#include <weft/server.h>

#include "rpc/registry.h"

/* A port that hands connections to it. A server is freed after all of them. */
void server_add_port(struct weft_server *server, struct weft_entity *listener, const char *address);
void server_remove_port(struct weft_server *server, struct weft_entity *listener);

/* A connection will come: it counts from now on. The server's memory waits for it, also when the
 * server has been freed meanwhile: then the connection is closed. */
void server_promise(struct weft_server *server);
/* It has come. On the server's worker. */
void server_keep_promise(struct weft_server *server, int take_fd, struct weft_tls *tls);

#endif
