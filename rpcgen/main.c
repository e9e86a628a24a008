/*
 * protoc-gen-weft, a plugin of protoc: a CodeGeneratorRequest on standard input, a
 * CodeGeneratorResponse on standard output. From catalog.proto it gives catalog.weft.{h,c}, and
 * catalog.pb-c.{h,c} by protoc-gen-c.
 *
 * A contract at fault is the response's error, which protoc shows and fails with. Input that no
 * protoc has written is this program's failure: words on standard error, exit code 1.
 */
#include "emit.h"
#include "forward.h"
#include "memory.h"
#include "messages.h"
#include "model.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* protobuf-c's messages hold char pointers that it does not write through. */
static char *unconst(const char *string)
{
	return (char *)string;
}

static void add_file(Response *response, const char *stem, const char *ending,
		     const struct printer *printer)
{
	ResponseFile *file = memory_alloc(sizeof(*file));

	google__protobuf__compiler__code_generator_response__file__init(file);
	file->name = memory_printf("%s%s", stem, ending);
	file->content = printer->text;
	response->file[response->n_file++] = file;
}

static const char *generate(struct bytes bytes, const Request *request, Response *response)
{
	const char *error = NULL;
	struct model_file *files;
	Response *messages;
	Request *forwarded;
	size_t n;

	if (request->parameter && request->parameter[0])
		return memory_printf(
			"unknown parameter \"%s\": there are none, leave --weft_opt out",
			request->parameter);

	files = model_build(request, &n, &error);
	if (!files)
		return error;

	/* A copy of its own to change: the model's strings are those of `request`. */
	forwarded = request_unpack(bytes, &error);
	if (!forwarded)
		return error;
	messages = messages_generate(forward_pack(forwarded), &error);
	if (!messages)
		return error;

	response->file = memory_new_array(ResponseFile *, messages->n_file + 2 * n);
	for (size_t i = 0; i < messages->n_file; i++)
		response->file[response->n_file++] = messages->file[i];
	for (size_t i = 0; i < n; i++) {
		struct printer header = { 0 }, source = { 0 };

		emit_header(&header, &files[i]);
		add_file(response, files[i].stem, ".weft.h", &header);
		emit_source(&source, &files[i]);
		add_file(response, files[i].stem, ".weft.c", &source);
	}
	return NULL;
}

static int write_response(const Response *response)
{
	uint8_t *data = memory_alloc(protobuf_c_message_get_packed_size(&response->base));
	size_t len = protobuf_c_message_pack(&response->base, data);

	if (fwrite(data, 1, len, stdout) != len || fflush(stdout) != 0) {
		fprintf(stderr, "protoc-gen-weft: standard output: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}

int main(void)
{
	Response response = GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__INIT;
	const char *error = NULL;
	struct bytes bytes;
	Request *request;
	int r;

	r = request_read(STDIN_FILENO, &bytes);
	if (r < 0) {
		fprintf(stderr, "protoc-gen-weft: standard input: %s\n", strerror(-r));
		return 1;
	}
	request = request_unpack(bytes, &error);
	if (!request) {
		fprintf(stderr, "protoc-gen-weft: %s; it is run by protoc --weft_out=DIR\n", error);
		return 1;
	}

	response.has_supported_features = true;
	response.supported_features = FEATURE_PROTO3_OPTIONAL;
	response.error = unconst(generate(bytes, request, &response));
	if (response.error)
		response.n_file = 0;
	return write_response(&response);
}
