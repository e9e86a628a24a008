/*
 * The details of a status as messages: those of google/rpc/error_details.proto (ErrorInfo,
 * RetryInfo, DebugInfo, QuotaFailure, PreconditionFailure, BadRequest, RequestInfo, ResourceInfo,
 * Help, LocalizedMessage), or of any contract. weft/status.h has short forms for the usual ones,
 * which need no generated code.
 *
 *	Google__Rpc__ResourceInfo info = GOOGLE__RPC__RESOURCE_INFO__INIT;
 *
 *	weft_status_init(&status, arena, WEFT_NOT_FOUND, "no such book");
 *	info.resource_name = name;
 *	weft_status_add(&status, arena, &info.base);
 *	return weft_call_fail_with(call, &status);
 */
#ifndef WEFT_DETAILS_H
#define WEFT_DETAILS_H

#include <protobuf-c/protobuf-c.h>
#include <weft/status.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Adds it behind the others. -EMSGSIZE, -ENOMEM: the status is as it was. */
int weft_status_add(struct weft_status *status, struct weft_arena *arena,
		    const ProtobufCMessage *message);

/* The first detail of that type, in the arena: 0. -ENOENT: there is none; -EBADMSG: there is one,
 * and it is malformed; -EMSGSIZE and -ENOMEM: it is too large. */
int weft_status_find(const struct weft_status *status, struct weft_arena *arena,
		     const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret_message);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
