/*
 * The walk: a level for each message on the way from the outermost to the innermost, on the stack
 * (their number is bounded). Nothing is allocated. A level remembers where it began and which field
 * it is at, so that an error can be given its path ("lines[2].name") without any cost to messages
 * that have none.
 *
 * `memory` adds up what protobuf_c_message_unpack is going to allocate. It copies what it merges,
 * so a message field that occurs twice where one is expected is charged again for all that came
 * before: otherwise four megabytes of such fields would cost terabytes.
 */
#include "rpc/codec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/compress.h"
#include "wire/proto.h"

#define SEEN_WORDS 4

/* What protobuf-c keeps for each field while it unpacks, and for each unknown one. */
#define FIELD_COST  ((size_t)64)
#define OBJECT_COST ((size_t)16) /* an allocation's rounding */

struct level {
	const struct level *up;
	const ProtobufCMessageDescriptor *descriptor;
	const uint8_t *begin;
	const uint8_t *at; /* where the current field's tag is */
	uint32_t number;
	const ProtobufCFieldDescriptor *field; /* the current one; NULL: unknown, or no field yet */
	uint64_t seen[SEEN_WORDS];             /* message fields that have occurred, by index */
	size_t merged;                         /* their bytes */
};

struct check {
	unsigned depth; /* levels that may still be entered */
	size_t memory;
	size_t memory_max;
	char *error;
};

/* ---- errors ---- */

/* Which element of a repeated field the level is at. All before it has been read once already. */
static size_t element_index(const struct level *level)
{
	struct weft_bytes rest = { level->begin, (size_t)(level->at - level->begin) };
	struct weft_wire_field field;
	size_t index = 0;

	while (weft_wire_next(&rest, &field) > 0)
		index += field.number == level->number;
	return index;
}

struct text {
	char *at;
	size_t len;
};

static void WEFT_PRINTF(2, 0) append_list(struct text *text, const char *format, va_list args)
{
	int n = vsnprintf(text->at + text->len, 256 - text->len, format, args);

	text->len += n < 0 ? 0 : (size_t)n;
	if (text->len > 255)
		text->len = 255;
}

static void WEFT_PRINTF(2, 3) append(struct text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append_list(text, format, args);
	va_end(args);
}

static void append_path(struct text *text, const struct level *level)
{
	if (!level)
		return;
	append_path(text, level->up);
	if (text->len >
	    128) { /* keep room for the words: a path of 100 levels says little anyway */
		if (text->at[text->len - 1] != '~')
			append(text, "~");
		return;
	}
	if (text->len)
		append(text, ".");
	if (!level->field)
		append(text, "%u", level->number);
	else if (level->field->label == PROTOBUF_C_LABEL_REPEATED)
		append(text, "%s[%zu]", level->field->name, element_index(level));
	else
		append(text, "%s", level->field->name);
}

static int WEFT_PRINTF(3, 4)
	bad(struct check *check, const struct level *level, const char *format, ...)
{
	struct text text = { .at = check->error };
	va_list args;

	append_path(&text, level);
	append(&text, text.len ? " " : "the message ");
	va_start(args, format);
	append_list(&text, format, args);
	va_end(args);
	return -EBADMSG;
}

/* ---- the walk ---- */

static int charge(struct check *check, size_t bytes)
{
	check->memory += bytes;
	if (check->memory <= check->memory_max)
		return 0;
	snprintf(check->error, 256, "the message would take more than %zu bytes of memory",
		 check->memory_max);
	return -EMSGSIZE;
}

static bool is_length_delimited(ProtobufCType type)
{
	return type == PROTOBUF_C_TYPE_STRING || type == PROTOBUF_C_TYPE_BYTES ||
	       type == PROTOBUF_C_TYPE_MESSAGE;
}

static enum weft_wire_type wire_type(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT: return WEFT_WIRE_FIXED32;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE: return WEFT_WIRE_FIXED64;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE: return WEFT_WIRE_BYTES;
	default: return WEFT_WIRE_VARINT;
	}
}

static int check_string(struct check *check, const struct level *level, struct weft_bytes value)
{
	if (!weft_utf8_valid(value.data, value.len))
		return bad(check, level, "is not UTF-8");
	if (value.len && memchr(value.data, 0, value.len)) {
		bad(check, level, "holds a NUL byte");
		return -EINVAL;
	}
	return charge(check, value.len + OBJECT_COST);
}

/* All elements of a packed field. Each takes at most eight bytes in memory. */
static int check_packed(struct check *check, const struct level *level, struct weft_bytes value)
{
	enum weft_wire_type type = wire_type(level->field->type);
	size_t width = type == WEFT_WIRE_FIXED64 ? 8 : 4;
	uint64_t ignored;
	size_t n = 0;

	if (type != WEFT_WIRE_VARINT) {
		if (value.len % width != 0)
			return bad(check, level, "is cut off");
		return charge(check, value.len + OBJECT_COST);
	}
	for (; value.len > 0; n++)
		if (weft_proto_take_varint(&value, WEFT_PROTO_VARINT_MAX, &ignored) < 0)
			return bad(check, level, "holds a broken varint");
	return charge(check, n * 8 + OBJECT_COST);
}

static int check_level(struct check *check, const struct level *up,
		       const ProtobufCMessageDescriptor *descriptor, struct weft_bytes bytes);

