/*
 * Metadata on the wire (gRPC's PROTOCOL-HTTP2, "Custom-Metadata"). Everything received comes from a
 * stranger, so what reaches the user keeps metadata.h's promise: valid names, ASCII values, or
 * decoded bytes.
 */
#include "wire/metadata_wire.h"

#include <errno.h>
#include <string.h>

#include "wire/base64.h"

static bool starts_with(const char *name, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	return len >= n && memcmp(name, prefix, n) == 0;
}

bool weft_metadata_name_valid(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
		      c == '.'))
			return false;
	}
	return len > 0;
}

bool weft_metadata_name_reserved(const char *name, size_t len)
{
	static const struct weft_bytes names[] = {
		WEFT_FIELD_NAME("connection"),   WEFT_FIELD_NAME("content-length"),
		WEFT_FIELD_NAME("content-type"), WEFT_FIELD_NAME("host"),
		WEFT_FIELD_NAME("keep-alive"),   WEFT_FIELD_NAME("proxy-connection"),
		WEFT_FIELD_NAME("te"),           WEFT_FIELD_NAME("transfer-encoding"),
		WEFT_FIELD_NAME("upgrade"),
	};

	if (starts_with(name, len, ":") || starts_with(name, len, "grpc-"))
		return true;
	for (size_t i = 0; i < WEFT_COUNT(names); i++)
		if (names[i].len == len && memcmp(names[i].data, name, len) == 0)
			return true;
	return false;
}

bool weft_metadata_name_binary(const char *name, size_t len)
{
	return len > 4 && memcmp(name + len - 4, "-bin", 4) == 0;
}

bool weft_metadata_value_ascii(const void *value, size_t len)
{
	const uint8_t *bytes = value;

	for (size_t i = 0; i < len; i++)
		if (bytes[i] < 0x20 || bytes[i] > 0x7e)
			return false;
	return len == 0 || (bytes[0] != ' ' && bytes[len - 1] != ' ');
}

/* Grows by doubling inside the arena; the old array stays there until the arena goes. */
static int make_room(struct weft_metadata *metadata, struct weft_arena *arena)
{
	size_t cap = metadata->cap ? 2 * metadata->cap : 8;
	struct weft_metadata_entry *entries;

	if (metadata->n < metadata->cap)
		return 0;
	entries = weft_arena_alloc(arena, cap * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	if (metadata->n)
		memcpy(entries, metadata->entries, metadata->n * sizeof(*entries));
	metadata->entries = entries;
	metadata->cap = cap;
	return 0;
}

int weft_metadata_append(struct weft_metadata *metadata, struct weft_arena *arena, const char *name,
			 const uint8_t *value, size_t len)
{
	int r;

	r = make_room(metadata, arena);
	if (r < 0)
		return r;
	metadata->entries[metadata->n++] =
		(struct weft_metadata_entry) { .name = name, .value = value, .len = len };
	return 0;
}

static int append_text(struct weft_metadata *metadata, struct weft_arena *arena, const char *name,
		       const char *value, size_t len)
{
	char *copy;

	while (len > 0 && *value == ' ') {
		value++;
		len--;
	}
	while (len > 0 && value[len - 1] == ' ')
		len--;
	if (!weft_metadata_value_ascii(value, len))
		return -EBADMSG;
	copy = weft_arena_strndup(arena, value, len);
	if (!copy)
		return -ENOMEM;
	return weft_metadata_append(metadata, arena, name, (const uint8_t *)copy, len);
}

static int append_base64(struct weft_metadata *metadata, struct weft_arena *arena, const char *name,
			 const char *value, size_t len)
{
	uint8_t *bytes = weft_arena_alloc(arena, weft_base64_decoded_size(len) + 1);
	size_t n;

	if (!bytes)
		return -ENOMEM;
	if (weft_base64_decode(value, len, WEFT_BASE64_STANDARD, bytes, &n) < 0)
		return -EBADMSG;
	bytes[n] = 0;
	return weft_metadata_append(metadata, arena, name, bytes, n);
}

/* One field may carry several binary values, joined with commas, which base64 does not have. */
static int append_binary(struct weft_metadata *metadata, struct weft_arena *arena, const char *name,
			 const char *value, size_t len)
{
	for (;;) {
		const char *comma = memchr(value, ',', len);
		size_t n = comma ? (size_t)(comma - value) : len;
		int r;

		r = append_base64(metadata, arena, name, value, n);
		if (r < 0 || !comma)
			return r;
		value += n + 1;
		len -= n + 1;
		while (len > 0 && *value == ' ') {
			value++;
			len--;
		}
	}
}

int weft_metadata_from_wire(const struct weft_h2_header *headers, size_t n,
			    struct weft_arena *arena, struct weft_metadata *metadata)
{
	for (size_t i = 0; i < n; i++) {
		const struct weft_h2_header *header = &headers[i];
		char *name;
		int r;

		if (weft_metadata_name_reserved(header->name, header->name_len) ||
		    !weft_metadata_name_valid(header->name, header->name_len))
			continue;
		name = weft_arena_strndup(arena, header->name, header->name_len);
		if (!name)
			return -ENOMEM;
		if (weft_metadata_name_binary(name, header->name_len))
			r = append_binary(metadata, arena, name, header->value, header->value_len);
		else
			r = append_text(metadata, arena, name, header->value, header->value_len);
		if (r < 0)
			return r;
	}
	return 0;
}

int weft_metadata_to_wire(const struct weft_metadata *metadata, struct weft_arena *arena,
			  struct weft_h2_header *headers)
{
	for (size_t i = 0; i < metadata->n; i++) {
		const struct weft_metadata_entry *entry = &metadata->entries[i];
		struct weft_h2_header *header = &headers[i];
		char *text;

		*header = (struct weft_h2_header) {
			.name = entry->name,
			.name_len = strlen(entry->name),
			.value = (const char *)entry->value,
			.value_len = entry->len,
		};
		if (!weft_metadata_name_binary(header->name, header->name_len))
			continue;
		text = weft_arena_alloc(arena, weft_base64_encoded_size(entry->len) + 1);
		if (!text)
			return -ENOMEM;
		header->value_len = weft_base64_encode(entry->value, entry->len,
						       WEFT_BASE64_STANDARD, false, text);
		text[header->value_len] = '\0';
		header->value = text;
	}
	return 0;
}
