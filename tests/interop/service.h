/*
 * grpc.testing.TestService as gRPC's doc/interop-test-descriptions.md ("Server") wants it:
 * payloads of the size asked for, streams of them at the pace asked for, and the echo of metadata
 * and status.
 */
#ifndef INTEROP_SERVICE_H
#define INTEROP_SERVICE_H

#include <grpc/testing/test.weft.h>

#include "load_report.h"

/* Its `self` is a struct load_report. */
extern const struct grpc_testing_test_service_handlers interop_handlers;

#endif
