/*
 * Cases of load reports (ORCA). gRPC's own clients receive them in a load balancer of the test's;
 * here whoever makes the calls looks at them.
 */
#include "cases.h"

#include <string.h>

#include "load_report.h"

#define INTERVAL_NS (50 * WEFT_MS)

/* A report with one cost (unless it is NULL) and one utilization. */
struct asked {
	Grpc__Testing__TestOrcaReport report;
	Grpc__Testing__TestOrcaReport__RequestCostEntry cost;
	Grpc__Testing__TestOrcaReport__RequestCostEntry *costs[1];
	Grpc__Testing__TestOrcaReport__UtilizationEntry utilization;
	Grpc__Testing__TestOrcaReport__UtilizationEntry *utilizations[1];
};

static void asked_init(struct asked *asked, double cpu, double memory, double cost,
		       double utilization)
{
	static char cost_name[] = "cost", utilization_name[] = "util";

	grpc__testing__test_orca_report__init(&asked->report);
	grpc__testing__test_orca_report__request_cost_entry__init(&asked->cost);
	grpc__testing__test_orca_report__utilization_entry__init(&asked->utilization);
	asked->cost.key = cost_name;
	asked->cost.value = cost;
	asked->costs[0] = &asked->cost;
	asked->utilization.key = utilization_name;
	asked->utilization.value = utilization;
	asked->utilizations[0] = &asked->utilization;
	asked->report.cpu_utilization = cpu;
	asked->report.memory_utilization = memory;
	asked->report.request_cost = asked->costs;
	asked->report.n_request_cost = cost > 0;
	asked->report.utilization = asked->utilizations;
	asked->report.n_utilization = 1;
}

/* Doubles travel as they are: what comes back is the same, to the bit. */
static bool is_same(const struct asked *asked, const Xds__Data__Orca__V3__OrcaLoadReport *got)
{
	if (got->cpu_utilization != asked->report.cpu_utilization ||
	    got->mem_utilization != asked->report.memory_utilization ||
	    got->n_request_cost != asked->report.n_request_cost || got->n_utilization != 1)
		return false;
	if (got->n_request_cost && (strcmp(got->request_cost[0]->key, asked->cost.key) != 0 ||
				    got->request_cost[0]->value != asked->cost.value))
		return false;
	return strcmp(got->utilization[0]->key, asked->utilization.key) == 0 &&
	       got->utilization[0]->value == asked->utilization.value;
}

void case_orca_per_rpc(struct session *session)
{
	Grpc__Testing__SimpleRequest req = GRPC__TESTING__SIMPLE_REQUEST__INIT;
	Xds__Data__Orca__V3__OrcaLoadReport *got;
	const struct weft_metadata_entry *entry;
	struct outcome outcome;
	struct asked asked;

	asked_init(&asked, 0.8210, 0.5847, 3456.32, 0.30499);
	req.orca_per_query_report = &asked.report;
	unary_call(session, &req, NULL, &outcome);
	outcome_expect(&outcome, WEFT_OK);
	entry = weft_metadata_find(&outcome.trailers, LOAD_REPORT_TRAILER);
	session_check(session, entry != NULL);
	got = xds__data__orca__v3__orca_load_report__unpack(NULL, entry->len, entry->value);
	session_check(session, got != NULL);
	session_check(session, is_same(&asked, got));
	xds__data__orca__v3__orca_load_report__free_unpacked(got, NULL);
}

/* --- Out of band ---------------------------------------------------------------------- */

struct watch {
	struct session *session;
	const struct asked *wanted;
	bool seen;
	bool done;
};

static void on_report(struct weft_rpc *rpc, const Xds__Data__Orca__V3__OrcaLoadReport *report,
		      void *data)
{
	struct watch *watch = data;

	if (!watch->wanted || !is_same(watch->wanted, report))
		return;
	watch->seen = true;
	weft_worker_stop(watch->session->worker);
}

static void on_watch_end(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	struct watch *watch = data;

	watch->done = true;
	weft_worker_stop(watch->session->worker);
}

static struct weft_rpc *watch_start(struct session *session, struct watch *watch)
{
	static const struct xds_service_orca_v3_open_rca_service_stream_core_metrics_events
		events = {
			.on_message = on_report,
			.on_end = on_watch_end,
		};
	const struct weft_call_options options = session_options(NULL);
	Xds__Service__Orca__V3__OrcaLoadReportRequest req =
		XDS__SERVICE__ORCA__V3__ORCA_LOAD_REPORT_REQUEST__INIT;
	Google__Protobuf__Duration interval = GOOGLE__PROTOBUF__DURATION__INIT;

	interval.nanos = INTERVAL_NS;
	req.report_interval = &interval;
	*watch = (struct watch) { .session = session };
	return xds_service_orca_v3_open_rca_service_stream_core_metrics(session->channel, &req,
									&options, &events, watch);
}

/* Has the server report it, and waits until it does. */
static void expect_report(struct stream *stream, struct watch *watch, struct asked *asked)
{
	Grpc__Testing__StreamingOutputCallRequest req =
		GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
	Grpc__Testing__ResponseParameters one = GRPC__TESTING__RESPONSE_PARAMETERS__INIT;
	Grpc__Testing__ResponseParameters *list[] = { &one };

	one.size = 1;
	req.response_parameters = list;
	req.n_response_parameters = WEFT_COUNT(list);
	req.orca_oob_report = &asked->report;
	watch->wanted = asked;
	watch->seen = false;
	stream_send(stream, STREAM_FULL_DUPLEX, &req);
	session_check(watch->session, stream_next(stream) == 1);
	while (!watch->seen && !watch->done)
		weft_worker_run(watch->session->worker);
	session_check(watch->session, watch->seen);
}

void case_orca_oob(struct session *session)
{
	struct asked first, second;
	struct stream stream;
	struct weft_rpc *rpc;
	struct watch watch;

	asked_init(&first, 0.8210, 0.5847, 0, 0.30499);
	asked_init(&second, 0.29309, 0.2, 0, 0.2039);
	rpc = watch_start(session, &watch);
	stream_start(session, STREAM_FULL_DUPLEX, NULL, NULL, &stream);
	expect_report(&stream, &watch, &first);
	expect_report(&stream, &watch, &second);
	weft_rpc_half_close(stream.rpc);
	session_check(session, stream_next(&stream) == STREAM_END);
	outcome_expect(&stream.outcome, WEFT_OK);
	weft_rpc_cancel(rpc);
	while (!watch.done)
		weft_worker_run(session->worker);
}
