/*
 * One call, for tests with foreign servers:
 *
 *	rpc_client [OPTION …] TARGET /package.Service/Method [MESSAGE …]
 *
 *	--ca FILE            TLS, trusting FILE
 *	--cert FILE --key FILE  shown to the server, whose subject is then printed: "server SUBJECT"
 *	--authority NAME
 *	--timeout-ms N
 *	--metadata NAME=VALUE  a value of a "-bin" name is hexadecimal
 *	--bearer TOKEN       the channel's credentials; the call's own with --call-bearer, later
 *	--call-bearer TOKEN
 *	--cancel-after N     cancels once N messages have come (0: once the headers are there)
 *	--repeat N           sends the messages so many times
 *	--service-config FILE
 *	--idempotent         the call may be made twice
 *
 * The messages are bytes as they are. Printed are lines: "header NAME=VALUE", "message LENGTH TEXT"
 * (of TEXT the first 40 bytes), "trailer NAME=VALUE", then "reason REASON" if there is one,
 * "detail TYPE HEX" for each detail, where HEX is what a known message is packed to again, and
 * "status CODE TEXT".
 */
#include <getopt.h>
#include <google/rpc/error_details.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/channel.h>
#include <weft/credentials.h>
#include <weft/details.h>
#include <weft/service_config.h>

struct session {
	struct weft_worker *worker;
	struct weft_task begin;
	struct weft_channel *channel;
	struct weft_rpc *rpc;
	struct weft_arena *arena;

	const char *target;
	const char *path;
	char **messages;
	long n_messages;
	long next;
	struct weft_tls_options tls;
	struct weft_channel_options channel_options;
	struct weft_call_options options;
	struct weft_metadata metadata;
	long cancel_after; /* -1: never */
	long received;
};

static void print_metadata(const char *what, const struct weft_metadata *metadata)
{
	for (size_t i = 0; i < metadata->n; i++) {
		const struct weft_metadata_entry *entry = &metadata->entries[i];
		size_t len = strlen(entry->name);

		printf("%s %s=", what, entry->name);
		if (len > 4 && strcmp(entry->name + len - 4, "-bin") == 0)
			for (size_t k = 0; k < entry->len; k++)
				printf("%02x", entry->value[k]);
		else
			printf("%s", (const char *)entry->value);
		printf("\n");
	}
}

static void cancel_when_due(struct session *session)
{
	fflush(stdout);
	if (session->received == session->cancel_after)
		weft_rpc_cancel(session->rpc);
}

static void on_headers(struct weft_rpc *rpc, void *data)
{
	print_metadata("header", weft_rpc_headers(rpc));
	cancel_when_due(data);
}

static void on_message(struct weft_rpc *rpc, struct weft_bytes message, void *data)
{
	struct session *session = data;
	int shown = message.len < 40 ? (int)message.len : 40;

	printf("message %zu %.*s\n", message.len, shown, (const char *)message.data);
	session->received++;
	cancel_when_due(session);
}

static void on_writable(struct weft_rpc *rpc, void *data)
{
	struct session *session = data;

	while (session->next < session->n_messages && weft_rpc_writable(rpc)) {
		const char *text = session->messages[session->next++];

		weft_rpc_send_bytes(rpc,
				    (struct weft_bytes) { (const uint8_t *)text, strlen(text) });
	}
	if (session->next == session->n_messages)
		weft_rpc_half_close(rpc);
}

static void on_closed(void *data)
{
	struct session *session = data;

	weft_worker_stop(session->worker);
}

static const ProtobufCMessageDescriptor *const known_details[] = {
	&google__rpc__error_info__descriptor,
	&google__rpc__retry_info__descriptor,
	&google__rpc__debug_info__descriptor,
	&google__rpc__quota_failure__descriptor,
	&google__rpc__precondition_failure__descriptor,
	&google__rpc__bad_request__descriptor,
	&google__rpc__request_info__descriptor,
	&google__rpc__resource_info__descriptor,
	&google__rpc__help__descriptor,
	&google__rpc__localized_message__descriptor,
};

