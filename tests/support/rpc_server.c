/*
 * The server that foreign clients test: rpc_server ADDRESS [CERTIFICATE KEY] [OPTION=NUMBER…]. It
 * prints the address it listens at, and drains on SIGTERM. Options are those of `numbers`, times in
 * milliseconds. Two workers; every behaviour below is a method, most of them on the raw floor
 * (bytes), /test.Typed/… on descriptors. channelz is there too.
 *
 *	/test.Raw/Echo    one message back; metadata x-header-* as headers, x-trailer-* as trailers
 *	/test.Raw/Fail    the message is CODE:WORDS; with ErrorInfo
 *	/test.Raw/Details  fails, with each detail of google/rpc/error_details.proto and one unknown
 *	/test.Raw/Errno   the message is a negative errno, which the handler returns
 *	/test.Raw/Count   the message is N:SIZE: that many messages of that size
 *	/test.Raw/Sum     takes any number of messages, answers with COUNT:BYTES
 *	/test.Raw/Chat    each message back at once; holds while the client does not read
 *	/test.Raw/Held    as Sum, but takes nothing before /test.Raw/Release
 *	/test.Raw/Later   the message is a delay in milliseconds
 *	/test.Raw/Never   is not answered
 *	/test.Raw/About   what the call knows of itself: PATH|PEER|AUTHORITY|TRACE
 *	/test.Raw/Zip     the message is ENCODING:SIZE (of enum weft_encoding): so many zeros,
 *	                  compressed and once more uncompressed; as it came where it may not be
 *	/test.Raw/Stats   CANCELLED:SENT:LIVE, sums of the process
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <google/protobuf/wrappers.pb-c.h>
#include <google/rpc/error_details.pb-c.h>
#include <weft/channelz.h>
#include <weft/details.h>
#include <weft/server.h>

#define WORKERS     2
#define DRAIN_GRACE (5 * WEFT_SECOND)

static atomic_ulong cancelled, sent;
static atomic_bool released;

static struct weft_worker *workers[WORKERS];
static struct weft_server *servers[WORKERS];
static struct weft_port *port;
static atomic_uint undrained = WORKERS;

/* What a handler keeps of its call: in the call's arena. */
struct state {
	struct weft_call *call;
	struct weft_timer timer;
	unsigned long count;
	unsigned long bytes;
	unsigned long size;
};

static struct state *state_new(struct weft_call *call)
{
	struct state *state = weft_arena_new_array(weft_call_arena(call), struct state, 1);

	state->call = call;
	return state;
}

static int reply_string(struct weft_call *call, const char *text)
{
	return weft_call_reply_bytes(call,
				     (struct weft_bytes) { (const uint8_t *)text, strlen(text) });
}

static const char *string_of(struct weft_call *call, struct weft_bytes message)
{
	return weft_arena_strndup(weft_call_arena(call), (const char *)message.data, message.len);
}

static void on_cancel(struct weft_call *call, void *data)
{
	struct state *state = data;

	atomic_fetch_add(&cancelled, 1);
	weft_timer_stop(weft_worker_loop(weft_call_worker(call)), &state->timer);
	if (weft_call_finish(call) != -ECANCELED)
		abort();
}

/* --- One message in ----------------------------------------------------------------------- */

static int echo(struct weft_call *call, struct weft_bytes message, void *data)
{
	const struct weft_metadata *metadata = weft_call_metadata(call);

	for (size_t i = 0; i < metadata->n; i++) {
		const struct weft_metadata_entry *entry = &metadata->entries[i];

		if (!strncmp(entry->name, "x-header-", 9))
			weft_call_add_header(call, entry->name, entry->value, entry->len);
		if (!strncmp(entry->name, "x-trailer-", 10))
			weft_call_add_trailer(call, entry->name, entry->value, entry->len);
	}
	return weft_call_reply_bytes(call, message);
}

static int fail(struct weft_call *call, struct weft_bytes message, void *data)
{
	const char *text = string_of(call, message);
	const char *words = strchr(text, ':');
	struct weft_status status;

	weft_status_init(&status, weft_call_arena(call), (enum weft_code)atoi(text), "%s",
			 words ? words + 1 : "");
	weft_status_add_error_info(&status, weft_call_arena(call), "TESTED", "weft.test");
	return weft_call_fail_with(call, &status);
}

