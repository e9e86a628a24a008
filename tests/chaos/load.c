/*
 * Load for the replicas of chaos.v1.Replica, through a channel as a service has one:
 *
 *	chaos_load TARGET CONFIG TIMEOUT_MS
 *
 * CONFIG is a service config's file. Each line of standard input begins a phase, "NAME RATE KINDS":
 * from then on so many calls a second are begun, whether or not the ones before have ended; KINDS
 * is "read", "write" or "both", which is one after the other. The end of the input is the end.
 *
 * When a phase is over and the calls that were begun in it have ended, a line of JSON says what
 * became of them (load_report.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft/channel.h>
#include <weft/etcd.h>
#include <weft/list.h>
#include <weft/service_config.h>

#include "chaos.weft.h"
#include "load_report.h"

#define TICK (2 * WEFT_MS)

struct phase {
	char name[32];
	double rate;
	bool reads, writes;
	uint64_t begun_at;
	uint64_t begun; /* calls */
	uint64_t ended;
	struct report report;
};

struct load {
	struct weft_worker *worker;
	struct weft_loop *loop;
	struct weft_channel *channel;
	struct weft_fd *input;
	char line[128]; /* what has come of it */
	size_t n_line;
	struct weft_task begin;
	struct weft_timer tick;
	uint64_t timeout_ns;
	uint64_t last_id;
	struct phase *phase; /* the current one; NULL: none */
	size_t unfinished;   /* phases */
	bool ended;          /* the input has */
};

struct call {
	struct load *load;
	struct phase *phase;
	struct report_method *method;
	uint64_t begun_at;
};

/* ---- phases */

static void on_closed(void *data)
{
	weft_worker_stop(((struct load *)data)->worker);
}

static void finish_when_over(struct load *load, struct phase *phase)
{
	if (phase == load->phase || phase->ended < phase->begun)
		return;
	report_print(&phase->report, phase->name);
	report_fini(&phase->report);
	free(phase);
	if (--load->unfinished == 0 && load->ended)
		weft_channel_close(load->channel, on_closed, load);
}

static void leave_phase(struct load *load)
{
	struct phase *phase = load->phase;

	load->phase = NULL;
	if (phase)
		finish_when_over(load, phase);
}

static void enter_phase(struct load *load, const char *line)
{
	struct phase *phase = calloc(1, sizeof(*phase));
	char kinds[8];

	if (!phase)
		abort();
	if (sscanf(line, "%31s %lf %7s", phase->name, &phase->rate, kinds) != 3) {
		fprintf(stderr, "chaos_load: expected NAME RATE KINDS, found \"%s\"\n", line);
		exit(2);
	}
	phase->reads = strcmp(kinds, "write") != 0;
	phase->writes = strcmp(kinds, "read") != 0;
	phase->begun_at = weft_now();
	load->unfinished++;
	leave_phase(load);
	load->phase = phase;
}

/* ---- calls */

static void on_end(struct weft_rpc *rpc, const struct weft_status *status,
		   Chaos__V1__Response *response, void *data)
{
	struct call *call = data;
	struct phase *phase = call->phase;
	struct load *load = call->load;

	report_took(call->method, (weft_now() - call->begun_at) / 1000, load->timeout_ns / 1000,
		    status);
	if (response) {
		call->method->slow += response->slow;
		report_peer(&phase->report, weft_rpc_peer(rpc));
	}
	phase->ended++;
	free(call);
	finish_when_over(load, phase);
}

static void begin_call(struct load *load)
{
	struct phase *phase = load->phase;
	Chaos__V1__Request request = CHAOS__V1__REQUEST__INIT;
	const struct weft_call_options *options = WEFT_CALL_OPTIONS(.timeout_ns = load->timeout_ns);
	struct call *call = calloc(1, sizeof(*call));
	bool reads = phase->reads && (!phase->writes || phase->begun % 2 == 0);

	if (!call)
		abort();
	*call = (struct call) {
		.load = load,
		.phase = phase,
		.method = reads ? &phase->report.read : &phase->report.write,
		.begun_at = weft_now(),
	};
	call->method->calls++;
	phase->begun++;
	request.id = ++load->last_id;
	if (reads)
		chaos_v1_replica_read(load->channel, &request, options, on_end, call);
	else
		chaos_v1_replica_write(load->channel, &request, options, on_end, call);
}

static void on_tick(struct weft_timer *timer, void *data)
{
	struct load *load = data;
	struct phase *phase = load->phase;
	uint64_t due;

	weft_timer_start(load->loop, timer, TICK);
	if (!phase)
		return;
	due = (uint64_t)(phase->rate * (double)(weft_now() - phase->begun_at) / WEFT_SECOND);
	while (phase->begun < due)
		begin_call(load);
}

/* ---- the input */

static void end_input(struct load *load)
{
	weft_fd_free(load->input);
	load->input = NULL;
	weft_timer_stop(load->loop, &load->tick);
	load->ended = true;
	if (load->unfinished)
		leave_phase(load);
	else
		weft_channel_close(load->channel, on_closed, load);
}

static void on_input(struct weft_fd *watch, unsigned events, void *data)
{
	struct load *load = data;
	char bytes[256];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	for (ssize_t i = 0; i < n; i++) {
		bool whole = bytes[i] == '\n' || load->n_line == sizeof(load->line) - 1;

		load->line[load->n_line++] = whole ? '\0' : bytes[i];
		if (!whole)
			continue;
		load->n_line = 0;
		enter_phase(load, load->line);
	}
	if (n <= 0)
		end_input(load);
}

/* ---- the program */

static void begin(struct weft_task *task)
{
	struct load *load = weft_container_of(task, struct load, begin);

	weft_timer_init(&load->tick, on_tick, load);
	weft_timer_start(load->loop, &load->tick, TICK);
	load->input = weft_fd_new(load->loop, STDIN_FILENO, WEFT_READABLE, on_input, load);
	weft_channel_state(load->channel, true);
}

static int open_channel(struct load *load, const char *target, const char *config)
{
	struct weft_channel_options options = {
		.size = sizeof(options),
		.backoff_ns = 100 * WEFT_MS,
		.backoff_max_ns = WEFT_SECOND,
		.keepalive_ns = 10 * WEFT_SECOND,
		.keepalive_timeout_ns = 2 * WEFT_SECOND,
	};
	char why[WEFT_SERVICE_CONFIG_ERROR] = "cannot begin";
	int r = weft_service_config_load(config, why, &options.service_config);

	if (r >= 0)
		r = weft_worker_new(0, &load->worker);
	if (r >= 0)
		r = weft_channel_new(load->worker, target, &options, why, &load->channel);
	if (r < 0)
		fprintf(stderr, "chaos_load: %s\n", why);
	weft_service_config_unref(options.service_config);
	return r;
}

int main(int argc, char **argv)
{
	struct load load = { .begin.run = begin };

	if (argc != 4 || !(load.timeout_ns = strtoull(argv[3], NULL, 10) * WEFT_MS)) {
		fprintf(stderr, "usage: chaos_load TARGET CONFIG TIMEOUT_MS\n");
		return 2;
	}
	weft_log_set_service("chaos-load");
	if (weft_etcd_register(NULL, NULL) < 0 || open_channel(&load, argv[1], argv[2]) < 0)
		return 1;
	load.loop = weft_worker_loop(load.worker);
	weft_worker_post(load.worker, &load.begin);
	weft_worker_run(load.worker);
	weft_worker_free(load.worker);
	return 0;
}
