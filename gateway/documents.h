/*
 * What the edge says of itself: /healthz, the OpenAPI document at /openapi.json, and the explorer
 * at /docs.
 */
#ifndef GATEWAY_DOCUMENTS_H
#define GATEWAY_DOCUMENTS_H

#include "exchange.h"

/* Answers, if the path is one of these. */
bool documents_answer(struct exchange *exchange);

#endif
