/* See options.h. */
#include "options.h"

#include "memory.h"

/* The number is the same in FileOptions, ServiceOptions and MethodOptions. */
#define WEFT_OPTION       51401
#define PROTOBUF_C_OPTION 1019

/* The last one counts, as everywhere in protobuf. */
static const ProtobufCMessageUnknownField *find(const ProtobufCMessage *options, uint32_t number)
{
	for (size_t i = options->n_unknown_fields; i > 0; i--)
		if (options->unknown_fields[i - 1].tag == number)
			return &options->unknown_fields[i - 1];
	return NULL;
}

const char *options_string(const ProtobufCMessage *options)
{
	const ProtobufCMessageUnknownField *field = find(options, WEFT_OPTION);
	size_t prefix = 0;

	if (!field || field->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
		return NULL;
	while (prefix < field->len && field->data[prefix] & 0x80) /* the length, which is known */
		prefix++;
	if (prefix >= field->len)
		return NULL;
	return memory_strndup((const char *)field->data + prefix + 1, field->len - prefix - 1);
}

bool options_has_protobuf_c(const ProtobufCMessage *options)
{
	return find(options, PROTOBUF_C_OPTION) != NULL;
}
