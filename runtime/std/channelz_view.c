/* See channelz_view.h. */
#include "channelz_view.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* A message in the arena, initialised by protobuf-c's function for it. */
#define NEW(arena, pointer, init)                                                                  \
	((pointer) = weft_arena_alloc((arena), sizeof(*(pointer))), init(pointer))

#define STATE(name) GRPC__CHANNELZ__V1__CHANNEL_CONNECTIVITY_STATE__STATE__##name

static char *copy(const char *text, struct weft_arena *arena)
{
	return weft_arena_strdup(arena, text ? text : "");
}

/* --- Time and counters ---------------------------------------------------------------- */

static Google__Protobuf__Timestamp *timestamp(uint64_t wall, struct weft_arena *arena)
{
	Google__Protobuf__Timestamp *time;

	NEW(arena, time, google__protobuf__timestamp__init);
	time->seconds = (int64_t)(wall / WEFT_SECOND);
	time->nanos = (int32_t)(wall % WEFT_SECOND);
	return time;
}

/* Of a moment of weft_now(); NULL: never. */
static Google__Protobuf__Timestamp *moment(const uint64_t *counter, struct weft_arena *arena)
{
	uint64_t at = weft_counter_read(counter), now = weft_now();

	if (!at)
		return NULL;
	return timestamp(weft_wall_clock() - (now > at ? now - at : 0), arena);
}

static int64_t count(const uint64_t *counter)
{
	return (int64_t)weft_counter_read(counter);
}

static Google__Protobuf__Int64Value *int64_value(int64_t value, struct weft_arena *arena)
{
	Google__Protobuf__Int64Value *message;

	NEW(arena, message, google__protobuf__int64_value__init);
	message->value = value;
	return message;
}

/* --- Traces --------------------------------------------------------------------------- */

static Grpc__Channelz__V1__ChannelTraceEvent *view_event(const struct weft_entity_event *event,
							 struct weft_arena *arena)
{
	Grpc__Channelz__V1__ChannelTraceEvent *message;

	NEW(arena, message, grpc__channelz__v1__channel_trace_event__init);
	message->description = copy(event->text, arena);
	message->severity = (Grpc__Channelz__V1__ChannelTraceEvent__Severity)event->severity;
	message->timestamp = timestamp(event->at, arena);
	if (!event->child)
		return message;
	message->child_ref_case = GRPC__CHANNELZ__V1__CHANNEL_TRACE_EVENT__CHILD_REF_SUBCHANNEL_REF;
	NEW(arena, message->subchannel_ref, grpc__channelz__v1__subchannel_ref__init);
	message->subchannel_ref->subchannel_id = event->child;
	return message;
}

static Grpc__Channelz__V1__ChannelTrace *view_trace(const struct weft_entity *entity,
						    struct weft_arena *arena)
{
	const struct weft_entity_trace *trace = entity->trace;
	Grpc__Channelz__V1__ChannelTrace *message;
	uint64_t first;

	if (!trace)
		return NULL;
	NEW(arena, message, grpc__channelz__v1__channel_trace__init);
	message->creation_timestamp = timestamp(entity->created, arena);
	message->num_events_logged = (int64_t)trace->logged;
	message->events = weft_arena_alloc(arena, WEFT_ENTITY_EVENTS * sizeof(*message->events));
	first = trace->logged > WEFT_ENTITY_EVENTS ? trace->logged - WEFT_ENTITY_EVENTS : 0;
	for (uint64_t i = first; i < trace->logged; i++)
		message->events[message->n_events++] =
			view_event(&trace->events[i % WEFT_ENTITY_EVENTS], arena);
	return message;
}

/* --- Servers and channels ------------------------------------------------------------- */

Grpc__Channelz__V1__Server *view_server(const struct weft_entity *entity, struct weft_arena *arena)
{
	Grpc__Channelz__V1__Server *server;
	Grpc__Channelz__V1__ServerData *data;

	NEW(arena, server, grpc__channelz__v1__server__init);
	NEW(arena, server->ref, grpc__channelz__v1__server_ref__init);
	NEW(arena, server->data, grpc__channelz__v1__server_data__init);
	server->ref->server_id = entity->id;
	server->ref->name = copy(entity->name, arena);
	data = server->data;
	data->trace = view_trace(entity, arena);
	data->calls_started = count(&entity->calls.started);
	data->calls_succeeded = count(&entity->calls.succeeded);
	data->calls_failed = count(&entity->calls.failed);
	data->last_call_started_timestamp = moment(&entity->calls.last_started, arena);
	return server;
}

