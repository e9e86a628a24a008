/*
 * Call credentials. A request for them is an object of its own, because whoever fetches a token
 * does not know when the call ends: the call that does lets go of its request, and the answer finds
 * nobody.
 */
#include <weft/credentials.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/channel.h"
#include "rpc/rpc.h"

struct weft_credentials {
	atomic_uint refs;
	weft_credentials_cb *cb;
	weft_credentials_free_cb *free_cb;
	void *data;
};

struct weft_credentials_request {
	struct weft_rpc *rpc; /* NULL: it has ended */
	struct weft_worker *worker;
	char *path;
	char *audience;
};

/* ---- the object ---- */

struct weft_credentials *weft_credentials_new(weft_credentials_cb *cb, void *data,
					      weft_credentials_free_cb *free_cb)
{
	struct weft_credentials *credentials = calloc(1, sizeof(*credentials));

	if (!credentials)
		abort();
	atomic_init(&credentials->refs, 1);
	credentials->cb = cb;
	credentials->data = data;
	credentials->free_cb = free_cb;
	return credentials;
}

static void supply_bearer(struct weft_credentials_request *request, void *data)
{
	struct weft_metadata_entry entry = {
		.name = "authorization",
		.value = data,
		.len = strlen(data),
	};

	weft_credentials_supply(request, &(struct weft_metadata) { &entry, 1, 1 });
}

struct weft_credentials *weft_credentials_new_bearer(const char *token)
{
	char *value;

	if (asprintf(&value, "Bearer %s", token) < 0)
		abort();
	return weft_credentials_new(supply_bearer, value, free);
}

struct weft_credentials *weft_credentials_ref(struct weft_credentials *credentials)
{
	atomic_fetch_add(&credentials->refs, 1);
	return credentials;
}

void weft_credentials_unref(struct weft_credentials *credentials)
{
	if (!credentials || atomic_fetch_sub(&credentials->refs, 1) > 1)
		return;
	if (credentials->free_cb)
		credentials->free_cb(credentials->data);
	free(credentials);
}

/* ---- a call and its request ---- */

/* "https://AUTHORITY/package.Service", the authority without the port that https has anyway. */
static char *audience_of(const struct weft_rpc *rpc)
{
	const char *authority = weft_channel_authority(rpc->channel);
	const char *method = strrchr(rpc->path, '/');
	size_t len = strlen(authority);
	char *audience;

	if (len > 4 && !strcmp(authority + len - 4, ":443"))
		len -= 4;
	if (asprintf(&audience, "https://%.*s%.*s", (int)len, authority,
		     method ? (int)(method - rpc->path) : 0, rpc->path) < 0)
		abort();
	return audience;
}

static struct weft_credentials *next_of(struct weft_rpc *rpc)
{
	struct weft_credentials *next = NULL;

	for (; !next && rpc->presented < 2; rpc->presented++)
		next = rpc->presented == 0 ? weft_channel_credentials(rpc->channel)
					   : rpc->credentials;
	return next;
}

void weft_rpc_present(struct weft_rpc *rpc)
{
	struct weft_credentials *credentials = next_of(rpc);
	struct weft_credentials_request *request;

	if (!credentials) {
		weft_rpc_send_first(rpc);
		return;
	}
	request = calloc(1, sizeof(*request));
	if (!request)
		abort();
	request->rpc = rpc;
	request->worker = weft_channel_worker(rpc->channel);
	request->path = strdup(rpc->path);
	request->audience = audience_of(rpc);
	if (!request->path)
		abort();
	rpc->confidential = true;
	rpc->request = request;
	credentials->cb(request, credentials->data);
}

void weft_rpc_forget_request(struct weft_rpc *rpc)
{
	if (rpc->request)
		rpc->request->rpc = NULL;
	rpc->request = NULL;
}

bool weft_rpc_may_send(const struct weft_rpc *rpc, const struct weft_h2 *h2)
{
	const struct weft_transport *transport = weft_h2_transport(h2);

	return !rpc->confidential || weft_transport_is_tls(transport) ||
	       !strncmp(weft_transport_peer(transport), "unix", 4);
}

/* ---- the answer ---- */

static struct weft_rpc *settle(struct weft_credentials_request *request)
{
	struct weft_rpc *rpc = request->rpc;

	if (rpc)
		rpc->request = NULL;
	free(request->path);
	free(request->audience);
	free(request);
	return rpc;
}

void weft_credentials_supply(struct weft_credentials_request *take_request,
			     const struct weft_metadata *metadata)
{
	struct weft_rpc *rpc = settle(take_request);

	for (size_t i = 0; rpc && i < metadata->n; i++) {
		const struct weft_metadata_entry *entry = &metadata->entries[i];

		if (weft_metadata_add(&rpc->metadata, rpc->arena, entry->name, entry->value,
				      entry->len) == 0)
			continue;
		weft_rpc_end(rpc, WEFT_UNAVAILABLE, "the credentials are no metadata: \"%.100s\"",
			     entry->name);
		return;
	}
	if (rpc)
		weft_rpc_present(rpc);
}

/* What only the server may say of a call, gRFC A54. */
static bool is_the_servers(enum weft_code code)
{
	switch (code) {
	case WEFT_OK:
	case WEFT_INVALID_ARGUMENT:
	case WEFT_NOT_FOUND:
	case WEFT_ALREADY_EXISTS:
	case WEFT_FAILED_PRECONDITION:
	case WEFT_ABORTED:
	case WEFT_OUT_OF_RANGE:
	case WEFT_DATA_LOSS: return true;
	default: return false;
	}
}

void weft_credentials_fail(struct weft_credentials_request *take_request, enum weft_code code,
			   const char *format, ...)
{
	struct weft_rpc *rpc = settle(take_request);
	char words[256];
	va_list args;

	if (!rpc)
		return;
	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	weft_rpc_end(rpc, is_the_servers(code) ? WEFT_INTERNAL : code, "no credentials: %s", words);
}

const char *weft_credentials_request_path(const struct weft_credentials_request *request)
{
	return request->path;
}

const char *weft_credentials_request_audience(const struct weft_credentials_request *request)
{
	return request->audience;
}

struct weft_worker *weft_credentials_request_worker(const struct weft_credentials_request *request)
{
	return request->worker;
}
