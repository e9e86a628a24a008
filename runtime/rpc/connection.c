/*
 * From the transport's attempt to the HTTP/2 connection's end:
 *
 *	CONNECTING ──on_open──► STARTING ──SETTINGS──► READY ──► (closed)
 *
 * In CONNECTING the transport is ours, afterwards h2 owns it.
 */
#include "rpc/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/log.h>

#include "rpc/registry.h"

#define STREAM_WINDOW ((uint32_t)256 << 10) /* a reply of some size arrives in one flight */

struct weft_connection {
	enum { CONNECTING, STARTING, READY } state;
	struct weft_transport *transport;
	struct weft_h2 *h2;
	const struct weft_connection_events *events;
	void *data;
	struct weft_h2_options h2_options;
	bool not_h2;               /* ALPN chose something else */
	bool calmed;               /* on_too_many_pings has been called */
	struct weft_entity entity; /* once it speaks HTTP/2 */
	int64_t subchannel_id;
	char local[WEFT_ADDRESS_MAX];
	char address[];
};

static void closed(struct weft_connection *connection, int r, const char *why)
{
	char error[256];

	entity_leave(&connection->entity);
	if (!why || !*why)
		why = r < 0 ? weft_errno_string(r) : "the peer closed the connection";
	if (connection->not_h2)
		why = "the peer does not offer HTTP/2 (ALPN)";
	if (strstr(why, connection->address)) /* the transport's words name it already */
		snprintf(error, sizeof(error), "%s", why);
	else
		snprintf(error, sizeof(error), "%.100s: %.150s", connection->address, why);
	connection->events->on_closed(connection, r, error, connection->data);
	free(connection);
}

static void on_h2_ready(struct weft_h2 *h2, void *data)
{
	struct weft_connection *connection = data;

	connection->state = READY;
	connection->events->on_ready(connection, connection->data);
}

static void on_h2_goaway(struct weft_h2 *h2, uint32_t error_code, void *data)
{
	struct weft_connection *connection = data;

	if (weft_h2_too_many_pings(h2) && !connection->calmed) {
		connection->calmed = true;
		connection->events->on_too_many_pings(connection, connection->data);
	}
	connection->events->on_draining(connection, connection->data);
}

static void on_h2_close(struct weft_h2 *h2, int r, const char *error, void *data)
{
	closed(data, r, error);
}

static const struct weft_h2_events h2_events = {
	.on_ready = on_h2_ready,
	.on_goaway = on_h2_goaway,
	.on_close = on_h2_close,
};

static void on_open(struct weft_transport *transport, void *data)
{
	struct weft_connection *connection = data;

	if (weft_transport_is_tls(transport) && strcmp(weft_transport_alpn(transport), "h2") != 0) {
		connection->not_h2 = true;
		weft_transport_close(transport, true);
		return;
	}
	connection->state = STARTING;
	connection->transport = NULL;
	connection->h2 =
		weft_h2_client_new(transport, &connection->h2_options, &h2_events, connection);
	entity_enter_connection(&connection->entity, connection->subchannel_id, connection->h2,
				connection->local);
}

static void on_data(struct weft_transport *transport, const uint8_t *bytes, size_t len, void *data)
{
	/* nothing comes before on_open has handed the transport over, but while it closes */
}

static size_t on_flush(struct weft_transport *transport, uint8_t *room, size_t cap, void *data)
{
	return 0;
}

static void on_close(struct weft_transport *transport, int error, void *data)
{
	closed(data, error ? error : -ECONNRESET, weft_transport_error(transport));
}

static const struct weft_transport_events transport_events = {
	.on_open = on_open,
	.on_data = on_data,
	.on_flush = on_flush,
	.on_close = on_close,
};

struct weft_connection *weft_connection_new(struct weft_worker *worker, const char *address,
					    int64_t subchannel_id,
					    const struct weft_connection_options *options,
					    const struct weft_connection_events *events, void *data)
{
	size_t size = strlen(address) + 1;
	struct weft_connection *connection = calloc(1, sizeof(*connection) + size);

	if (!connection)
		abort();
	memcpy(connection->address, address, size);
	connection->subchannel_id = subchannel_id;
	connection->events = events;
	connection->data = data;
	connection->h2_options = (struct weft_h2_options) {
		.size = sizeof(connection->h2_options),
		.stream_window = STREAM_WINDOW,
		.keepalive_ns = options->keepalive_ns,
		.keepalive_timeout_ns = options->keepalive_timeout_ns,
		.keepalive_idle = options->keepalive_idle,
		.message_budget = options->message_budget,
		.max_header_list = (uint32_t)options->metadata.hard,
		.soft_header_list = (uint32_t)options->metadata.soft,
	};
	connection->transport =
		weft_transport_connect(worker, address, options->tls, options->server_name,
				       options->timeout_ns, &transport_events, connection);
	return connection;
}

void weft_connection_drain(struct weft_connection *connection)
{
	if (connection->state == CONNECTING)
		weft_transport_close(connection->transport, true);
	else if (weft_h2_streams(connection->h2))
		weft_h2_drain(connection->h2);
	else
		weft_h2_close(connection->h2, WEFT_H2_NO_ERROR);
}

const char *weft_connection_address(const struct weft_connection *connection)
{
	return connection->address;
}

struct weft_h2 *weft_connection_h2(struct weft_connection *connection)
{
	return connection->h2;
}
