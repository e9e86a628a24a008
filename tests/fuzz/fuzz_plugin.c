/*
 * What stands on protoc-gen-weft's standard input: refused in words, or compiled. protoc-gen-c is
 * not run, but what it would be given is written.
 */
#include "emit.h"
#include "forward.h"
#include "fuzz.h"
#include "memory.h"
#include "model.h"

static void emit(struct model_file *files, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct printer header = { 0 }, source = { 0 };

		emit_header(&header, &files[i]);
		emit_source(&source, &files[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_copy((struct weft_bytes) { data, size });
	struct bytes bytes = { copy, size };
	const char *error = NULL;
	Request *request = request_unpack(bytes, &error);
	struct model_file *files;
	size_t n;

	if (request) {
		files = model_build(request, &n, &error);
		if (files) {
			emit(files, n);
			forward_pack(request_unpack(bytes, &error));
		} else {
			assert(error);
		}
	} else {
		assert(error);
	}
	memory_free_all();
	free(copy);
	return 0;
}
