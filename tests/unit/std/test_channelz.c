/*
 * channelz of channels: a process that is server and client at once, and asks itself over the
 * channel that it asks about. Servers, and a foreign client, are in tests/integration.
 */
#include "peers.h"

#include <stdio.h>
#include <string.h>
#include <weft/channelz.h>
#include <weft/inspect.h>

#include "grpc/channelz/v1/channelz.weft.h"

typedef Grpc__Channelz__V1__ChannelData Data;

#define READY GRPC__CHANNELZ__V1__CHANNEL_CONNECTIVITY_STATE__STATE__READY

/* What the answers were about. */
struct seen {
	unsigned answers;
	int64_t subchannel;
	int64_t socket;
};

static void expect_calls(const Data *data, int64_t started, int64_t succeeded, int64_t failed)
{
	assert_int_equal(data->calls_started, started);
	assert_int_equal(data->calls_succeeded, succeeded);
	assert_int_equal(data->calls_failed, failed);
	assert_non_null(data->last_call_started_timestamp);
	assert_int_equal(data->state->state, READY);
	assert_string_equal(data->target, target);
}

static bool is_logged(const Data *data, const char *text, int64_t subchannel)
{
	for (size_t i = 0; i < data->trace->n_events; i++) {
		const Grpc__Channelz__V1__ChannelTraceEvent *event = data->trace->events[i];

		if (strcmp(event->description, text) == 0)
			return !subchannel || event->subchannel_ref->subchannel_id == subchannel;
	}
	return false;
}

static void on_channels(struct weft_rpc *rpc, const struct weft_status *status,
			Grpc__Channelz__V1__GetTopChannelsResponse *res, void *data)
{
	struct seen *seen = data;
	char text[200];

	assert_int_equal(status->code, WEFT_OK);
	assert_true(res->end);
	assert_int_equal(res->n_channel, 1);
	expect_calls(res->channel[0]->data, 4, 2, 1); /* this one is the fourth */
	assert_int_equal(res->channel[0]->n_subchannel_ref, 1);
	seen->subchannel = res->channel[0]->subchannel_ref[0]->subchannel_id;
	snprintf(text, sizeof(text), "subchannel to %s", target);
	assert_true(is_logged(res->channel[0]->data, text, seen->subchannel));
	assert_true(is_logged(res->channel[0]->data, "CONNECTING", 0));
	assert_true(is_logged(res->channel[0]->data, "READY", 0));
	seen->answers++;
}

static void on_subchannel(struct weft_rpc *rpc, const struct weft_status *status,
			  Grpc__Channelz__V1__GetSubchannelResponse *res, void *data)
{
	struct seen *seen = data;

	assert_int_equal(status->code, WEFT_OK);
	expect_calls(res->subchannel->data, 5, 3, 1);
	assert_true(is_logged(res->subchannel->data, "READY", 0));
	assert_int_equal(res->subchannel->n_socket_ref, 1);
	seen->socket = res->subchannel->socket_ref[0]->socket_id;
	seen->answers++;
}

static void on_socket(struct weft_rpc *rpc, const struct weft_status *status,
		      Grpc__Channelz__V1__GetSocketResponse *res, void *data)
{
	const Grpc__Channelz__V1__SocketData *socket = res->socket->data;
	struct seen *seen = data;

	assert_int_equal(status->code, WEFT_OK);
	assert_int_equal(socket->streams_started, 6);
	assert_int_equal(socket->streams_succeeded, 5);
	assert_int_equal(socket->streams_failed, 0);
	assert_int_equal(socket->messages_sent, 6);
	assert_int_equal(socket->messages_received, 4); /* Fail had none */
	assert_non_null(socket->last_local_stream_created_timestamp);
	assert_null(socket->last_remote_stream_created_timestamp);
	assert_int_equal(socket->peer_max_concurrent_streams, 256);
	assert_int_equal(res->socket->remote->address_case,
			 GRPC__CHANNELZ__V1__ADDRESS__ADDRESS_UDS_ADDRESS);
	assert_string_equal(res->socket->remote->uds_address->filename, target + strlen("unix:"));
	seen->answers++;
}

