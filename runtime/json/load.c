/*
 * A FileDescriptorProto's bytes become the pool's structs. Names of types stay unresolved here
 * (link.c does that when every file of the set is there), because a set may have its files in any
 * order.
 *
 * The numbers are those of google/protobuf/descriptor.proto.
 */
#include "pool.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <weft/protobuf.h>

#define MAX_NESTING 32

/* Where the parser is: the names of what it is in, and the path that finds comments. */
struct scope {
	struct file_def *file;
	const struct comments *comments;
	const char *full_name; /* of the package or the message around */
	struct comment_path path;
	unsigned depth;
};

static size_t count(struct weft_bytes bytes, uint32_t number)
{
	struct weft_wire_field field;
	size_t n = 0;

	while (weft_wire_next(&bytes, &field) > 0)
		n += field.number == number && field.type == WEFT_WIRE_BYTES;
	return n;
}

static struct weft_bytes find(struct weft_bytes bytes, uint32_t number)
{
	struct weft_bytes found = { 0 };
	struct weft_wire_field field;

	while (weft_wire_next(&bytes, &field) > 0)
		if (field.number == number && field.type == WEFT_WIRE_BYTES)
			found = field.bytes;
	return found;
}

static uint64_t find_number(struct weft_bytes bytes, uint32_t number, uint64_t otherwise)
{
	struct weft_wire_field field;

	while (weft_wire_next(&bytes, &field) > 0)
		if (field.number == number && field.type == WEFT_WIRE_VARINT)
			otherwise = field.value;
	return otherwise;
}

/* Checks the framing once, so that the functions above need not. */
static int check(struct weft_bytes bytes)
{
	struct weft_wire_field field;
	int r;

	while ((r = weft_wire_next(&bytes, &field)) > 0)
		;
	return r;
}

static bool is_identifier(struct weft_bytes name)
{
	if (name.len == 0 || name.len > 512 || isdigit(name.data[0]))
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!isalnum(name.data[i]) && name.data[i] != '_')
			return false;
	return true;
}

static bool is_dotted(struct weft_bytes name)
{
	if (name.len > 2048)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!isalnum(name.data[i]) && name.data[i] != '_' && name.data[i] != '.')
			return false;
	return true;
}

static char *copy(struct loader *loader, struct weft_bytes bytes)
{
	return weft_arena_strndup(loader->arena, (const char *)bytes.data, bytes.len);
}

static int copy_bytes(struct loader *loader, struct weft_bytes bytes, struct weft_bytes *ret_copy)
{
	void *data = NULL;

	if (bytes.len > 0) {
		data = weft_arena_memdup(loader->arena, bytes.data, bytes.len);
		if (!data)
			return -ENOMEM;
	}
	*ret_copy = (struct weft_bytes) { data, bytes.len };
	return 0;
}

static int broken(struct loader *loader, const struct scope *scope, const char *what)
{
	return loader_fail(loader, -EBADMSG, "%s: %s%s%s is not well-formed", scope->file->name,
			   scope->full_name, *scope->full_name ? ": " : "", what);
}

/* Enters something that has a name in field 1: its full name, checked. */
static int enter(struct loader *loader, const struct scope *outer, struct weft_bytes bytes,
		 uint32_t number, size_t index, const char *what, struct scope *ret_scope)
{
	struct weft_bytes name;

	if (check(bytes) < 0)
		return broken(loader, outer, what);
	name = find(bytes, 1);
	if (!is_identifier(name))
		return broken(loader, outer, what);
	*ret_scope = *outer;
	ret_scope->depth++;
	ret_scope->full_name =
		weft_arena_printf(loader->arena, "%s%s%.*s", outer->full_name,
				  *outer->full_name ? "." : "", (int)name.len, name.data);
	comment_path_push(&ret_scope->path, number, index);
	return 0;
}

