/*
 * grpc.channelz.v1.Channelz, ready to add to a server: it shows the whole process (weft/inspect.h),
 * addresses and peers included, so it belongs on a port that only operators reach.
 */
#ifndef WEFT_CHANNELZ_H
#define WEFT_CHANNELZ_H

#include <weft/server.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

int weft_channelz_add(struct weft_server *server); /* -EEXIST */

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
