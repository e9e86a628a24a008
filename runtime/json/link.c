/*
 * Resolves the type names of a loaded set and builds the indices by which messages and enums are
 * searched. Afterwards nothing in the set is wrong, so that the codecs need not doubt it.
 */
#include "pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "append.h"
#include "quote.h"

/* A leading dot: the full name. Otherwise the innermost scope that has it, as protoc resolves
 * names. */
static const struct symbol *resolve(const struct loader *loader, const struct reference *reference)
{
	const char *scope_end = reference->scope + strlen(reference->scope);
	const char *name = reference->type_name;
	char full[4096];

	if (*name == '.')
		return loader_symbol(loader, name + 1, strlen(name + 1));
	for (;;) {
		const struct symbol *symbol;
		size_t len = (size_t)(scope_end - reference->scope);

		if (len + 1 + strlen(name) >= sizeof(full))
			return NULL;
		memcpy(full, reference->scope, len);
		if (len > 0)
			full[len++] = '.';
		strcpy(full + len, name);
		symbol = loader_symbol(loader, full, strlen(full));
		if (symbol || scope_end == reference->scope)
			return symbol;
		while (scope_end > reference->scope && *--scope_end != '.')
			;
	}
}

static int link_reference(struct loader *loader, const struct reference *reference)
{
	struct weft_schema_field *field = reference->field;
	const struct symbol *symbol = resolve(loader, reference);
	bool wants_enum = field && field->type == WEFT_TYPE_ENUM;
	const char *name = reference->type_name + (*reference->type_name == '.');

	if (!symbol)
		return loader_fail(loader, -ENOENT,
				   "%s: %s%s%s: no type \"%s\" (is an imported file missing?)",
				   reference->file, reference->scope, field ? "." : "",
				   field ? field->name : "", name);
	if (symbol->kind != (wants_enum ? SYMBOL_ENUM : SYMBOL_MESSAGE))
		return loader_fail(loader, -EBADMSG, "%s: %s%s%s: \"%s\" is not %s",
				   reference->file, reference->scope, field ? "." : "",
				   field ? field->name : "", name,
				   wants_enum ? "an enum" : "a message");
	if (!field) {
		*reference->message = &symbol->message->pub;
	} else if (wants_enum) {
		field->enumeration = &symbol->enumeration->pub;
	} else {
		field->message = &symbol->message->pub;
		field->map = field->repeated && symbol->message->pub.map_entry;
	}
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const struct weft_schema_field *const *left = a, *const *right = b;

	return ((*left)->number > (*right)->number) - ((*left)->number < (*right)->number);
}

static int by_name(const void *a, const void *b)
{
	const struct name_index *left = a, *right = b;
	int order =
		memcmp(left->name, right->name, left->len < right->len ? left->len : right->len);

	if (order != 0)
		return order;
	return (left->len > right->len) - (left->len < right->len);
}

static int by_value(const void *a, const void *b)
{
	const struct weft_schema_enum_value *const *left = a, *const *right = b;

	if ((*left)->number != (*right)->number)
		return (*left)->number > (*right)->number ? 1 : -1;
	return *left > *right ? 1 : -1;
}

static bool same_number_twice(const struct message_def *def)
{
	for (size_t i = 1; i < def->pub.n_fields; i++)
		if (def->by_number[i - 1]->number == def->by_number[i]->number)
			return true;
	return false;
}

static bool entry_is_right(const struct weft_schema_message *entry)
{
	const struct weft_schema_field *fields = entry->fields;

	if (entry->n_fields != 2 || fields[0].number != 1 || fields[1].number != 2 ||
	    fields[0].repeated || fields[1].repeated || fields[1].type == WEFT_TYPE_GROUP)
		return false;
	switch (fields[0].type) {
	case WEFT_TYPE_DOUBLE:
	case WEFT_TYPE_FLOAT:
	case WEFT_TYPE_BYTES:
	case WEFT_TYPE_ENUM:
	case WEFT_TYPE_MESSAGE:
	case WEFT_TYPE_GROUP: return false;
	default: return true;
	}
}

static bool is_well_known(const struct weft_schema_field *field, enum weft_well_known kind)
{
	return field->message && field->message->well_known == kind;
}

