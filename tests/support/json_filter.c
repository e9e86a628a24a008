/*
 * The JSON codec as a filter, for tests in another language:
 *
 *	json_filter SET < requests > answers
 *
 * A request is 'J' (JSON to wire) or 'W' (wire to JSON), then a type's name and a payload, each
 *after its length in four bytes (little-endian). An answer is '+' or '-', then the result or a
 *sentence, in the same way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/json.h>

static bool read_bytes(struct weft_buffer *into)
{
	uint32_t len;
	uint8_t *room;

	weft_buffer_clear(into);
	if (fread(&len, sizeof(len), 1, stdin) != 1 ||
	    weft_buffer_reserve(into, len + 1, &room) < 0)
		return false;
	into->len = fread(room, 1, len, stdin);
	room[into->len] = '\0';
	return into->len == len;
}

static struct weft_schema *load(const char *path)
{
	struct weft_buffer set = WEFT_BUFFER_INIT;
	struct weft_schema *schema;
	FILE *file = fopen(path, "rb");
	char error[256];
	int c;

	while (file && (c = getc(file)) != EOF)
		weft_buffer_append_byte(&set, (uint8_t)c);
	weft_schema_new(&schema);
	if (!file ||
	    weft_schema_add_set(schema, (struct weft_bytes) { set.data, set.len }, error) < 0) {
		fprintf(stderr, "%s: %s\n", path, file ? error : "cannot be read");
		exit(2);
	}
	fclose(file);
	weft_buffer_fini(&set);
	return schema;
}

static void answer(const struct weft_schema *schema, int kind, const char *type,
		   const struct weft_buffer *in, struct weft_buffer *out)
{
	const struct weft_schema_message *message = weft_schema_message(schema, type);
	const struct weft_json_options options = { .size = sizeof(options), .schema = schema };
	struct weft_json_error error = { 0 };
	uint32_t len;
	int r;

	if (!message)
		abort();
	weft_buffer_clear(out);
	if (kind == 'J')
		r = weft_json_to_wire(message, (const char *)in->data, in->len, &options, out,
				      &error);
	else
		r = weft_wire_to_json(message, in->data, in->len, &options, out, &error);
	if (r < 0)
		weft_buffer_printf(out, "line %u, column %u: %s: %s", error.line, error.column,
				   error.path, error.message);
	putchar(r < 0 ? '-' : '+');
	len = (uint32_t)out->len;
	fwrite(&len, sizeof(len), 1, stdout);
	if (len > 0)
		fwrite(out->data, 1, len, stdout);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct weft_buffer type = WEFT_BUFFER_INIT, in = WEFT_BUFFER_INIT, out = WEFT_BUFFER_INIT;
	struct weft_schema *schema;
	int kind;

	if (argc != 2) {
		fprintf(stderr, "usage: json_filter SET\n");
		return 2;
	}
	schema = load(argv[1]);
	while ((kind = getchar()) != EOF && read_bytes(&type) && read_bytes(&in))
		answer(schema, kind, (const char *)type.data, &in, &out);
	weft_buffer_fini(&type);
	weft_buffer_fini(&in);
	weft_buffer_fini(&out);
	weft_schema_free(schema);
	return 0;
}
