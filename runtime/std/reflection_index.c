/*
 * One walk over the descriptors, which are read off the wire as they are: nothing of them is kept
 * but names.
 *
 * A message may be extended before its own declaration is met: its symbol has extensions then, and
 * no file yet.
 */
#include "reflection_index.h"

#include <stdlib.h>
#include <string.h>
#include <weft/arena.h>
#include <weft/map.h>
#include <weft/protobuf.h>

/* What may be declared, and what inside what: the fields of descriptor.proto that hold it. */
enum kind { WHOLE_FILE, MESSAGE, FIELD, ONEOF, ENUM, VALUE, SERVICE, METHOD, EXTENSION };

static const struct {
	enum kind outer;
	uint32_t number;
	enum kind inner;
} parts[] = {
	{ WHOLE_FILE, 4, MESSAGE },   { WHOLE_FILE, 5, ENUM },   { WHOLE_FILE, 6, SERVICE },
	{ WHOLE_FILE, 7, EXTENSION }, { MESSAGE, 2, FIELD },     { MESSAGE, 3, MESSAGE },
	{ MESSAGE, 4, ENUM },         { MESSAGE, 6, EXTENSION }, { MESSAGE, 8, ONEOF },
	{ ENUM, 2, VALUE },           { SERVICE, 2, METHOD },
};

#define NAME     1 /* of all of them */
#define PACKAGE  2
#define EXTENDEE 2
#define NUMBER   3

struct symbol {
	const struct reflection_file *file; /* NULL: not met yet */
	bool message;
	const struct reflection_extension *extensions;
};

struct reflection_index {
	struct weft_arena *arena;
	struct weft_map files;   /* by name */
	struct weft_map symbols; /* by full name */
	size_t n_files;
};

/* ---- building */

static struct weft_bytes text_of(struct weft_bytes descriptor, uint32_t number)
{
	struct weft_bytes text = { (const uint8_t *)"", 0 };
	struct weft_wire_field field;

	while (weft_wire_next(&descriptor, &field) > 0)
		if (field.number == number && field.type == WEFT_WIRE_BYTES)
			text = field.bytes;
	return text;
}

static int32_t number_of(struct weft_bytes descriptor)
{
	struct weft_wire_field field;
	uint64_t value = 0;

	while (weft_wire_next(&descriptor, &field) > 0)
		if (field.number == NUMBER && field.type == WEFT_WIRE_VARINT)
			value = field.value;
	return (int32_t)value;
}

/* `name` stays as long as the index. */
static struct symbol *find_or_add(struct reflection_index *index, const char *name, size_t len)
{
	struct symbol *symbol = weft_map_get(&index->symbols, name, len);

	if (!symbol) {
		symbol = weft_arena_zalloc(index->arena, sizeof(*symbol));
		if (weft_map_put(&index->symbols, name, len, symbol) < 0)
			abort();
	}
	return symbol;
}

static void add_extension(struct reflection_index *index, const struct reflection_file *file,
			  struct weft_bytes descriptor)
{
	struct reflection_extension *extension = weft_arena_alloc(index->arena, sizeof(*extension));
	struct weft_bytes extendee = text_of(descriptor, EXTENDEE);
	const struct reflection_extension **at;

	if (extendee.len > 0 && *extendee.data == '.') /* as protoc has resolved it */
		extendee = (struct weft_bytes) { extendee.data + 1, extendee.len - 1 };
	at = &find_or_add(index, (const char *)extendee.data, extendee.len)->extensions;
	*extension =
		(struct reflection_extension) { .number = number_of(descriptor), .file = file };
	while (*at && (*at)->number < extension->number)
		at = (const struct reflection_extension **)&(*at)->next;
	extension->next = *at;
	*at = extension;
}

static void add_parts(struct reflection_index *index, const struct reflection_file *file,
		      enum kind outer, const char *scope, struct weft_bytes descriptor);

