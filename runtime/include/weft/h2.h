/*
 * HTTP/2 (RFC 9113) on a transport: one connection, its streams, both roles. nghttp2 is behind it.
 * The gRPC server and client stand on this, and so does the edge's HTTP/2 front.
 *
 * Sending: the body of a stream is a queue of chunks. Frames are gathered and leave in one write at
 * the end of the loop's turn. Receiving: bytes are borrowed until on_data returns. The connection's
 * window is given back at once; the stream's only when its owner says weft_h2_stream_consume: that
 * is the back-pressure.
 */
#ifndef WEFT_H2_H
#define WEFT_H2_H

#include <weft/header.h>
#include <weft/transport.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_h2; /* a connection */
struct weft_h2_stream;

struct weft_h2_stream_events {
	/* Headers or trailers of the peer; borrowed. `end`: nothing follows (on_end is called
	 * too). At a server the first ones come through on_stream, so this is called for
	 * trailers only. 1xx is skipped. */
	void (*on_headers)(struct weft_h2_stream *stream, const struct weft_h2_header *headers,
			   size_t n, bool end, void *data);
	/* More headers or trailers than max_header_list allows: a reset follows. May be NULL. */
	void (*on_oversized)(struct weft_h2_stream *stream, void *data);
	void (*on_data)(struct weft_h2_stream *stream, const uint8_t *bytes, size_t len,
			void *data);
	void (*on_end)(struct weft_h2_stream *stream, void *data); /* the peer has half-closed */
	/* The unsent bytes have fallen under the low-water mark (64 KiB) after having been above
	 * it. */
	void (*on_writable)(struct weft_h2_stream *stream, void *data);
	/* The last call, exactly once: NO_ERROR (0) after a complete exchange, else an RFC 9113
	 * error code. CONNECT_ERROR: the connection was lost (a peer that resets a stream with it
	 * is heard as INTERNAL_ERROR). `refused`: the peer certainly has
	 * not processed it (REFUSED_STREAM, above GOAWAY's last id, or it was never sent). */
	void (*on_close)(struct weft_h2_stream *stream, uint32_t error_code, bool refused,
			 void *data);
};

struct weft_h2_events {
	/* Server: a new request. Returns the stream's events and *ret_data; NULL refuses it
	 * (REFUSED_STREAM). With `end` an on_end follows. */
	const struct weft_h2_stream_events *(*on_stream)(struct weft_h2 *h2,
							 struct weft_h2_stream *stream,
							 const struct weft_h2_header *headers,
							 size_t n, bool end, void **ret_data,
							 void *data);
	/* Server: a request with more headers than max_header_list allows; the ones that fit,
	 * pseudo-headers first. As on_stream, to refuse it in the server's own words. May be
	 * NULL: then, and when it returns NULL, the answer is a 431 without a body. */
	const struct weft_h2_stream_events *(*on_oversized)(struct weft_h2 *h2,
							    struct weft_h2_stream *stream,
							    const struct weft_h2_header *headers,
							    size_t n, bool end, void **ret_data,
							    void *data);
	/* Client: the peer's SETTINGS have arrived, so the connection is proven. May be NULL. */
	void (*on_ready)(struct weft_h2 *h2, void *data);
	/* The peer sends GOAWAY: no new streams. May be NULL. */
	void (*on_goaway)(struct weft_h2 *h2, uint32_t error_code, void *data);
	/* The last call, exactly once, after the on_close of every stream. 0 or a negative
	 * errno. `error` says it in a sentence. The connection and its transport are gone when
	 * it returns. */
	void (*on_close)(struct weft_h2 *h2, int r, const char *error, void *data);
};

struct weft_h2_options {
	size_t size;
	uint32_t max_concurrent_streams; /* 0: 256 (server) */
	uint32_t stream_window;          /* 0: 32 KiB ... initial receive window of a stream */
	uint32_t connection_window;      /* 0: 1 MiB */
	/* 0: 16 KiB of name + value + 32 each; above: on_oversized (server), or the stream is reset
	 * (client) */
	uint32_t max_header_list;
	/* Above this they may be treated so, the likelier the nearer they come to the limit; 0:
	 * none is */
	uint32_t soft_header_list;
	uint64_t idle_timeout_ns; /* 0: none; without a stream for that long: drain */