static Grpc__Channelz__V1__ChannelConnectivityState__State view_state(enum weft_connectivity state)
{
	switch (state) {
	case WEFT_IDLE: return STATE(IDLE);
	case WEFT_CONNECTING: return STATE(CONNECTING);
	case WEFT_READY: return STATE(READY);
	case WEFT_TRANSIENT_FAILURE: return STATE(TRANSIENT_FAILURE);
	case WEFT_SHUTDOWN: return STATE(SHUTDOWN);
	}
	return STATE(UNKNOWN);
}

static Grpc__Channelz__V1__ChannelData *view_channel_data(const struct weft_entity *entity,
							  struct weft_arena *arena)
{
	Grpc__Channelz__V1__ChannelData *data;

	NEW(arena, data, grpc__channelz__v1__channel_data__init);
	NEW(arena, data->state, grpc__channelz__v1__channel_connectivity_state__init);
	data->state->state = view_state((enum weft_connectivity)weft_counter_read(&entity->state));
	data->target = copy(entity->name, arena);
	data->trace = view_trace(entity, arena);
	data->calls_started = count(&entity->calls.started);
	data->calls_succeeded = count(&entity->calls.succeeded);
	data->calls_failed = count(&entity->calls.failed);
	data->last_call_started_timestamp = moment(&entity->calls.last_started, arena);
	return data;
}

Grpc__Channelz__V1__Channel *view_channel(const struct weft_entity *entity,
					  struct weft_arena *arena)
{
	Grpc__Channelz__V1__Channel *channel;

	NEW(arena, channel, grpc__channelz__v1__channel__init);
	NEW(arena, channel->ref, grpc__channelz__v1__channel_ref__init);
	channel->ref->channel_id = entity->id;
	channel->ref->name = copy(entity->name, arena);
	channel->data = view_channel_data(entity, arena);
	return channel;
}

Grpc__Channelz__V1__SubchannelRef *view_subchannel_ref(const struct weft_entity *entity,
						       struct weft_arena *arena)
{
	Grpc__Channelz__V1__SubchannelRef *ref;

	NEW(arena, ref, grpc__channelz__v1__subchannel_ref__init);
	ref->subchannel_id = entity->id;
	ref->name = copy(entity->name, arena);
	return ref;
}

Grpc__Channelz__V1__Subchannel *view_subchannel(const struct weft_entity *entity,
						struct weft_arena *arena)
{
	Grpc__Channelz__V1__Subchannel *subchannel;

	NEW(arena, subchannel, grpc__channelz__v1__subchannel__init);
	subchannel->ref = view_subchannel_ref(entity, arena);
	subchannel->data = view_channel_data(entity, arena);
	return subchannel;
}

/* --- Sockets -------------------------------------------------------------------------- */

/* "127.0.0.1:80" or "[::1]:80". */
static Grpc__Channelz__V1__Address__TcpIpAddress *view_tcp(const char *text,
							   struct weft_arena *arena)
{
	const char *colon = strrchr(text, ':');
	Grpc__Channelz__V1__Address__TcpIpAddress *tcp;
	bool six = *text == '[';
	char host[INET6_ADDRSTRLEN + 2];
	uint8_t *bytes;

	if (!colon || (size_t)(colon - text) >= sizeof(host))
		return NULL;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text - six] = 0; /* and so less the bracket */
	bytes = weft_arena_alloc(arena, sizeof(struct in6_addr));
	if (inet_pton(six ? AF_INET6 : AF_INET, host + six, bytes) != 1)
		return NULL;
	NEW(arena, tcp, grpc__channelz__v1__address__tcp_ip_address__init);
	tcp->ip_address.data = bytes;
	tcp->ip_address.len = six ? 16 : 4;
	tcp->port = atoi(colon + 1);
	return tcp;
}

