/*
 * proto2 files are welcome, but for two of their habits. Groups are not in protobuf-c. A required
 * field makes a message unreadable for whoever learns of the contract's next version late;
 * google.protobuf has a few in descriptor.proto, and they are not ours to change.
 */
#include "check.h"

#include "memory.h"
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

static const char *check_message(const MessageProto *message, bool required_is_fine,
				 struct place place)
{
	int32_t *path = memory_new_array(int32_t, place.len + 2);
	struct place inner = { place.file, path, place.len + 2 };
	const char *error = NULL;

	memcpy(path, place.path, place.len * sizeof(*path));
	path[place.len] = MESSAGE_FIELD;
	for (size_t i = 0; i < message->n_field && !error; i++) {
		path[place.len + 1] = (int32_t)i;
		error = check_field(message->field[i], required_is_fine, inner);
	}
	path[place.len] = MESSAGE_NESTED;
	for (size_t i = 0; i < message->n_nested_type && !error; i++) {
		path[place.len + 1] = (int32_t)i;
		error = check_message(message->nested_type[i], required_is_fine, inner);
	}
	return error;
}

const char *check_file(const FileProto *file)
{
	bool of_protobuf = file->package && strcmp(file->package, "google.protobuf") == 0;
	const char *error = NULL;

	if (file->options && options_has_protobuf_c(&file->options->base))
		return place_error(PLACE(file, FILE_OPTIONS),
				   "option (pb_c_file) changes the C names of messages: leave it "
				   "out");
	for (size_t i = 0; i < file->n_message_type && !error; i++)
		error = check_message(file->message_type[i], of_protobuf,
				      PLACE(file, FILE_MESSAGE, (int32_t)i));
	return error;
}
