/* See ends.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ends.h"
#include "io/address.h"

struct weft_worker *worker;
struct end client, server;
struct weft_tls *server_tls;
uint64_t server_timeout_ns;
struct weft_listener *listener;
char directory[64];

static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

static void on_open(struct weft_transport *transport, void *data)
{
	struct end *end = data;

	assert_non_null(end->transport);
	assert_ptr_equal(transport, end->transport);
	end->opened++;
	snprintf(end->alpn, sizeof(end->alpn), "%s", weft_transport_alpn(transport));
	snprintf(end->peer, sizeof(end->peer), "%s", weft_transport_peer(transport));
	if (end->to_send)
		weft_transport_want_write(transport);
	if (end->in_open)
		end->in_open(end);
}

static void on_data(struct weft_transport *transport, const uint8_t *bytes, size_t len, void *data)
{
	struct end *end = data;

	assert_int_equal(end->opened, 1);
	assert_int_equal(end->closed, 0);
	assert_true(len > 0);
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != pattern(end->received + i))
			fail_msg("byte %zu is wrong", end->received + i);
	end->received += len;
	if (end->in_data)
		end->in_data(end);
}

static void on_end(struct weft_transport *transport, void *data)
{
	struct end *end = data;

	end->ended++;
	if (end->in_end)
		end->in_end(end);
	else
		weft_transport_close(transport, false);
}

static size_t on_flush(struct weft_transport *transport, uint8_t *room, size_t cap, void *data)
{
	struct end *end = data;
	size_t left = end->to_send - end->sent;
	size_t len = left < cap ? left : cap;

	assert_int_equal(end->closed, 0);
	assert_int_equal(weft_transport_unsent(transport), 0);
	for (size_t i = 0; i < len; i++)
		room[i] = pattern(end->sent + i);
	end->sent += len;
	if (end->in_flush)
		end->in_flush(end);
	return len;
}

static void on_close(struct weft_transport *transport, int error, void *data)
{
	struct end *end = data;

	assert_non_null(end->transport);
	end->closed++;
	end->error = error;
	snprintf(end->error_text, sizeof(end->error_text), "%s", weft_transport_error(transport));
	end->transport = NULL;
}

const struct weft_transport_events end_events = {
	.on_open = on_open,
	.on_data = on_data,
	.on_end = on_end,
	.on_flush = on_flush,
	.on_close = on_close,
};

int ends_setup(void **state)
{
	memset(&client, 0, sizeof(client));
	memset(&server, 0, sizeof(server));
	server_tls = NULL;
	server_timeout_ns = 0;
	listener = NULL;
	strcpy(directory, "/tmp/weft-io-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	return weft_worker_new(0, &worker);
}

int ends_teardown(void **state)
{
	char command[128];

	if (client.transport)
		weft_transport_close(client.transport, true);
	if (server.transport)
		weft_transport_close(server.transport, true);
	weft_listener_free(listener);
	weft_tls_unref(server_tls);
	weft_worker_free(worker);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

static bool (*awaited)(void);
static uint64_t patience_ends;

static void look(struct weft_timer *timer, void *data)
{
	if (awaited() || weft_now() > patience_ends)
		weft_worker_stop(worker);
	else
		weft_timer_start(weft_worker_loop(worker), timer, WEFT_MS / 2);
}

void run_until(bool (*holds)(void))
{
	struct weft_timer timer;

	awaited = holds;
	patience_ends = weft_now() + 30 * WEFT_SECOND;
	weft_timer_init(&timer, look, NULL);
	weft_timer_start(weft_worker_loop(worker), &timer, 0);
	weft_worker_run(worker);
	assert_true(holds());
}

bool both_closed(void)
{
	return client.closed && server.closed;
}

bool both_opened(void)
{
	return client.opened && server.opened;
}

bool all_received(void)
{
	return client.received == server.to_send && server.received == client.to_send;
}

static void accept_server(struct weft_listener *from, int take_fd, const char *peer, void *data)
{
	assert_null(server.transport);
	server.transport = weft_transport_accept(worker, take_fd, server_tls, server_timeout_ns,
						 &end_events, &server);
	assert_string_equal(weft_transport_peer(server.transport), peer);
	assert_int_equal(server.opened + server.closed, 0);
}

void listen_for_server(const char *address)
{
	char error[256] = "";

	if (weft_listener_new(worker, address, accept_server, NULL, error, &listener) < 0)
		fail_msg("%s", error);
}

void connect_client(struct weft_tls *tls, const char *server_name)
{
	client.transport = weft_transport_connect(worker, weft_listener_address(listener), tls,
						  server_name, 0, &end_events, &client);
	assert_int_equal(client.opened + client.closed, 0);
}

int connect_raw(void)
{
	struct weft_address address;
	int fd;

	assert_int_equal(weft_address_parse(weft_listener_address(listener), &address), 0);
	fd = socket(address.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, &address.sa, address.len), 0);
	return fd;
}

void close_softly(struct end *end)
{
	weft_transport_close(end->transport, false);
}

void close_now(struct end *end)
{
	weft_transport_close(end->transport, true);
}
