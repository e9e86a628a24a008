/*
 * A channel that lives, for tests of names and balancing:
 *
 *	channel_client [--balancing POLICY] [--interval-ms N] TARGET
 *
 * It connects at once. Whenever something has changed it prints "STATE ADDRESS=STATE …", in the
 * order in which the resolver has them, and behind an address what else is known of it. A line on
 * standard input is a call: "call CODE PEER TEXT" when it has ended. The end of the input is the
 * end.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft/channel.h>
#include <weft/etcd.h>

struct client {
	struct weft_worker *worker;
	struct weft_channel *channel;
	struct weft_channel_watch *watch;
	struct weft_task begin;
	struct weft_fd *input;
};

static void print_endpoint(const struct weft_endpoint_view *view, void *data)
{
	printf(" %s=%s", view->address, weft_connectivity_name(view->state));
	if (view->weight)
		printf(",%u", view->weight);
	if (view->attributes)
		printf(",%s", view->attributes);
}

static void on_change(struct weft_channel *channel, void *data)
{
	printf("%s", weft_connectivity_name(weft_channel_state(channel, false)));
	weft_channel_each_endpoint(channel, print_endpoint, NULL);
	printf("\n");
}

static void on_end(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	printf("call %s %s %s\n", weft_code_name(status->code), weft_rpc_peer(rpc),
	       status->message);
}

static void start_call(struct client *client)
{
	static const struct weft_rpc_bytes_events events = { .on_end = on_end };
	struct weft_rpc *rpc = weft_rpc_start_raw(client->channel, "/test.Test/Call",
						  WEFT_CALL_OPTIONS(.timeout_ns = 20 * WEFT_SECOND),
						  &events, NULL);

	weft_rpc_send_bytes(rpc, (struct weft_bytes) { (const uint8_t *)"", 0 });
	weft_rpc_half_close(rpc);
}

static void on_closed(void *data)
{
	weft_worker_stop(((struct client *)data)->worker);
}

static void on_input(struct weft_fd *watch, unsigned events, void *data)
{
	struct client *client = data;
	char bytes[256];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	for (ssize_t i = 0; i < n; i++)
		if (bytes[i] == '\n')
			start_call(client);
	if (n > 0)
		return;
	weft_fd_free(client->input);
	weft_channel_unwatch(client->watch);
	weft_channel_close(client->channel, on_closed, client);
}

static void begin(struct weft_task *task)
{
	struct client *client = weft_container_of(task, struct client, begin);

	client->watch = weft_channel_watch(client->channel, on_change, client);
	client->input = weft_fd_new(weft_worker_loop(client->worker), STDIN_FILENO, WEFT_READABLE,
				    on_input, client);
	weft_channel_state(client->channel, true);
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "balancing", required_argument, NULL, 'b' },
		{ "interval-ms", required_argument, NULL, 'i' },
		{ 0 },
	};
	struct weft_channel_options options = {
		.size = sizeof(options),
		.backoff_ns = 50 * WEFT_MS,
		.backoff_max_ns = 200 * WEFT_MS,
	};
	struct client client = { .begin.run = begin };
	char error[256];
	int c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'b')
			options.balancing = optarg;
		else if (c == 'i')
			options.resolve_interval_ns = strtoull(optarg, NULL, 10) * WEFT_MS;
		else
			return 2;
	}
	if (optind + 1 != argc)
		return 2;
	if (weft_etcd_register(NULL, NULL) < 0 || weft_worker_new(0, &client.worker) < 0)
		return 1;
	if (weft_channel_new(client.worker, argv[optind], &options, error, &client.channel) < 0) {
		fprintf(stderr, "%s\n", error);
		weft_worker_free(client.worker);
		return 2;
	}
	weft_worker_post(client.worker, &client.begin);
	weft_worker_run(client.worker);
	weft_worker_free(client.worker);
	return 0;
}