static void ask_all(struct seen *seen)
{
	Grpc__Channelz__V1__GetTopChannelsRequest top =
		GRPC__CHANNELZ__V1__GET_TOP_CHANNELS_REQUEST__INIT;
	Grpc__Channelz__V1__GetSubchannelRequest subchannel =
		GRPC__CHANNELZ__V1__GET_SUBCHANNEL_REQUEST__INIT;
	Grpc__Channelz__V1__GetSocketRequest socket = GRPC__CHANNELZ__V1__GET_SOCKET_REQUEST__INIT;

	grpc_channelz_v1_get_top_channels(channel, &top, NULL, on_channels, seen);
	run_until(is_nonzero, &seen->answers);
	seen->answers = 0;
	subchannel.subchannel_id = seen->subchannel;
	grpc_channelz_v1_get_subchannel(channel, &subchannel, NULL, on_subchannel, seen);
	run_until(is_nonzero, &seen->answers);
	seen->answers = 0;
	socket.socket_id = seen->socket;
	grpc_channelz_v1_get_socket(channel, &socket, NULL, on_socket, seen);
	run_until(is_nonzero, &seen->answers);
}

static void play(const char *path, enum weft_code code)
{
	struct outcome outcome = { 0 };

	start(&outcome, path, "hello", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, code);
	outcome_fini(&outcome);
}

static bool count_entity(const struct weft_entity *entity, void *data)
{
	unsigned *n = data;

	++*n;
	return true;
}

static unsigned entities(enum weft_entity_kind kind)
{
	unsigned n = 0;

	weft_entities(kind, 0, 0, count_entity, &n);
	return n;
}

static bool client_is_gone(void *data)
{
	return entities(WEFT_ENTITY_CONNECTION) == 0;
}

static void test_channels_count(void **state)
{
	struct seen seen = { 0 };

	start_server(target, NULL);
	assert_int_equal(weft_channelz_add(server), 0);
	open_channel(target, NULL);
	play("/test.Test/Echo", WEFT_OK);
	play("/test.Test/Echo", WEFT_OK);
	play("/test.Test/Fail", WEFT_NOT_FOUND);
	ask_all(&seen);

	assert_int_equal(entities(WEFT_ENTITY_CONNECTION), 2); /* both ends of one */
	close_channel();
	run_until(client_is_gone, NULL);
	assert_int_equal(entities(WEFT_ENTITY_CHANNEL), 0);
	assert_int_equal(entities(WEFT_ENTITY_SUBCHANNEL), 0);
	assert_int_equal(entities(WEFT_ENTITY_SERVER), 1);
	assert_int_equal(entities(WEFT_ENTITY_LISTENER), 1);
	stop_server();
	assert_int_equal(entities(WEFT_ENTITY_SERVER), 0);
	assert_int_equal(entities(WEFT_ENTITY_LISTENER), 0);
}

/* The last event and how many there have been. */
struct last {
	uint64_t logged;
	struct weft_entity_event event;
	struct weft_entity_calls calls;
};

static bool take_last(const struct weft_entity *entity, void *data)
{
	struct last *last = data;

	last->logged = entity->trace->logged;
	last->event = entity->trace->events[(last->logged - 1) % WEFT_ENTITY_EVENTS];
	last->calls = entity->calls;
	return false;
}

static struct last last_of(enum weft_entity_kind kind)
{
	struct last last = { 0 };

	weft_entities(kind, 0, 0, take_last, &last);
	return last;
}

static bool is_overfull(void *data)
{
	return last_of(WEFT_ENTITY_SUBCHANNEL).logged > WEFT_ENTITY_EVENTS;
}

/* Nobody listens, and it is tried again and again: no more is kept than there is room for. */
static void test_failures_are_logged_within_bounds(void **state)
{
	const struct weft_channel_options options = {
		.size = sizeof(options),
		.backoff_ns = WEFT_MS,
		.backoff_max_ns = WEFT_MS,
	};
	struct last last;

	open_channel(target, &options);
	play("/test.Test/Echo", WEFT_UNAVAILABLE);
	last = last_of(WEFT_ENTITY_CHANNEL);
	assert_int_equal(last.calls.started, 1);
	assert_int_equal(last.calls.succeeded, 0);
	assert_int_equal(last.calls.failed, 1);
	assert_int_equal(last.event.severity, WEFT_EVENT_WARNING);
	assert_non_null(strstr(last.event.text, "TRANSIENT_FAILURE: "));
	assert_non_null(strstr(last.event.text, "cannot connect"));

	run_until(is_overfull, NULL);
	assert_int_equal(last_of(WEFT_ENTITY_SUBCHANNEL).calls.started, 0);
	close_channel();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_channels_count, peers_setup, peers_teardown),
		cmocka_unit_test_setup_teardown(test_failures_are_logged_within_bounds, peers_setup,
						peers_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
