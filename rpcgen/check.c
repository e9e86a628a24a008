/*
 * proto2 files are welcome, but for two of their habits. Groups are not in protobuf-c. A required
 * field makes a message unreadable for whoever learns of the contract's next version late;
 * google.protobuf has a few in descriptor.proto, and they are not ours to change.
 *
 * Two fields that protobuf-c would make the same member of are found here, where their lines are
 * known, and not by a compiler in what was generated.
 */
#include "check.h"

#include "memory.h"
#include "names.h"
#include "options.h"
#include "places.h"

#include <stdbool.h>
#include <string.h>

static const char *check_field(const FieldProto *field, bool required_is_fine, struct place place)
{
	if (field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP)
		return place_error(place, "\"%s\" is a group: make it a message and a field of it",
				   field->name);
	if (field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REQUIRED &&
	    !required_is_fine)
		return place_error(place,
				   "field \"%s\" is required: make it optional, and let the "
				   "service refuse a request without it",
				   field->name);
	return NULL;
}

/* proto2's own way to tell whether a field is there, where no pointer can be NULL for it. */
static bool has_flag(const FieldProto *field, bool proto3)
{
	return !proto3 && !field->has_oneof_index &&
	       field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_OPTIONAL &&
	       field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE &&
	       field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING;
}

/* The members that protobuf-c gives the struct for one field: two fields must not need the same. */
static const char *claim_members(struct names *names, const FieldProto *field, bool proto3,
				 struct place place)
{
	const char *what = memory_printf("field %s", field->name);
	const char *member = names_field(field->name), *beside = NULL, *error;

	if (field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED)
		beside = memory_printf("n_%s", member);
	else if (has_flag(field, proto3))
		beside = memory_printf("has_%s", member);
	error = names_claim(names, member, what, "rename the field", place);
	if (!error && beside)
		error = names_claim(names, beside, what, "rename the field", place);
	return error;
}

static const char *check_members(const MessageProto *message, bool proto3, struct place place)
{
	int32_t *path = memory_new_array(int32_t, place.len + 2);
	struct place inner = { place.file, path, place.len + 2 };
	struct names names = { 0 };
	const char *error;

	memcpy(path, place.path, place.len * sizeof(*path));
	path[place.len] = MESSAGE_FIELD;
	error = names_claim(&names, "base", "the struct itself", "", place);
	for (size_t i = 0; i < message->n_field && !error; i++) {
		path[place.len + 1] = (int32_t)i;
		error = claim_members(&names, message->field[i], proto3, inner);
	}
	names_fini(&names);
	return error;
}

static const char *check_message(const MessageProto *message, bool required_is_fine, bool proto3,
				 struct place place)
{
	int32_t *path = memory_new_array(int32_t, place.len + 2);
	struct place inner = { place.file, path, place.len + 2 };
	const char *error = check_members(message, proto3, place);

	memcpy(path, place.path, place.len * sizeof(*path));
	path[place.len] = MESSAGE_FIELD;
	for (size_t i = 0; i < message->n_field && !error; i++) {
		path[place.len + 1] = (int32_t)i;
		error = check_field(message->field[i], required_is_fine, inner);
	}
	path[place.len] = MESSAGE_NESTED;
	for (size_t i = 0; i < message->n_nested_type && !error; i++) {
		path[place.len + 1] = (int32_t)i;
		error = check_message(message->nested_type[i], required_is_fine, proto3, inner);
	}
	return error;
}

const char *check_file(const FileProto *file)
{
	bool of_protobuf = file->package && strcmp(file->package, "google.protobuf") == 0;
	bool proto3 = file->syntax && strcmp(file->syntax, "proto3") == 0;
	const char *error = NULL;

	if (!proto3 && file->syntax && strcmp(file->syntax, "proto2") != 0)
		return place_error(PLACE(file, FILE_SYNTAX),
				   "syntax \"%s\" is unknown here: write it in proto3",
				   file->syntax);
	if (file->options && options_has_protobuf_c(&file->options->base))
		return place_error(PLACE(file, FILE_OPTIONS),
				   "option (pb_c_file) changes the C names of messages: leave it "
				   "out");
	for (size_t i = 0; i < file->n_message_type && !error; i++)
		error = check_message(file->message_type[i], of_protobuf, proto3,
				      PLACE(file, FILE_MESSAGE, (int32_t)i));
	return error;
}
