/*
 * Rules of google.api.http, and a path that is looked up among them. Each line of the input is a
 * method's rule: a letter for the HTTP method, the template, and after a tab the body's field; the
 * last line is the path. So both a contract and a client are hostile here.
 */
#include <errno.h>
#include <weft/protobuf.h>

#include "fuzz.h"
#include "route.h"
#include "template.h"
#include "url.h"

/* google.api.HttpRule's numbers, by the letter's index. */
static const char letters[] = "gupdac";
enum { GET = 2, CUSTOM = 8, BODY = 7, HTTP = 72295728 };

static void put_string(struct weft_buffer *out, uint32_t number, const char *text)
{
	weft_wire_append_bytes(out, number, text, strlen(text));
}

static void put_number(struct weft_buffer *out, uint32_t number, uint64_t value)
{
	weft_wire_append_number(out, number, value);
}

static void put_field(struct weft_buffer *file, const char *name, uint32_t number, unsigned type,
		      unsigned label)
{
	size_t mark;

	weft_wire_begin(file, 2, &mark);
	put_string(file, 1, name);
	put_number(file, 3, number);
	put_number(file, 4, label);
	put_number(file, 5, type);
	if (type == WEFT_TYPE_MESSAGE)
		put_string(file, 6, ".a.M");
	weft_wire_end(file, mark);
}

/* message M { string x = 1; int32 y = 2; M m = 3; repeated string all = 4; } */
static void put_message(struct weft_buffer *file)
{
	size_t mark;

	weft_wire_begin(file, 4, &mark);
	put_string(file, 1, "M");
	put_field(file, "x", 1, WEFT_TYPE_STRING, 1);
	put_field(file, "y", 2, WEFT_TYPE_INT32, 1);
	put_field(file, "m", 3, WEFT_TYPE_MESSAGE, 1);
	put_field(file, "all", 4, WEFT_TYPE_STRING, 3);
	weft_wire_end(file, mark);
}

static void put_rule(struct weft_buffer *file, char *line)
{
	const char *letter = line[0] ? strchr(letters, line[0]) : NULL;
	uint32_t number = letter ? GET + (uint32_t)(letter - letters) : GET;
	char *path = letter ? line + 1 : line;
	char *body = strchr(path, '\t');
	size_t options, rule, custom;

	if (body)
		*body++ = '\0';
	weft_wire_begin(file, 4, &options);
	weft_wire_begin(file, HTTP, &rule);
	if (number > 6) {
		weft_wire_begin(file, CUSTOM, &custom);
		put_string(file, 1, "*");
		put_string(file, 2, path);
		weft_wire_end(file, custom);
	} else {
		put_string(file, number, path);
	}
	if (body)
		put_string(file, BODY, body);
	weft_wire_end(file, rule);
	weft_wire_end(file, options);
}

static void put_method(struct weft_buffer *file, unsigned index, char *line)
{
	char name[16];
	size_t mark;

	snprintf(name, sizeof(name), "M%u", index);
	weft_wire_begin(file, 2, &mark);
	put_string(file, 1, name);
	put_string(file, 2, ".a.M");
	put_string(file, 3, ".a.M");
	put_rule(file, line);
	weft_wire_end(file, mark);
}

/* Gives the last line. */
static char *put_service(struct weft_buffer *file, char *text)
{
	size_t mark;
	char *end;

	weft_wire_begin(file, 6, &mark);
	put_string(file, 1, "S");
	for (unsigned i = 0; (end = strchr(text, '\n')); i++) {
		*end = '\0';
		put_method(file, i, text);
		text = end + 1;
	}
	weft_wire_end(file, mark);
	return text;
}

static void look_up(const struct route_table *table, const char *path)
{
	static const char *const methods[] = { "GET", "POST", "HEAD", "OTHER" };
	size_t len = strlen(path);

	for (size_t m = 0; m < WEFT_COUNT(methods); m++) {
		char allow[ROUTE_ALLOW_MAX] = "";
		struct route_match match;
		enum route_result result =
			route_lookup(table, methods[m], path, len, &match, allow);

		if (result == ROUTE_METHOD_NOT_ALLOWED)
			assert(allow[0] && strlen(allow) < sizeof(allow));
		if (result != ROUTE_FOUND)
			continue;
		assert(match.binding->n_variables <= ROUTE_MAX_VARIABLES);
		for (size_t i = 0; i < match.binding->n_variables; i++) {
			const char *capture = (const char *)match.captures[i].data;

			assert(capture >= path && capture + match.captures[i].len <= path + len);
		}
	}
}

static void decode(const char *text)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;
	size_t len = strlen(text);

	for (enum url_part part = URL_SEGMENT; part <= URL_QUERY; part++) {
		weft_buffer_clear(&out);
		if (url_decode(text, len, part, &out) < 0)
			continue;
		assert(out.len <= len);
		if (part == URL_SEGMENT)
			assert(url_segment_equals(text, len, (char *)out.data, out.len));
	}
	weft_buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string((struct weft_bytes) { data, size });
	struct weft_buffer file = WEFT_BUFFER_INIT;
	struct weft_schema *schema;
	struct route_table *table;
	char error[256] = "";
	char *path;
	int r;

	put_string(&file, 1, "a.proto");
	put_string(&file, 2, "a");
	put_string(&file, 12, "proto3");
	put_message(&file);
	path = put_service(&file, text);
	assert(weft_schema_new(&schema) == 0);
	assert(weft_schema_add_file(schema, (struct weft_bytes) { file.data, file.len }, error) ==
	       0);
	weft_buffer_fini(&file);

	r = route_table_new(schema, error, &table);
	if (r == 0) {
		look_up(table, path);
		route_table_free(table);
	} else {
		assert((r == -EINVAL || r == -EEXIST) && error[0] && strlen(error) < 256);
	}
	decode(path);
	weft_schema_free(schema);
	free(text);
	return 0;
}
