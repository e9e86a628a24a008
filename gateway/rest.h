/*
 * REST: a request finds its route among the contracts' google.api.http rules, its JSON becomes wire
 * bytes, a raw call goes upstream, and what comes back becomes JSON, or an error's status and body.
 *
 *	unary            the body is collected, up to the limit; the reply is one JSON value
 *	client stream    the body is a sequence of JSON values, each sent on once it is complete
 *	server stream    the reply is a line of JSON for each message (application/x-ndjson)
 *
 * Neither direction is ever collected where it streams: who is slow holds the other side back.
 */
#ifndef GATEWAY_REST_H
#define GATEWAY_REST_H

struct exchange;

void rest_start(struct exchange *exchange);

#endif