/* A detail whose strings are the names of their fields. */
static void add_detail(struct weft_call *call, struct weft_status *status,
		       const ProtobufCMessageDescriptor *type)
{
	struct weft_arena *arena = weft_call_arena(call);
	ProtobufCMessage *message = weft_arena_alloc(arena, type->sizeof_message);

	protobuf_c_message_init(type, message);
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];

		if (field->type == PROTOBUF_C_TYPE_STRING &&
		    field->label != PROTOBUF_C_LABEL_REPEATED)
			*(const char **)((char *)message + field->offset) = field->name;
	}
	if (weft_status_add(status, arena, message) < 0)
		abort();
}

static int details(struct weft_call *call, struct weft_bytes message, void *data)
{
	static const ProtobufCMessageDescriptor *const flat[] = {
		&google__rpc__error_info__descriptor,
		&google__rpc__debug_info__descriptor,
		&google__rpc__request_info__descriptor,
		&google__rpc__resource_info__descriptor,
		&google__rpc__localized_message__descriptor,
	};
	Google__Rpc__QuotaFailure__Violation quota = GOOGLE__RPC__QUOTA_FAILURE__VIOLATION__INIT;
	Google__Rpc__PreconditionFailure__Violation condition =
		GOOGLE__RPC__PRECONDITION_FAILURE__VIOLATION__INIT;
	Google__Rpc__Help__Link link = GOOGLE__RPC__HELP__LINK__INIT;
	Google__Rpc__QuotaFailure quotas = GOOGLE__RPC__QUOTA_FAILURE__INIT;
	Google__Rpc__PreconditionFailure conditions = GOOGLE__RPC__PRECONDITION_FAILURE__INIT;
	Google__Rpc__Help help = GOOGLE__RPC__HELP__INIT;
	struct weft_arena *arena = weft_call_arena(call);
	struct weft_status status;

	quota.subject = (char *)"subject";
	quotas.violations = &(Google__Rpc__QuotaFailure__Violation *) { &quota };
	condition.type = (char *)"type";
	conditions.violations = &(Google__Rpc__PreconditionFailure__Violation *) { &condition };
	link.url = (char *)"url";
	help.links = &(Google__Rpc__Help__Link *) { &link };
	quotas.n_violations = conditions.n_violations = help.n_links = 1;

	weft_status_init(&status, arena, WEFT_FAILED_PRECONDITION, "all at once");
	for (size_t i = 0; i < WEFT_COUNT(flat); i++)
		add_detail(call, &status, flat[i]);
	if (weft_status_add(&status, arena, &quotas.base) < 0 ||
	    weft_status_add(&status, arena, &conditions.base) < 0 ||
	    weft_status_add(&status, arena, &help.base) < 0)
		abort();
	weft_status_add_violation(&status, arena, "field", "description");
	weft_status_add_retry_info(&status, arena, 7 * WEFT_SECOND);
	weft_status_add_detail(&status, arena, "test.Unknown", message);
	return weft_call_fail_with(call, &status);
}

static int return_errno(struct weft_call *call, struct weft_bytes message, void *data)
{
	return atoi(string_of(call, message));
}

static int count_pump(struct weft_call *call, void *data)
{
	struct state *state = data;

	while (weft_call_writable(call)) {
		struct weft_arena *scratch = weft_call_scratch(call);
		struct weft_bytes message = { .len = state->size };
		int r;

		if (!state->count)
			return weft_call_finish(call);
		weft_arena_reset(scratch);
		message.data = weft_arena_zalloc(scratch, state->size);
		r = weft_call_send_bytes(call, message);
		if (r < 0)
			return r;
		atomic_fetch_add(&sent, state->size);
		state->count--;
	}
	return 0;
}

static int count(struct weft_call *call, struct weft_bytes message, void *data)
{
	struct state *state = state_new(call);

	sscanf(string_of(call, message), "%lu:%lu", &state->count, &state->size);
	weft_call_on_ready(call, count_pump, state);
	return 0;
}

