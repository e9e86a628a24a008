/* See load_report.h. */
#include "load_report.h"

#define INTERVAL_MIN (10 * WEFT_MS)
#define INTERVAL_MAX (3600 * WEFT_SECOND)

/* --- Packing -------------------------------------------------------------------------- */

#define ENTRY_INIT(kind) XDS__DATA__ORCA__V3__ORCA_LOAD_REPORT__##kind##_ENTRY__INIT

/* Fills in the maps, whose entries are other messages under each contract, and packs. -ENOMEM */
static int pack(const Grpc__Testing__TestOrcaReport *asked, struct weft_buffer *out)
{
	struct weft_arena *arena = weft_arena_new();
	Xds__Data__Orca__V3__OrcaLoadReport report = XDS__DATA__ORCA__V3__ORCA_LOAD_REPORT__INIT;
	uint8_t *room;
	int r;

	report.cpu_utilization = asked->cpu_utilization;
	report.mem_utilization = asked->memory_utilization;
	report.request_cost = weft_arena_alloc(arena, asked->n_request_cost * sizeof(void *));
	report.utilization = weft_arena_alloc(arena, asked->n_utilization * sizeof(void *));
	for (size_t i = 0; report.request_cost && i < asked->n_request_cost; i++) {
		Xds__Data__Orca__V3__OrcaLoadReport__RequestCostEntry *entry =
			weft_arena_alloc(arena, sizeof(*entry));

		xds__data__orca__v3__orca_load_report__request_cost_entry__init(entry);
		entry->key = asked->request_cost[i]->key;
		entry->value = asked->request_cost[i]->value;
		report.request_cost[report.n_request_cost++] = entry;
	}
	for (size_t i = 0; report.utilization && i < asked->n_utilization; i++) {
		Xds__Data__Orca__V3__OrcaLoadReport__UtilizationEntry *entry =
			weft_arena_alloc(arena, sizeof(*entry));

		xds__data__orca__v3__orca_load_report__utilization_entry__init(entry);
		entry->key = asked->utilization[i]->key;
		entry->value = asked->utilization[i]->value;
		report.utilization[report.n_utilization++] = entry;
	}
	weft_buffer_clear(out);
	r = weft_buffer_reserve(
		out, xds__data__orca__v3__orca_load_report__get_packed_size(&report), &room);
	if (r >= 0)
		out->len = xds__data__orca__v3__orca_load_report__pack(&report, room);
	weft_arena_free(arena);
	return r;
}

int load_report_attach(struct weft_call *call, const Grpc__Testing__TestOrcaReport *asked)
{
	struct weft_buffer packed = WEFT_BUFFER_INIT;
	int r = pack(asked, &packed);

	if (r >= 0)
		r = weft_call_add_trailer(call, LOAD_REPORT_TRAILER, packed.data, packed.len);
	weft_buffer_fini(&packed);
	return r;
}

int load_report_set(struct load_report *report, const Grpc__Testing__TestOrcaReport *asked)
{
	return pack(asked, &report->packed);
}

/* --- Out of band ---------------------------------------------------------------------- */

struct watch {
	struct weft_call *call;
	const struct load_report *report;
	uint64_t interval_ns;
	struct weft_timer timer;
};

static void start_timer(struct watch *watch)
{
	weft_timer_start(weft_worker_loop(weft_call_worker(watch->call)), &watch->timer,
			 watch->interval_ns);
}

/* A client that does not read misses reports; it gets a newer one later. */
static void on_interval(struct weft_timer *timer, void *data)
{
	struct watch *watch = data;
	const struct weft_buffer *packed = &watch->report->packed;

	if (weft_call_writable(watch->call) &&
	    weft_call_send_bytes(watch->call, (struct weft_bytes) { packed->data, packed->len }) <
		    0)
		weft_call_fail(watch->call, WEFT_RESOURCE_EXHAUSTED, "no memory for a report");
	else
		start_timer(watch);
}

static void on_cancel(struct weft_call *call, void *data)
{
	struct watch *watch = data;

	weft_timer_stop(weft_worker_loop(weft_call_worker(call)), &watch->timer);
}

static uint64_t interval_of(const Google__Protobuf__Duration *duration)
{
	uint64_t ns;

	if (!duration || duration->seconds < 0 || duration->nanos < 0)
		return INTERVAL_MIN;
	if (duration->seconds >= (int64_t)(INTERVAL_MAX / WEFT_SECOND))
		return INTERVAL_MAX;
	ns = (uint64_t)duration->seconds * WEFT_SECOND + (uint64_t)duration->nanos;
	return ns < INTERVAL_MIN ? INTERVAL_MIN : ns;
}

static int stream_core_metrics(struct weft_call *call,
			       const Xds__Service__Orca__V3__OrcaLoadReportRequest *req, void *self)
{
	struct watch *watch = weft_arena_new_array(weft_call_arena(call), struct watch, 1);

	watch->call = call;
	watch->report = self;
	watch->interval_ns = interval_of(req->report_interval);
	weft_timer_init(&watch->timer, on_interval, watch);
	weft_call_on_cancel(call, on_cancel, watch);
	on_interval(&watch->timer, watch);
	return 0;
}

const struct xds_service_orca_v3_open_rca_service_handlers load_report_handlers = {
	.stream_core_metrics = stream_core_metrics,
};
