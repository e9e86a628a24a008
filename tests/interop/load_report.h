/*
 * Load reports (ORCA, gRFC A51) of the interop server: with a response, as a trailer, and out of
 * band, as the stream of OpenRcaService.
 */
#ifndef INTEROP_LOAD_REPORT_H
#define INTEROP_LOAD_REPORT_H

#include <grpc/testing/test.weft.h>
#include <weft/buffer.h>
#include <xds/service/orca/v3/orca.weft.h>

#define LOAD_REPORT_TRAILER "endpoint-load-metrics-bin"

/* What is reported out of band, packed. The tests set it; there is one for the process. */
struct load_report {
	struct weft_buffer packed;
};

/* Reports it with the response that the call is about to send. */
int load_report_attach(struct weft_call *call, const Grpc__Testing__TestOrcaReport *asked);
/* Reports it out of band from now on. */
int load_report_set(struct load_report *report, const Grpc__Testing__TestOrcaReport *asked);

/* Its `self` is the struct load_report. */
extern const struct xds_service_orca_v3_open_rca_service_handlers load_report_handlers;

#endif