static void on_later(struct weft_timer *timer, void *data)
{
	struct state *state = data;

	reply_string(state->call, "late");
}

static int later(struct weft_call *call, struct weft_bytes message, void *data)
{
	struct state *state = state_new(call);
	uint64_t delay = (uint64_t)atol(string_of(call, message)) * WEFT_MS;

	weft_timer_init(&state->timer, on_later, state);
	weft_timer_start(weft_worker_loop(weft_call_worker(call)), &state->timer, delay);
	weft_call_on_cancel(call, on_cancel, state);
	return 0;
}

static int never(struct weft_call *call, struct weft_bytes message, void *data)
{
	weft_call_on_cancel(call, on_cancel, state_new(call));
	return 0;
}

static int about(struct weft_call *call, struct weft_bytes message, void *data)
{
	char trace[56];

	weft_trace_format(weft_call_trace(call), trace);
	return reply_string(call, weft_arena_printf(weft_call_arena(call), "%s|%s|%s|%s",
						    weft_call_path(call), weft_call_peer(call),
						    weft_call_authority(call), trace));
}

static int let_go(struct weft_call *call, struct weft_bytes message, void *data)
{
	atomic_store(&released, true);
	return weft_call_finish(call);
}

static int zip(struct weft_call *call, struct weft_bytes message, void *data)
{
	struct weft_bytes zeros = { 0 };
	unsigned encoding = 0;
	int r;

	sscanf(string_of(call, message), "%u:%zu", &encoding, &zeros.len);
	zeros.data = weft_arena_zalloc(weft_call_arena(call), zeros.len);
	r = weft_call_set_encoding(call, (enum weft_encoding)encoding);
	if (r == -EOPNOTSUPP)
		return weft_call_reply_bytes(call, message);
	r = weft_call_send_bytes(call, zeros);
	weft_call_compress(call, false);
	return r < 0 ? r : weft_call_reply_bytes(call, zeros);
}

static int stats(struct weft_call *call, struct weft_bytes message, void *data)
{
	struct weft_server *own = servers[weft_worker_index(weft_call_worker(call))];
	char text[100];

	snprintf(text, sizeof(text), "%lu:%lu:%zu", atomic_load(&cancelled), atomic_load(&sent),
		 weft_server_calls(own));
	return reply_string(call, text);
}

/* --- Many messages in --------------------------------------------------------------------- */

static int on_summand(struct weft_call *call, struct weft_bytes message, void *data)
{
	struct state *state = data;

	state->count++;
	state->bytes += message.len;
	return 0;
}

static int on_summands_end(struct weft_call *call, void *data)
{
	struct state *state = data;

	return reply_string(call, weft_arena_printf(weft_call_arena(call), "%lu:%lu", state->count,
						    state->bytes));
}

static int sum(struct weft_call *call)
{
	weft_call_receive_bytes(call, on_summand, on_summands_end, state_new(call));
	return 0;
}

static void check_released(struct weft_timer *timer, void *data)
{
	struct state *state = data;

	if (atomic_load(&released))
		weft_call_resume(state->call);
	else
		weft_timer_start(weft_worker_loop(weft_call_worker(state->call)), timer,
				 5 * WEFT_MS);
}

static int held(struct weft_call *call)
{
	struct state *state = state_new(call);

	atomic_store(&released, false);
	weft_timer_init(&state->timer, check_released, state);
	weft_timer_start(weft_worker_loop(weft_call_worker(call)), &state->timer, 5 * WEFT_MS);
	weft_call_on_cancel(call, on_cancel, state);
	weft_call_hold(call);
	weft_call_receive_bytes(call, on_summand, on_summands_end, state);
	return 0;
}

static int on_chat(struct weft_call *call, struct weft_bytes message, void *data)
{
	int r = weft_call_send_bytes(call, message);

	if (r >= 0 && !weft_call_writable(call))
		weft_call_hold(call);
	return r;
}

static int on_chat_end(struct weft_call *call, void *data)
{
	return weft_call_finish(call);
}

static int chat_pump(struct weft_call *call, void *data)
{
	weft_call_resume(call);
	return 0;
}