/* What is known is read as a message and packed once more; what is not, as it came. */
static struct weft_bytes read_again(const struct weft_status *status, struct weft_arena *arena,
				    const struct weft_detail *detail)
{
	ProtobufCMessage *message;
	uint8_t *room;

	for (size_t i = 0; i < WEFT_COUNT(known_details); i++) {
		const char *name = known_details[i]->name;

		if (strlen(name) != detail->type.len ||
		    memcmp(name, detail->type.data, detail->type.len) != 0)
			continue;
		if (weft_status_find(status, arena, known_details[i], &message) < 0)
			abort();
		room = weft_arena_alloc(arena, protobuf_c_message_get_packed_size(message) + 1);
		return (struct weft_bytes) { room, protobuf_c_message_pack(message, room) };
	}
	return detail->value;
}

static void print_details(const struct weft_status *status, struct weft_arena *arena)
{
	struct weft_bytes rest = status->details;
	struct weft_detail detail;

	while (weft_status_next_detail(&rest, &detail)) {
		struct weft_bytes value = read_again(status, arena, &detail);

		printf("detail %.*s ", (int)detail.type.len, (const char *)detail.type.data);
		for (size_t i = 0; i < value.len; i++)
			printf("%02x", value.data[i]);
		printf("\n");
	}
}

static void on_end(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	struct session *session = data;
	const char *reason = weft_status_reason(status, weft_rpc_arena(rpc));

	print_metadata("trailer", weft_rpc_trailers(rpc));
	if (reason)
		printf("reason %s\n", reason);
	print_details(status, weft_rpc_arena(rpc));
	if (session->tls.cert_file && weft_rpc_peer_identity(rpc))
		printf("server %s\n", weft_rpc_peer_identity(rpc)->subject);
	printf("status %s %s\n", weft_code_name(status->code), status->message);
	weft_channel_close(session->channel, on_closed, session);
}

static const struct weft_rpc_bytes_events events = {
	.on_headers = on_headers,
	.on_message = on_message,
	.on_writable = on_writable,
	.on_end = on_end,
};

static void on_begin(struct weft_task *task)
{
	struct session *session = weft_container_of(task, struct session, begin);

	session->rpc = weft_rpc_start_raw(session->channel, session->path, &session->options,
					  &events, session);
}

static void die(const char *what)
{
	fprintf(stderr, "rpc_client: %s\n", what);
	exit(2);
}

static void add_metadata(struct session *session, char *text)
{
	char *value = strchr(text, '=');
	size_t len, n = 0;

	if (!value)
		die("metadata is NAME=VALUE");
	*value++ = '\0';
	len = strlen(value);
	if (strlen(text) > 4 && strcmp(text + strlen(text) - 4, "-bin") == 0) {
		for (; 2 * n + 1 < len; n++) {
			unsigned byte;

			if (sscanf(value + 2 * n, "%2x", &byte) != 1)
				die("a binary value is hexadecimal");
			value[n] = (char)byte;
		}
		len = n;
	}
	if (weft_metadata_add(&session->metadata, session->arena, text, value, len) < 0)
		die("that is no metadata");
}

static void open_tls(struct session *session)
{
	char error[256];

	if (session->tls.ca_file &&
	    weft_tls_client_new(&session->tls, error, &session->channel_options.tls) < 0)
		die(error);
}

static void load_config(struct session *session, const char *path)
{
	char error[WEFT_SERVICE_CONFIG_ERROR];

	if (weft_service_config_load(path, error, &session->channel_options.service_config) < 0)
		die(error);
}

/* A token that must be waited for. */
static struct {
	struct weft_timer timer;
	struct weft_credentials_request *request;
} late;

