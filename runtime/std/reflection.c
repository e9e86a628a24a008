/*
 * ServerReflection on the generated stubs. Both versions have one implementation: their messages
 * are the same on the wire, so v1alpha's method is served with v1's types.
 *
 * A small question may have a large answer: a stream whose client does not read is held, and goes
 * on when its answers have left.
 *
 * The index belongs to the server, and so to one worker. It is made for the first question: all
 * services have been added by then, and most servers are never asked.
 */
#include <errno.h>
#include <string.h>
#include <weft/arena.h>
#include <weft/reflection.h>

#include "google/rpc/error_details.weft.h"
#include "grpc/reflection/v1/reflection.weft.h"
#include "grpc/reflection/v1alpha/reflection.weft.h"
#include "reflection_index.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest Request;
typedef Grpc__Reflection__V1__ServerReflectionResponse Response;

#define ASKS(what)    GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##what
#define ANSWERS(what) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##what

#define NAME_SHOWN 200 /* bytes of a name that an error repeats */

struct reflection {
	struct weft_server *server;
	struct reflection_index *index; /* NULL: nobody has asked yet */
};

struct stream {
	struct reflection *reflection;
	bool *sent; /* by a file's number */
};

/* A response and its one part; what they point at is in the call's scratch. */
struct answer {
	Response response;
	union {
		Grpc__Reflection__V1__FileDescriptorResponse files;
		Grpc__Reflection__V1__ExtensionNumberResponse numbers;
		Grpc__Reflection__V1__ListServiceResponse services;
		Grpc__Reflection__V1__ErrorResponse error;
	};
};

/* ---- answers: each fills one in, and returns 0 or -ENOMEM */

static int answer_error(struct answer *answer, enum weft_code code, const char *message)
{
	answer->error =
		(Grpc__Reflection__V1__ErrorResponse)GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;
	answer->error.error_code = (int32_t)code;
	answer->error.error_message = (char *)message;
	answer->response.error_response = &answer->error;
	answer->response.message_response_case = ANSWERS(ERROR_RESPONSE);
	return 0;
}

/* The name was the client's choice: of a long one its beginning is shown, cut between
 * characters. */
static int answer_not_found(struct answer *answer, struct weft_arena *arena, const char *what,
			    const char *name)
{
	size_t len = strnlen(name, NAME_SHOWN + 1);
	bool cut = len > NAME_SHOWN;

	while (cut && ((uint8_t)name[len - 1] & 0xc0) == 0x80)
		len--;
	len -= cut;
	return answer_error(answer, WEFT_NOT_FOUND,
			    weft_arena_printf(arena, "nothing is known of %s \"%.*s%s\"", what,
					      (int)len, name, cut ? "…" : ""));
}

/* `file`, and behind it what it imports, as far as the stream has not brought it. What was brought
 * was brought with all that it imports, so the walk ends there. */
static int answer_file(struct answer *answer, struct stream *stream, struct weft_arena *arena,
		       const struct reflection_file *file)
{
	size_t size = reflection_index_size(stream->reflection->index), n = 0;
	const struct reflection_file **files;
	ProtobufCBinaryData *bytes;

	files = weft_arena_alloc(arena, size * sizeof(struct reflection_file *));
	bytes = weft_arena_alloc(arena, size * sizeof(*bytes));
	if (!files || !bytes)
		return -ENOMEM;
	stream->sent[file->number] = true;
	files[n++] = file;
	for (size_t at = 0; at < n; at++) {
		const struct weft_bytes *descriptor = &files[at]->file->descriptor;

		bytes[at].data = (uint8_t *)descriptor->data;
		bytes[at].len = descriptor->len;
		for (size_t i = 0; i < files[at]->n_imports; i++) {
			const struct reflection_file *import = files[at]->imports[i];

			if (stream->sent[import->number])
				continue;
			stream->sent[import->number] = true;
			files[n++] = import;
		}
	}
	answer->files = (Grpc__Reflection__V1__FileDescriptorResponse)
		GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
	answer->files.n_file_descriptor_proto = n;
	answer->files.file_descriptor_proto = bytes;
	answer->response.file_descriptor_response = &answer->files;
	answer->response.message_response_case = ANSWERS(FILE_DESCRIPTOR_RESPONSE);
	return 0;
}