static int chat(struct weft_call *call)
{
	weft_call_receive_bytes(call, on_chat, on_chat_end, NULL);
	weft_call_on_ready(call, chat_pump, NULL);
	return 0;
}

static int never_receive(struct weft_call *call)
{
	weft_call_on_cancel(call, on_cancel, state_new(call));
	return 0;
}

static int on_one_message_end(struct weft_call *call, void *data)
{
	return 0;
}

static const struct {
	const char *path;
	weft_message_bytes_cb *one;
	int (*many)(struct weft_call *call);
} behaviours[] = {
	{ "/test.Raw/Echo", echo, NULL },
	{ "/test.Raw/Fail", fail, NULL },
	{ "/test.Raw/Details", details, NULL },
	{ "/test.Raw/Errno", return_errno, NULL },
	{ "/test.Raw/Count", count, NULL },
	{ "/test.Raw/Later", later, NULL },
	{ "/test.Raw/Never", never, NULL },
	{ "/test.Raw/About", about, NULL },
	{ "/test.Raw/Zip", zip, NULL },
	{ "/test.Raw/Release", let_go, NULL },
	{ "/test.Raw/Stats", stats, NULL },
	{ "/test.Raw/Sum", NULL, sum },
	{ "/test.Raw/Held", NULL, held },
	{ "/test.Raw/Chat", NULL, chat },
	{ "/test.Raw/Mute", NULL, never_receive },
};

static int raw(struct weft_call *call, void *self)
{
	for (size_t i = 0; i < WEFT_COUNT(behaviours); i++) {
		if (strcmp(weft_call_path(call), behaviours[i].path) != 0)
			continue;
		if (behaviours[i].many)
			return behaviours[i].many(call);
		weft_call_receive_bytes(call, behaviours[i].one, on_one_message_end, NULL);
		return 0;
	}
	return weft_call_fail(call, WEFT_UNIMPLEMENTED, "there is no method %s",
			      weft_call_path(call));
}

/* --- Typed, as generated code does it ----------------------------------------------------- */

static int typed_echo(struct weft_call *call, const ProtobufCMessage *req, const void *handlers,
		      void *self)
{
	return weft_call_reply(call, req);
}

static int join_thunk(struct weft_call *call, const ProtobufCMessage *message, weft_fn *cb,
		      void *data)
{
	const Google__Protobuf__StringValue *part = (const Google__Protobuf__StringValue *)message;
	struct state *state = data;

	state->count++;
	state->bytes += strlen(part->value);
	return 0;
}

static int on_joined(struct weft_call *call, void *data)
{
	Google__Protobuf__StringValue value = GOOGLE__PROTOBUF__STRING_VALUE__INIT;
	struct state *state = data;

	value.value =
		weft_arena_printf(weft_call_arena(call), "%lu:%lu", state->count, state->bytes);
	return weft_call_reply(call, &value.base);
}

static int typed_join(struct weft_call *call, const ProtobufCMessage *req, const void *handlers,
		      void *self)
{
	weft_call_receive(call, join_thunk, NULL, on_joined, state_new(call));
	return 0;
}

static int typed_missing(struct weft_call *call, const ProtobufCMessage *req, const void *handlers,
			 void *self)
{
	return -ENOSYS;
}

#define STRING &google__protobuf__string_value__descriptor

static const struct weft_method typed_methods[] = {
	{ "Echo", "/test.Typed/Echo", WEFT_UNARY, 0, STRING, STRING, typed_echo },
	{ "Join", "/test.Typed/Join", WEFT_CLIENT_STREAM, 0, STRING, STRING, typed_join },
	{ "Missing", "/test.Typed/Missing", WEFT_UNARY, 0, STRING, STRING, typed_missing },
};

static const struct weft_service typed_service = { "test.Typed", typed_methods,
						   WEFT_COUNT(typed_methods), NULL };

/* --- The process -------------------------------------------------------------------------- */

static void on_drained(struct weft_server *server, void *data)
{
	if (atomic_fetch_sub(&undrained, 1) > 1)
		return;
	for (size_t i = 0; i < WORKERS; i++)
		weft_worker_stop(workers[i]);
}

