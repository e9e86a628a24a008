/*
 * A replica's entry in the registry: NAME/ID with its address, in the layout of etcd's own naming
 * resolver for gRPC (proto/weft/naming/naming.proto), under a lease that is kept alive. The peer is
 * whoever speaks the etcd v3 API. While it is away the attempts go on; a lease that is gone is
 * taken anew.
 */
#ifndef CHASSIS_REGISTRATION_H
#define CHASSIS_REGISTRATION_H

#include <weft/tls.h>
#include <weft/worker.h>

struct registration;

struct registration_options {
	const char *registry; /* a channel's target */
	struct weft_tls *tls; /* NULL: it is spoken to in plaintext */
	const char *name;     /* "catalog" */
	const char *id;       /* among the replicas of the name */
	const char *address;  /* where clients reach it */
	const char *version;  /* of the contract, or NULL */
	unsigned weight;      /* 0: none is said */
	/* Whether the entry stands, when that changes; `error` says why not. */
	void (*on_change)(bool stands, const char *error, void *data);
	void *data;
};

/* Begins, on the current loop. -EINVAL: the registry's target is none, `error` says why. The
 * strings are copied. */
int registration_new(struct weft_worker *worker, const struct registration_options *options,
		     char error[256], struct registration **ret_registration);
/* Withdraws the entry, which takes two seconds at most, and frees the registration; `cb` is called
 * then, from the loop. on_change() is not called any more. Takes NULL. */
typedef void registration_gone_cb(void *data);
void registration_withdraw(struct registration *registration, registration_gone_cb *cb, void *data);

#endif
