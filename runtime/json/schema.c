/*
 * The pool: it owns the arena in which all descriptors live and the maps by which they are found. A
 * set is loaded and linked apart from the pool (struct loader) and joins it in one step that only
 * fails for want of memory before anything was changed, so that a bad set leaves the pool as it
 * was.
 */
#include "pool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/protobuf.h>

int weft_schema_new(struct weft_schema **ret_schema)
{
	struct weft_schema *schema = calloc(1, sizeof(*schema));

	if (!schema)
		abort();
	schema->arena = weft_arena_new();
	*ret_schema = schema;
	return 0;
}

void weft_schema_free(struct weft_schema *schema)
{
	if (!schema)
		return;
	weft_map_fini(&schema->symbols);
	weft_map_fini(&schema->files);
	weft_arena_free(schema->arena);
	free(schema->services);
	free(schema);
}

int loader_fail(struct loader *loader, int r, const char *format, ...)
{
	va_list args;

	if (loader->error) {
		va_start(args, format);
		vsnprintf(loader->error, 256, format, args);
		va_end(args);
	}
	return r;
}

const struct symbol *loader_symbol(const struct loader *loader, const char *name, size_t len)
{
	const struct symbol *symbol = weft_map_get(&loader->symbols, name, len);

	return symbol ? symbol : weft_map_get(&loader->schema->symbols, name, len);
}

static int put_all(struct weft_schema *schema, const struct loader *loader)
{
	int r = 0;

	for (struct file_def *at = loader->first_file; at && r >= 0; at = at->next)
		r = weft_map_put(&schema->files, at->name, strlen(at->name), at);
	for (struct symbol *at = loader->first_symbol; at && r >= 0; at = at->next)
		r = weft_map_put(&schema->symbols, at->full_name, strlen(at->full_name), at);
	return r;
}

static void take_back(struct weft_schema *schema, const struct loader *loader)
{
	for (struct file_def *at = loader->first_file; at; at = at->next)
		weft_map_remove(&schema->files, at->name, strlen(at->name));
	for (struct symbol *at = loader->first_symbol; at; at = at->next)
		weft_map_remove(&schema->symbols, at->full_name, strlen(at->full_name));
}

/* The loader's finds become the pool's. Takes the loader's arena on success. */
static int join(struct weft_schema *schema, struct loader *loader)
{
	struct service_def **services;
	int r;

	services = realloc(schema->services, (schema->n_services + loader->n_services + 1) *
						     sizeof(struct service_def *));
	if (!services)
		return -ENOMEM;
	schema->services = services;
	r = put_all(schema, loader);
	if (r < 0) {
		take_back(schema, loader);
		return r;
	}
	for (struct service_def *at = loader->first_service; at; at = at->next)
		schema->services[schema->n_services++] = at;
	weft_arena_splice(schema->arena, loader->arena);
	loader->arena = NULL;
	return 0;
}

