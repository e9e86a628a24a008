/* What etcd.c and etcd_endpoint.c share. */
#ifndef WEFT_STD_ETCD_ENDPOINT_H
#define WEFT_STD_ETCD_ENDPOINT_H

#include <weft/etcd.h>

/* weft_etcd_endpoint(), and the "version" that its metadata says; NULL: none. */
int etcd_endpoint_read(const char *json, size_t len, struct weft_arena *arena, char error[256],
		       struct weft_endpoint *ret_endpoint, const char **ret_version);

#endif
