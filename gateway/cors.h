/*
 * Which browsers' pages may read what the edge answers: the CORS protocol
 * (https://fetch.spec.whatwg.org/#http-cors-protocol). Where no origin is configured, the edge
 * says nothing, and browsers keep to the page's own origin.
 */
#ifndef GATEWAY_CORS_H
#define GATEWAY_CORS_H

#include "exchange.h"

/* Adds what belongs into the response; true: it was a preflight, and has been answered. */
bool cors_apply(struct exchange *exchange);

#endif