static void supply_late(struct weft_timer *timer, void *data)
{
	struct weft_metadata_entry entry = {
		.name = "x-call-token",
		.value = data,
		.len = strlen(data),
	};

	weft_credentials_supply(late.request, &(struct weft_metadata) { &entry, 1, 1 });
}

static void on_token(struct weft_credentials_request *request, void *data)
{
	struct weft_worker *worker = weft_credentials_request_worker(request);

	late.request = request;
	weft_timer_init(&late.timer, supply_late, data);
	weft_timer_start(weft_worker_loop(worker), &late.timer, 10 * WEFT_MS);
}

static void repeat(struct session *session, long times)
{
	char **all = weft_arena_alloc(session->arena,
				      (size_t)(session->n_messages * times + 1) * sizeof(*all));

	if (!all)
		die("out of memory");
	for (long i = 0; i < session->n_messages * times; i++)
		all[i] = session->messages[i % session->n_messages];
	session->messages = all;
	session->n_messages *= times;
}

static void parse(struct session *session, int argc, char **argv)
{
	static const struct option options[] = {
		{ "ca", required_argument, NULL, 'c' },
		{ "cert", required_argument, NULL, 'C' },
		{ "key", required_argument, NULL, 'K' },
		{ "authority", required_argument, NULL, 'a' },
		{ "timeout-ms", required_argument, NULL, 't' },
		{ "metadata", required_argument, NULL, 'm' },
		{ "cancel-after", required_argument, NULL, 'x' },
		{ "repeat", required_argument, NULL, 'r' },
		{ "service-config", required_argument, NULL, 's' },
		{ "idempotent", no_argument, NULL, 'i' },
		{ "bearer", required_argument, NULL, 'b' },
		{ "call-bearer", required_argument, NULL, 'B' },
		{ 0 },
	};
	long times = 1;
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (c) {
		case 'c': session->tls.ca_file = optarg; break;
		case 'C': session->tls.cert_file = optarg; break;
		case 'K': session->tls.key_file = optarg; break;
		case 'a': session->channel_options.authority = optarg; break;
		case 't': session->options.timeout_ns = strtoull(optarg, NULL, 10) * WEFT_MS; break;
		case 'm': add_metadata(session, optarg); break;
		case 'b':
			session->channel_options.credentials = weft_credentials_new_bearer(optarg);
			break;
		case 'B':
			session->options.credentials = weft_credentials_new(on_token, optarg, NULL);
			break;
		case 'x': session->cancel_after = strtol(optarg, NULL, 10); break;
		case 'r': times = strtol(optarg, NULL, 10); break;
		case 's': load_config(session, optarg); break;
		case 'i': session->options.idempotency = WEFT_IDEMPOTENT; break;
		default: exit(2);
		}
	}
	if (argc - optind < 2)
		die("TARGET and METHOD are needed");
	session->target = argv[optind];
	session->path = argv[optind + 1];
	session->messages = argv + optind + 2;
	session->n_messages = argc - optind - 2;
	repeat(session, times);
}

int main(int argc, char **argv)
{
	struct session session = {
		.begin.run = on_begin,
		.arena = weft_arena_new(),
		.tls.size = sizeof(session.tls),
		.channel_options.size = sizeof(session.channel_options),
		.options.size = sizeof(session.options),
		.cancel_after = -1,
	};
	char error[256];

	parse(&session, argc, argv);
	open_tls(&session);
	session.options.metadata = &session.metadata;
	if (weft_worker_new(0, &session.worker) < 0)
		die("no worker");
	if (weft_channel_new(session.worker, session.target, &session.channel_options, error,
			     &session.channel) < 0)
		die(error);
	weft_worker_post(session.worker, &session.begin);
	weft_worker_run(session.worker);
	weft_worker_free(session.worker);
	weft_tls_unref(session.channel_options.tls);
	weft_service_config_unref(session.channel_options.service_config);
	weft_credentials_unref(session.channel_options.credentials);
	weft_credentials_unref(session.options.credentials);
	weft_arena_free(session.arena);
	return 0;
}