static void add_symbol(struct reflection_index *index, const struct reflection_file *file,
		       enum kind kind, const char *scope, struct weft_bytes descriptor)
{
	struct weft_bytes name = text_of(descriptor, NAME);
	struct symbol *symbol;
	const char *full;

	full = weft_arena_printf(index->arena, "%s%s%.*s", scope, *scope ? "." : "", (int)name.len,
				 (const char *)name.data);
	symbol = find_or_add(index, full, strlen(full));
	symbol->file = file;
	symbol->message = kind == MESSAGE;
	if (kind == EXTENSION)
		add_extension(index, file, descriptor);
	/* An enum's values stand beside it, as in C++. */
	add_parts(index, file, kind, kind == ENUM ? scope : full, descriptor);
}

static void add_parts(struct reflection_index *index, const struct reflection_file *file,
		      enum kind outer, const char *scope, struct weft_bytes descriptor)
{
	struct weft_wire_field field;

	while (weft_wire_next(&descriptor, &field) > 0)
		for (size_t i = 0; i < WEFT_COUNT(parts); i++)
			if (parts[i].outer == outer && parts[i].number == field.number &&
			    field.type == WEFT_WIRE_BYTES)
				add_symbol(index, file, parts[i].inner, scope, field.bytes);
}

static const struct reflection_file *add_file(struct reflection_index *index,
					      const struct weft_file *source)
{
	struct reflection_file *file =
		weft_map_get(&index->files, source->name, strlen(source->name));
	struct weft_bytes package;
	size_t n = 0;

	if (file)
		return file;
	while (source->imports[n])
		n++;
	file = weft_arena_zalloc(index->arena, sizeof(*file));
	file->file = source;
	file->number = index->n_files++;
	file->n_imports = n;
	file->imports = weft_arena_new_array(index->arena, const struct reflection_file *, n);
	if (weft_map_put(&index->files, source->name, strlen(source->name), file) < 0)
		abort();
	for (size_t i = 0; i < n; i++)
		file->imports[i] = add_file(index, source->imports[i]);

	package = text_of(source->descriptor, PACKAGE);
	add_parts(index, file, WHOLE_FILE,
		  weft_arena_strndup(index->arena, (const char *)package.data, package.len),
		  source->descriptor);
	return file;
}

static void on_arena_gone(void *data)
{
	struct reflection_index *index = data;

	weft_map_fini(&index->files);
	weft_map_fini(&index->symbols);
}

struct reflection_index *reflection_index_new(struct weft_server *server)
{
	struct weft_arena *arena = weft_server_arena(server);
	struct reflection_index *index = weft_arena_zalloc(arena, sizeof(*index));
	const struct weft_service *service;

	index->arena = arena;
	weft_arena_defer(arena, on_arena_gone, index);
	for (size_t i = 0; (service = weft_server_service_at(server, i)); i++)
		if (service->file)
			add_file(index, service->file);
	return index;
}

void reflection_index_add(struct reflection_index *index, const struct weft_file *file)
{
	add_file(index, file);
}

/* ---- reading */

size_t reflection_index_size(const struct reflection_index *index)
{
	return index->n_files;
}

const struct reflection_file *reflection_index_file(const struct reflection_index *index,
						    const char *name)
{
	return weft_map_get(&index->files, name, strlen(name));
}

const struct reflection_file *reflection_index_symbol(const struct reflection_index *index,
						      const char *name)
{
	const struct symbol *symbol = weft_map_get(&index->symbols, name, strlen(name));

	return symbol ? symbol->file : NULL;
}

bool reflection_index_extensions(const struct reflection_index *index, const char *message,
				 const struct reflection_extension **ret_first)
{
	const struct symbol *symbol = weft_map_get(&index->symbols, message, strlen(message));

	if (!symbol || !symbol->message)
		return false;
	*ret_first = symbol->extensions;
	return true;
}
