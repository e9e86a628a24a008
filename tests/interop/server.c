/*
 * weft-interop-server: TestService for gRPC's interop clients, and for ours; health and reflection
 * for the tools that come by.
 *
 *	weft-interop-server --port=PORT [--host=ADDRESS] [--use_tls=true --tls_cert_file=PEM
 *	                    --tls_key_file=PEM]
 *
 * It listens on all addresses unless --host names one, prints where, and drains on SIGTERM and
 * SIGINT.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft/health.h>
#include <weft/reflection.h>
#include <weft/server.h>

#include "flags.h"
#include "service.h"

#define DRAIN_GRACE (5 * WEFT_SECOND)

struct program {
	struct weft_worker *worker;
	struct weft_server *server;
	struct weft_port *port;
	struct weft_tls *tls;
	struct weft_health *health;
	struct load_report report;
};

static void die(const char *error)
{
	fprintf(stderr, "weft-interop-server: %s\n", error);
	exit(1);
}

static void on_drained(struct weft_server *server, void *data)
{
	struct program *program = data;

	weft_worker_stop(program->worker);
}

static void on_signal(int signal, void *data)
{
	struct program *program = data;

	if (!program->port)
		return;
	weft_port_free(program->port);
	program->port = NULL;
	weft_health_shutdown(program->health);
	weft_server_drain(program->server, DRAIN_GRACE, on_drained, program);
}

static int start(struct program *program)
{
	int r = weft_worker_new(0, &program->worker);

	if (r >= 0)
		r = weft_server_new(program->worker, NULL, &program->server);
	if (r >= 0)
		r = grpc_testing_test_service_add(program->server, &interop_handlers,
						  &program->report);
	if (r >= 0)
		r = xds_service_orca_v3_open_rca_service_add(program->server, &load_report_handlers,
							     &program->report);
	if (r >= 0)
		r = weft_health_new(&program->health);
	if (r >= 0)
		r = weft_health_add(program->health, program->server);
	if (r >= 0)
		r = weft_reflection_add(program->server);
	if (r < 0)
		return r;
	weft_health_set(program->health, "", WEFT_HEALTH_SERVING);
	weft_health_set(program->health, "grpc.testing.TestService", WEFT_HEALTH_SERVING);
	return 0;
}

static void listen_at(struct program *program, const char *host, long port)
{
	const char *const hosts[] = { host ? host : "[::]", host ? host : "0.0.0.0" };
	char address[300], error[256];

	for (size_t i = 0; i < WEFT_COUNT(hosts); i++) {
		snprintf(address, sizeof(address), "%s:%ld", hosts[i], port);
		if (weft_port_new(program->worker, address, program->tls, &program->server, 1,
				  error, &program->port) == 0)
			return;
	}
	die(error);
}

static void run(struct program *program)
{
	struct weft_loop *loop = weft_worker_loop(program->worker);
	struct weft_signal *terminate = weft_signal_new(loop, SIGTERM, on_signal, program);
	struct weft_signal *interrupt = weft_signal_new(loop, SIGINT, on_signal, program);

	printf("listening at %s\n", weft_port_address(program->port));
	fflush(stdout);
	weft_worker_run(program->worker);
	weft_signal_free(terminate);
	weft_signal_free(interrupt);
}

int main(int argc, char **argv)
{
	struct weft_tls_options tls = { .size = sizeof(tls) };
	struct program program = { 0 };
	const char *host = NULL;
	bool use_tls = false;
	long port = 8080;
	char error[256];
	const struct flag flags[] = {
		{ "port", FLAG_NUMBER, &port },
		{ "host", FLAG_TEXT, &host },
		{ "use_tls", FLAG_BOOL, &use_tls },
		{ "tls_cert_file", FLAG_TEXT, &tls.cert_file },
		{ "tls_key_file", FLAG_TEXT, &tls.key_file },
	};

	flags_parse(flags, WEFT_COUNT(flags), argc, argv);
	weft_log_set_service("interop-server");
	if (use_tls && weft_tls_server_new(&tls, error, &program.tls) < 0)
		die(error);
	if (start(&program) < 0)
		die("cannot begin");
	listen_at(&program, host, port);
	run(&program);
	weft_server_free(program.server);
	weft_worker_free(program.worker);
	weft_health_free(program.health);
	weft_tls_unref(program.tls);
	weft_buffer_fini(&program.report.packed);
	return 0;
}
