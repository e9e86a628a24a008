/*
 * One stream: all questions at once, and then one for each import that the answers mention and that
 * has not come. Some servers send a file with all it imports, some send it alone. The stream ends
 * when no question is open. A server that does not have v1 is asked once more, by v1alpha.
 *
 * The server is not trusted: what it sends is bounded, and what it says is bytes.
 */
#include <stdlib.h>
#include <string.h>
#include <weft/map.h>
#include <weft/protobuf.h>
#include <weft/reflection.h>

#define MAX_SET       ((size_t)64 << 20)
#define MAX_QUESTIONS 10000

/* ServerReflectionRequest and ServerReflectionResponse. */
#define ASK_FILE      3
#define ASK_SYMBOL    4
#define ASK_SERVICES  7
#define ANSWER_FILES  4
#define ANSWER_LIST   6
#define ANSWER_ERROR  7
#define ONLY_FIELD    1 /* of those inside, and FileDescriptorSet.file */
#define ERROR_MESSAGE 2

/* google.protobuf.FileDescriptorProto */
#define FILE_NAME       1
#define FILE_DEPENDENCY 3

static const char *const paths[] = {
	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
};

struct exchange {
	struct weft_channel *channel;
	const struct weft_call_options *options;
	const char *const *symbols;
	size_t n_symbols; /* 0: the services are asked for */
	weft_reflection_cb *cb;
	void *data;

	struct weft_rpc *rpc;
	size_t version; /* of paths */
	struct weft_arena *arena;
	struct weft_map mentioned; /* names of files: had or asked for */
	size_t asked, answered;
	const char **services;
	size_t n_services;
	struct weft_buffer set;    /* the files */
	struct weft_status status; /* not OK: it has failed, and waits for its end */
};

static void give_up(struct exchange *exchange, enum weft_code code, const char *why)
{
	if (exchange->status.code != WEFT_OK)
		return;
	weft_status_init(&exchange->status, exchange->arena, code, "the server's reflection: %s",
			 why);
	weft_rpc_cancel(exchange->rpc);
}

static void ask(struct exchange *exchange, uint32_t question, const void *of, size_t len)
{
	struct weft_buffer wire = WEFT_BUFFER_INIT;

	if (exchange->asked == MAX_QUESTIONS) {
		give_up(exchange, WEFT_RESOURCE_EXHAUSTED, "too many files");
		return;
	}
	exchange->asked++;
	if (weft_wire_append_bytes(&wire, question, of, len) == 0)
		weft_rpc_send_bytes(exchange->rpc, (struct weft_bytes) { wire.data, wire.len });
	weft_buffer_fini(&wire);
}

/* ---- files ---- */

/* True the first time. */
static bool mention(struct exchange *exchange, struct weft_bytes file)
{
	char *name;

	if (weft_map_get(&exchange->mentioned, (const char *)file.data, file.len))
		return false;
	name = weft_arena_strndup(exchange->arena, (const char *)file.data, file.len);
	return name && weft_map_put(&exchange->mentioned, name, file.len, name) == 0;
}

static void take_file(struct exchange *exchange, struct weft_bytes file)
{
	struct weft_bytes rest = file;
	struct weft_wire_field field;

	if (exchange->set.len + file.len > MAX_SET ||
	    weft_wire_append_bytes(&exchange->set, ONLY_FIELD, file.data, file.len) < 0) {
		give_up(exchange, WEFT_RESOURCE_EXHAUSTED, "its files are too large");
		return;
	}
	while (weft_wire_next(&rest, &field) > 0)
		if (field.number == FILE_NAME && field.type == WEFT_WIRE_BYTES)
			mention(exchange, field.bytes);
}

static void ask_for_imports(struct exchange *exchange, struct weft_bytes file)
{
	struct weft_wire_field field;

	while (exchange->status.code == WEFT_OK && weft_wire_next(&file, &field) > 0)
		if (field.number == FILE_DEPENDENCY && field.type == WEFT_WIRE_BYTES &&
		    mention(exchange, field.bytes))
			ask(exchange, ASK_FILE, field.bytes.data, field.bytes.len);
}

/* All of them first: what one imports is perhaps the next. */
static void take_files(struct exchange *exchange, struct weft_bytes files)
{
	struct weft_bytes rest = files;
	struct weft_wire_field field;

	while (exchange->status.code == WEFT_OK && weft_wire_next(&rest, &field) > 0)
		if (field.number == ONLY_FIELD && field.type == WEFT_WIRE_BYTES)
			take_file(exchange, field.bytes);
	while (exchange->status.code == WEFT_OK && weft_wire_next(&files, &field) > 0)
		if (field.number == ONLY_FIELD && field.type == WEFT_WIRE_BYTES)
			ask_for_imports(exchange, field.bytes);
}

/* ---- names ---- */

static void take_service(struct exchange *exchange, struct weft_bytes service)
{
	struct weft_bytes name = { (const uint8_t *)"", 0 };
	struct weft_wire_field field;

	while (weft_wire_next(&service, &field) > 0)
		if (field.number == ONLY_FIELD && field.type == WEFT_WIRE_BYTES)
			name = field.bytes;
	exchange->services[exchange->n_services++] =
		weft_arena_strndup(exchange->arena, (const char *)name.data, name.len) ?: "";
}

