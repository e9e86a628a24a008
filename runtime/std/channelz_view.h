/* Entities as the messages of grpc.channelz.v1, in an arena. What they show is copied. */
#ifndef STD_CHANNELZ_VIEW_H
#define STD_CHANNELZ_VIEW_H

#include <weft/arena.h>
#include <weft/inspect.h>

#include "grpc/channelz/v1/channelz.weft.h"

/* Without what hangs on them: that is other entities. */
Grpc__Channelz__V1__Server *view_server(const struct weft_entity *entity, struct weft_arena *arena);
Grpc__Channelz__V1__Channel *view_channel(const struct weft_entity *entity,
					  struct weft_arena *arena);
Grpc__Channelz__V1__Subchannel *view_subchannel(const struct weft_entity *entity,
						struct weft_arena *arena);
Grpc__Channelz__V1__Socket *view_socket(const struct weft_entity *entity, struct weft_arena *arena);

Grpc__Channelz__V1__SocketRef *view_socket_ref(const struct weft_entity *entity,
					       struct weft_arena *arena);
Grpc__Channelz__V1__SubchannelRef *view_subchannel_ref(const struct weft_entity *entity,
						       struct weft_arena *arena);

#endif
