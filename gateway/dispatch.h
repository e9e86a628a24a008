/*
 * Who answers a request. The policies of the edge will stand here, in their order, each before the
 * next.
 */
#ifndef GATEWAY_DISPATCH_H
#define GATEWAY_DISPATCH_H

struct exchange;

void dispatch(struct exchange *exchange);

#endif