static int add_symbol(struct loader *loader, const struct scope *scope, struct symbol symbol)
{
	size_t len = strlen(scope->full_name);
	const struct symbol *other = loader_symbol(loader, scope->full_name, len);
	struct symbol *added;

	if (other)
		return loader_fail(loader, -EEXIST, "%s: \"%s\" is already defined in %s",
				   scope->file->name, scope->full_name, other->file);
	added = weft_arena_memdup(loader->arena, &symbol, sizeof(symbol));
	added->full_name = scope->full_name;
	added->file = scope->file->name;
	added->next = NULL;
	*loader->last_symbol = added;
	loader->last_symbol = &added->next;
	return weft_map_put(&loader->symbols, added->full_name, len, added);
}

static int add_reference(struct loader *loader, const struct scope *scope, struct weft_bytes type,
			 struct weft_schema_field *field,
			 const struct weft_schema_message **message)
{
	struct reference *reference;

	if (type.len == 0 || !is_dotted(type))
		return broken(loader, scope, "a type's name");
	reference = weft_arena_alloc(loader->arena, sizeof(*reference));
	*reference = (struct reference) {
		.type_name = copy(loader, type),
		.scope = scope->full_name,
		.file = scope->file->name,
		.field = field,
		.message = message,
	};
	*loader->last_reference = reference;
	loader->last_reference = &reference->next;
	return 0;
}

/* page_size -> pageSize, as protoc does where it has not been asked. */
static char *camel(struct loader *loader, const char *name)
{
	char *out = weft_arena_strdup(loader->arena, name), *to = out;
	bool upper = false;

	for (; *name; name++) {
		if (*name == '_') {
			upper = true;
			continue;
		}
		*to++ = upper ? (char)toupper((unsigned char)*name) : *name;
		upper = false;
	}
	*to = '\0';
	return out;
}

static bool packable(enum weft_field_type type)
{
	return type != WEFT_TYPE_STRING && type != WEFT_TYPE_BYTES && type != WEFT_TYPE_MESSAGE &&
	       type != WEFT_TYPE_GROUP;
}

static int load_field(struct loader *loader, const struct scope *message, struct weft_bytes bytes,
		      size_t index, struct weft_schema_field *ret_field)
{
	struct weft_schema_field field = { .oneof = -1 };
	uint64_t number, type, oneof, in_no_oneof = UINT64_MAX;
	struct weft_bytes json_name;
	struct scope scope;
	int r;

	r = enter(loader, message, bytes, 2, index, "a field", &scope);
	if (r < 0)
		return r;
	number = find_number(bytes, 3, 0);
	type = find_number(bytes, 5, 0);
	if (number < 1 || number > 536870911 || type < WEFT_TYPE_DOUBLE || type > WEFT_TYPE_SINT64)
		return broken(loader, &scope, "its number or type");
	field.name = copy(loader, find(bytes, 1));
	json_name = find(bytes, 10);
	if (json_name.len > 512 || memchr(json_name.data ?: (const uint8_t *)"", 0, json_name.len))
		return broken(loader, &scope, "its JSON name");
	field.json_name = json_name.len ? copy(loader, json_name) : camel(loader, field.name);
	field.number = (uint32_t)number;
	field.type = (enum weft_field_type)type;
	field.comment = comments_get(scope.comments, &scope.path);
	field.repeated = find_number(bytes, 4, 1) == 3;
	oneof = find_number(bytes, 9, in_no_oneof);
	field.presence =
		!field.repeated && (scope.file->explicit_presence || oneof != in_no_oneof ||
				    type == WEFT_TYPE_MESSAGE || type == WEFT_TYPE_GROUP);
	if (oneof != in_no_oneof && !find_number(bytes, 17, 0))
		field.oneof = oneof > 65535 ? 65535 : (int)oneof;
	if (field.repeated && packable(field.type))
		field.packed = find_number(find(bytes, 8), 2, scope.file->packed);
	r = copy_bytes(loader, find(bytes, 8), &field.options);
	if (r < 0)
		return r;
	*ret_field = field;
	if (type == WEFT_TYPE_MESSAGE || type == WEFT_TYPE_GROUP || type == WEFT_TYPE_ENUM)
		return add_reference(loader, message, find(bytes, 6), ret_field, NULL);
	return 0;
}

/* Keeps the oneofs that somebody wrote: the synthetic one of a proto3 `optional` has no member left
 * here. */