static int check_submessage(struct check *check, struct level *level, struct weft_bytes value)
{
	size_t index = (size_t)(level->field - level->descriptor->fields) % (64 * SEEN_WORDS);
	uint64_t *word = &level->seen[index / 64], bit = UINT64_C(1) << index % 64;
	int r;

	if (level->field->label != PROTOBUF_C_LABEL_REPEATED) {
		level->merged += value.len;
		r = *word & bit ? charge(check, 8 * level->merged) : 0;
		if (r < 0)
			return r;
		*word |= bit;
	}
	if (check->depth == 0)
		return bad(check, level, "is nested too deep");
	check->depth--;
	r = check_level(check, level, level->field->descriptor, value);
	check->depth++;
	return r;
}

/* An unknown field is kept as it is, and has been charged for. */
static int check_field(struct check *check, struct level *level, unsigned type,
		       struct weft_bytes value)
{
	const ProtobufCFieldDescriptor *field = level->field;

	if (!field)
		return 0;
	if (type == WEFT_WIRE_BYTES && field->label == PROTOBUF_C_LABEL_REPEATED &&
	    !is_length_delimited(field->type))
		return check_packed(check, level, value);
	if (type != wire_type(field->type))
		return bad(check, level, "has wire type %u instead of %u", type,
			   wire_type(field->type));
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING: return check_string(check, level, value);
	case PROTOBUF_C_TYPE_BYTES: return charge(check, value.len + OBJECT_COST);
	case PROTOBUF_C_TYPE_MESSAGE: return check_submessage(check, level, value);
	default: return 0;
	}
}

static int check_level(struct check *check, const struct level *up,
		       const ProtobufCMessageDescriptor *descriptor, struct weft_bytes bytes)
{
	struct level level = { .up = up, .descriptor = descriptor, .begin = bytes.data };
	int r;

	r = charge(check, descriptor->sizeof_message + OBJECT_COST);
	while (r == 0 && bytes.len > 0) {
		struct weft_bytes value = { 0 };
		uint64_t number;
		unsigned type;

		level.at = bytes.data;
		if (weft_proto_take_tag(&bytes, &level.number, &type) < 0)
			return bad(check, up, "has a broken tag at byte %zu",
				   (size_t)(level.at - level.begin));
		level.field = protobuf_c_message_descriptor_get_field(descriptor, level.number);
		if (type == WEFT_WIRE_GROUP || type == WEFT_WIRE_END_GROUP ||
		    type > WEFT_WIRE_FIXED32)
			return bad(check, &level, "has wire type %u, which is not taken", type);
		if (weft_proto_take_value(&bytes, type, &number, &value) < 0)
			return bad(check, &level, "is cut off");
		r = charge(check, level.field ? FIELD_COST
					      : 2 * FIELD_COST + (size_t)(bytes.data - level.at));
		if (r == 0)
			r = check_field(check, &level, type, value);
	}
	return r;
}

int weft_message_check(const ProtobufCMessageDescriptor *descriptor, struct weft_bytes wire,
		       unsigned max_depth, char error[256])
{
	struct check check = {
		.depth = max_depth ? max_depth : WEFT_CODEC_DEPTH,
		.memory_max = WEFT_CODEC_MEMORY(wire.len),
		.error = error,
	};

	if (wire.len == 0)
		return 0;
	return check_level(&check, NULL, descriptor, wire);
}

/* ---- protobuf-c ---- */

struct arena_allocator {
	struct weft_arena *arena;
	bool failed;
};

static void *on_alloc(void *data, size_t size)
{
	struct arena_allocator *allocator = data;
	void *memory = weft_arena_alloc(allocator->arena, size);

	if (!memory)
		allocator->failed = true;
	return memory;
}

static void on_free(void *data, void *memory)
{
	/* the arena goes as a whole */
}

int weft_message_unpack(const ProtobufCMessageDescriptor *descriptor, struct weft_bytes wire,
			unsigned max_depth, struct weft_arena *arena, char error[256],
			ProtobufCMessage **ret_message)
{
	struct arena_allocator memory = { .arena = arena };
	ProtobufCAllocator allocator = { .alloc = on_alloc, .free = on_free, &memory };
	ProtobufCMessage *message;
	int r;

	r = weft_message_check(descriptor, wire, max_depth, error);
	if (r < 0)
		return r;
	message = protobuf_c_message_unpack(descriptor, &allocator, wire.len, wire.data);
	if (!message) {
		/* what the walk leaves to protobuf-c: fields that proto2 requires, and merging (1.4
		 * fails to merge messages whose oneof is not set) */
		snprintf(error, 256, "%s",
			 memory.failed ? "out of memory"
				       : "a required field is missing, or parts do not merge");
		return memory.failed ? -ENOMEM : -EBADMSG;
	}
	*ret_message = message;
	return 0;
}

int weft_message_size(const ProtobufCMessage *message, size_t *ret_size)
{
	size_t size = protobuf_c_message_get_packed_size(message);

	if (size > INT32_MAX)
		return -EMSGSIZE;
	*ret_size = size;
	return 0;
}

void weft_message_pack(const ProtobufCMessage *message, uint8_t *room)
{
	protobuf_c_message_pack(message, room);
}

int weft_message_compress(const ProtobufCMessage *message, enum weft_encoding encoding,
			  struct weft_buffer *out)
{
	struct weft_buffer plain = WEFT_BUFFER_INIT;
	uint8_t *room;
	int r;

	r = weft_message_size(message, &plain.len);
	if (r < 0)
		return r;
	room = malloc(plain.len ? plain.len : 1);
	if (!room)
		return -ENOMEM;
	weft_message_pack(message, room);
	plain.data = room;
	r = weft_compress(encoding, (struct weft_bytes) { plain.data, plain.len }, out);
	if (r == 0)
		*out = plain;
	else
		weft_buffer_fini(&plain);
	return r;
}
