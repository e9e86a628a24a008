/* See app_tls.h. */
#include "app_tls.h"

#include <signal.h>
#include <weft/log.h>

int app_tls_open(struct app_tls *tls, const struct app_flags *flags, char error[256])
{
	const struct weft_tls_options server = {
		.size = sizeof(server),
		.cert_file = flags->tls_cert,
		.key_file = flags->tls_key,
		.ca_file = flags->tls_client_ca,
		.require_client_certificate = flags->tls_client_ca,
	};
	const struct weft_tls_options client = {
		.size = sizeof(client),
		.cert_file = flags->tls_cert,
		.key_file = flags->tls_key,
		.ca_file = flags->tls_ca,
	};
	int r = 0;

	if (flags->tls_cert)
		r = weft_tls_server_new(&server, error, &tls->server);
	if (r == 0 && flags->tls_ca)
		r = weft_tls_client_new(&client, error, &tls->client);
	return r;
}

void app_tls_close(struct app_tls *tls)
{
	weft_tls_unref(tls->server);
	weft_tls_unref(tls->client);
}

static void tell(const char *side, int r, const char *error)
{
	if (r < 0)
		weft_log_warning("certificates stay as they were", WEFT_STR("side", side),
				 WEFT_STR("reason", error));
	else
		weft_log_info("certificates are new", WEFT_STR("side", side));
}

static void on_server_reload(int r, const char *error, void *data)
{
	tell("server", r, error);
}

static void on_client_reload(int r, const char *error, void *data)
{
	tell("client", r, error);
}

static void reload(struct weft_tls *tls, const char *side)
{
	char error[256] = "";

	if (tls)
		tell(side, weft_tls_reload(tls, error), error);
}

static void on_hangup(int signal, void *data)
{
	struct app_tls *tls = data;

	reload(tls->server, "server");
	reload(tls->client, "client");
}

void app_tls_watch(struct app_tls *tls, struct weft_loop *loop)
{
	tls->hangup = weft_signal_new(loop, SIGHUP, on_hangup, tls);
	if (tls->server)
		tls->watches[0] = weft_tls_watch_new(loop, tls->server, 0, on_server_reload, NULL);
	if (tls->client)
		tls->watches[1] = weft_tls_watch_new(loop, tls->client, 0, on_client_reload, NULL);
}

void app_tls_unwatch(struct app_tls *tls)
{
	weft_signal_free(tls->hangup);
	for (size_t i = 0; i < WEFT_COUNT(tls->watches); i++)
		weft_tls_watch_free(tls->watches[i]);
}