static int load_oneofs(struct loader *loader, const struct scope *scope, struct weft_bytes bytes,
		       struct message_def *message)
{
	size_t n = count(bytes, 8), at = 0, kept = 0;
	const char **names = weft_arena_new_array(loader->arena, const char *, n);
	struct weft_wire_field field;

	if (!names)
		return -ENOMEM;
	while (weft_wire_next(&bytes, &field) > 0) {
		bool used = false;

		if (field.number != 8 || field.type != WEFT_WIRE_BYTES)
			continue;
		if (check(field.bytes) < 0 || !is_identifier(find(field.bytes, 1)))
			return broken(loader, scope, "a oneof");
		for (size_t i = 0; i < message->pub.n_fields; i++) {
			if (message->fields[i].oneof != (int)at)
				continue;
			message->fields[i].oneof = (int)kept;
			used = true;
		}
		at++;
		if (used)
			names[kept++] = copy(loader, find(field.bytes, 1));
	}
	for (size_t i = 0; i < message->pub.n_fields; i++)
		if (message->fields[i].oneof >= (int)kept)
			return broken(loader, scope, "a oneof");
	message->pub.oneofs = names;
	message->pub.n_oneofs = kept;
	return 0;
}

static enum weft_well_known well_known(const char *full_name)
{
	static const struct {
		const char *name;
		enum weft_well_known kind;
	} table[] = {
		{ "Any", WEFT_WKT_ANY },
		{ "Timestamp", WEFT_WKT_TIMESTAMP },
		{ "Duration", WEFT_WKT_DURATION },
		{ "FieldMask", WEFT_WKT_FIELD_MASK },
		{ "Struct", WEFT_WKT_STRUCT },
		{ "Value", WEFT_WKT_VALUE },
		{ "ListValue", WEFT_WKT_LIST_VALUE },
		{ "Empty", WEFT_WKT_EMPTY },
		{ "DoubleValue", WEFT_WKT_WRAPPER },
		{ "FloatValue", WEFT_WKT_WRAPPER },
		{ "Int64Value", WEFT_WKT_WRAPPER },
		{ "UInt64Value", WEFT_WKT_WRAPPER },
		{ "Int32Value", WEFT_WKT_WRAPPER },
		{ "UInt32Value", WEFT_WKT_WRAPPER },
		{ "BoolValue", WEFT_WKT_WRAPPER },
		{ "StringValue", WEFT_WKT_WRAPPER },
		{ "BytesValue", WEFT_WKT_WRAPPER },
	};
	static const char package[] = "google.protobuf.";

	if (strncmp(full_name, package, sizeof(package) - 1) != 0)
		return WEFT_WKT_NONE;
	for (size_t i = 0; i < WEFT_COUNT(table); i++)
		if (strcmp(full_name + sizeof(package) - 1, table[i].name) == 0)
			return table[i].kind;
	return WEFT_WKT_NONE;
}

static int load_enum(struct loader *loader, const struct scope *outer, struct weft_bytes bytes,
		     uint32_t number, size_t index)
{
	struct enum_def *def = weft_arena_zalloc(loader->arena, sizeof(*def));
	size_t n = count(bytes, 2), at = 0;
	struct weft_wire_field field;
	struct scope scope, value;
	int r;

	r = enter(loader, outer, bytes, number, index, "an enum", &scope);
	if (r < 0)
		return r;
	def->values = weft_arena_new_array(loader->arena, struct weft_schema_enum_value, n);
	if (!def->values)
		return -ENOMEM;
	while (weft_wire_next(&bytes, &field) > 0) {
		if (field.number != 2 || field.type != WEFT_WIRE_BYTES)
			continue;
		r = enter(loader, &scope, field.bytes, 2, at, "a value", &value);
		if (r < 0)
			return r;
		def->values[at++] = (struct weft_schema_enum_value) {
			.name = copy(loader, find(field.bytes, 1)),
			.number = (int32_t)find_number(field.bytes, 2, 0),
			.comment = comments_get(value.comments, &value.path),
		};
	}
	if (n == 0)
		return broken(loader, &scope, "an enum without values");
	def->pub = (struct weft_schema_enum) {
		.full_name = scope.full_name,
		.file = scope.file->name,
		.comment = comments_get(scope.comments, &scope.path),
		.values = def->values,
		.n_values = n,
	};
	return add_symbol(loader, &scope,
			  (struct symbol) { .kind = SYMBOL_ENUM, .enumeration = def });
}

