/*
 * One stream, one question, and then a question for each import that the answers mention and that
 * has not come: some servers send a file with all it imports, some send it alone. The stream ends
 * when no question is open. A server that does not have v1 is asked once more, by v1alpha.
 *
 * The server is not trusted: what it sends is bounded, and names are looked at before a terminal
 * sees them.
 */
#include "reflection.h"

#include <stdio.h>
#include <string.h>
#include <weft/map.h>
#include <weft/protobuf.h>

#include "command.h"
#include "headers.h"
#include "peer.h"
#include "report.h"

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
	const struct options *options;
	struct peer peer;
	struct weft_rpc *rpc;
	size_t version;       /* of paths */
	uint32_t question;    /* the first: ASK_SYMBOL or ASK_SERVICES */
	struct weft_bytes of; /* what it asks for */

	struct weft_arena *arena;
	struct weft_map mentioned; /* names of files: had or asked for */
	size_t asked, answered;
	struct weft_buffer set; /* the files: a google.protobuf.FileDescriptorSet */
	bool found;             /* the first question was answered, and not by an error */
	bool unimplemented;     /* there is no reflection at all */
	int code;
};

static void give_up(struct exchange *exchange, const char *why)
{
	if (exchange->code == 0)
		exchange->code = complain(1, "the server's reflection: %s", why);
	weft_rpc_cancel(exchange->rpc);
}

static void ask(struct exchange *exchange, uint32_t question, struct weft_bytes of)
{
	struct weft_buffer wire = WEFT_BUFFER_INIT;

	if (exchange->asked == MAX_QUESTIONS) {
		give_up(exchange, "too many files");
		return;
	}
	exchange->asked++;
	if (weft_wire_append_bytes(&wire, question, of.data, of.len) == 0)
		weft_rpc_send_bytes(exchange->rpc, (struct weft_bytes) { wire.data, wire.len });
	weft_buffer_fini(&wire);
}

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
		give_up(exchange, "its files are too large");
		return;
	}
	while (weft_wire_next(&rest, &field) > 0)
		if (field.number == FILE_NAME && field.type == WEFT_WIRE_BYTES)
			mention(exchange, field.bytes);
}

static void ask_for_imports(struct exchange *exchange, struct weft_bytes file)
{
	struct weft_wire_field field;

	while (exchange->code == 0 && weft_wire_next(&file, &field) > 0)
		if (field.number == FILE_DEPENDENCY && field.type == WEFT_WIRE_BYTES &&
		    mention(exchange, field.bytes))
			ask(exchange, ASK_FILE, field.bytes);
}

/* All of them first: what one imports is perhaps the next. */
static void take_files(struct exchange *exchange, struct weft_bytes files)
{
	struct weft_bytes rest = files;
	struct weft_wire_field field;

	exchange->found = true;
	while (exchange->code == 0 && weft_wire_next(&rest, &field) > 0)
		if (field.number == ONLY_FIELD && field.type == WEFT_WIRE_BYTES)
			take_file(exchange, field.bytes);
	while (exchange->code == 0 && weft_wire_next(&files, &field) > 0)
		if (field.number == ONLY_FIELD && field.type == WEFT_WIRE_BYTES)
			ask_for_imports(exchange, field.bytes);
}

static bool is_name(struct weft_bytes bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.",
			    bytes.data[i]) ||
		    bytes.data[i] == '\0')
			return false;
	return bytes.len > 0;
}

static void print_service(struct exchange *exchange, struct weft_bytes service)
{
	struct weft_wire_field field;

	while (exchange->code == 0 && weft_wire_next(&service, &field) > 0) {
		if (field.number != ONLY_FIELD || field.type != WEFT_WIRE_BYTES)
			continue;
		if (is_name(field.bytes))
			printf("%.*s\n", (int)field.bytes.len, (const char *)field.bytes.data);
		else
			give_up(exchange, "a service's name is none");
	}
}

static void print_services(struct exchange *exchange, struct weft_bytes list)
{
	struct weft_wire_field field;

	exchange->found = true;
	while (exchange->code == 0 && weft_wire_next(&list, &field) > 0)
		if (field.number == ONLY_FIELD && field.type == WEFT_WIRE_BYTES)
			print_service(exchange, field.bytes);
}

/* NOT_FOUND is an answer. An import that cannot be had may not be needed: linking the files will
 * tell. */
