/*
 * What a worker is to the transports that live on it. It lends them the memory that bytes pass
 * through on their way in and out, and it outlives them. One set serves them all, because a
 * transport uses it within one callback and leaves nothing in it; so a thousand idle connections
 * own no buffer.
 */
#ifndef WEFT_IO_WORKER_H
#define WEFT_IO_WORKER_H

#include <weft/list.h>
#include <weft/worker.h>

#define WEFT_READ_ROOM   ((size_t)64 * 1024)
/* More than four messages of 64 KiB: they leave together, and not a few bytes of the last by
 * themselves. */
#define WEFT_WRITE_ROOM  ((size_t)272 * 1024)
/* A full write room as TLS records, and what a handshake or a full read room may provoke. */
#define WEFT_RECORD_ROOM (WEFT_WRITE_ROOM + (size_t)128 * 1024)

struct weft_buffers {
	uint8_t received[WEFT_READ_ROOM];  /* as the kernel gave it */
	uint8_t decrypted[WEFT_READ_ROOM]; /* for on_data, where there is TLS */
	uint8_t outgoing[WEFT_WRITE_ROOM]; /* from on_flush */
	uint8_t records[WEFT_RECORD_ROOM]; /* the same as TLS records */
};

struct weft_buffers *weft_worker_buffers(struct weft_worker *worker);

/* Something that lives on the worker and ends by its loop alone. A worker that is freed closes what
 * is left, and turns until that has ended: so nothing leaks, and every last callback comes. */
struct weft_resident {
	struct weft_list node;
	void (*close)(struct weft_resident *resident);
};

void weft_worker_settle(struct weft_worker *worker, struct weft_resident *resident);

#endif
