#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "descriptors.h"
#include "invocation.h"

struct call {
	const struct options *options;
	const struct weft_schema *schema;
	const struct weft_schema_method *method;
};

/* A response that comes alone is for a person; messages of a stream are a line each, for a pipe. */
static int print_message(struct weft_bytes message, void *data)
{
	const struct call *call = data;
	bool stream = call->method->kind == WEFT_SERVER_STREAM ||
		      call->method->kind == WEFT_BIDIRECTIONAL;
	const struct weft_json_options options = {
		.size = sizeof(options),
		.schema = call->schema,
		.emit_defaults = call->options->emit_defaults,
		.indent = stream ? 0 : 2,
	};
	struct weft_buffer out = WEFT_BUFFER_INIT;
	struct weft_json_error error = { 0 };
	int r;

	r = weft_wire_to_json(call->method->response, message.data, message.len, &options, &out,
			      &error);
	if (r == 0)
		r = weft_buffer_append_byte(&out, '\n');
	if (r == 0 && (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0))
		r = -EIO;
	weft_buffer_fini(&out);
	if (r == -EBADMSG)
		return complain(1, "the response is no %s: %s%s%s",
				call->method->response->full_name, error.path,
				*error.path ? ": " : "", error.message);
	return r < 0 ? complain(1, "standard output: %s", strerror(-r)) : 0;
}

static int no_method(const struct weft_schema *schema, const char *name)
{
	const char *slash = strchr(name, '/');
	const struct weft_schema_service *service;
	char *service_name;

	if (!slash)
		return complain(EXIT_USAGE, "\"%s\" is not of the form SERVICE/METHOD", name);
	service_name = strndupa(name, (size_t)(slash - name));
	service = weft_schema_service(schema, service_name);
	if (!service)
		return complain(EXIT_USAGE, "no service \"%s\": weft list names them all",
				service_name);
	fprintf(stderr, "weft: no method \"%s\" in %s: it has", slash + 1, service->full_name);
	for (size_t i = 0; i < service->n_methods; i++)
		fprintf(stderr, "%s %s", i ? "," : "", service->methods[i].name);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

static const char *method_name(const struct options *options)
{
	const char *name = options->positionals[0];

	return *name == '/' ? name + 1 : name;
}

static int call_method(const struct options *options, const struct weft_schema *schema)
{
	struct call call = { options, schema, NULL };
	const char *name = method_name(options);
	struct invocation invocation = {
		.options = options,
		.schema = schema,
		.on_message = print_message,
		.data = &call,
	};
	struct input input;
	int code, r;

	call.method = invocation.method = weft_schema_method(schema, name);
	if (!call.method)
		return no_method(schema, name);
	r = input_open(&input, options->data);
	if (r < 0)
		return complain(EXIT_USAGE, "%s: %s", options->data + 1, strerror(-r));
	invocation.input = &input;
	code = invocation_run(&invocation);
	input_close(&input);
	return code;
}

int command_call(const struct options *options)
{
	struct weft_schema *schema;
	int code;

	code = descriptors_find(options, method_name(options), options->target, &schema);
	if (code != 0)
		return code;
	code = call_method(options, schema);
	weft_schema_free(schema);
	return code;
}