static void take_error(struct exchange *exchange, struct weft_bytes error)
{
	struct weft_status status = { .code = WEFT_UNKNOWN, .message = "" };
	struct weft_wire_field field;

	if (exchange->answered > 1)
		return;
	while (weft_wire_next(&error, &field) > 0) {
		if (field.number == ONLY_FIELD && field.type == WEFT_WIRE_VARINT)
			status.code = field.value <= WEFT_UNAUTHENTICATED
					      ? (enum weft_code)field.value
					      : WEFT_UNKNOWN;
		else if (field.number == ERROR_MESSAGE && field.type == WEFT_WIRE_BYTES)
			status.message =
				weft_arena_strndup(exchange->arena, (const char *)field.bytes.data,
						   field.bytes.len)
					?: "";
	}
	if (status.code == WEFT_NOT_FOUND)
		return;
	report_status(&status, NULL);
	exchange->code = EXIT_CODE + (int)status.code;
}

static void on_message(struct weft_rpc *rpc, struct weft_bytes message, void *data)
{
	struct exchange *exchange = data;
	struct weft_wire_field field;

	if (exchange->code != 0)
		return;
	if (exchange->answered++ == exchange->asked) {
		give_up(exchange, "it answers what nobody asked");
		return;
	}
	while (exchange->code == 0 && weft_wire_next(&message, &field) > 0) {
		if (field.type != WEFT_WIRE_BYTES)
			continue;
		switch (field.number) {
		case ANSWER_FILES: take_files(exchange, field.bytes); break;
		case ANSWER_LIST: print_services(exchange, field.bytes); break;
		case ANSWER_ERROR: take_error(exchange, field.bytes); break;
		default: break;
		}
	}
	if (exchange->answered == exchange->asked)
		weft_rpc_half_close(rpc);
}

static int start(struct exchange *exchange);

static void on_end(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	struct exchange *exchange = data;

	exchange->rpc = NULL;
	if (exchange->code != 0) {
		/* said already */
	} else if (status->code == WEFT_UNIMPLEMENTED && exchange->answered == 0) {
		if (++exchange->version < WEFT_COUNT(paths))
			exchange->code = start(exchange);
		else
			exchange->unimplemented = true;
	} else if (status->code != WEFT_OK) {
		report_status(status, NULL);
		exchange->code = EXIT_CODE + (int)status->code;
	} else if (exchange->answered < exchange->asked) {
		exchange->code = complain(1, "the server's reflection: it ended without an answer");
	}
	if (!exchange->rpc)
		weft_worker_stop(exchange->peer.worker);
}

static const struct weft_rpc_bytes_events events = {
	.on_message = on_message,
	.on_end = on_end,
};

static int start(struct exchange *exchange)
{
	struct weft_metadata metadata = WEFT_METADATA_INIT;
	int code;

	code = headers_read(exchange->options, exchange->arena, &metadata);
	if (code != 0)
		return code;
	exchange->rpc =
		weft_rpc_start_raw(exchange->peer.channel, paths[exchange->version],
				   WEFT_CALL_OPTIONS(.timeout_ns = exchange->options->deadline_ns,
						     .metadata = &metadata),
				   &events, exchange);
	exchange->asked = 0;
	ask(exchange, exchange->question, exchange->of);
	return 0;
}

/* Runs it to its end; exchange_fini in any case. */
static int run(struct exchange *exchange)
{
	exchange->arena = weft_arena_new();
	exchange->code = peer_open(exchange->options, &exchange->peer);
	if (exchange->code == 0)
		exchange->code = start(exchange);
	if (exchange->rpc)
		weft_worker_run(exchange->peer.worker);
	peer_close(&exchange->peer);
	return exchange->code;
}

static void exchange_fini(struct exchange *exchange)
{
	weft_map_fini(&exchange->mentioned);
	weft_buffer_fini(&exchange->set);
	weft_arena_free(exchange->arena);
}

int reflection_list(const struct options *options)
{
	struct exchange exchange = { .options = options, .question = ASK_SERVICES };
	int code;

	code = run(&exchange);
	if (code == 0 && exchange.unimplemented)
		code = complain(EXIT_CODE + WEFT_UNIMPLEMENTED, "the server has no reflection");
	exchange_fini(&exchange);
	return code;
}

static int link_files(const struct weft_buffer *set, struct weft_schema **ret_schema)
{
	struct weft_schema *schema;
	char error[256];

	weft_schema_new(&schema);
	if (weft_schema_add_set(schema, (struct weft_bytes) { set->data, set->len }, error) < 0) {
		weft_schema_free(schema);
		return complain(1, "the server's reflection: %s", error);
	}
	*ret_schema = schema;
	return 0;
}

int reflection_find(const struct options *options, const char *name,
		    struct weft_schema **ret_schema)
{
	struct exchange exchange = {
		.options = options,
		.question = ASK_SYMBOL,
		.of = { (const uint8_t *)name, strcspn(name, "/") }, /* a method's service */
	};
	int code;

	code = run(&exchange);
	if (code == 0 && exchange.unimplemented)
		complain(0, "the server has no reflection, and was not asked");
	else if (code == 0 && exchange.found)
		code = link_files(&exchange.set, ret_schema);
	exchange_fini(&exchange);
	return code;
}
