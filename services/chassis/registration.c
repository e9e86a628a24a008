/*
 * What stands in the registry, one call after the other:
 *
 *	WAITING ──▶ GRANTING ──▶ PUTTING ──▶ KEEPING
 *	   ▲  └──has a lease────────▲            │
 *	   └─────────what failed or ended────────┘
 *
 * A stream of KeepAlives that ends says nothing of the lease, so the next step is to put the entry
 * again under the same one: a registry that has lost it, or the lease, answers so. At the end the
 * lease is revoked, which takes the entry along, but not one that another process has put at its
 * place in the meantime.
 */
#include "registration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/channel.h>
#include <weft/json.h>
#include <weft/log.h>

#include "etcdserverpb/rpc.weft.h"

#define LEASE_SECONDS 5 /* a replica that is frozen is gone after so long */
#define CALL_TIMEOUT  (5 * WEFT_SECOND)
#define END_TIMEOUT   (2 * WEFT_SECOND)
#define WAIT_FIRST    (100 * WEFT_MS)
#define WAIT_MAX      (500 * WEFT_MS) /* a registry that is back knows us within a second */

enum state { WAITING, GRANTING, PUTTING, KEEPING, LEAVING };

struct registration {
	struct weft_loop *loop;
	struct weft_channel *channel;
	enum state state;
	char *key;
	struct weft_buffer value;
	int64_t lease; /* 0: none */
	uint64_t renewal;
	bool answered; /* the last KeepAlive was */
	struct weft_rpc *rpc;
	struct weft_timer timer; /* WAITING: the next attempt; KEEPING: the next KeepAlive */
	uint64_t wait;

	bool told; /* whether on_change() knows something, and what */
	bool stands;
	void (*on_change)(bool stands, const char *error, void *data);
	void *data;

	registration_gone_cb *gone_cb;
	void *gone_data;
};

static void step(struct registration *registration);

static ProtobufCBinaryData bytes_of(const void *data, size_t len)
{
	return (ProtobufCBinaryData) { len, (uint8_t *)data };
}

static void tell(struct registration *registration, bool stands, const char *error)
{
	if (registration->told && registration->stands == stands)
		return;
	registration->told = true;
	registration->stands = stands;
	registration->on_change(stands, error, registration->data);
}

/* What failed is tried again after a pause. */
static void wait(struct registration *registration, const char *error)
{
	registration->state = WAITING;
	weft_timer_start(registration->loop, &registration->timer, registration->wait);
	registration->wait = registration->wait * 2 < WAIT_MAX ? registration->wait * 2 : WAIT_MAX;
	tell(registration, false, error);
}

/* The call has ended. False: the entry is to go, and that has been seen to. */
static bool goes_on(struct registration *registration)
{
	registration->rpc = NULL;
	if (registration->state != LEAVING)
		return true;
	step(registration);
	return false;
}

/* ---- the lease */

static void on_granted(struct weft_rpc *rpc, const struct weft_status *status,
		       Etcdserverpb__LeaseGrantResponse *res, void *data)
{
	struct registration *registration = data;

	if (status->code == WEFT_OK) {
		registration->lease = res->id;
		registration->renewal = (uint64_t)(res->ttl > 3 ? res->ttl : 3) * WEFT_SECOND / 3;
	}
	if (!goes_on(registration))
		return;
	if (status->code == WEFT_OK)
		step(registration);
	else
		wait(registration, status->message);
}

static void grant(struct registration *registration)
{
	Etcdserverpb__LeaseGrantRequest request = ETCDSERVERPB__LEASE_GRANT_REQUEST__INIT;

	registration->state = GRANTING;
	request.ttl = LEASE_SECONDS;
	registration->rpc = etcdserverpb_lease_lease_grant(
		registration->channel, &request, WEFT_CALL_OPTIONS(.timeout_ns = CALL_TIMEOUT),
		on_granted, registration);
}

/* ---- the entry */

static void on_put(struct weft_rpc *rpc, const struct weft_status *status,
		   Etcdserverpb__PutResponse *res, void *data)
{
	struct registration *registration = data;

	if (!goes_on(registration))
		return;
	if (status->code == WEFT_NOT_FOUND)
		registration->lease = 0; /* it is over */
	if (status->code == WEFT_OK)
		step(registration);
	else
		wait(registration, status->message);
}

static void put(struct registration *registration)
{
	Etcdserverpb__PutRequest request = ETCDSERVERPB__PUT_REQUEST__INIT;

	registration->state = PUTTING;
	request.key = bytes_of(registration->key, strlen(registration->key));
	request.value = bytes_of(registration->value.data, registration->value.len);
	request.lease = registration->lease;
	registration->rpc = etcdserverpb_kv_put(registration->channel, &request,
						WEFT_CALL_OPTIONS(.timeout_ns = CALL_TIMEOUT),
						on_put, registration);
}

/* ---- keeping it */

static void renew(struct registration *registration)
{
	Etcdserverpb__LeaseKeepAliveRequest request = ETCDSERVERPB__LEASE_KEEP_ALIVE_REQUEST__INIT;

	request.id = registration->lease;
	registration->answered = false;
	etcdserverpb_lease_lease_keep_alive_send_request(registration->rpc, &request);
	weft_timer_start(registration->loop, &registration->timer, registration->renewal);
}