static int load_fields(struct loader *loader, const struct scope *scope, struct weft_bytes bytes,
		       struct message_def *def)
{
	struct weft_wire_field field;
	size_t n = count(bytes, 2), at = 0;
	int r;

	def->fields = weft_arena_new_array(loader->arena, struct weft_schema_field, n);
	if (!def->fields)
		return -ENOMEM;
	def->pub.fields = def->fields;
	def->pub.n_fields = n;
	while (weft_wire_next(&bytes, &field) > 0) {
		if (field.number != 2 || field.type != WEFT_WIRE_BYTES)
			continue;
		r = load_field(loader, scope, field.bytes, at, &def->fields[at]);
		if (r < 0)
			return r;
		at++;
	}
	return 0;
}

static int load_message(struct loader *loader, const struct scope *outer, struct weft_bytes bytes,
			uint32_t number, size_t index)
{
	struct message_def *def = weft_arena_zalloc(loader->arena, sizeof(*def));
	size_t n_messages = 0, n_enums = 0;
	struct weft_wire_field field;
	struct scope scope;
	int r;

	if (outer->depth > MAX_NESTING)
		return broken(loader, outer, "a message nested too deep");
	r = enter(loader, outer, bytes, number, index, "a message", &scope);
	if (r < 0)
		return r;
	def->pub = (struct weft_schema_message) {
		.full_name = scope.full_name,
		.file = scope.file->name,
		.comment = comments_get(scope.comments, &scope.path),
		.well_known = well_known(scope.full_name),
		.map_entry = find_number(find(bytes, 7), 7, 0) != 0,
		.proto3 = scope.file->proto3,
	};
	r = load_fields(loader, &scope, bytes, def);
	if (r < 0)
		return r;
	r = load_oneofs(loader, &scope, bytes, def);
	if (r < 0)
		return r;
	r = add_symbol(loader, &scope, (struct symbol) { .kind = SYMBOL_MESSAGE, .message = def });
	while (r >= 0 && weft_wire_next(&bytes, &field) > 0) {
		if (field.type != WEFT_WIRE_BYTES)
			continue;
		if (field.number == 3)
			r = load_message(loader, &scope, field.bytes, 3, n_messages++);
		else if (field.number == 4)
			r = load_enum(loader, &scope, field.bytes, 4, n_enums++);
	}
	return r;
}

static int load_method(struct loader *loader, const struct scope *service, struct weft_bytes bytes,
		       size_t index, struct weft_schema_method *ret_method)
{
	bool up, down;
	struct weft_bytes options;
	uint64_t idempotency;
	struct scope scope;
	int r;

	r = enter(loader, service, bytes, 2, index, "a method", &scope);
	if (r < 0)
		return r;
	up = find_number(bytes, 5, 0) != 0;
	down = find_number(bytes, 6, 0) != 0;
	options = find(bytes, 4);
	if (check(options) < 0)
		return broken(loader, &scope, "its options");
	idempotency = find_number(options, 34, 0);
	*ret_method = (struct weft_schema_method) {
		.name = copy(loader, find(bytes, 1)),
		.comment = comments_get(scope.comments, &scope.path),
		.kind = up && down ? WEFT_BIDIRECTIONAL
			: up       ? WEFT_CLIENT_STREAM
			: down     ? WEFT_SERVER_STREAM
				   : WEFT_UNARY,
		.idempotency = idempotency > WEFT_IDEMPOTENT ? WEFT_IDEMPOTENCY_UNKNOWN
							     : (enum weft_idempotency)idempotency,
	};
	ret_method->path =
		weft_arena_printf(loader->arena, "/%s/%s", service->full_name, ret_method->name);
	r = copy_bytes(loader, options, &ret_method->options);
	if (r < 0)
		return r;
	r = add_reference(loader, service, find(bytes, 2), NULL, &ret_method->request);
	if (r < 0)
		return r;
	return add_reference(loader, service, find(bytes, 3), NULL, &ret_method->response);
}

