/* Details of a status as messages; their bytes are wire/status.c's. */
#include <weft/details.h>

#include <errno.h>
#include <string.h>

#include "rpc/codec.h"

int weft_status_add(struct weft_status *status, struct weft_arena *arena,
		    const ProtobufCMessage *message)
{
	struct weft_bytes before = status->details;
	uint8_t *bytes;
	size_t size;
	int r;

	r = weft_message_size(message, &size);
	if (r < 0)
		return r;
	bytes = weft_arena_alloc(arena, size + 1);
	if (!bytes)
		return -ENOMEM;
	weft_message_pack(message, bytes);
	weft_status_add_detail(status, arena, message->descriptor->name,
			       (struct weft_bytes) { bytes, size });
	return status->details.data == before.data ? -ENOMEM : 0;
}

static bool is_of(const struct weft_detail *detail, const ProtobufCMessageDescriptor *type)
{
	size_t len = strlen(type->name);

	return detail->type.len == len && !memcmp(detail->type.data, type->name, len);
}

int weft_status_find(const struct weft_status *status, struct weft_arena *arena,
		     const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret_message)
{
	struct weft_bytes rest = status->details;
	struct weft_detail detail;
	char error[256];

	while (weft_status_next_detail(&rest, &detail))
		if (is_of(&detail, type))
			return weft_message_unpack(type, detail.value, 0, arena, error,
						   ret_message);
	return -ENOENT;
}