static void drain_one(struct weft_task *task)
{
	weft_server_drain(servers[weft_worker_index(weft_worker_current())], DRAIN_GRACE,
			  on_drained, NULL);
}

static void on_sigterm(int signal, void *data)
{
	static struct weft_task tasks[WORKERS];

	if (!port)
		return;
	weft_port_free(port);
	port = NULL;
	for (size_t i = 0; i < WORKERS; i++) {
		tasks[i].run = drain_one;
		weft_worker_post(workers[i], &tasks[i]);
	}
}

static struct weft_tls *tls_new(const char *certificate, const char *key)
{
	const struct weft_tls_options options = { .size = sizeof(options),
						  .cert_file = certificate,
						  .key_file = key };
	struct weft_tls *tls;
	char error[256];

	if (weft_tls_server_new(&options, error, &tls) >= 0)
		return tls;
	fprintf(stderr, "%s\n", error);
	exit(1);
}

_Static_assert(sizeof(size_t) == sizeof(uint64_t), "they are set alike");

static const struct {
	const char *name;
	size_t offset;
	uint64_t unit;
} numbers[] = {
#define TIME(name)                                                                                 \
	{                                                                                          \
#name, offsetof(struct weft_server_options, name##_ns), WEFT_MS                    \
	}
#define COUNT(name)                                                                                \
	{                                                                                          \
#name, offsetof(struct weft_server_options, name), 1                               \
	}
	TIME(handshake_timeout), TIME(keepalive),        TIME(keepalive_timeout),
	TIME(permit_keepalive),  TIME(max_age),          TIME(max_age_grace),
	TIME(idle_timeout),      COUNT(max_connections), COUNT(message_budget),
};

static void set_number(struct weft_server_options *options, const char *text)
{
	const char *value = strchr(text, '=');

	for (size_t i = 0; i < WEFT_COUNT(numbers); i++) {
		uint64_t number = strtoull(value + 1, NULL, 10) * numbers[i].unit;

		if (strlen(numbers[i].name) != (size_t)(value - text) ||
		    strncmp(numbers[i].name, text, (size_t)(value - text)) != 0)
			continue;
		memcpy((char *)options + numbers[i].offset, &number, sizeof(number));
		return;
	}
	fprintf(stderr, "there is no option %s\n", text);
	exit(1);
}

int main(int argc, char **argv)
{
	struct weft_server_options options = { .size = sizeof(options), .log_calls = true };
	bool secure = argc > 3 && !strchr(argv[2], '=');
	struct weft_tls *tls = secure ? tls_new(argv[2], argv[3]) : NULL;
	struct weft_signal *signal;
	char error[256];

	for (int i = secure ? 4 : 2; i < argc; i++)
		set_number(&options, argv[i]);
	weft_log_set_service("rpc_server");
	for (unsigned i = 0; i < WORKERS; i++) {
		if (weft_worker_new(i, &workers[i]) < 0)
			abort();
		weft_server_new(workers[i], &options, &servers[i]);
		weft_server_set_fallback(servers[i], raw, NULL);
		if (weft_server_add(servers[i], &typed_service, NULL, NULL) < 0 ||
		    weft_channelz_add(servers[i]) < 0)
			abort();
	}
	if (argc < 2 ||
	    weft_port_new(workers[0], argv[1], tls, servers, WORKERS, error, &port) < 0) {
		fprintf(stderr, "%s\n", argc < 2 ? "rpc_server ADDRESS [CERTIFICATE KEY]" : error);
		return 1;
	}
	signal = weft_signal_new(weft_worker_loop(workers[0]), SIGTERM, on_sigterm, NULL);
	printf("%s\n", weft_port_address(port));
	fflush(stdout);

	weft_worker_start(workers[1]);
	weft_worker_run(workers[0]);
	weft_worker_join(workers[1]);
	weft_signal_free(signal);
	for (unsigned i = 0; i < WORKERS; i++)
		weft_server_free(servers[i]);
	for (unsigned i = 0; i < WORKERS; i++)
		weft_worker_free(workers[i]);
	weft_tls_unref(tls);
	return 0;
}
