/* One endpoint as etcd's naming layout has it: the contract weft.naming.Endpoint, as JSON. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/json.h>

#include "etcd_endpoint.h"
#include "weft/naming/naming.weft.h"

#define DEPTH_MAX 32

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct weft_schema *schema; /* of the contract; it stays */

static void add_file(const struct weft_file *file)
{
	char error[256];

	for (const struct weft_file *const *import = file->imports; *import; import++)
		add_file(*import);
	if (weft_schema_add_file(schema, file->descriptor, error) < 0)
		abort(); /* what protoc made is right */
}

static void load_schema(void)
{
	if (weft_schema_new(&schema) < 0)
		abort();
	add_file(&weft_naming_naming_proto);
}

/* What the metadata has under a name; NULL: nothing. */
static const Google__Protobuf__Value *value_of(const Google__Protobuf__Value *metadata,
					       const char *name)
{
	if (!metadata || metadata->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE)
		return NULL;
	for (size_t i = 0; i < metadata->struct_value->n_fields; i++)
		if (strcmp(metadata->struct_value->fields[i]->key, name) == 0)
			return metadata->struct_value->fields[i]->value;
	return NULL;
}

static uint32_t weight_of(const Google__Protobuf__Value *metadata)
{
	const Google__Protobuf__Value *weight = value_of(metadata, "weight");

	if (weight && weight->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE &&
	    weight->number_value >= 1 && weight->number_value < UINT32_MAX)
		return (uint32_t)weight->number_value;
	return 0;
}

static const char *version_of(const Google__Protobuf__Value *metadata, struct weft_arena *arena)
{
	const Google__Protobuf__Value *version = value_of(metadata, "version");

	if (!version || version->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE)
		return NULL;
	return weft_arena_strdup(arena, version->string_value);
}

/* The metadata as JSON again, when it is an object. */
static const char *attributes_of(const Weft__Naming__Endpoint *endpoint,
				 const struct weft_schema_message *type,
				 const struct weft_buffer *wire, struct weft_arena *arena)
{
	const struct weft_json_options options = { .size = sizeof(options) };
	struct weft_buffer text = WEFT_BUFFER_INIT;
	struct weft_json_error error;
	char *result = NULL;

	if (!endpoint->metadata ||
	    endpoint->metadata->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE)
		return NULL;
	if (weft_wire_field_to_json(type, weft_schema_field_named(type, "metadata", 8), wire->data,
				    wire->len, &options, &text, &error) == 0 &&
	    weft_buffer_append_byte(&text, 0) == 0)
		result = weft_arena_strdup(arena, (const char *)text.data);
	weft_buffer_fini(&text);
	return result;
}

static int take(const Weft__Naming__Endpoint *endpoint, const struct weft_schema_message *type,
		const struct weft_buffer *wire, struct weft_arena *arena, char error[256],
		struct weft_endpoint *ret_endpoint, const char **ret_version)
{
	struct weft_endpoint result = { 0 };

	if (!*endpoint->addr) {
		snprintf(error, 256, "\"Addr\" is missing: {\"Op\":0,\"Addr\":\"host:port\"}");
		return -EINVAL;
	}
	result.address = weft_arena_strdup(arena, endpoint->addr);
	if (!result.address)
		return -ENOMEM;
	result.weight = weight_of(endpoint->metadata);
	result.attributes = attributes_of(endpoint, type, wire, arena);
	*ret_endpoint = result;
	*ret_version = version_of(endpoint->metadata, arena);
	return 0;
}

int etcd_endpoint_read(const char *json, size_t len, struct weft_arena *arena, char error[256],
		       struct weft_endpoint *ret_endpoint, const char **ret_version)
{
	static const struct weft_json_options options = {
		.size = sizeof(options),
		.max_depth = DEPTH_MAX,
		.ignore_unknown = true,
		.json_paths = true,
	};
	const struct weft_schema_message *type;
	struct weft_buffer wire = WEFT_BUFFER_INIT;
	Weft__Naming__Endpoint *endpoint = NULL;
	struct weft_json_error at;
	int r;

	pthread_once(&once, load_schema);
	type = weft_schema_message(schema, "weft.naming.Endpoint");
	r = weft_json_to_wire(type, json, len, &options, &wire, &at);
	if (r == -EINVAL)
		snprintf(error, 256, "%.60s%s%.150s", at.path, at.path[0] ? ": " : "", at.message);
	if (r == 0) { /* bytes of our own making, nested no deeper than the text was */
		endpoint = weft__naming__endpoint__unpack(NULL, wire.len, wire.data);
		snprintf(error, 256, "a string in it has a NUL");
		r = endpoint ? take(endpoint, type, &wire, arena, error, ret_endpoint, ret_version)
			     : -EINVAL;
	}
	if (endpoint)
		weft__naming__endpoint__free_unpacked(endpoint, NULL);
	weft_buffer_fini(&wire);
	return r;
}

int weft_etcd_endpoint(const char *json, size_t len, struct weft_arena *arena, char error[256],
		       struct weft_endpoint *ret_endpoint)
{
	const char *version;

	return etcd_endpoint_read(json, len, arena, error, ret_endpoint, &version);
}
