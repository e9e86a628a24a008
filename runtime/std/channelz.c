/*
 * grpc.channelz.v1.Channelz on the generated stubs, <weft/inspect.h>, and nothing else: each method
 * copies what it shows into the call's arena while it looks at it. What hangs on an entity is
 * looked up afterwards, so that an answer may have changed in between, as any answer may.
 */
#include <weft/arena.h>
#include <weft/channelz.h>
#include <weft/inspect.h>

#include "channelz_view.h"

#define PAGE 100 /* results at most */

/* Views of one kind, in a list that grows no longer than a page. */
struct page {
	struct weft_arena *arena;
	void *(*view)(const struct weft_entity *entity, struct weft_arena *arena);
	void **list;
	size_t n;
	size_t max;
	bool more;
};

static void *as_server(const struct weft_entity *entity, struct weft_arena *arena)
{
	return view_server(entity, arena);
}

static void *as_channel(const struct weft_entity *entity, struct weft_arena *arena)
{
	return view_channel(entity, arena);
}

static void *as_subchannel(const struct weft_entity *entity, struct weft_arena *arena)
{
	return view_subchannel(entity, arena);
}

static void *as_subchannel_ref(const struct weft_entity *entity, struct weft_arena *arena)
{
	return view_subchannel_ref(entity, arena);
}

static void *as_socket(const struct weft_entity *entity, struct weft_arena *arena)
{
	return view_socket(entity, arena);
}

static void *as_socket_ref(const struct weft_entity *entity, struct weft_arena *arena)
{
	return view_socket_ref(entity, arena);
}

static bool on_entity(const struct weft_entity *entity, void *data)
{
	struct page *page = data;

	page->more = page->n == page->max;
	if (!page->more)
		page->list[page->n++] = page->view(entity, page->arena);
	return !page->more;
}

static struct page page_new(struct weft_call *call, int64_t max)
{
	struct weft_arena *arena = weft_call_arena(call);
	size_t n = max > 0 && max < PAGE ? (size_t)max : PAGE;

	return (struct page) {
		.arena = arena,
		.list = weft_arena_alloc(arena, n * sizeof(void *)),
		.max = n,
	};
}

static void fill(struct page *page, enum weft_entity_kind kind, int64_t parent, int64_t from,
		 void *(*view)(const struct weft_entity *, struct weft_arena *))
{
	page->view = view;
	weft_entities(kind, parent, from, on_entity, page);
}

/* The first page of what hangs on an entity; its length is `*ret_n`. */
static void *children(struct weft_call *call, enum weft_entity_kind kind, int64_t parent,
		      void *(*view)(const struct weft_entity *, struct weft_arena *), size_t *ret_n)
{
	struct page page = page_new(call, 0);

	fill(&page, kind, parent, 0, view);
	*ret_n = page.n;
	return page.list;
}

/* The view of one, or NULL: then the call has failed. */
static void *find(struct weft_call *call, const char *what, enum weft_entity_kind kind, int64_t id,
		  void *(*view)(const struct weft_entity *, struct weft_arena *))
{
	struct page page = page_new(call, 1);

	page.view = view;
	if (weft_entity_find(kind, id, on_entity, &page))
		return page.list[0];
	weft_call_fail(call, WEFT_NOT_FOUND, "there is no %s %lld", what, (long long)id);
	return NULL;
}

/* False: the call has failed. */
static bool check_page(struct weft_call *call, int64_t from, int64_t max)
{
	if (from >= 0 && max >= 0)
		return true;
	weft_call_fail(call, WEFT_INVALID_ARGUMENT, "a page from %lld, of %lld: neither is below 0",
		       (long long)from, (long long)max);
	return false;
}

/* --- Servers -------------------------------------------------------------------------- */

static void add_listeners(struct weft_call *call, Grpc__Channelz__V1__Server *server)
{
	server->listen_socket = children(call, WEFT_ENTITY_LISTENER, server->ref->server_id,
					 as_socket_ref, &server->n_listen_socket);
}

static int get_servers(struct weft_call *call, const Grpc__Channelz__V1__GetServersRequest *req,
		       void *self)
{
	Grpc__Channelz__V1__GetServersResponse res = GRPC__CHANNELZ__V1__GET_SERVERS_RESPONSE__INIT;
	struct page page = page_new(call, req->max_results);

	if (!check_page(call, req->start_server_id, req->max_results))
		return 0;
	fill(&page, WEFT_ENTITY_SERVER, 0, req->start_server_id, as_server);
	res.server = (Grpc__Channelz__V1__Server **)page.list;
	res.n_server = page.n;
	res.end = !page.more;
	for (size_t i = 0; i < res.n_server; i++)
		add_listeners(call, res.server[i]);
	return grpc_channelz_v1_get_servers_reply(call, &res);
}

