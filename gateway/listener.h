/*
 * The public port: accepted on worker 0, each connection handed to the worker with the fewest.
 * There it is found out what it speaks: by ALPN on TLS, else by HTTP/2's preface, of which HTTP/1.1
 * cannot begin with three bytes.
 */
#ifndef GATEWAY_LISTENER_H
#define GATEWAY_LISTENER_H

struct edge;
struct listener;

int listener_new(struct edge *edge, char error[256], struct listener **ret_listener);
void listener_free(struct listener *listener); /* worker 0; takes NULL */
const char *listener_address(const struct listener *listener);

#endif
