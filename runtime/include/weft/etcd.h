/*
 * Names in etcd: targets "etcd:///name" and "etcd://host:port/name" (resolver.h). The replicas of a
 * service stand under NAME/ID, one JSON object each, in the layout of etcd's own naming resolver
 * for gRPC: {"Op":0,"Addr":"host:port","Metadata":…}. They are read once and then watched, so a
 * change is there as soon as etcd tells it; while etcd cannot be reached, what was known stays in
 * use.
 *
 * What Metadata says are the endpoint's attributes, and its "weight", a number, the weight. Of
 * "etcd:///name?version=1.2" only those are taken whose "version" is in that range.
 */
#ifndef WEFT_ETCD_H
#define WEFT_ETCD_H

#include <weft/arena.h>
#include <weft/resolver.h>
#include <weft/tls.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Makes the scheme known, once in the process and before its workers start; -EEXIST. `target` is
 * where etcd, or whatever speaks its v3 API, is for targets that do not say so themselves: any
 * target of another scheme, copied, or NULL for the environment's WEFT_REGISTRY as it is when a
 * name is first looked up. `tls` is how it is reached, referenced for good; NULL: plaintext. */
int weft_etcd_register(const char *target, struct weft_tls *tls);

/* What stands under a key, as an endpoint: 0, and memory of the arena; -EINVAL: `error` says what
 * is wrong. */
int weft_etcd_endpoint(const char *json, size_t len, struct weft_arena *arena, char error[256],
		       struct weft_endpoint *ret_endpoint);

/* Whether a semantic version (https://semver.org) is in a range: "1.2" stands for 1.2.0 and what
 * is newer, below 2.0.0; "0.3" for 0.3.0 and newer, below 0.4.0. 1, or 0: it is not, as no
 * pre-release is, nor NULL. -EINVAL: `range` is not one to three numbers with points in between. */
int weft_version_in(const char *version, const char *range);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
