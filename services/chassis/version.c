/* See version.h. */
#include "version.h"

#include <stdlib.h>
#include <string.h>
#include <weft/protobuf.h>

#define FILE_OPTIONS 8     /* google.protobuf.FileDescriptorProto.options */
#define WEFT_VERSION 51402 /* weft.version, proto/weft/options.proto */

/* The last field of that number, as protobuf has it. */
static struct weft_bytes field_of(struct weft_bytes message, uint32_t number)
{
	struct weft_bytes found = { 0 };
	struct weft_wire_field field;

	while (weft_wire_next(&message, &field) > 0)
		if (field.number == number && field.type == WEFT_WIRE_BYTES)
			found = field.bytes;
	return found;
}

char *version_of(const struct weft_service *service)
{
	struct weft_bytes options = field_of(service->file->descriptor, FILE_OPTIONS);
	struct weft_bytes version = field_of(options, WEFT_VERSION);

	char *text;

	if (version.len == 0)
		return NULL;
	text = calloc(1, version.len + 1);
	if (!text)
		abort();
	return memcpy(text, version.data, version.len);
}
