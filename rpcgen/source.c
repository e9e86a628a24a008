/*
 * STEM.weft.c: the tables, and for each method the few lines that give the runtime's one call its
 * types. A thunk casts a function back to its true type before it calls it.
 */
#include "emit.h"
#include "memory.h"

#include <string.h>

static void print_descriptor(struct printer *printer, const struct model_file *file)
{
	print(printer, "static const uint8_t descriptor[] = {");
	for (size_t i = 0; i < file->descriptor.len; i++)
		print(printer, "%s0x%02x,", i % 16 == 0 ? "\n\t" : " ", file->descriptor.data[i]);
	print(printer, "\n};\n\nstatic const struct weft_file *const imports[] = {\n");
	for (size_t i = 0; i < file->n_imports; i++)
		print(printer, "\t&%s,\n", file->imports[i].symbol);
	print(printer,
	      "\tNULL,\n};\n\n"
	      "const struct weft_file %s = {\n"
	      "\t.name = \"%s\",\n"
	      "\t.descriptor = { descriptor, sizeof(descriptor) },\n"
	      "\t.imports = imports,\n};\n",
	      file->symbol, file->name);
}

/* The server's: from the runtime to the handler. */
static void print_invoke(struct printer *printer, const struct model_service *service,
			 const struct model_method *method)
{
	PRINT_LIST(printer, 0, memory_printf("\nstatic int invoke_%s", method->symbol), "\n",
		   "struct weft_call *call", "const ProtobufCMessage *req", "const void *handlers",
		   "void *self");
	print(printer, "{\n\tconst struct %s_handlers *typed = handlers;\n\n", service->prefix);
	print(printer, "\tif (!typed->%s)\n\t\treturn -ENOSYS;\n", method->member);
	if (method->kind & MODEL_CLIENT_STREAMS)
		print(printer, "\treturn typed->%s(call, self);\n}\n", method->member);
	else
		PRINT_LIST(printer, 1, memory_printf("return typed->%s", method->member), ";\n}\n",
			   "call", memory_printf("(const %s *)req", method->request.c_type),
			   "self");
}

static const char *kind_name(enum model_kind kind)
{
	switch (kind) {
	case MODEL_UNARY: return "WEFT_UNARY";
	case MODEL_SERVER_STREAM: return "WEFT_SERVER_STREAM";
	case MODEL_CLIENT_STREAM: return "WEFT_CLIENT_STREAM";
	case MODEL_BIDIRECTIONAL: break;
	}
	return "WEFT_BIDIRECTIONAL";
}

static const char *idempotency_name(int idempotency)
{
	switch (idempotency) {
	case GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__NO_SIDE_EFFECTS:
		return "WEFT_NO_SIDE_EFFECTS";
	case GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__IDEMPOTENT:
		return "WEFT_IDEMPOTENT";
	}
	return "WEFT_IDEMPOTENCY_UNKNOWN";
}

static void print_methods(struct printer *printer, const struct model_service *service)
{
	print(printer, "\nstatic const struct weft_method %s_methods[] = {\n", service->prefix);
	for (size_t i = 0; i < service->n_methods; i++) {
		const struct model_method *method = &service->methods[i];

		print(printer,
		      "\t{\n"
		      "\t\t.name = \"%s\",\n"
		      "\t\t.path = \"%s\",\n"
		      "\t\t.kind = %s,\n"
		      "\t\t.idempotency = %s,\n"
		      "\t\t.request = &%s,\n"
		      "\t\t.response = &%s,\n"
		      "\t\t.invoke = invoke_%s,\n"
		      "\t},\n",
		      method->name, method->path, kind_name(method->kind),
		      idempotency_name(method->idempotency), method->request.descriptor,
		      method->response.descriptor, method->symbol);
	}
	print(printer, "};\n");
}

static void print_service_table(struct printer *printer, const struct model_file *file,
				const struct model_service *service)
{
	const char *methods = service->n_methods > 0 ? service->prefix : NULL;

	print(printer, "\nconst struct weft_service %s_service = {\n\t.name = \"%s\",\n",
	      service->prefix, service->name);
	if (methods)
		print(printer, "\t.methods = %s_methods,\n", methods);
	print(printer, "\t.n_methods = %zu,\n\t.file = &%s,\n};\n\n", service->n_methods,
	      file->symbol);
	PRINT_LIST(printer, 0, memory_printf("int %s_add", service->prefix), "\n",
		   "struct weft_server *server",
		   memory_printf("const struct %s_handlers *handlers", service->prefix),
		   "void *self");
	print(printer, "{\n\treturn weft_server_add(server, &%s_service, handlers, self);\n}\n",
	      service->prefix);
}

