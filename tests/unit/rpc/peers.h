/*
 * A server and a channel to it on one worker, for tests. The server speaks bytes, and its methods
 * are what a test of the client needs:
 *
 *	/test.Test/Echo    the request, with its x-echo and x-echo-bin as headers and trailers
 *	/test.Test/Stream  "COUNT SIZE": so many messages of that size
 *	/test.Test/Sum     any number of messages: how many bytes they had
 *	/test.Test/Chat    each message as it comes
 *	/test.Test/Fail    NOT_FOUND with words and a detail
 *	/test.Test/Hang    nothing, until the call is cancelled
 */
#ifndef WEFT_TESTS_PEERS_H
#define WEFT_TESTS_PEERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <weft/buffer.h>
#include <weft/channel.h>
#include <weft/server.h>

#include <cmocka.h>

/* What a call at the client has brought. */
struct outcome {
	struct weft_rpc *rpc; /* NULL again at the end */
	unsigned headers;
	unsigned messages;
	unsigned compressed; /* of these, on the way */
	size_t bytes;
	struct weft_buffer last; /* the last message */
	unsigned writables;
	unsigned ends;
	enum weft_code code;
	char message[512];
	char reason[64];
	char echo[64];        /* the x-echo of the trailers */
	uint8_t echo_bin[16]; /* and x-echo-bin */
	size_t echo_bin_len;
	char peer[128];

	/* What the test does in a callback; may be NULL. */
	void (*in_message)(struct outcome *outcome);
	void (*in_writable)(struct outcome *outcome);
	void (*in_headers)(struct outcome *outcome);
};

extern const struct weft_rpc_bytes_events outcome_events;

extern struct weft_worker *worker;
extern struct weft_server *server; /* NULL: none runs */
extern struct weft_port *port;
extern struct weft_channel *channel;
extern struct weft_tls *server_tls;
extern char directory[64]; /* a fresh one, removed by teardown with what is in it */
extern char target[128];   /* the socket in it, which start_server() listens at */
extern unsigned cancelled; /* calls whose handler was told that they are cancelled */
extern unsigned hanging;   /* calls of Hang that have begun */

int peers_setup(void **state);
int peers_teardown(void **state);

int peers_serve(struct weft_call *call, void *self); /* the fallback that has these methods */
void start_server(const char *address, const struct weft_server_options *options);
void stop_server(void); /* at once, as if it died */
void open_channel(const char *at, const struct weft_channel_options *options);
void close_channel(void);

/* Runs the worker until `holds(data)`; fails the test when that takes half a minute. */
void run_until(bool (*holds)(void *data), void *data);
void run_until_end(struct outcome *outcome);
bool is_nonzero(void *unsigned_counter);

/* Starts a call that sends `text`, if any, as its only message. */
void start(struct outcome *outcome, const char *path, const char *text,
	   const struct weft_call_options *options);
void send_text(struct outcome *outcome, const char *text);
void outcome_fini(struct outcome *outcome);

#endif