static int answer_file_named(struct answer *answer, struct stream *stream, struct weft_arena *arena,
			     const char *name)
{
	const struct reflection_file *file = reflection_index_file(stream->reflection->index, name);

	return file ? answer_file(answer, stream, arena, file)
		    : answer_not_found(answer, arena, "a file", name);
}

static int answer_file_of_symbol(struct answer *answer, struct stream *stream,
				 struct weft_arena *arena, const char *symbol)
{
	const struct reflection_file *file =
		reflection_index_symbol(stream->reflection->index, symbol);

	return file ? answer_file(answer, stream, arena, file)
		    : answer_not_found(answer, arena, "a symbol", symbol);
}

static int answer_file_of_extension(struct answer *answer, struct stream *stream,
				    struct weft_arena *arena,
				    const Grpc__Reflection__V1__ExtensionRequest *req)
{
	const struct reflection_index *index = stream->reflection->index;
	const struct reflection_extension *at;

	if (!reflection_index_extensions(index, req->containing_type, &at))
		return answer_not_found(answer, arena, "a message", req->containing_type);
	while (at && at->number != req->extension_number)
		at = at->next;
	return at ? answer_file(answer, stream, arena, at->file)
		  : answer_not_found(answer, arena, "that extension of", req->containing_type);
}

static int answer_extensions(struct answer *answer, struct stream *stream, struct weft_arena *arena,
			     const char *message)
{
	const struct reflection_extension *first;
	size_t n = 0;

	if (!reflection_index_extensions(stream->reflection->index, message, &first))
		return answer_not_found(answer, arena, "a message", message);
	for (const struct reflection_extension *at = first; at; at = at->next)
		n++;
	answer->numbers = (Grpc__Reflection__V1__ExtensionNumberResponse)
		GRPC__REFLECTION__V1__EXTENSION_NUMBER_RESPONSE__INIT;
	answer->numbers.base_type_name = (char *)message;
	answer->numbers.extension_number = weft_arena_alloc(arena, n * sizeof(int32_t));
	if (!answer->numbers.extension_number)
		return -ENOMEM;
	for (const struct reflection_extension *at = first; at; at = at->next)
		answer->numbers.extension_number[answer->numbers.n_extension_number++] = at->number;
	answer->response.all_extension_numbers_response = &answer->numbers;
	answer->response.message_response_case = ANSWERS(ALL_EXTENSION_NUMBERS_RESPONSE);
	return 0;
}

static int answer_services(struct answer *answer, struct stream *stream, struct weft_arena *arena)
{
	const struct weft_server *server = stream->reflection->server;
	const struct weft_service *service;
	size_t n = 0;

	while (weft_server_service_at(server, n))
		n++;
	answer->services = (Grpc__Reflection__V1__ListServiceResponse)
		GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
	answer->services.service =
		weft_arena_alloc(arena, n * sizeof(Grpc__Reflection__V1__ServiceResponse *));
	if (!answer->services.service)
		return -ENOMEM;
	for (; (service = weft_server_service_at(server, answer->services.n_service));
	     answer->services.n_service++) {
		Grpc__Reflection__V1__ServiceResponse *entry =
			weft_arena_alloc(arena, sizeof(*entry));

		grpc__reflection__v1__service_response__init(entry);
		entry->name = (char *)service->name;
		answer->services.service[answer->services.n_service] = entry;
	}
	answer->response.list_services_response = &answer->services;
	answer->response.message_response_case = ANSWERS(LIST_SERVICES_RESPONSE);
	return 0;
}

