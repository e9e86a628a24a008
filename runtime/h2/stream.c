/* The body queue of a stream, and the public functions that need only that; see stream.h. */
#include "h2/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "h2/room.h"
#include "h2/session.h"

/* Several small messages share one. */
#define SHARED_CHUNK ((size_t)16 * 1024 - sizeof(struct chunk))

struct weft_h2_stream *stream_new(struct session *session)
{
	struct weft_h2_stream *stream = pool_alloc(sizeof(*stream));

	if (!stream)
		abort();
	*stream = (struct weft_h2_stream) { .session = session };
	weft_list_init(&stream->all);
	weft_list_init(&stream->pending);
	weft_list_init(&stream->waiting);
	return stream;
}

static void drop_first(struct weft_h2_stream *stream)
{
	struct chunk *chunk = stream->first;

	stream->first = chunk->next;
	if (!stream->first)
		stream->last = NULL;
	pool_free(chunk, sizeof(*chunk) + chunk->cap);
}

void stream_free(struct weft_h2_stream *stream)
{
	while (stream->first)
		drop_first(stream);
	weft_list_remove(&stream->all);
	weft_list_remove(&stream->pending);
	if (stream->trailers)
		pool_free(stream->trailers, stream->trailers->size);
	pool_free(stream, sizeof(*stream));
}

void stream_take(struct weft_h2_stream *stream, size_t len, struct room *room)
{
	stream->unsent -= len;
	stream->stuck_since = 0;
	while (len) {
		struct chunk *chunk = stream->first;
		size_t n = chunk->len - chunk->at < len ? chunk->len - chunk->at : len;

		room_put(room, chunk->bytes + chunk->at, n);
		chunk->at += n;
		len -= n;
		if (chunk->at == chunk->len)
			drop_first(stream);
	}
}

struct trailers *trailers_copy(const struct weft_h2_header *fields, size_t n)
{
	size_t size = sizeof(struct trailers) + n * sizeof(fields[0]);
	struct trailers *trailers;
	char *at;

	for (size_t i = 0; i < n; i++)
		size += fields[i].constant ? 0 : fields[i].name_len + fields[i].value_len;
	trailers = pool_alloc(size);
	if (!trailers)
		abort();
	trailers->size = size;
	trailers->n = n;
	at = (char *)&trailers->fields[n];
	for (size_t i = 0; i < n; i++) {
		trailers->fields[i] = fields[i];
		if (fields[i].constant)
			continue;
		trailers->fields[i].name = memcpy(at, fields[i].name, fields[i].name_len);
		at += fields[i].name_len;
		trailers->fields[i].value = memcpy(at, fields[i].value, fields[i].value_len);
		at += fields[i].value_len;
	}
	return trailers;
}

static struct chunk *chunk_new(size_t cap)
{
	struct chunk *chunk;

	if (cap > SIZE_MAX - sizeof(*chunk))
		return NULL;
	chunk = pool_alloc(sizeof(*chunk) + cap);
	if (chunk)
		*chunk = (struct chunk) { .cap = cap };
	return chunk;
}

/* The chunk that the next `len` bytes go into. What follows something that has not been sent yet
 * is likely to be followed as well. */
static struct chunk *chunk_for(struct weft_h2_stream *stream, size_t len)
{
	struct chunk *last = stream->last;
	struct chunk *chunk;

	if (last && last->cap - last->len >= len)
		return last;
	chunk = chunk_new(last && len < SHARED_CHUNK ? SHARED_CHUNK : len);
	if (!chunk)
		return NULL;
	if (last)
		last->next = chunk;
	else
		stream->first = chunk;
	stream->last = chunk;
	return chunk;
}

/* A stream that is gone keeps the bytes as well, so that whoever fills the room needs not ask. */
uint8_t *weft_h2_stream_reserve(struct weft_h2_stream *stream, size_t len)
{
	struct chunk *chunk = chunk_for(stream, len);
	uint8_t *room;

	if (!chunk)
		return NULL;
	room = chunk->bytes + chunk->len;
	chunk->len += len;
	stream->unsent += len;
	if (stream->unsent >= WEFT_H2_LOW_WATER)
		stream->was_full = true;
	session_stream_resume(stream);
	return room;
}

int weft_h2_stream_write(struct weft_h2_stream *stream, const void *bytes, size_t len)
{
	uint8_t *room;

	if (!len)
		return 0;
	room = weft_h2_stream_reserve(stream, len);
	if (!room)
		return -ENOMEM;
	memcpy(room, bytes, len);
	return 0;
}

size_t weft_h2_stream_unsent(const struct weft_h2_stream *stream)
{
	return stream->unsent;
}

int32_t weft_h2_stream_id(const struct weft_h2_stream *stream)
{
	return stream->id;
}
