/* See forward.h. */
#include "forward.h"

#include "comment.h"
#include "memory.h"

#include <stdbool.h>
#include <string.h>

#define MAX_HOPS 32 /* public imports from an import to the file that defines a type */

static bool name_is_free(const MessageProto *message, const char *name)
{
	for (size_t i = 0; i < message->n_field; i++)
		if (strcmp(message->field[i]->name, name) == 0)
			return false;
	for (size_t i = 0; i < message->n_oneof_decl; i++)
		if (strcmp(message->oneof_decl[i]->name, name) == 0)
			return false;
	for (size_t i = 0; i < message->n_nested_type; i++)
		if (strcmp(message->nested_type[i]->name, name) == 0)
			return false;
	return true;
}

static void spell_out_optionals(MessageProto *message)
{
	for (size_t i = 0; i < message->n_field; i++) {
		FieldProto *field = message->field[i];
		char *name;

		if (!field->proto3_optional || !field->has_oneof_index)
			continue;
		name = memory_printf("has_%s", field->name);
		while (!name_is_free(message, name))
			name = memory_printf("%s_", name);
		message->oneof_decl[field->oneof_index]->name = name;
		field->has_proto3_optional = false;
		field->proto3_optional = false;
	}
}

static void simplify_message(MessageProto *message)
{
	message->n_extension = 0;
	spell_out_optionals(message);
	for (size_t i = 0; i < message->n_nested_type; i++)
		simplify_message(message->nested_type[i]);
}

static void defuse(char **comment)
{
	if (*comment)
		*comment = comment_defuse(*comment, strlen(*comment));
}

static void defuse_comments(Google__Protobuf__SourceCodeInfo *info)
{
	for (size_t i = 0; info && i < info->n_location; i++) {
		LocationProto *location = info->location[i];

		defuse(&location->leading_comments);
		defuse(&location->trailing_comments);
		for (size_t j = 0; j < location->n_leading_detached_comments; j++)
			defuse(&location->leading_detached_comments[j]);
	}
}

/* `name` defines the type, or passes on what does by public imports: in at most `hops`, for
 * input that goes in a circle. */
static bool provides(const Request *request, const char *name, const FileProto *definer,
		     unsigned hops)
{
	const FileProto *file = request_file(request, name);

	if (!file || file == definer || hops == 0)
		return file && file == definer;
	for (size_t i = 0; i < file->n_public_dependency; i++)
		if (provides(request, file->dependency[file->public_dependency[i]], definer,
			     hops - 1))
			return true;
	return false;
}

/* Marks the imports of `file` that the fields of `message` need. */
static void mark_used(const Request *request, const FileProto *file, const MessageProto *message,
		      bool *used)
{
	for (size_t i = 0; i < message->n_field; i++) {
		const char *type = message->field[i]->type_name;
		const FileProto *definer;

		if (!type || type[0] != '.')
			continue;
		definer = request_file_of_type(request, type);
		for (size_t j = 0; definer && j < file->n_dependency; j++)
			if (provides(request, file->dependency[j], definer, MAX_HOPS))
				used[j] = true;
	}
	for (size_t i = 0; i < message->n_nested_type; i++)
		mark_used(request, file, message->nested_type[i], used);
}

/* Public imports stay whatever they give: others may reach through them. */
static void drop_imports(const Request *request, FileProto *file)
{
	bool *used = memory_new_array(bool, file->n_dependency + 1);
	int32_t *moved_to = memory_new_array(int32_t, file->n_dependency + 1);
	size_t n = 0;

	for (size_t i = 0; i < file->n_message_type; i++)
		mark_used(request, file, file->message_type[i], used);
	for (size_t i = 0; i < file->n_public_dependency; i++)
		used[file->public_dependency[i]] = true;

	for (size_t i = 0; i < file->n_dependency; i++) {
		if (!used[i])
			continue;
		moved_to[i] = (int32_t)n;
		file->dependency[n++] = file->dependency[i];
	}
	file->n_dependency = n;
	for (size_t i = 0; i < file->n_public_dependency; i++)
		file->public_dependency[i] = moved_to[file->public_dependency[i]];
	file->n_weak_dependency = 0;
}

struct bytes forward_pack(Request *request)
{
	uint8_t *data;

	for (size_t i = 0; i < request->n_proto_file; i++) {
		FileProto *file = request->proto_file[i];

		file->n_service = 0;
		file->n_extension = 0;
		for (size_t j = 0; j < file->n_message_type; j++)
			simplify_message(file->message_type[j]);
		defuse_comments(file->source_code_info);
	}
	/* From the last file to the first, for an import stands before its importer, and is
	 * asked there. */
	for (size_t i = request->n_proto_file; i > 0; i--)
		drop_imports(request, request->proto_file[i - 1]);

	data = memory_alloc(protobuf_c_message_get_packed_size(&request->base));
	return (struct bytes) { data, protobuf_c_message_pack(&request->base, data) };
}