	/* For the preface with SETTINGS, and for each block of headers; 0: 10 s. */
	uint64_t headers_timeout_ns;
	/* A peer that takes no byte for this long, while some wait, is cut off; 0: 30 s. */
	uint64_t write_timeout_ns;
	/* A stream whose window the peer keeps shut for this long, while bytes wait, is reset;
	 * 0: 10 min. */
	uint64_t window_timeout_ns;
	/* Keepalive (gRFC A8): a PING after so much silence, 0: none; without an answer for so
	 * long (0: 20 s) the connection is lost. Only while there are streams, or always. */
	uint64_t keepalive_ns;
	uint64_t keepalive_timeout_ns;
	bool keepalive_idle;
	/* The PINGs of the peer: no more often than this, without a stream every two hours unless
	 * `permit_ping_idle`; the third one too many ends the connection. 0: as many as it
	 * likes. */
	uint64_t permit_ping_ns;
	bool permit_ping_idle;
	/* Age (gRFC A9): after this time, give or take a tenth, the connection drains; what is
	 * left after the grace is cut off. 0: never. */
	uint64_t max_age_ns;
	uint64_t max_age_grace_ns;
	/* What the large messages that are on their way may be in sum, see weft_h2_stream_expect;
	 * 0: 8 MiB. One for which others wait is reset (ENHANCE_YOUR_CALM) when it does not come
	 * within this time (0: 30 s) and as much again for each MiB of it, counted from the write
	 * timeout that finds it so. */
	size_t message_budget;
	uint64_t message_timeout_ns;
};

/* What others may look at while the connection lives, from any thread (weft_counter_read). Moments
 * are of weft_now(), 0: never. Windows are the connection's own, over all streams, as they were at
 * the last write. */
struct weft_h2_counters {
	uint64_t streams;
	uint64_t streams_succeeded; /* both sides have ended it */
	uint64_t streams_failed;
	uint64_t last_stream;
	uint64_t messages_sent; /* weft_h2_stream_count_sent() */
	uint64_t messages_received;
	uint64_t last_sent;
	uint64_t last_received;
	uint64_t keepalives;       /* PINGs that we have sent for it */
	uint64_t send_window;      /* bytes that the peer may still be sent */
	uint64_t receive_window;   /* bytes that it may still send */
	uint64_t peer_max_streams; /* client: that the peer takes at once */
	uint64_t goaway;           /* the error code of the peer's GOAWAY, plus one; or 0 */
};

/* Takes the transport over (it is open); the connection closes it. */
struct weft_h2 *weft_h2_server_new(struct weft_transport *take_transport,
				   const struct weft_h2_options *options,
				   const struct weft_h2_events *events, void *data);
struct weft_h2 *weft_h2_client_new(struct weft_transport *take_transport,
				   const struct weft_h2_options *options,
				   const struct weft_h2_events *events, void *data);

/* Bytes that were read before the connection took over, as when the preface was sniffed. Copied;
 * what follows from them is called from the loop. */
void weft_h2_receive(struct weft_h2 *h2, const uint8_t *bytes, size_t len);

/* Server: GOAWAY now, existing streams finish, then it closes. Client: no new streams, then it
 * closes. */
void weft_h2_drain(struct weft_h2 *h2);
void weft_h2_close(struct weft_h2 *h2,
		   uint32_t error_code); /* GOAWAY with the code, streams reset, closed */
bool weft_h2_can_request(
	const struct weft_h2 *h2); /* client: not draining, ids left, under the peer's limit */
size_t weft_h2_streams(const struct weft_h2 *h2); /* open streams */
/* The peer has said that it gets too many PINGs. */
bool weft_h2_too_many_pings(const struct weft_h2 *h2);
struct weft_transport *weft_h2_transport(const struct weft_h2 *h2);
const struct weft_h2_counters *weft_h2_counters(const struct weft_h2 *h2);