static void take_services(struct exchange *exchange, struct weft_bytes list)
{
	struct weft_bytes rest = list;
	struct weft_wire_field field;
	size_t n = 0;

	while (weft_wire_next(&rest, &field) > 0)
		n += field.number == ONLY_FIELD && field.type == WEFT_WIRE_BYTES;
	exchange->services = weft_arena_new_array(exchange->arena, const char *, n + 1);
	exchange->n_services = 0;
	if (!exchange->services) {
		give_up(exchange, WEFT_RESOURCE_EXHAUSTED, "it has too many services");
		return;
	}
	while (weft_wire_next(&list, &field) > 0)
		if (field.number == ONLY_FIELD && field.type == WEFT_WIRE_BYTES)
			take_service(exchange, field.bytes);
}

/* An import that cannot be had may not be needed. */
static void take_error(struct exchange *exchange, struct weft_bytes error)
{
	enum weft_code code = WEFT_UNKNOWN;
	struct weft_bytes message = { 0 };
	struct weft_wire_field field;

	if (exchange->answered > (exchange->n_symbols ?: 1))
		return;
	while (weft_wire_next(&error, &field) > 0) {
		if (field.number == ONLY_FIELD && field.type == WEFT_WIRE_VARINT &&
		    field.value > WEFT_OK && field.value <= WEFT_UNAUTHENTICATED)
			code = (enum weft_code)field.value;
		else if (field.number == ERROR_MESSAGE && field.type == WEFT_WIRE_BYTES)
			message = field.bytes;
	}
	weft_status_init(&exchange->status, exchange->arena, code, "%.*s", (int)message.len,
			 message.len > 0 ? (const char *)message.data : "");
	weft_rpc_cancel(exchange->rpc);
}

/* ---- the stream ---- */

static void on_message(struct weft_rpc *rpc, struct weft_bytes message, void *data)
{
	struct exchange *exchange = data;
	struct weft_wire_field field;

	if (exchange->status.code != WEFT_OK)
		return;
	if (exchange->answered++ == exchange->asked) {
		give_up(exchange, WEFT_DATA_LOSS, "it answers what nobody asked");
		return;
	}
	while (exchange->status.code == WEFT_OK && weft_wire_next(&message, &field) > 0) {
		if (field.type != WEFT_WIRE_BYTES)
			continue;
		switch (field.number) {
		case ANSWER_FILES: take_files(exchange, field.bytes); break;
		case ANSWER_LIST: take_services(exchange, field.bytes); break;
		case ANSWER_ERROR: take_error(exchange, field.bytes); break;
		default: break;
		}
	}
	if (exchange->status.code == WEFT_OK && exchange->answered == exchange->asked)
		weft_rpc_half_close(rpc);
}

static void finish(struct exchange *exchange, const struct weft_status *status)
{
	const struct weft_reflection_answer answer = {
		.size = sizeof(answer),
		.services = exchange->services,
		.n_services = exchange->n_services,
		.files = { exchange->set.data, exchange->set.len },
	};

	exchange->cb(status, status->code == WEFT_OK ? &answer : NULL, exchange->data);
	weft_map_fini(&exchange->mentioned);
	weft_buffer_fini(&exchange->set);
	weft_arena_free(exchange->arena);
	free(exchange);
}

static void start(struct exchange *exchange);

static void on_end(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	struct exchange *exchange = data;

	if (exchange->status.code != WEFT_OK) {
		status = &exchange->status;
	} else if (status->code == WEFT_UNIMPLEMENTED && exchange->answered == 0) {
		if (++exchange->version < WEFT_COUNT(paths)) {
			start(exchange);
			return;
		}
		weft_status_init(&exchange->status, exchange->arena, WEFT_UNIMPLEMENTED,
				 "the server has no reflection");
		status = &exchange->status;
	} else if (status->code == WEFT_OK && exchange->answered < exchange->asked) {
		weft_status_init(&exchange->status, exchange->arena, WEFT_DATA_LOSS,
				 "the server's reflection: it ended without an answer");
		status = &exchange->status;
	}
	finish(exchange, status);
}

static void start(struct exchange *exchange)
{
	static const struct weft_rpc_bytes_events events = {
		.on_message = on_message,
		.on_end = on_end,
	};

	exchange->rpc = weft_rpc_start_raw(exchange->channel, paths[exchange->version],
					   exchange->options, &events, exchange);
	exchange->asked = 0;
	if (exchange->n_symbols == 0)
		ask(exchange, ASK_SERVICES, "*", 1); /* what it says, nobody minds */
	for (size_t i = 0; i < exchange->n_symbols; i++)
		ask(exchange, ASK_SYMBOL, exchange->symbols[i], strlen(exchange->symbols[i]));
}

void weft_reflection_find(struct weft_channel *channel, const char *const *symbols,
			  size_t n_symbols, const struct weft_call_options *options,
			  weft_reflection_cb *cb, void *data)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		abort();
	exchange->channel = channel;
	exchange->options = options;
	exchange->symbols = symbols;
	exchange->n_symbols = n_symbols;
	exchange->cb = cb;
	exchange->data = data;
	exchange->arena = weft_arena_new();
	start(exchange);
}

void weft_reflection_list(struct weft_channel *channel, const struct weft_call_options *options,
			  weft_reflection_cb *cb, void *data)
{
	weft_reflection_find(channel, NULL, 0, options, cb, data);
}