static Grpc__Channelz__V1__Address *view_address(const char *text, struct weft_arena *arena)
{
	Grpc__Channelz__V1__Address *address;

	if (!text || !*text)
		return NULL;
	NEW(arena, address, grpc__channelz__v1__address__init);
	address->tcpip_address = view_tcp(text, arena);
	address->address_case = GRPC__CHANNELZ__V1__ADDRESS__ADDRESS_TCPIP_ADDRESS;
	if (address->tcpip_address)
		return address;
	if (strncmp(text, "unix:", 5) == 0) {
		NEW(arena, address->uds_address, grpc__channelz__v1__address__uds_address__init);
		address->uds_address->filename = copy(text + 5, arena);
		address->address_case = GRPC__CHANNELZ__V1__ADDRESS__ADDRESS_UDS_ADDRESS;
	} else {
		NEW(arena, address->other_address,
		    grpc__channelz__v1__address__other_address__init);
		address->other_address->name = copy(text, arena);
		address->address_case = GRPC__CHANNELZ__V1__ADDRESS__ADDRESS_OTHER_ADDRESS;
	}
	return address;
}

static Grpc__Channelz__V1__Security *view_security(const struct weft_entity *entity,
						   struct weft_arena *arena)
{
	const struct weft_bytes *remote = &entity->remote_certificate;
	Grpc__Channelz__V1__Security *security;
	Grpc__Channelz__V1__Security__Tls *tls;

	if (!entity->cipher)
		return NULL;
	NEW(arena, security, grpc__channelz__v1__security__init);
	NEW(arena, tls, grpc__channelz__v1__security__tls__init);
	tls->cipher_suite_case = GRPC__CHANNELZ__V1__SECURITY__TLS__CIPHER_SUITE_STANDARD_NAME;
	tls->standard_name = copy(entity->cipher, arena);
	if (remote->len) {
		tls->remote_certificate.data = weft_arena_memdup(arena, remote->data, remote->len);
		tls->remote_certificate.len = tls->remote_certificate.data ? remote->len : 0;
	}
	security->model_case = GRPC__CHANNELZ__V1__SECURITY__MODEL_TLS;
	security->tls = tls;
	return security;
}

/* A server's streams are its peer's, a subchannel's are its own. */
static Grpc__Channelz__V1__SocketData *view_socket_data(const struct weft_entity *entity,
							struct weft_arena *arena)
{
	const struct weft_h2_counters *h2 = entity->h2;
	Google__Protobuf__Timestamp *last = moment(&h2->last_stream, arena);
	Grpc__Channelz__V1__SocketData *data;
	int64_t goaway = count(&h2->goaway);

	NEW(arena, data, grpc__channelz__v1__socket_data__init);
	data->streams_started = count(&h2->streams);
	data->streams_succeeded = count(&h2->streams_succeeded);
	data->streams_failed = count(&h2->streams_failed);
	data->messages_sent = count(&h2->messages_sent);
	data->messages_received = count(&h2->messages_received);
	data->keep_alives_sent = count(&h2->keepalives);
	data->last_remote_stream_created_timestamp = entity->server ? last : NULL;
	data->last_local_stream_created_timestamp = entity->server ? NULL : last;
	data->last_message_sent_timestamp = moment(&h2->last_sent, arena);
	data->last_message_received_timestamp = moment(&h2->last_received, arena);
	data->local_flow_control_window = int64_value(count(&h2->send_window), arena);
	data->remote_flow_control_window = int64_value(count(&h2->receive_window), arena);
	data->peer_max_concurrent_streams = (uint32_t)weft_counter_read(&h2->peer_max_streams);
	if (goaway) {
		NEW(arena, data->received_goaway_error, google__protobuf__uint32_value__init);
		data->received_goaway_error->value = (uint32_t)(goaway - 1);
	}
	return data;
}

Grpc__Channelz__V1__SocketRef *view_socket_ref(const struct weft_entity *entity,
					       struct weft_arena *arena)
{
	Grpc__Channelz__V1__SocketRef *ref;

	NEW(arena, ref, grpc__channelz__v1__socket_ref__init);
	ref->socket_id = entity->id;
	ref->name = copy(entity->name, arena);
	return ref;
}

Grpc__Channelz__V1__Socket *view_socket(const struct weft_entity *entity, struct weft_arena *arena)
{
	bool listens = entity->kind == WEFT_ENTITY_LISTENER;
	Grpc__Channelz__V1__Socket *socket;

	NEW(arena, socket, grpc__channelz__v1__socket__init);
	socket->ref = view_socket_ref(entity, arena);
	socket->local = view_address(listens ? entity->name : entity->local, arena);
	socket->remote = view_address(entity->remote, arena);
	socket->security = view_security(entity, arena);
	if (entity->h2)
		socket->data = view_socket_data(entity, arena);
	return socket;
}