static int get_server(struct weft_call *call, const Grpc__Channelz__V1__GetServerRequest *req,
		      void *self)
{
	Grpc__Channelz__V1__GetServerResponse res = GRPC__CHANNELZ__V1__GET_SERVER_RESPONSE__INIT;

	res.server = find(call, "server", WEFT_ENTITY_SERVER, req->server_id, as_server);
	if (!res.server)
		return 0;
	add_listeners(call, res.server);
	return grpc_channelz_v1_get_server_reply(call, &res);
}

static int get_server_sockets(struct weft_call *call,
			      const Grpc__Channelz__V1__GetServerSocketsRequest *req, void *self)
{
	Grpc__Channelz__V1__GetServerSocketsResponse res =
		GRPC__CHANNELZ__V1__GET_SERVER_SOCKETS_RESPONSE__INIT;
	struct page page = page_new(call, req->max_results);

	if (!check_page(call, req->start_socket_id, req->max_results) ||
	    !find(call, "server", WEFT_ENTITY_SERVER, req->server_id, as_server))
		return 0;
	fill(&page, WEFT_ENTITY_CONNECTION, req->server_id, req->start_socket_id, as_socket_ref);
	res.socket_ref = (Grpc__Channelz__V1__SocketRef **)page.list;
	res.n_socket_ref = page.n;
	res.end = !page.more;
	return grpc_channelz_v1_get_server_sockets_reply(call, &res);
}

/* --- Channels ------------------------------------------------------------------------- */

static void add_subchannels(struct weft_call *call, Grpc__Channelz__V1__Channel *channel)
{
	channel->subchannel_ref = children(call, WEFT_ENTITY_SUBCHANNEL, channel->ref->channel_id,
					   as_subchannel_ref, &channel->n_subchannel_ref);
}

static int get_top_channels(struct weft_call *call,
			    const Grpc__Channelz__V1__GetTopChannelsRequest *req, void *self)
{
	Grpc__Channelz__V1__GetTopChannelsResponse res =
		GRPC__CHANNELZ__V1__GET_TOP_CHANNELS_RESPONSE__INIT;
	struct page page = page_new(call, req->max_results);

	if (!check_page(call, req->start_channel_id, req->max_results))
		return 0;
	fill(&page, WEFT_ENTITY_CHANNEL, 0, req->start_channel_id, as_channel);
	res.channel = (Grpc__Channelz__V1__Channel **)page.list;
	res.n_channel = page.n;
	res.end = !page.more;
	for (size_t i = 0; i < res.n_channel; i++)
		add_subchannels(call, res.channel[i]);
	return grpc_channelz_v1_get_top_channels_reply(call, &res);
}

static int get_channel(struct weft_call *call, const Grpc__Channelz__V1__GetChannelRequest *req,
		       void *self)
{
	Grpc__Channelz__V1__GetChannelResponse res = GRPC__CHANNELZ__V1__GET_CHANNEL_RESPONSE__INIT;

	res.channel = find(call, "channel", WEFT_ENTITY_CHANNEL, req->channel_id, as_channel);
	if (!res.channel)
		return 0;
	add_subchannels(call, res.channel);
	return grpc_channelz_v1_get_channel_reply(call, &res);
}

static int get_subchannel(struct weft_call *call,
			  const Grpc__Channelz__V1__GetSubchannelRequest *req, void *self)
{
	Grpc__Channelz__V1__GetSubchannelResponse res =
		GRPC__CHANNELZ__V1__GET_SUBCHANNEL_RESPONSE__INIT;
	Grpc__Channelz__V1__Subchannel *subchannel;

	subchannel =
		find(call, "subchannel", WEFT_ENTITY_SUBCHANNEL, req->subchannel_id, as_subchannel);
	if (!subchannel)
		return 0;
	subchannel->socket_ref = children(call, WEFT_ENTITY_CONNECTION, req->subchannel_id,
					  as_socket_ref, &subchannel->n_socket_ref);
	res.subchannel = subchannel;
	return grpc_channelz_v1_get_subchannel_reply(call, &res);
}

/* --- Sockets -------------------------------------------------------------------------- */

static int get_socket(struct weft_call *call, const Grpc__Channelz__V1__GetSocketRequest *req,
		      void *self)
{
	Grpc__Channelz__V1__GetSocketResponse res = GRPC__CHANNELZ__V1__GET_SOCKET_RESPONSE__INIT;
	struct page page = page_new(call, 1);

	page.view = as_socket;
	if (!weft_entity_find(WEFT_ENTITY_LISTENER, req->socket_id, on_entity, &page))
		res.socket =
			find(call, "socket", WEFT_ENTITY_CONNECTION, req->socket_id, as_socket);
	else
		res.socket = page.list[0];
	return res.socket ? grpc_channelz_v1_get_socket_reply(call, &res) : 0;
}

static const struct grpc_channelz_v1_handlers handlers = {
	.get_top_channels = get_top_channels,
	.get_servers = get_servers,
	.get_server = get_server,
	.get_server_sockets = get_server_sockets,
	.get_channel = get_channel,
	.get_subchannel = get_subchannel,
	.get_socket = get_socket,
};

int weft_channelz_add(struct weft_server *server)
{
	return grpc_channelz_v1_add(server, &handlers, NULL);
}