/* A function that hands its message on: m_reply, m_send, at either end. */
static void print_pass_on(struct printer *printer, const char *symbol, const char *suffix,
			  const char *at, const char *type, const char *verb)
{
	const char *argument = strcmp(verb, "reply") == 0 ? "res" : "message";

	PRINT_LIST(printer, 0, memory_printf("\nint %s%s", symbol, suffix), "\n",
		   memory_printf("struct weft_%s *%s", at, at),
		   memory_printf("const %s *%s", type, argument));
	print(printer, "{\n\treturn weft_%s_%s(%s, &%s->base);\n}\n", at, verb, at, argument);
}

static void print_receive(struct printer *printer, const struct model_method *method)
{
	const char *symbol = method->symbol;

	PRINT_LIST(printer, 0, memory_printf("\nstatic int on_%s_request", symbol), "\n",
		   "struct weft_call *call", "const ProtobufCMessage *message", "weft_fn *cb",
		   "void *data");
	print(printer, "{\n");
	PRINT_LIST(printer, 1, memory_printf("return ((%s_message_cb *)cb)", symbol), ";\n}\n\n",
		   "call", memory_printf("(const %s *)message", method->request.c_type), "data");
	PRINT_LIST(printer, 0, memory_printf("void %s_receive", symbol), "\n",
		   "struct weft_call *call", memory_printf("%s_message_cb *on_message", symbol),
		   "weft_half_close_cb *on_half_close", "void *data");
	print(printer, "{\n");
	PRINT_LIST(printer, 1, "weft_call_receive", ";\n}\n", "call",
		   memory_printf("on_%s_request", symbol), "(weft_fn *)on_message", "on_half_close",
		   "data");
}

static void print_unary_client(struct printer *printer, const struct model_service *service,
			       const struct model_method *method)
{
	const char *symbol = method->symbol, *response = method->response.c_type;
	const char *request = memory_printf("const %s *req", method->request.c_type);
	const char *options = "const struct weft_call_options *options";
	const char *entry = memory_printf("&%s_methods[%zu]", service->prefix,
					  (size_t)(method - service->methods));

	PRINT_LIST(printer, 0, memory_printf("\nstatic void on_%s_reply", symbol), "\n",
		   "struct weft_rpc *rpc", "const struct weft_status *status",
		   "ProtobufCMessage *res", "weft_fn *cb", "void *data");
	print(printer, "{\n");
	PRINT_LIST(printer, 1, memory_printf("((%s_cb *)cb)", symbol), ";\n}\n\n", "rpc", "status",
		   memory_printf("(%s *)res", response), "data");

	PRINT_LIST(printer, 0, memory_printf("struct weft_rpc *%s", symbol), "\n",
		   "struct weft_channel *channel", request, options,
		   memory_printf("%s_cb *cb", symbol), "void *data");
	print(printer, "{\n");
	PRINT_LIST(printer, 1, "return weft_rpc_unary", ";\n}\n\n", "channel", entry, "&req->base",
		   "options", memory_printf("on_%s_reply", symbol), "(weft_fn *)cb", "data");

	PRINT_LIST(printer, 0, memory_printf("int %s_wait", symbol), "\n",
		   "struct weft_client *client", request, options, "struct weft_arena *arena",
		   memory_printf("%s **ret_res", response), "struct weft_status *ret_status");
	print(printer, "{\n\tProtobufCMessage *res;\n\tint r;\n\n");
	PRINT_LIST(printer, 1, "r = weft_client_unary", ";\n", "client", entry, "&req->base",
		   "options", "arena", "&res", "ret_status");
	print(printer, "\tif (r == 0)\n\t\t*ret_res = (%s *)res;\n\treturn r;\n}\n", response);
}

static void print_event_thunk(struct printer *printer, const struct model_method *method,
			      const char *event, const char *extra, const char *extra_cast)
{
	const char *status = "const struct weft_status *status";
	int is_end = event[0] == 'e';

	/* The runtime's on_end always has a response; the caller's has one where the client
	 * streams. */
	if (is_end)
		PRINT_LIST(printer, 0, memory_printf("\nstatic void on_%s_end", method->symbol),
			   "\n", "struct weft_rpc *rpc", status, "ProtobufCMessage *res",
			   "const void *events", "void *data");
	else if (extra)
		PRINT_LIST(printer, 0,
			   memory_printf("\nstatic void on_%s_%s", method->symbol, event), "\n",
			   "struct weft_rpc *rpc", extra, "const void *events", "void *data");
	else
		PRINT_LIST(printer, 0,
			   memory_printf("\nstatic void on_%s_%s", method->symbol, event), "\n",
			   "struct weft_rpc *rpc", "const void *events", "void *data");

	print(printer, "{\n\tconst struct %s_events *typed = events;\n\n", method->symbol);
	if (!is_end)
		print(printer, "\tif (typed->on_%s)\n\t", event);
	print(printer, "\ttyped->on_%s(rpc, %s%s%sdata);\n}\n", event, is_end ? "status, " : "",
	      extra_cast ? extra_cast : "", extra_cast ? ", " : "");
}

