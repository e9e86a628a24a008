/*
 * STEM.weft.h: what a service and its clients read. Per service first the server's side (handlers,
 * and how they answer), then the client's (starters, and what comes back).
 */
#include "comment.h"
#include "emit.h"
#include "memory.h"

static void print_handler(struct printer *printer, const struct model_method *method)
{
	const char *head = memory_printf("int (*%s)", method->member);

	comment_print(printer, 1, NULL, method->comment);
	if (method->kind & MODEL_CLIENT_STREAMS)
		PRINT_LIST(printer, 1, head, ";\n", "struct weft_call *call", "void *self");
	else
		PRINT_LIST(printer, 1, head, ";\n", "struct weft_call *call",
			   memory_printf("const %s *req", method->request.c_type), "void *self");
}

static void print_handlers(struct printer *printer, const struct model_service *service)
{
	print(printer,
	      "/* The server: a function for each method. One that is NULL is UNIMPLEMENTED. */\n"
	      "struct %s_handlers {\n",
	      service->prefix);
	if (service->n_methods == 0)
		print(printer, "\tchar none; /* the service has no methods yet */\n");
	for (size_t i = 0; i < service->n_methods; i++) {
		if (i > 0 && (service->methods[i].comment || service->methods[i - 1].comment))
			print(printer, "\n");
		print_handler(printer, &service->methods[i]);
	}
	print(printer, "};\n\n/* `handlers` stays the caller's and outlives the server; `self` "
		       "reaches every handler. -EEXIST */\n");
	PRINT_LIST(printer, 0, memory_printf("int %s_add", service->prefix), ";\n",
		   "struct weft_server *server",
		   memory_printf("const struct %s_handlers *handlers", service->prefix),
		   "void *self");
}

/* Both ends of a bidirectional call send, by one name: which one is told by the first argument. */
static void print_both_sends(struct printer *printer, const struct model_method *method)
{
	const char *symbol = method->symbol;

	print(printer, "/* %s_send(call, message) answers; with an rpc it asks. */\n", symbol);
	PRINT_LIST(printer, 0, memory_printf("int %s_send_response", symbol), ";\n",
		   "struct weft_call *call",
		   memory_printf("const %s *message", method->response.c_type));
	PRINT_LIST(printer, 0, memory_printf("int %s_send_request", symbol), ";\n",
		   "struct weft_rpc *rpc",
		   memory_printf("const %s *message", method->request.c_type));
	print(printer, "#ifdef __cplusplus\nextern \"C++\" {\n");
	PRINT_LIST(printer, 0, memory_printf("inline int %s_send", symbol), "\n",
		   "struct weft_call *call",
		   memory_printf("const %s *message", method->response.c_type));
	print(printer, "{\n\treturn %s_send_response(call, message);\n}\n", symbol);
	PRINT_LIST(printer, 0, memory_printf("inline int %s_send", symbol), "\n",
		   "struct weft_rpc *rpc",
		   memory_printf("const %s *message", method->request.c_type));
	print(printer, "{\n\treturn %s_send_request(rpc, message);\n}\n}\n#else\n", symbol);
	print(printer,
	      "#define %s_send(to, message) \\\n"
	      "\t_Generic((to), \\\n"
	      "\t\tstruct weft_call *: %s_send_response, \\\n"
	      "\t\tstruct weft_rpc *: %s_send_request)((to), (message))\n#endif\n",
	      symbol, symbol, symbol);
}

static void print_receive(struct printer *printer, const struct model_method *method)
{
	PRINT_LIST(printer, 0, memory_printf("typedef int %s_message_cb", method->symbol), ";\n",
		   "struct weft_call *call",
		   memory_printf("const %s *message", method->request.c_type), "void *data");
	PRINT_LIST(printer, 0, memory_printf("void %s_receive", method->symbol), ";\n",
		   "struct weft_call *call",
		   memory_printf("%s_message_cb *on_message", method->symbol),
		   "weft_half_close_cb *on_half_close", "void *data");
}

/* How a handler hears from its client and answers it. */
static void print_server_side(struct printer *printer, const struct model_method *method)
{
	const char *response = method->response.c_type;

	if (method->kind & MODEL_CLIENT_STREAMS)
		print_receive(printer, method);
	if (method->kind == MODEL_SERVER_STREAM)
		PRINT_LIST(printer, 0, memory_printf("int %s_send", method->symbol), ";\n",
			   "struct weft_call *call", memory_printf("const %s *message", response));
	if (method->kind == MODEL_BIDIRECTIONAL)
		print_both_sends(printer, method);
	if (!(method->kind & MODEL_SERVER_STREAMS))
		PRINT_LIST(printer, 0, memory_printf("int %s_reply", method->symbol), ";\n",
			   "struct weft_call *call", memory_printf("const %s *res", response));
}

/* One declaration only: the next may follow without a gap. */
static bool is_one_line(const struct model_method *method)
{
	return !(method->kind & MODEL_CLIENT_STREAMS);
}

