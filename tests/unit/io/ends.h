/*
 * The two ends of a connection, for tests: each sends a known pattern, checks the other's, and
 * counts what it is told. All live on one worker, which the test runs itself until a condition
 * holds.
 */
#ifndef WEFT_TESTS_ENDS_H
#define WEFT_TESTS_ENDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <weft/transport.h>

#include <cmocka.h>

struct end {
	struct weft_transport *transport; /* NULL again after on_close */
	size_t to_send;
	size_t sent;
	size_t received;
	unsigned opened;
	unsigned ended;
	unsigned closed;
	int error;
	char error_text[256];
	char alpn[16];
	char peer[128];

	/* What the test does in a callback; each may be NULL. */
	void (*in_open)(struct end *end);
	void (*in_data)(struct end *end);
	void (*in_end)(struct end *end); /* instead of closing */
	void (*in_flush)(struct end *end);
};

extern const struct weft_transport_events end_events;

extern struct weft_worker *worker;
extern struct end client, server;
extern struct weft_tls *server_tls;    /* of the connections that listen_for_server() accepts */
extern uint64_t server_timeout_ns;     /* of the same */
extern struct weft_listener *listener; /* freed by teardown */
extern char directory[64];             /* a fresh one, removed by teardown with what is in it */

int ends_setup(void **state);
int ends_teardown(void **state);

/* Runs the worker until `holds()`; fails the test when that takes half a minute. */
void run_until(bool (*holds)(void));

bool both_closed(void);
bool both_opened(void);
bool all_received(void);

/* Listens at `address`; what comes is `server`. */
void listen_for_server(const char *address);
void connect_client(struct weft_tls *tls, const char *server_name);
int connect_raw(void); /* a plain blocking socket, to do with as the test likes */

void close_softly(struct end *end);
void close_now(struct end *end);

#endif