static int add_files(struct loader *loader, struct weft_bytes set)
{
	struct weft_wire_field field;
	int r;

	while ((r = weft_wire_next(&set, &field)) > 0) {
		if (field.number != 1 || field.type != WEFT_WIRE_BYTES)
			continue;
		r = loader_add_file(loader, field.bytes);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return loader_fail(loader, r, "these bytes are no FileDescriptorSet");
	return 0;
}

static int add(struct weft_schema *schema, struct weft_bytes bytes,
	       int (*parse)(struct loader *loader, struct weft_bytes bytes), char error[256])
{
	struct loader loader = {
		.schema = schema,
		.arena = weft_arena_new(),
		.last_symbol = &loader.first_symbol,
		.last_file = &loader.first_file,
		.last_reference = &loader.first_reference,
		.last_service = &loader.first_service,
		.error = error,
	};
	int r;

	r = parse(&loader, bytes);
	if (r >= 0)
		r = loader_link(&loader);
	if (r >= 0)
		r = join(schema, &loader);
	if (r == -ENOMEM)
		loader_fail(&loader, r, "out of memory");
	weft_map_fini(&loader.symbols);
	weft_map_fini(&loader.files);
	if (loader.arena)
		weft_arena_free(loader.arena);
	return r;
}

int weft_schema_add_set(struct weft_schema *schema, struct weft_bytes set, char error[256])
{
	return add(schema, set, add_files, error);
}

int weft_schema_add_file(struct weft_schema *schema, struct weft_bytes file, char error[256])
{
	return add(schema, file, loader_add_file, error);
}

static const struct symbol *find(const struct weft_schema *schema, const char *full_name,
				 enum symbol_kind kind)
{
	const struct symbol *symbol = weft_map_get(&schema->symbols, full_name, strlen(full_name));

	return symbol && symbol->kind == kind ? symbol : NULL;
}

const struct weft_schema_message *weft_schema_message(const struct weft_schema *schema,
						      const char *full_name)
{
	const struct symbol *symbol = find(schema, full_name, SYMBOL_MESSAGE);

	return symbol ? &symbol->message->pub : NULL;
}

const struct weft_schema_enum *weft_schema_enum(const struct weft_schema *schema,
						const char *full_name)
{
	const struct symbol *symbol = find(schema, full_name, SYMBOL_ENUM);

	return symbol ? &symbol->enumeration->pub : NULL;
}

const struct weft_schema_service *weft_schema_service(const struct weft_schema *schema,
						      const char *full_name)
{
	const struct symbol *symbol = find(schema, full_name, SYMBOL_SERVICE);

	return symbol ? &symbol->service->pub : NULL;
}

const struct weft_schema_method *weft_schema_method(const struct weft_schema *schema,
						    const char *path)
{
	const struct weft_schema_service *service;
	const struct symbol *symbol;
	const char *slash;

	if (*path == '/')
		path++;
	slash = strchr(path, '/');
	if (!slash)
		return NULL;
	symbol = weft_map_get(&schema->symbols, path, (size_t)(slash - path));
	if (!symbol || symbol->kind != SYMBOL_SERVICE)
		return NULL;
	service = &symbol->service->pub;
	for (size_t i = 0; i < service->n_methods; i++)
		if (strcmp(service->methods[i].name, slash + 1) == 0)
			return &service->methods[i];
	return NULL;
}

const struct weft_schema_service *weft_schema_service_at(const struct weft_schema *schema,
							 size_t index)
{
	return index < schema->n_services ? &schema->services[index]->pub : NULL;
}

const struct weft_schema_field *weft_schema_field(const struct weft_schema_message *message,
						  uint32_t number)
{
	const struct message_def *def = weft_container_of(message, const struct message_def, pub);
	const struct weft_schema_field *in_place = field_in_place(def, number);
	size_t low = 0, high = message->n_fields;

	if (in_place)
		return in_place;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (def->by_number[middle]->number == number)
			return def->by_number[middle];
		if (def->by_number[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct weft_schema_field *weft_schema_field_named(const struct weft_schema_message *message,
							const char *name, size_t len)
{
	const struct message_def *def = weft_container_of(message, const struct message_def, pub);
	size_t low = 0, high = def->n_names;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct name_index *at = &def->by_name[middle];
		int order = memcmp(at->name, name, at->len < len ? at->len : len);

		if (order == 0 && at->len == len)
			return at->field;
		if (order < 0 || (order == 0 && at->len < len))
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct weft_schema_enum_value *weft_schema_enum_named(
	const struct weft_schema_enum *enumeration, const char *name, size_t len)
{
	for (size_t i = 0; i < enumeration->n_values; i++) {
		const struct weft_schema_enum_value *value = &enumeration->values[i];

		if (strlen(value->name) == len && memcmp(value->name, name, len) == 0)
			return value;
	}
	return NULL;
}

const struct weft_schema_enum_value *weft_schema_enum_numbered(
	const struct weft_schema_enum *enumeration, int32_t number)
{
	const struct enum_def *def = weft_container_of(enumeration, const struct enum_def, pub);
	size_t low = 0, high = enumeration->n_values;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (def->by_number[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < enumeration->n_values && def->by_number[low]->number == number)
		return def->by_number[low];
	return NULL;
}
