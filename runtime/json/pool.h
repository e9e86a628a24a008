/*
 * The inside of a schema pool, shared by the files that load, link, look up and print it.
 *
 * The public structs are the first members of the private ones, so that a lookup that is handed a
 * public pointer finds the indices behind it. All of it lives in the pool's arena and is never
 * changed once its set has been added; only the pool's own maps grow.
 */
#ifndef JSON_POOL_H
#define JSON_POOL_H

#include <weft/map.h>
#include <weft/schema.h>

struct message_def {
	struct weft_schema_message pub;
	struct weft_schema_field *fields; /* pub.fields, while they are being filled */
	const struct weft_schema_field **by_number;
	struct name_index *by_name; /* both spellings */
	size_t n_names;
	struct quoted_name *quoted; /* of each field, by index */
};

/* A field's names as JSON has them before a value, with quotes and colon; padded (append.h). */
struct quoted_name {
	struct weft_bytes names[2]; /* the JSON name, and the contract's own */
};

struct name_index {
	const char *name;
	size_t len;
	const struct weft_schema_field *field;
};

/* Where most messages have it: they number their fields 1, 2, 3, …. NULL: it has to be searched
 * for. */
static inline const struct weft_schema_field *field_in_place(const struct message_def *def,
							     uint32_t number)
{
	if (number - 1 < def->pub.n_fields && def->by_number[number - 1]->number == number)
		return def->by_number[number - 1];
	return NULL;
}

struct enum_def {
	struct weft_schema_enum pub;
	struct weft_schema_enum_value *values;
	const struct weft_schema_enum_value *
		*by_number; /* the first of several aliases comes first */
};

struct service_def {
	struct weft_schema_service pub;
	struct weft_schema_method *methods;
	struct service_def *next; /* in order of addition */
};

/* What a full name leads to. Packages are none: two files may share one. */
struct symbol {
	enum symbol_kind { SYMBOL_MESSAGE, SYMBOL_ENUM, SYMBOL_SERVICE } kind;
	const char *full_name;
	const char *file;
	union {
		struct message_def *message;
		struct enum_def *enumeration;
		struct service_def *service;
	};
	struct symbol *next; /* in order of addition */
};

struct file_def {
	const char *name;
	const char *package;
	bool proto3;
	bool explicit_presence; /* proto2 and editions: singular scalars have presence */
	bool packed;            /* by default */
	struct file_def *next;
};

struct weft_schema {
	struct weft_arena *arena;
	struct weft_map symbols; /* full name -> struct symbol */
	struct weft_map files;   /* name -> struct file_def */
	struct service_def **services;
	size_t n_services;
};

/* A type name as a descriptor has it, to be resolved when every file of the set is loaded. */
struct reference {
	struct reference *next;
	const char *type_name; /* ".google.type.Money", or relative to `scope` */
	const char *scope;
	const char *file;
	struct weft_schema_field *field;            /* either a field, */
	const struct weft_schema_message **message; /* or a method's request or response */
};

/* One call of weft_schema_add_set: what it has found so far, apart from the pool until all of it is
 * right. */
struct loader {
	const struct weft_schema *schema;
	struct weft_arena *arena;
	struct weft_map symbols;
	struct weft_map files;
	struct symbol *first_symbol, **last_symbol;
	struct file_def *first_file, **last_file;
	struct reference *first_reference, **last_reference;
	struct service_def *first_service, **last_service;
	size_t n_services;
	char *error; /* 256 bytes, or NULL */
};

/* Says what is wrong, and returns `r`. */
int loader_fail(struct loader *loader, int r, const char *format, ...) WEFT_PRINTF(3, 4);
const struct symbol *loader_symbol(const struct loader *loader, const char *name, size_t len);

int loader_add_file(struct loader *loader,
		    struct weft_bytes file); /* load.c: a FileDescriptorProto */
int loader_link(struct loader *loader);      /* link.c */

/* The comments of a file by path, from its SourceCodeInfo (comments.c). A path is the packed
 * varints that a Location has. */
struct comments {
	struct weft_map map;
};
#define COMMENT_PATH_MAX 128
struct comment_path {
	uint8_t bytes[COMMENT_PATH_MAX];
	size_t len;
};
int comments_load(struct comments *comments, struct weft_arena *arena, struct weft_bytes info);
void comments_fini(struct comments *comments);
const char *comments_get(const struct comments *comments, const struct comment_path *path);
void comment_path_push(struct comment_path *path, uint32_t number, size_t index);

#endif
