#include "peer.h"

#include <stdlib.h>
#include <weft/etcd.h>

#include "command.h"
#include "target.h"

static int open_tls(const struct options *options, struct weft_tls **ret_tls)
{
	const struct weft_tls_options tls = {
		.size = sizeof(tls),
		.cert_file = options->cert,
		.key_file = options->key,
		.ca_file = options->ca,
		.insecure_skip_verify = options->insecure,
	};
	char error[256];

	if (weft_tls_client_new(&tls, error, ret_tls) < 0)
		return complain(EXIT_USAGE, "%s", error);
	return 0;
}

static int open_channel(const struct options *options, const char *target, struct weft_tls *tls,
			bool all, struct peer *peer)
{
	const struct weft_channel_options channel = {
		.size = sizeof(channel),
		.tls = tls,
		.authority = options->authority,
		.balancing = all ? "round_robin" : NULL,
		.health_service = all ? "" : NULL,
	};
	char error[256];

	if (weft_worker_new(0, &peer->worker) < 0)
		return complain(1, "out of memory");
	if (weft_channel_new(peer->worker, target, &channel, error, &peer->channel) < 0)
		return complain(EXIT_USAGE, "%s", error);
	return 0;
}

static int open_peer(const struct options *options, bool all, struct peer *ret_peer)
{
	struct weft_tls *tls = NULL;
	struct peer peer = { 0 };
	char *target = NULL;
	char error[256];
	bool wants_tls;
	int code = 0;

	if (target_parse(options, &target, &wants_tls, error) < 0)
		return complain(EXIT_USAGE, "%s", error);
	if (wants_tls)
		code = open_tls(options, &tls);
	weft_etcd_register(options->registry, tls); /* the registry is spoken to as the peer is */
	if (code == 0)
		code = open_channel(options, target, tls, all, &peer);
	weft_tls_unref(tls);
	free(target);
	if (code == 0)
		*ret_peer = peer;
	else
		peer_close(&peer);
	return code;
}

int peer_open(const struct options *options, struct peer *ret_peer)
{
	return open_peer(options, false, ret_peer);
}

int peer_open_all(const struct options *options, struct peer *ret_peer)
{
	return open_peer(options, true, ret_peer);
}

static void on_gone(void *data)
{
	struct peer *peer = data;

	weft_worker_stop(peer->worker);
}

void peer_close(struct peer *peer)
{
	if (peer->channel) {
		weft_channel_close(peer->channel, on_gone, peer);
		weft_worker_run(peer->worker);
	}
	if (peer->worker)
		weft_worker_free(peer->worker);
}
