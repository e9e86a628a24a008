/*
 * A strict HTTP/1.1 request parser (RFC 9112): bytes in, events out, no I/O. What is a smuggling
 * vector elsewhere is refused here: bare LF, obs-fold, white space before the colon, Content-Length
 * beside Transfer-Encoding, two Hosts, NUL, bad chunking.
 */
#ifndef WEFT_HTTP1_H
#define WEFT_HTTP1_H

#include <weft/base.h>
#include <weft/header.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_http1;

struct weft_http1_limits {
	/* Request line and headers, 0: 16 KiB; above: 431 (414 for the request line alone). */
	size_t max_head;
	size_t max_headers; /* 0: 100 */
};

/* A request's head. Borrowed while on_request runs. */
struct weft_http1_request {
	/* As in HTTP/2: ":method", ":path", ":authority" (Host; may be missing in HTTP/1.0)
	 * first, then the others, lower case, hop-by-hop ones left out. There is no ":scheme". */
	const struct weft_h2_header *headers;
	size_t n;
	bool body;            /* bytes may follow */
	bool keep_alive;      /* the connection may be used again */
	bool expect_continue; /* the client waits for 100 */
	bool http_1_0;        /* it does not understand chunks */
};

struct weft_http1_events {
	void (*on_request)(const struct weft_http1_request *request, void *data);
	void (*on_body)(const uint8_t *bytes, size_t len, void *data);
	void (*on_end)(void *data); /* the request is complete; the next may follow (pipelining) */
};

struct weft_http1_error {
	unsigned status;   /* 400, 413, 414, 431, 501, 505 */
	char message[128]; /* "line 3: white space before the colon" */
};

int weft_http1_new(const struct weft_http1_limits *limits, const struct weft_http1_events *events,
		   void *data, struct weft_http1 **ret_parser);
void weft_http1_free(struct weft_http1 *parser);
/* *ret_used bytes were taken. It stops after each on_end (so that the caller may hold a pipelined
 * request back) and goes on with the rest when called again. -EBADMSG: *ret_error; nothing more
 * can be parsed on this connection. */
int weft_http1_feed(struct weft_http1 *parser, const uint8_t *bytes, size_t len, size_t *ret_used,
		    struct weft_http1_error *ret_error);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