static void on_kept(struct weft_rpc *rpc, const Etcdserverpb__LeaseKeepAliveResponse *message,
		    void *data)
{
	struct registration *registration = data;

	if (registration->state != KEEPING)
		return;
	registration->answered = true;
	registration->wait = WAIT_FIRST;
	if (message->ttl > 0)
		return;
	registration->lease = 0;
	weft_rpc_cancel(rpc);
}

static void on_keeping_ended(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	struct registration *registration = data;

	if (!goes_on(registration))
		return;
	weft_timer_stop(registration->loop, &registration->timer);
	wait(registration, registration->lease ? status->message : "the lease has run out");
}

static void keep(struct registration *registration)
{
	static const struct etcdserverpb_lease_lease_keep_alive_events events = {
		.on_message = on_kept,
		.on_end = on_keeping_ended,
	};

	registration->state = KEEPING;
	tell(registration, true, "");
	registration->rpc = etcdserverpb_lease_lease_keep_alive(registration->channel, NULL,
								&events, registration);
	renew(registration);
}

static void on_timer(struct weft_timer *timer, void *data)
{
	struct registration *registration = data;

	if (registration->state == WAITING)
		step(registration);
	else if (registration->answered)
		renew(registration);
	else
		weft_rpc_cancel(registration->rpc); /* the registry is silent: begin again */
}

/* ---- the end */

static void on_closed(void *data)
{
	struct registration *registration = data;
	registration_gone_cb *cb = registration->gone_cb;
	void *cb_data = registration->gone_data;

	weft_buffer_fini(&registration->value);
	free(registration->key);
	free(registration);
	cb(cb_data);
}

static void on_revoked(struct weft_rpc *rpc, const struct weft_status *status,
		       Etcdserverpb__LeaseRevokeResponse *res, void *data)
{
	struct registration *registration = data;

	if (status->code != WEFT_OK && status->code != WEFT_NOT_FOUND)
		weft_log_warning("not withdrawn: the lease has to run out",
				 WEFT_STR("key", registration->key),
				 WEFT_STR("error", status->message));
	weft_channel_close(registration->channel, on_closed, registration);
}

static void revoke(struct registration *registration)
{
	Etcdserverpb__LeaseRevokeRequest request = ETCDSERVERPB__LEASE_REVOKE_REQUEST__INIT;

	request.id = registration->lease;
	etcdserverpb_lease_lease_revoke(registration->channel, &request,
					WEFT_CALL_OPTIONS(.timeout_ns = END_TIMEOUT), on_revoked,
					registration);
}

void registration_withdraw(struct registration *registration, registration_gone_cb *cb, void *data)
{
	registration->gone_cb = cb;
	registration->gone_data = data;
	registration->state = LEAVING;
	weft_timer_stop(registration->loop, &registration->timer);
	if (registration->rpc)
		weft_rpc_cancel(registration->rpc);
	else
		step(registration);
}

/* The next call, by what is there and what has just been done. */
static void step(struct registration *registration)
{
	switch (registration->state) {
	case WAITING:
		if (registration->lease)
			put(registration);
		else
			grant(registration);
		break;
	case GRANTING: put(registration); break;
	case PUTTING: keep(registration); break;
	case KEEPING: break; /* until it ends */
	case LEAVING:
		if (registration->lease)
			revoke(registration);
		else
			weft_channel_close(registration->channel, on_closed, registration);
		break;
	}
}

/* ---- the beginning */

static void write_value(struct weft_buffer *value, const struct registration_options *options)
{
	const char *comma = "";

	weft_buffer_append_string(value, "{\"Op\":0,\"Addr\":");
	weft_json_quote(options->address, strlen(options->address), value);
	weft_buffer_append_string(value, ",\"Metadata\":{");
	if (options->version) {
		weft_buffer_append_string(value, "\"version\":");
		weft_json_quote(options->version, strlen(options->version), value);
		comma = ",";
	}
	if (options->weight)
		weft_buffer_printf(value, "%s\"weight\":%u", comma, options->weight);
	weft_buffer_append_string(value, "}}");
}

int registration_new(struct weft_worker *worker, const struct registration_options *options,
		     char error[256], struct registration **ret_registration)
{
	const struct weft_channel_options channel_options = {
		.size = sizeof(channel_options),
		.tls = options->tls,
		.idle_timeout_ns = WEFT_NEVER,
		.backoff_ns = WAIT_FIRST,
		.backoff_max_ns = WAIT_MAX,
	};
	struct registration *registration;
	struct weft_channel *channel;
	int r;

	r = weft_channel_new(worker, options->registry, &channel_options, error, &channel);
	if (r < 0)
		return r;
	registration = calloc(1, sizeof(*registration));
	if (!registration || asprintf(&registration->key, "%s/%s", options->name, options->id) < 0)
		abort();
	registration->loop = weft_worker_loop(worker);
	registration->channel = channel;
	registration->wait = WAIT_FIRST;
	registration->on_change = options->on_change;
	registration->data = options->data;
	write_value(&registration->value, options);
	weft_timer_init(&registration->timer, on_timer, registration);
	weft_timer_start(registration->loop, &registration->timer, 0);
	*ret_registration = registration;
	return 0;
}