/* Client: opens a stream. NULL only when !weft_h2_can_request(h2). */
struct weft_h2_stream *weft_h2_request(struct weft_h2 *h2, const struct weft_h2_header *headers,
				       size_t n, bool end,
				       const struct weft_h2_stream_events *events, void *data);

/* All of these are harmless on a stream that has been reset or closed on the wire; the pointer
 * is valid until on_close has returned. */
/* Server: the response's headers, once (after any number of 1xx through `status` 100 to 199). */
void weft_h2_respond(struct weft_h2_stream *stream, const struct weft_h2_header *headers, size_t n,
		     bool end);
/* Room for a chunk of exactly `len` bytes in the body's queue, to be filled before the turn ends.
 * NULL when memory is out: reset the stream. */
uint8_t *weft_h2_stream_reserve(struct weft_h2_stream *stream, size_t len);
int weft_h2_stream_write(struct weft_h2_stream *stream, const void *bytes,
			 size_t len); /* copies; -ENOMEM */
/* Ends our side after the queue is empty, with trailers when n > 0. */
void weft_h2_stream_end(struct weft_h2_stream *stream, const struct weft_h2_header *trailers,
			size_t n);
void weft_h2_stream_reset(struct weft_h2_stream *stream, uint32_t error_code);
/* Resets the stream once the queue is empty: the peer gets all that was written, and no clean
 * end. */
void weft_h2_stream_abort(struct weft_h2_stream *stream, uint32_t error_code);
size_t weft_h2_stream_unsent(const struct weft_h2_stream *stream);
static inline bool weft_h2_stream_writable(const struct weft_h2_stream *stream);
/* The owner has dealt with `len` received bytes: opens the stream's window again. */
void weft_h2_stream_consume(struct weft_h2_stream *stream, size_t len);
/* Asks for a window that lets `len` more bytes arrive without consume: the rest of a message that
 * is larger than the window. Above 64 KiB and the window, the message waits for room in the
 * connection's message_budget, first come, first served; it has it until it is complete and its
 * owner begins to consume it. One that is larger than the budget comes alone. Said again with less,
 * as bytes come, it keeps its place. 0: gives the place up, as nothing of it is wanted. */
void weft_h2_stream_expect(struct weft_h2_stream *stream, size_t len);
/* The connection counts messages, of which HTTP/2 itself knows nothing. */
void weft_h2_stream_count_sent(const struct weft_h2_stream *stream, uint64_t n);
void weft_h2_stream_count_received(const struct weft_h2_stream *stream);
struct weft_h2 *weft_h2_stream_connection(const struct weft_h2_stream *stream);
int32_t weft_h2_stream_id(const struct weft_h2_stream *stream);

#define WEFT_H2_LOW_WATER ((size_t)65536)

static inline bool weft_h2_stream_writable(const struct weft_h2_stream *stream)
{
	return weft_h2_stream_unsent(stream) < WEFT_H2_LOW_WATER;
}

enum weft_h2_error {
	WEFT_H2_NO_ERROR = 0,
	WEFT_H2_PROTOCOL_ERROR = 1,
	WEFT_H2_INTERNAL_ERROR = 2,
	WEFT_H2_FLOW_CONTROL_ERROR = 3,
	WEFT_H2_SETTINGS_TIMEOUT = 4,
	WEFT_H2_STREAM_CLOSED = 5,
	WEFT_H2_FRAME_SIZE_ERROR = 6,
	WEFT_H2_REFUSED_STREAM = 7,
	WEFT_H2_CANCEL = 8,
	WEFT_H2_COMPRESSION_ERROR = 9,
	WEFT_H2_CONNECT_ERROR = 10,
	WEFT_H2_ENHANCE_YOUR_CALM = 11,
	WEFT_H2_INADEQUATE_SECURITY = 12,
	WEFT_H2_HTTP_1_1_REQUIRED = 13,
};

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
