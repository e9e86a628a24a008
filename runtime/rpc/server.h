/* What a port needs of a server beyond <weft/server.h>. */
#ifndef RPC_SERVER_H
#define RPC_SERVER_H

#include <weft/server.h>

/* A connection will come: it counts from now on. Any thread. */
void server_promise(struct weft_server *server);
/* It has come. On the server's worker. */
void server_take_promised(struct weft_server *server, int take_fd, struct weft_tls *tls);

#endif
