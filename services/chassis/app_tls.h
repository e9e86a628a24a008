/*
 * The TLS of a service's process: what it shows to its clients and to other services, and whom it
 * trusts. Files that change are loaded anew while it serves, and so are all of them on SIGHUP.
 */
#ifndef CHASSIS_APP_TLS_H
#define CHASSIS_APP_TLS_H

#include <weft/tls.h>

#include "app_flags.h"

/* The two contexts are all workers'; the rest is worker 0's. */
struct app_tls {
	struct weft_tls *server; /* NULL: plaintext */
	struct weft_tls *client; /* NULL: other services are called in plaintext */
	struct weft_tls_watch *watches[2];
	struct weft_signal *hangup;
};

int app_tls_open(struct app_tls *tls, const struct app_flags *flags, char error[256]);
void app_tls_close(struct app_tls *tls);
/* On worker 0's loop, and there only. */
void app_tls_watch(struct app_tls *tls, struct weft_loop *loop);
void app_tls_unwatch(struct app_tls *tls);

#endif
