/* See request.h. */
#include "request.h"

#include "memory.h"
#include "names.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define MAX_DEPTH   100 /* messages within messages; protoc itself stops at a third of that */
#define MAX_REQUEST ((size_t)1 << 30)

int request_read(int fd, struct bytes *ret_bytes)
{
	size_t cap = 1 << 16, len = 0;
	uint8_t *data = memory_alloc(cap);

	for (;;) {
		ssize_t n = read(fd, data + len, cap - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > MAX_REQUEST)
			return -EFBIG;
		if (len == cap) {
			data = memcpy(memory_alloc(2 * cap), data, len);
			cap *= 2;
		}
	}
	*ret_bytes = (struct bytes) { data, len };
	return 0;
}

static bool take_varint(struct bytes *bytes, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && bytes->len > 0; shift += 7) {
		uint8_t byte = *bytes->data++;

		bytes->len--;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

static bool take(struct bytes *bytes, uint64_t len, struct bytes *ret_taken)
{
	if (len > bytes->len)
		return false;
	*ret_taken = (struct bytes) { bytes->data, (size_t)len };
	bytes->data += len;
	bytes->len -= (size_t)len;
	return true;
}

/* One field's value: `ret_value` are the bytes of a length-delimited one. Groups have no place
 * here. */
static bool take_value(struct bytes *bytes, unsigned wire_type, struct bytes *ret_value)
{
	uint64_t number;

	switch (wire_type) {
	case PROTOBUF_C_WIRE_TYPE_VARINT: return take_varint(bytes, &number);
	case PROTOBUF_C_WIRE_TYPE_64BIT: return take(bytes, 8, ret_value);
	case PROTOBUF_C_WIRE_TYPE_32BIT: return take(bytes, 4, ret_value);
	case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
		return take_varint(bytes, &number) && take(bytes, number, ret_value);
	default: return false;
	}
}

static const char *check_bytes(const ProtobufCMessageDescriptor *type, struct bytes bytes,
			       unsigned depth)
{
	if (depth > MAX_DEPTH)
		return "messages are nested too deep";

	while (bytes.len > 0) {
		const ProtobufCFieldDescriptor *field;
		struct bytes value = { NULL, 0 };
		const char *error;
		uint64_t tag;

		if (!take_varint(&bytes, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX >> 3 ||
		    !take_value(&bytes, tag & 7, &value))
			return "the bytes are no protobuf message";

		field = protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
		if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if ((tag & 7) != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
			return "a message stands where none can";
		error = check_bytes(field->descriptor, value, depth + 1);
		if (error)
			return error;
	}
	return NULL;
}

static void *unpack(const ProtobufCMessageDescriptor *type, struct bytes bytes,
		    const char **ret_error)
{
	const char *error = check_bytes(type, bytes, 0);
	void *message = NULL;

	if (!error) {
		message = protobuf_c_message_unpack(type, &memory_allocator, bytes.len, bytes.data);
		error = "a required field is missing, or a value broken";
	}
	if (!message)
		*ret_error = memory_printf("not a %s: %s", type->name, error);
	return message;
}

static bool message_names_are_good(const MessageProto *message)
{
	if (!names_is_proto_name(message->name))
		return false;
	for (size_t i = 0; i < message->n_field; i++) {
		const FieldProto *field = message->field[i];

		if (!names_is_proto_name(field->name))
			return false;
		if (field->has_oneof_index &&
		    (field->oneof_index < 0 || (size_t)field->oneof_index >= message->n_oneof_decl))
			return false;
	}
	for (size_t i = 0; i < message->n_oneof_decl; i++)
		if (!names_is_proto_name(message->oneof_decl[i]->name))
			return false;
	for (size_t i = 0; i < message->n_enum_type; i++)
		if (!names_is_proto_name(message->enum_type[i]->name))
			return false;
	for (size_t i = 0; i < message->n_nested_type; i++)
		if (!message_names_are_good(message->nested_type[i]))
			return false;
	return true;
}

static bool service_names_are_good(const ServiceProto *service)
{
	if (!names_is_proto_name(service->name))
		return false;
	for (size_t i = 0; i < service->n_method; i++) {
		const MethodProto *method = service->method[i];

		if (!names_is_proto_name(method->name) || !method->input_type ||
		    method->input_type[0] != '.' || !method->output_type ||
		    method->output_type[0] != '.')
			return false;
	}
	return true;
}

/* What becomes an include line and a C name: no quote, no backslash, no end of a comment. */
static bool path_is_good(const char *path)
{
	size_t letters = 0;

	for (; path && *path; path++) {
		if (strchr("\"\\*?<>", *path) || (unsigned char)*path < ' ')
			return false;
		letters += *path != '.' && *path != '/';
	}
	return letters > 0;
}

static bool file_names_are_good(const FileProto *file)
{
	if (!path_is_good(file->name))
		return false;
	if (file->package && file->package[0] && !names_is_qualified_name(file->package))
		return false;
	for (size_t i = 0; i < file->n_dependency; i++)
		if (!path_is_good(file->dependency[i]))
			return false;
	for (size_t i = 0; i < file->n_public_dependency; i++)
		if (file->public_dependency[i] < 0 ||
		    (size_t)file->public_dependency[i] >= file->n_dependency)
			return false;
	for (size_t i = 0; i < file->n_message_type; i++)
		if (!message_names_are_good(file->message_type[i]))
			return false;
	for (size_t i = 0; i < file->n_enum_type; i++)
		if (!names_is_proto_name(file->enum_type[i]->name))
			return false;
	for (size_t i = 0; i < file->n_service; i++)
		if (!service_names_are_good(file->service[i]))
			return false;
	return true;
}

static const char *check_names(const Request *request)
{
	for (size_t i = 0; i < request->n_proto_file; i++) {
		const FileProto *file = request->proto_file[i];

		if (!file_names_are_good(file))
			return memory_printf("%s: a name is missing, or cannot be written in C",
					     file->name ? file->name : "a file without a name");
	}
	for (size_t i = 0; i < request->n_file_to_generate; i++)
		if (!request_file(request, request->file_to_generate[i]))
			return memory_printf("%s is to be compiled, but is not in the request",
					     request->file_to_generate[i]);
	return NULL;
}

Request *request_unpack(struct bytes bytes, const char **ret_error)
{
	Request *request;
	const char *error;

	request = unpack(&google__protobuf__compiler__code_generator_request__descriptor, bytes,
			 ret_error);
	if (!request)
		return NULL;
	error = check_names(request);
	if (error) {
		*ret_error = error;
		return NULL;
	}
	return request;
}

Response *request_unpack_response(struct bytes bytes, const char **ret_error)
{
	return unpack(&google__protobuf__compiler__code_generator_response__descriptor, bytes,
		      ret_error);
}

const FileProto *request_file(const Request *request, const char *name)
{
	for (size_t i = 0; i < request->n_proto_file; i++)
		if (strcmp(request->proto_file[i]->name, name) == 0)
			return request->proto_file[i];
	return NULL;
}

/* `rest` goes on with the first component of `name`; gives what follows it and its dot, or NULL. */
static const char *after(const char *rest, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(rest, name, len) != 0)
		return NULL;
	if (rest[len] == '\0')
		return rest + len;
	return rest[len] == '.' ? rest + len + 1 : NULL;
}

static bool defines(MessageProto *const *messages, size_t n_messages, EnumProto *const *enums,
		    size_t n_enums, const char *type)
{
	for (size_t i = 0; i < n_enums; i++)
		if (enums[i]->name && strcmp(enums[i]->name, type) == 0)
			return true;
	for (size_t i = 0; i < n_messages; i++) {
		const MessageProto *message = messages[i];
		const char *rest = after(type, message->name);

		if (rest &&
		    (rest[0] == '\0' || defines(message->nested_type, message->n_nested_type,
						message->enum_type, message->n_enum_type, rest)))
			return true;
	}
	return false;
}

const FileProto *request_file_of_type(const Request *request, const char *type)
{
	for (size_t i = 0; i < request->n_proto_file; i++) {
		const FileProto *file = request->proto_file[i];
		const char *rest = type + 1;

		if (file->package && file->package[0])
			rest = after(rest, file->package);
		if (rest && defines(file->message_type, file->n_message_type, file->enum_type,
				    file->n_enum_type, rest))
			return file;
	}
	return NULL;
}
