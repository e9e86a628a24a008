#include "descriptors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weft/buffer.h>

#include "command.h"
#include "contracts.h"
#include "reflection.h"

#define MAX_SET ((size_t)256 << 20)

static int read_file(const char *path, struct weft_buffer *into)
{
	FILE *file = fopen(path, "rbe");
	uint8_t *room;
	size_t n;
	int r = 0;

	if (!file)
		return -errno;
	into->limit = MAX_SET;
	do {
		r = weft_buffer_reserve(into, 65536, &room);
		n = r < 0 ? 0 : fread(room, 1, 65536, file);
		into->len += n;
	} while (n > 0);
	if (r == 0 && ferror(file))
		r = -EIO;
	fclose(file);
	return r;
}

int descriptors_load(const struct options *options, struct weft_schema **ret_schema)
{
	struct weft_buffer file = WEFT_BUFFER_INIT;
	struct weft_schema *schema;
	char error[256];
	int r = 0;

	if (options->protoset) {
		r = read_file(options->protoset, &file);
		if (r < 0)
			return complain(EXIT_USAGE, "%s: %s", options->protoset, strerror(-r));
	}
	weft_schema_new(&schema);
	if (options->protoset)
		r = weft_schema_add_set(schema, (struct weft_bytes) { file.data, file.len }, error);
	weft_buffer_fini(&file);
	if (r == 0 && !options->protoset)
		r = weft_schema_add_set(schema, contracts_descriptor_set, error);
	if (r < 0) {
		weft_schema_free(schema);
		return complain(EXIT_USAGE, "%s: %s", options->protoset ?: "the contracts", error);
	}
	*ret_schema = schema;
	return 0;
}

static bool knows(const struct weft_schema *schema, const char *name)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;
	bool known = weft_schema_print(schema, name, &out) == 0;

	weft_buffer_fini(&out);
	return known;
}

int descriptors_find(const struct options *options, const char *name, bool ask_server,
		     struct weft_schema **ret_schema)
{
	struct weft_schema *schema, *reflected = NULL;
	int code;

	code = descriptors_load(options, &schema);
	if (code == 0 && ask_server && !knows(schema, name)) {
		code = reflection_find(options, name, &reflected);
		if (code != 0 || reflected) {
			weft_schema_free(schema);
			schema = reflected;
		}
	}
	if (code == 0)
		*ret_schema = schema;
	return code;
}