static int answer_request(struct answer *answer, struct stream *stream, struct weft_arena *arena,
			  const Request *req)
{
	switch (req->message_request_case) {
	case ASKS(FILE_BY_FILENAME):
		return answer_file_named(answer, stream, arena, req->file_by_filename);
	case ASKS(FILE_CONTAINING_SYMBOL):
		return answer_file_of_symbol(answer, stream, arena, req->file_containing_symbol);
	case ASKS(FILE_CONTAINING_EXTENSION):
		return answer_file_of_extension(answer, stream, arena,
						req->file_containing_extension);
	case ASKS(ALL_EXTENSION_NUMBERS_OF_TYPE):
		return answer_extensions(answer, stream, arena, req->all_extension_numbers_of_type);
	case ASKS(LIST_SERVICES): return answer_services(answer, stream, arena);
	default: break;
	}
	return answer_error(answer, WEFT_UNIMPLEMENTED,
			    "a request that asks nothing, or what is not known here");
}

/* ---- the stream */

static int on_request(struct weft_call *call, const Request *req, void *data)
{
	struct weft_arena *scratch = weft_call_scratch(call);
	struct stream *stream = data;
	struct answer answer = { .response =
					 GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT };
	int r;

	weft_arena_reset(scratch);
	answer.response.valid_host = req->host;
	answer.response.original_request = (Request *)req;
	r = answer_request(&answer, stream, scratch, req);
	if (r < 0)
		return r;
	r = grpc_reflection_v1_server_reflection_server_reflection_info_send(call,
									     &answer.response);
	if (r == 0 && !weft_call_writable(call))
		weft_call_hold(call);
	return r;
}

static int on_half_close(struct weft_call *call, void *data)
{
	return weft_call_finish(call);
}

static int on_ready(struct weft_call *call, void *data)
{
	weft_call_resume(call);
	return 0;
}

/* Any call may end with error details, whose contract no service imports. */
static struct reflection_index *make_index(struct weft_server *server)
{
	struct reflection_index *index = reflection_index_new(server);

	reflection_index_add(index, &google_rpc_error_details_proto);
	return index;
}

static int server_reflection_info(struct weft_call *call, void *self)
{
	struct stream *stream = weft_arena_zalloc(weft_call_arena(call), sizeof(*stream));
	struct reflection *reflection = self;

	if (!reflection->index)
		reflection->index = make_index(reflection->server);
	stream->reflection = reflection;
	stream->sent = weft_arena_zalloc(weft_call_arena(call),
					 reflection_index_size(reflection->index) * sizeof(bool));
	if (!stream->sent)
		return -ENOMEM;
	grpc_reflection_v1_server_reflection_server_reflection_info_receive(call, on_request,
									    on_half_close, stream);
	weft_call_on_ready(call, on_ready, stream);
	return 0;
}

static const struct grpc_reflection_v1_server_reflection_handlers handlers = {
	.server_reflection_info = server_reflection_info,
};

/* ---- v1alpha */

static int invoke_alpha(struct weft_call *call, const ProtobufCMessage *req,
			const void *own_handlers, void *self)
{
	return server_reflection_info(call, self);
}

static const struct weft_method alpha_methods[] = {
	{
		.name = "ServerReflectionInfo",
		.path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
		.kind = WEFT_BIDIRECTIONAL,
		.request = &grpc__reflection__v1__server_reflection_request__descriptor,
		.response = &grpc__reflection__v1__server_reflection_response__descriptor,
		.invoke = invoke_alpha,
	},
};

static const struct weft_service alpha_service = {
	.name = "grpc.reflection.v1alpha.ServerReflection",
	.methods = alpha_methods,
	.n_methods = WEFT_COUNT(alpha_methods),
	.file = &grpc_reflection_v1alpha_reflection_proto,
};

int weft_reflection_add(struct weft_server *server)
{
	struct weft_arena *arena = weft_server_arena(server);
	struct reflection *reflection = weft_arena_zalloc(arena, sizeof(*reflection));
	int r;

	reflection->server = server;
	r = grpc_reflection_v1_server_reflection_add(server, &handlers, reflection);
	return r < 0 ? r : weft_server_add(server, &alpha_service, NULL, reflection);
}
