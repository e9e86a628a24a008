/*
 * The comments of a contract, which protoc keeps apart from what they are about: SourceCodeInfo
 * lists locations, each with a path through the FileDescriptorProto ("message 3, field 2") and its
 * comments. A path's packed bytes are the key as they are.
 */
#include "pool.h"

#include <errno.h>
#include <string.h>
#include <weft/protobuf.h>

struct comment {
	struct weft_bytes path;
	const char *text;
};

/* protoc keeps the space after the slashes of every line: it goes, and so do blank ends. */
static char *trim(struct weft_arena *arena, struct weft_bytes text)
{
	char *out, *to;
	bool line_start = true;

	to = out = weft_arena_alloc(arena, text.len + 1);
	if (!out)
		return NULL;
	for (size_t i = 0; i < text.len; i++) {
		char c = (char)text.data[i];

		if (line_start && c == ' ') {
			line_start = false;
			continue;
		}
		line_start = c == '\n';
		if (c == '\n')
			while (to > out && (to[-1] == ' ' || to[-1] == '\t'))
				to--;
		if (c == '\n' && to == out)
			continue;
		*to++ = c == '\0' ? ' ' : c;
	}
	while (to > out && (to[-1] == '\n' || to[-1] == ' '))
		to--;
	*to = '\0';
	return out;
}

static int add_location(struct comments *comments, struct weft_arena *arena,
			struct weft_bytes location)
{
	struct weft_bytes leading = { 0 }, trailing = { 0 }, path = { 0 };
	struct weft_wire_field field;
	struct comment *comment;
	int r;

	while ((r = weft_wire_next(&location, &field)) > 0) {
		switch (field.number) {
		case 1: path = field.bytes; break;
		case 3: leading = field.bytes; break;
		case 4: trailing = field.bytes; break;
		}
	}
	if (r < 0)
		return r;
	if (leading.len == 0)
		leading = trailing;
	if (leading.len == 0 || path.len == 0 || path.len > COMMENT_PATH_MAX)
		return 0;
	comment = weft_arena_alloc(arena, sizeof(*comment));
	comment->path.data = weft_arena_memdup(arena, path.data, path.len);
	comment->path.len = path.len;
	comment->text = trim(arena, leading);
	if (!comment->text)
		return -ENOMEM;
	r = weft_map_put(&comments->map, (const char *)comment->path.data, path.len, comment);
	return r == -EEXIST ? 0 : r;
}

int comments_load(struct comments *comments, struct weft_arena *arena, struct weft_bytes info)
{
	struct weft_wire_field field;
	int r;

	while ((r = weft_wire_next(&info, &field)) > 0) {
		if (field.number != 1 || field.type != WEFT_WIRE_BYTES)
			continue;
		r = add_location(comments, arena, field.bytes);
		if (r < 0)
			return r;
	}
	return r;
}

void comments_fini(struct comments *comments)
{
	weft_map_fini(&comments->map);
}

const char *comments_get(const struct comments *comments, const struct comment_path *path)
{
	const struct comment *comment;

	if (path->len > COMMENT_PATH_MAX)
		return "";
	comment = weft_map_get(&comments->map, (const char *)path->bytes, path->len);
	return comment ? comment->text : "";
}

/* A path that is too deep keeps growing in length only, and so finds nothing. */
void comment_path_push(struct comment_path *path, uint32_t number, size_t index)
{
	uint8_t room[20];
	size_t n;

	n = weft_wire_put_varint(room, number);
	n += weft_wire_put_varint(room + n, index);
	if (path->len + n <= COMMENT_PATH_MAX)
		memcpy(path->bytes + path->len, room, n);
	else
		path->len = COMMENT_PATH_MAX;
	path->len += n;
}
