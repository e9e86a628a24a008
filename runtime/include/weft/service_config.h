/*
 * A service config: what a service's owner says about how it is to be called, in gRPC's own JSON
 * (https://github.com/grpc/grpc/blob/master/doc/service_config.md), typed in
 * grpc/service_config/service_config.proto. It is parsed once and then only read: any number of
 * channels on any worker may share it.
 *
 *	{
 *	  "loadBalancingConfig": [ { "round_robin": {} } ],
 *	  "methodConfig": [ {
 *	    "name": [ { "service": "catalog.v1.Catalog" } ],
 *	    "timeout": "1.5s",
 *	    "retryPolicy": {
 *	      "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "1s",
 *	      "backoffMultiplier": 2, "retryableStatusCodes": [ "UNAVAILABLE" ]
 *	    }
 *	  } ],
 *	  "retryThrottling": { "maxTokens": 10, "tokenRatio": 0.1 }
 *	}
 *
 * A method takes the entry of its own name, else its service's, else the one without a service.
 * Durations are proto3 JSON's ("0.25s"); status codes are numbers or names in any case.
 *
 * Refused, beside what is no such JSON (an unknown name among it):
 * - a name that stands twice, or a method without its service;
 * - a timeout below zero;
 * - retryPolicy and hedgingPolicy in one entry (gRFC A6);
 * - retryPolicy without maxAttempts of 2 or more, initialBackoff, maxBackoff and backoffMultiplier
 *   above zero, and a code in retryableStatusCodes (A6);
 * - hedgingPolicy without maxAttempts of 2 or more, or with a hedgingDelay below zero (A6);
 * - a status code that gRPC does not have, or OK;
 * - retryThrottling without maxTokens of 1 to 1000 and a tokenRatio of 0.001 or more (A6);
 * - loadBalancingConfig with no policy that is known here (A24), or one whose settings are beyond
 *   what A48 (least request) and A50 (outlier detection) allow.
 * maxAttempts above 5 is taken as 5 (A6), choiceCount above 10 as 10 (A48).
 */
#ifndef WEFT_SERVICE_CONFIG_H
#define WEFT_SERVICE_CONFIG_H

#include <weft/base.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_service_config;

#define WEFT_SERVICE_CONFIG_ERROR ((size_t)384)

/* -EINVAL: `error` says in which line, at which field, what is wrong and what would be right: "line
 * 4: methodConfig[0].retryPolicy.maxAttempts: expected 2 or more, found 1". -ENOMEM. */
int weft_service_config_parse(const char *json, size_t len, char error[WEFT_SERVICE_CONFIG_ERROR],
			      struct weft_service_config **ret_config);
/* From a file of at most 1 MiB: -EFBIG beyond, or what opening and reading it gave. */
int weft_service_config_load(const char *path, char error[WEFT_SERVICE_CONFIG_ERROR],
			     struct weft_service_config **ret_config);
/* From any thread. */
struct weft_service_config *weft_service_config_ref(struct weft_service_config *config);
void weft_service_config_unref(struct weft_service_config *config); /* takes NULL */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