/* google.protobuf.Value: null, number, string, bool, struct, list. */
static bool value_is_right(const struct weft_schema_message *value)
{
	static const enum weft_field_type types[] = { WEFT_TYPE_ENUM,    WEFT_TYPE_DOUBLE,
						      WEFT_TYPE_STRING,  WEFT_TYPE_BOOL,
						      WEFT_TYPE_MESSAGE, WEFT_TYPE_MESSAGE };

	if (value->n_fields != WEFT_COUNT(types))
		return false;
	for (size_t i = 0; i < WEFT_COUNT(types); i++)
		if (value->fields[i].number != i + 1 || value->fields[i].type != types[i] ||
		    value->fields[i].repeated)
			return false;
	return is_well_known(&value->fields[4], WEFT_WKT_STRUCT) &&
	       is_well_known(&value->fields[5], WEFT_WKT_LIST_VALUE);
}

/* The shapes that the codecs rely on. */
static bool shape_is_right(const struct weft_schema_message *message)
{
	const struct weft_schema_field *first = message->fields;

	if (message->map_entry && !entry_is_right(message))
		return false;
	switch (message->well_known) {
	case WEFT_WKT_WRAPPER:
		return message->n_fields == 1 && first->number == 1 && !first->repeated &&
		       !first->message;
	case WEFT_WKT_STRUCT: return message->n_fields == 1 && first->number == 1 && first->map;
	case WEFT_WKT_LIST_VALUE:
		return message->n_fields == 1 && first->number == 1 && first->repeated &&
		       is_well_known(first, WEFT_WKT_VALUE);
	case WEFT_WKT_VALUE: return value_is_right(message);
	default: return true;
	}
}

static int quote_name(struct loader *loader, const char *name, struct weft_bytes *ret_quoted)
{
	struct weft_buffer text = WEFT_BUFFER_INIT;
	uint8_t *kept;
	int r;

	r = quote((const uint8_t *)name, strlen(name), false, &text);
	if (r >= 0)
		r = weft_buffer_append_byte(&text, ':');
	if (r >= 0) {
		kept = weft_arena_zalloc(loader->arena, text.len + PADDED);
		r = kept ? 0 : -ENOMEM;
	}
	if (r >= 0) {
		memcpy(kept, text.data, text.len);
		*ret_quoted = (struct weft_bytes) { kept, text.len };
	}
	weft_buffer_fini(&text);
	return r;
}

static int quote_names(struct loader *loader, struct message_def *def)
{
	int r = 0;

	def->quoted = weft_arena_new_array(loader->arena, struct quoted_name, def->pub.n_fields);
	if (!def->quoted)
		return -ENOMEM;
	for (size_t i = 0; i < def->pub.n_fields && r >= 0; i++) {
		r = quote_name(loader, def->fields[i].json_name, &def->quoted[i].names[0]);
		if (r >= 0)
			r = quote_name(loader, def->fields[i].name, &def->quoted[i].names[1]);
	}
	return r;
}

static int index_message(struct loader *loader, struct message_def *def)
{
	size_t n = def->pub.n_fields;

	def->by_number = weft_arena_new_array(loader->arena, const struct weft_schema_field *, n);
	def->by_name = weft_arena_new_array(loader->arena, struct name_index, 2 * n);
	if (!def->by_number || !def->by_name)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct weft_schema_field *field = &def->fields[i];

		def->by_number[i] = field;
		def->by_name[def->n_names++] =
			(struct name_index) { field->name, strlen(field->name), field };
		if (strcmp(field->name, field->json_name) != 0)
			def->by_name[def->n_names++] =
				(struct name_index) { field->json_name, strlen(field->json_name),
						      field };
	}
	qsort(def->by_number, n, sizeof(*def->by_number), by_number);
	qsort(def->by_name, def->n_names, sizeof(*def->by_name), by_name);
	if (same_number_twice(def) || !shape_is_right(&def->pub))
		return loader_fail(loader, -EBADMSG, "%s: message %s is not well-formed",
				   def->pub.file, def->pub.full_name);
	return quote_names(loader, def);
}

static int index_enum(struct loader *loader, struct enum_def *def)
{
	size_t n = def->pub.n_values;

	def->by_number =
		weft_arena_new_array(loader->arena, const struct weft_schema_enum_value *, n);
	if (!def->by_number)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		def->by_number[i] = &def->values[i];
	qsort(def->by_number, n, sizeof(*def->by_number), by_value);
	return 0;
}

int loader_link(struct loader *loader)
{
	int r = 0;

	for (struct reference *at = loader->first_reference; at && r >= 0; at = at->next)
		r = link_reference(loader, at);
	for (struct symbol *at = loader->first_symbol; at && r >= 0; at = at->next) {
		if (at->kind == SYMBOL_MESSAGE)
			r = index_message(loader, at->message);
		else if (at->kind == SYMBOL_ENUM)
			r = index_enum(loader, at->enumeration);
	}
	return r;
}
