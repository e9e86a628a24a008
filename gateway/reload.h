/*
 * Takes a changed configuration up without a restart: on SIGHUP, and when one of its files has
 * changed, or what a backend says of its contracts. The new state is built on a thread of its own
 * (it reads files, and asks backends) and takes the place of the old one as a whole, or not at all:
 * what is wrong with it is logged, and everything stays as it was.
 *
 * Requests that are under way end under the state in which they began. Where the edge listens, with
 * how many threads and which certificate's files is read at the start alone.
 */
#ifndef GATEWAY_RELOAD_H
#define GATEWAY_RELOAD_H

#include "edge.h"

struct reload;

/* On worker 0, before it runs. The arguments are those of main, and outlive it. */
struct reload *reload_new(struct edge *edge, int argc, char **argv);
void reload_free(struct reload *reload); /* after it has run; takes NULL */

#endif