static void print_thunks(struct printer *printer, const struct model_method *method)
{
	const char *symbol = method->symbol;
	const char *response = method->kind == MODEL_CLIENT_STREAM
				       ? memory_printf("(%s *)res", method->response.c_type)
				       : NULL;

	if (method->kind & MODEL_SERVER_STREAMS)
		print_event_thunk(printer, method, "message", "const ProtobufCMessage *message",
				  memory_printf("(const %s *)message", method->response.c_type));
	if (method->kind & MODEL_CLIENT_STREAMS)
		print_event_thunk(printer, method, "writable", NULL, NULL);
	print_event_thunk(printer, method, "end", NULL, response);

	print(printer, "\nstatic const struct weft_rpc_thunks %s_thunks = {\n", symbol);
	if (method->kind & MODEL_SERVER_STREAMS)
		print(printer, "\t.on_message = on_%s_message,\n", symbol);
	if (method->kind & MODEL_CLIENT_STREAMS)
		print(printer, "\t.on_writable = on_%s_writable,\n", symbol);
	print(printer, "\t.on_end = on_%s_end,\n};\n", symbol);
}

static void print_stream_client(struct printer *printer, const struct model_service *service,
				const struct model_method *method)
{
	bool client_streams = method->kind & MODEL_CLIENT_STREAMS;
	const char *head = memory_printf("\nstruct weft_rpc *%s", method->symbol);
	const char *events = memory_printf("const struct %s_events *events", method->symbol);
	const char *options = "const struct weft_call_options *options";

	print_thunks(printer, method);
	if (client_streams)
		PRINT_LIST(printer, 0, head, "\n", "struct weft_channel *channel", options, events,
			   "void *data");
	else
		PRINT_LIST(printer, 0, head, "\n", "struct weft_channel *channel",
			   memory_printf("const %s *req", method->request.c_type), options, events,
			   "void *data");
	print(printer, "{\n");
	PRINT_LIST(printer, 1, "return weft_rpc_stream", ";\n}\n", "channel",
		   memory_printf("&%s_methods[%zu]", service->prefix,
				 (size_t)(method - service->methods)),
		   client_streams ? "NULL" : "&req->base", "options",
		   memory_printf("&%s_thunks", method->symbol), "events", "data");
}

static void print_method(struct printer *printer, const struct model_service *service,
			 const struct model_method *method)
{
	const char *request = method->request.c_type, *response = method->response.c_type;

	if (method->kind & MODEL_CLIENT_STREAMS)
		print_receive(printer, method);
	switch (method->kind) {
	case MODEL_UNARY:
		print_pass_on(printer, method->symbol, "_reply", "call", response, "reply");
		print_unary_client(printer, service, method);
		return;
	case MODEL_SERVER_STREAM:
		print_pass_on(printer, method->symbol, "_send", "call", response, "send");
		break;
	case MODEL_CLIENT_STREAM:
		print_pass_on(printer, method->symbol, "_reply", "call", response, "reply");
		print_pass_on(printer, method->symbol, "_send", "rpc", request, "send");
		break;
	case MODEL_BIDIRECTIONAL:
		print_pass_on(printer, method->symbol, "_send_response", "call", response, "send");
		print_pass_on(printer, method->symbol, "_send_request", "rpc", request, "send");
		break;
	}
	print_stream_client(printer, service, method);
}

static void print_service(struct printer *printer, const struct model_file *file,
			  const struct model_service *service)
{
	for (size_t i = 0; i < service->n_methods; i++)
		print_invoke(printer, service, &service->methods[i]);
	if (service->n_methods > 0)
		print_methods(printer, service);
	print_service_table(printer, file, service);
	for (size_t i = 0; i < service->n_methods; i++)
		print_method(printer, service, &service->methods[i]);
}

void emit_source(struct printer *printer, const struct model_file *file)
{
	print(printer,
	      "/* Generated by protoc-gen-weft from %s. What is changed here is lost. */\n"
	      "#include \"%s.weft.h\"\n\n",
	      file->name, file->stem);
	for (size_t i = 0; i < file->n_imports; i++)
		print(printer, "#include \"%s\"\n", file->imports[i].header);
	if (file->n_imports > 0)
		print(printer, "\n");
	if (file->n_services > 0)
		print(printer, "#include <errno.h>\n\n");
	print_descriptor(printer, file);
	for (size_t i = 0; i < file->n_services; i++)
		print_service(printer, file, &file->services[i]);
}
