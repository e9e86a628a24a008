/*
 * See compress.h. What comes in is a stranger's: the output grows with what the input has proven
 * to hold, by doubling, and stops one byte past the limit. So a bomb costs what the limit allows.
 */
#include "wire/compress.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

/* zlib wants the container in the same number as the window: plain is zlib's own, and 16 more is
 * gzip's. */
#define WINDOW_BITS_MAX 15
#define WINDOW_BITS_MIN 9
#define GZIP            16

#define FIRST_ROOM ((size_t)1024) /* the least that inflating is given at a time */

static const char *const names[] = {
	[WEFT_ENCODING_DEFAULT] = "identity",
	[WEFT_IDENTITY] = "identity",
	[WEFT_DEFLATE] = "deflate",
	[WEFT_GZIP] = "gzip",
};

const char *weft_encoding_name(enum weft_encoding encoding)
{
	return names[encoding];
}

bool weft_encoding_parse(const char *name, size_t len, enum weft_encoding *ret_encoding)
{
	for (unsigned i = WEFT_IDENTITY; i < WEFT_COUNT(names); i++) {
		if (strlen(names[i]) != len || memcmp(names[i], name, len) != 0)
			continue;
		*ret_encoding = (enum weft_encoding)i;
		return true;
	}
	return false;
}

static bool is_between_names(char c)
{
	return c == ',' || c == ' ' || c == '\t';
}

unsigned weft_encoding_parse_list(const char *list, size_t len)
{
	unsigned accepted = 0;
	size_t begin = 0;

	for (size_t at = 0; at <= len; at++) {
		enum weft_encoding encoding;

		if (at < len && !is_between_names(list[at]))
			continue;
		if (weft_encoding_parse(list + begin, at - begin, &encoding))
			accepted |= 1u << encoding;
		begin = at + 1;
	}
	return accepted;
}

/* --- Out -------------------------------------------------------------------------------------- */

static int container(enum weft_encoding encoding)
{
	return encoding == WEFT_GZIP ? GZIP : 0;
}

/* The smallest window that sees all of a message: a small one does not pay for 256 KiB. */
static int window_bits(size_t len)
{
	int bits = WINDOW_BITS_MIN;

	while (bits < WINDOW_BITS_MAX && (size_t)1 << bits < len)
		bits++;
	return bits;
}

int weft_compress(enum weft_encoding encoding, struct weft_bytes message, struct weft_buffer *out)
{
	z_stream stream = { 0 };
	int bits = window_bits(message.len);
	uint8_t *room;
	int r;

	if (encoding <= WEFT_IDENTITY || message.len < 2 || message.len > INT32_MAX)
		return 0;
	r = weft_buffer_reserve(out, message.len - 1, &room);
	if (r < 0)
		return r;
	/* zlib allocates 4 << bits for the window and 512 << level for the rest: in step */
	if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits + container(encoding),
			 bits - 7, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	stream.next_in = (uint8_t *)message.data;
	stream.avail_in = (uInt)message.len;
	stream.next_out = room;
	stream.avail_out = (uInt)message.len - 1;
	r = deflate(&stream, Z_FINISH) == Z_STREAM_END;
	if (r)
		out->len += stream.total_out;
	deflateEnd(&stream);
	return r;
}

/* --- In --------------------------------------------------------------------------------------- */

/* Gives `stream` more room in `out`, but none past `max` and one byte more, which tells a message
 * of just that length from one that goes on. */
static int make_room(z_stream *stream, size_t max, struct weft_buffer *out)
{
	size_t have = stream->total_out, want = have < FIRST_ROOM ? FIRST_ROOM : have;
	uint8_t *room;
	int r;

	if (have > max)
		return -EMSGSIZE;
	if (want > max - have)
		want = max - have + 1;
	if (want > INT32_MAX)
		want = INT32_MAX;
	r = weft_buffer_reserve(out, want, &room);
	if (r < 0)
		return r;
	stream->next_out = room;
	stream->avail_out = (uInt)want;
	return 0;
}

static int inflate_all(z_stream *stream, size_t max, struct weft_buffer *out)
{
	int r, state = Z_OK;

	while (state == Z_OK) {
		size_t before = stream->total_out;

		r = make_room(stream, max, out);
		if (r < 0)
			return r;
		state = inflate(stream, Z_NO_FLUSH);
		out->len += stream->total_out - before;
	}
	if (stream->total_out > max)
		return -EMSGSIZE;
	if (state == Z_MEM_ERROR)
		return -ENOMEM;
	return state == Z_STREAM_END && stream->avail_in == 0 ? 0 : -EBADMSG;
}

int weft_decompress(enum weft_encoding encoding, struct weft_bytes bytes, size_t max,
		    struct weft_buffer *out)
{
	z_stream stream = { 0 };
	int r;

	if (bytes.len > INT32_MAX)
		return -EMSGSIZE;
	if (inflateInit2(&stream, WINDOW_BITS_MAX + container(encoding)) != Z_OK)
		return -ENOMEM;
	stream.next_in = (uint8_t *)bytes.data;
	stream.avail_in = (uInt)bytes.len;
	r = inflate_all(&stream, max, out);
	inflateEnd(&stream);
	return r;
}

int weft_frame_open(const struct weft_frame *frame, enum weft_encoding encoding, size_t max,
		    struct weft_buffer *room, struct weft_bytes *ret_message)
{
	int r;

	if (!frame->compressed) {
		*ret_message = frame->message;
		return 0;
	}
	if (encoding <= WEFT_IDENTITY)
		return -EPROTO;
	weft_buffer_clear(room);
	r = weft_decompress(encoding, frame->message, max, room);
	if (r < 0)
		return r;
	*ret_message = (struct weft_bytes) { room->data, room->len };
	return 0;
}
