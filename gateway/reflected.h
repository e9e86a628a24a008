/*
 * The contracts that backends say themselves, by grpc.reflection.v1 or v1alpha. They are asked all
 * at the same time, by a worker that lives as long as the questions do; a backend that is not up
 * costs a few seconds and its own contracts, no more.
 */
#ifndef GATEWAY_REFLECTED_H
#define GATEWAY_REFLECTED_H

#include <weft/buffer.h>

struct site;

/* What one backend has said: a google.protobuf.FileDescriptorSet. */
struct reflected {
	struct weft_buffer files;
	bool current; /* it has answered this time; else the files, if any, are those of before */
};

/* Blocks, on a thread that runs no loop; needs the site's configuration and trust. Fills in
 * site->reflected and logs what goes wrong. What `before` (may be NULL) knows of a backend that
 * does not answer is kept. 0 or -ENOMEM */
int reflected_ask(struct site *site, const struct site *before);
void reflected_fini(struct site *site);

/* Whether any backend is to be asked; whether all those that are have answered; whether two states
 * have heard the same. */
bool reflected_wanted(const struct site *site);
bool reflected_complete(const struct site *site);
bool reflected_same(const struct site *a, const struct site *b);

#endif