static int load_service(struct loader *loader, const struct scope *outer, struct weft_bytes bytes,
			size_t index)
{
	struct service_def *def = weft_arena_zalloc(loader->arena, sizeof(*def));
	size_t n = count(bytes, 2), at = 0;
	struct weft_wire_field field;
	struct scope scope;
	int r;

	r = enter(loader, outer, bytes, 6, index, "a service", &scope);
	if (r < 0)
		return r;
	def->methods = weft_arena_new_array(loader->arena, struct weft_schema_method, n);
	if (!def->methods)
		return -ENOMEM;
	def->pub = (struct weft_schema_service) {
		.full_name = scope.full_name,
		.file = scope.file->name,
		.comment = comments_get(scope.comments, &scope.path),
		.methods = def->methods,
		.n_methods = n,
	};
	while (weft_wire_next(&bytes, &field) > 0) {
		if (field.number != 2 || field.type != WEFT_WIRE_BYTES)
			continue;
		r = load_method(loader, &scope, field.bytes, at, &def->methods[at]);
		if (r < 0)
			return r;
		at++;
	}
	*loader->last_service = def;
	loader->last_service = &def->next;
	loader->n_services++;
	return add_symbol(loader, &scope,
			  (struct symbol) { .kind = SYMBOL_SERVICE, .service = def });
}

static int load_types(struct loader *loader, const struct scope *scope, struct weft_bytes bytes)
{
	size_t n_messages = 0, n_enums = 0, n_services = 0;
	struct weft_wire_field field;
	int r = 0;

	while (r >= 0 && weft_wire_next(&bytes, &field) > 0) {
		if (field.type != WEFT_WIRE_BYTES)
			continue;
		switch (field.number) {
		case 4: r = load_message(loader, scope, field.bytes, 4, n_messages++); break;
		case 5: r = load_enum(loader, scope, field.bytes, 5, n_enums++); break;
		case 6: r = load_service(loader, scope, field.bytes, n_services++); break;
		}
	}
	return r;
}

int loader_add_file(struct loader *loader, struct weft_bytes bytes)
{
	struct comments comments = { .map = WEFT_MAP_INIT };
	struct weft_bytes name, package, syntax;
	struct file_def *file;
	struct scope scope;
	int r;

	name = check(bytes) < 0 ? (struct weft_bytes) { 0 } : find(bytes, 1);
	if (name.len == 0 || name.len > 1024 || memchr(name.data, 0, name.len))
		return loader_fail(loader, -EBADMSG, "a file of the set is no FileDescriptorProto");
	if (weft_map_get(&loader->schema->files, (const char *)name.data, name.len) ||
	    weft_map_get(&loader->files, (const char *)name.data, name.len))
		return 0;
	package = find(bytes, 2);
	syntax = find(bytes, 12);
	file = weft_arena_zalloc(loader->arena, sizeof(*file));
	file->name = copy(loader, name);
	if (!is_dotted(package))
		return loader_fail(loader, -EBADMSG, "%s: its package's name is none", file->name);
	file->package = copy(loader, package);
	file->proto3 = syntax.len == 6 && memcmp(syntax.data, "proto3", 6) == 0;
	file->explicit_presence = !file->proto3;
	file->packed =
		syntax.len > 0 && !(syntax.len == 6 && memcmp(syntax.data, "proto2", 6) == 0);
	*loader->last_file = file;
	loader->last_file = &file->next;
	r = weft_map_put(&loader->files, file->name, name.len, file);
	if (r >= 0)
		r = comments_load(&comments, loader->arena, find(bytes, 9));
	if (r == -EBADMSG)
		loader_fail(loader, r, "%s: its source code info is not well-formed", file->name);
	scope = (struct scope) { .file = file, .comments = &comments, .full_name = file->package };
	if (r >= 0)
		r = load_types(loader, &scope, bytes);
	comments_fini(&comments);
	return r;
}
