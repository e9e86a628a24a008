/*
 * A message as a peer sends it: checked against its descriptor, then unpacked by protobuf-c, which
 * trusts what it is given. What the check lets through must unpack, and must come out the same when
 * it is packed and read again.
 */
#include "everything.weft.h"
#include "fuzz.h"
#include "rpc/codec.h"

static const ProtobufCMessageDescriptor *const types[] = {
	&weft__test__everything__descriptor,
	&weft__test__inner__descriptor,
	&google__protobuf__struct__descriptor,
	&google__protobuf__any__descriptor,
};

static struct weft_bytes pack(const ProtobufCMessage *message)
{
	uint8_t *room;
	size_t len;

	assert(weft_message_size(message, &len) == 0);
	room = malloc(len);
	weft_message_pack(message, room);
	return (struct weft_bytes) { room, len };
}

static ProtobufCMessage *unpack(const ProtobufCMessageDescriptor *type, struct weft_bytes wire,
				struct weft_arena *arena)
{
	ProtobufCMessage *message = NULL;
	char error[256] = "";
	int checked = weft_message_check(type, wire, 0, error);
	int r = weft_message_unpack(type, wire, 0, arena, error, &message);

	/* protobuf-c 1.4 cannot merge two halves of a message whose oneof is not set */
	assert(r == checked || strstr(error, "do not merge"));
	if (r < 0)
		assert(error[0] && strlen(error) < sizeof(error));
	else
		assert(message && message->descriptor == type);
	return message;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weft_bytes input = { data, size };
	const ProtobufCMessageDescriptor *type = types[fuzz_byte(&input) % WEFT_COUNT(types)];
	struct weft_arena *arena = weft_arena_new();
	uint8_t *wire = fuzz_copy(input);
	const ProtobufCMessage *first =
		unpack(type, (struct weft_bytes) { wire, input.len }, arena);

	if (first) {
		struct weft_bytes once = pack(first), twice;
		const ProtobufCMessage *second = unpack(type, once, arena);

		assert(second);
		twice = pack(second);
		fuzz_same(once, twice);
		free((void *)once.data);
		free((void *)twice.data);
	}
	free(wire);
	weft_arena_free(arena);
	return 0;
}
