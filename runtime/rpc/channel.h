/* What a call asks of its channel; channel.c. */
#ifndef WEFT_RPC_CHANNEL_H
#define WEFT_RPC_CHANNEL_H

#include <weft/channel.h>

#include "rpc/balance.h"
#include "rpc/metadata_limits.h"

struct weft_attempt;
struct weft_entity;
struct weft_h2;
struct weft_list;
struct weft_upstream;

struct weft_list *weft_channel_watches(struct weft_channel *channel);

struct weft_entity *weft_channel_entity(struct weft_channel *channel); /* counts its calls */
const char *weft_channel_authority(const struct weft_channel *channel);
bool weft_channel_is_tls(const struct weft_channel *channel);
enum weft_encoding weft_channel_encoding(const struct weft_channel *channel);
struct weft_credentials *weft_channel_credentials(const struct weft_channel *channel);
/* Ends with NULL; NULL when there are none. */
const struct weft_rpc_interceptor *const *weft_channel_interceptors(
	const struct weft_channel *channel);
size_t weft_channel_max_message(const struct weft_channel *channel);
struct metadata_limits weft_channel_metadata_limits(const struct weft_channel *channel);
uint64_t weft_channel_keepalive(const struct weft_channel *channel); /* as servers have taught it */

/* From now on it balances so; at once where it has endpoints. As a service config says, in place of
 * what the channel's options said. */
void weft_channel_set_balancing(struct weft_channel *channel,
				const struct weft_balancing *balancing);

/* gRFC A17: connections from now on are used when grpc.health.v1 says that this service is well.
 * NULL: as they are. */
void weft_channel_set_health_service(struct weft_channel *channel, const char *service);

/* What it knows of all its calls together. */
struct weft_upstream *weft_channel_upstream(struct weft_channel *channel);

/* Queues the attempt, or opens its stream at once. It may fail it (weft_attempt_fail). */
void weft_channel_submit(struct weft_channel *channel, struct weft_attempt *attempt);
/* The peer refused it: it stands first in the queue again. */
void weft_channel_resubmit(struct weft_channel *channel, struct weft_attempt *attempt);
/* It is over, and what it had of a subchannel goes back. */
void weft_channel_call_ended(struct weft_channel *channel, struct weft_attempt *attempt,
			     enum weft_call_result result);
void weft_channel_withdraw(struct weft_channel *channel,
			   struct weft_attempt *attempt);      /* it ends in the queue */
void weft_channel_stream_closed(struct weft_channel *channel); /* there may be room for another */

/* What the channel asks of an attempt in its queue; attempt.c and rpc_send.c. */

/* Opens a stream on the connection, which can take one, and sends what was given so far. */
void weft_attempt_open(struct weft_attempt *attempt, struct weft_h2 *h2, const char *address);
bool weft_attempt_waits_for_ready(const struct weft_attempt *attempt);

#endif