static void print_unary_client(struct printer *printer, const struct model_method *method)
{
	const char *request = memory_printf("const %s *req", method->request.c_type);
	const char *options = "const struct weft_call_options *options";

	print(printer, "/* `res` is NULL unless the status is OK. */\n");
	PRINT_LIST(printer, 0, memory_printf("typedef void %s_cb", method->symbol), ";\n",
		   "struct weft_rpc *rpc", "const struct weft_status *status",
		   memory_printf("%s *res", method->response.c_type), "void *data");
	comment_print(printer, 0, NULL, method->comment);
	PRINT_LIST(printer, 0, memory_printf("struct weft_rpc *%s", method->symbol), ";\n",
		   "struct weft_channel *channel", request, options,
		   memory_printf("%s_cb *cb", method->symbol), "void *data");
	print(printer,
	      "/* Blocks. 0, a gRPC code above 0, or -EDEADLK on a thread that runs a loop. */\n");
	PRINT_LIST(printer, 0, memory_printf("int %s_wait", method->symbol), ";\n",
		   "struct weft_client *client", request, options, "struct weft_arena *arena",
		   memory_printf("%s **ret_res", method->response.c_type),
		   "struct weft_status *ret_status");
}

static void print_events(struct printer *printer, const struct model_method *method)
{
	comment_print(printer, 0, NULL, method->comment);
	print(printer, "struct %s_events { /* all but on_end may be NULL */\n", method->symbol);
	if (method->kind & MODEL_SERVER_STREAMS)
		PRINT_LIST(printer, 1, "void (*on_message)", ";\n", "struct weft_rpc *rpc",
			   memory_printf("const %s *message", method->response.c_type),
			   "void *data");
	if (method->kind & MODEL_CLIENT_STREAMS)
		PRINT_LIST(printer, 1, "void (*on_writable)", ";\n", "struct weft_rpc *rpc",
			   "void *data");
	if (method->kind == MODEL_CLIENT_STREAM) {
		print(printer, "\t/* `res` is NULL unless the status is OK. */\n");
		PRINT_LIST(printer, 1, "void (*on_end)", ";\n", "struct weft_rpc *rpc",
			   "const struct weft_status *status",
			   memory_printf("%s *res", method->response.c_type), "void *data");
	} else {
		PRINT_LIST(printer, 1, "void (*on_end)", ";\n", "struct weft_rpc *rpc",
			   "const struct weft_status *status", "void *data");
	}
	print(printer, "};\n");
}

static void print_stream_client(struct printer *printer, const struct model_method *method)
{
	const char *head = memory_printf("struct weft_rpc *%s", method->symbol);
	const char *events = memory_printf("const struct %s_events *events", method->symbol);
	const char *options = "const struct weft_call_options *options";

	print_events(printer, method);
	if (method->kind & MODEL_CLIENT_STREAMS)
		PRINT_LIST(printer, 0, head, ";\n", "struct weft_channel *channel", options, events,
			   "void *data");
	else
		PRINT_LIST(printer, 0, head, ";\n", "struct weft_channel *channel",
			   memory_printf("const %s *req", method->request.c_type), options, events,
			   "void *data");
	if (method->kind == MODEL_CLIENT_STREAM)
		PRINT_LIST(printer, 0, memory_printf("int %s_send", method->symbol), ";\n",
			   "struct weft_rpc *rpc",
			   memory_printf("const %s *message", method->request.c_type));
}

static void print_service(struct printer *printer, const struct model_service *service)
{
	print(printer, "\n");
	comment_print(printer, 0, service->name, service->comment);
	print(printer, "extern const struct weft_service %s_service;\n\n", service->prefix);
	print_handlers(printer, service);
	if (service->n_methods == 0)
		return;

	print(printer, "\n/* What the handlers hear and answer with. */\n");
	for (size_t i = 0; i < service->n_methods; i++) {
		if (i == 0 || !is_one_line(&service->methods[i]) ||
		    !is_one_line(&service->methods[i - 1]))
			print(printer, "\n");
		print_server_side(printer, &service->methods[i]);
	}

	print(printer, "\n/* The client. */\n");
	for (size_t i = 0; i < service->n_methods; i++) {
		print(printer, "\n");
		if (service->methods[i].kind == MODEL_UNARY)
			print_unary_client(printer, &service->methods[i]);
		else
			print_stream_client(printer, &service->methods[i]);
	}
}

void emit_header(struct printer *printer, const struct model_file *file)
{
	print(printer,
	      "/* Generated by protoc-gen-weft from %s. What is changed here is lost. */\n"
	      "#ifndef %s\n#define %s\n\n",
	      file->name, file->guard, file->guard);
	for (size_t i = 0; i < file->n_message_headers; i++)
		print(printer, "#include \"%s\"\n", file->message_headers[i]);
	if (file->n_services > 0)
		print(printer, "\n#include <weft/channel.h>\n#include <weft/client.h>\n"
			       "#include <weft/server.h>\n");
	else
		print(printer, "\n#include <weft/service.h>\n");
	print(printer, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
	print(printer,
	      "/* The contract's descriptor, and those of its imports. */\n"
	      "extern const struct weft_file %s;\n",
	      file->symbol);
	for (size_t i = 0; i < file->n_services; i++)
		print_service(printer, &file->services[i]);
	print(printer, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}
