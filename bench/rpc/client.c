/*
 * Weft's stub, as ./dev bench rpc measures it: weft-bench-client ADDRESS CA|- CALLS makes so many
 * unary calls on one channel, 32 at a time, after a fifth as many to warm up, and prints the CPU
 * time of one in microseconds. The clients of the peers in this folder do the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "grpc/testing/test.weft.h"

#define SIZE       32
#define CONCURRENT 32

struct load {
	struct weft_worker *worker;
	struct weft_channel *channel;
	size_t left;    /* calls to begin */
	size_t running; /* that have begun and not ended */
};

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void on_answer(struct weft_rpc *rpc, const struct weft_status *status,
		      Grpc__Testing__SimpleResponse *res, void *data);

static void begin(struct load *load)
{
	static uint8_t zeros[SIZE];
	Grpc__Testing__SimpleRequest req = GRPC__TESTING__SIMPLE_REQUEST__INIT;
	Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;

	payload.body.data = zeros;
	payload.body.len = SIZE;
	req.payload = &payload;
	req.response_size = SIZE;
	load->left--;
	load->running++;
	grpc_testing_test_service_unary_call(load->channel, &req, NULL, on_answer, load);
}

static void on_answer(struct weft_rpc *rpc, const struct weft_status *status,
		      Grpc__Testing__SimpleResponse *res, void *data)
{
	struct load *load = data;

	if (status->code != WEFT_OK || !res->payload || res->payload->body.len != SIZE) {
		fprintf(stderr, "weft-bench-client: %s\n", status->message);
		exit(EXIT_FAILURE);
	}
	load->running--;
	if (load->left)
		begin(load);
	else if (!load->running)
		weft_worker_stop(load->worker);
}

static void run(struct load *load, size_t calls)
{
	load->left = calls;
	while (load->left && load->running < CONCURRENT)
		begin(load);
	weft_worker_run(load->worker);
}

static struct weft_tls *tls_new(const char *ca)
{
	const struct weft_tls_options options = { .size = sizeof(options), .ca_file = ca };
	struct weft_tls *tls;
	char error[256];

	if (weft_tls_client_new(&options, error, &tls) < 0) {
		fprintf(stderr, "weft-bench-client: %s\n", error);
		exit(EXIT_FAILURE);
	}
	return tls;
}

int main(int argc, char **argv)
{
	struct weft_channel_options options = { .size = sizeof(options), .authority = "localhost" };
	struct load load = { 0 };
	char error[256];
	size_t calls;
	double before;

	if (argc != 4)
		return 2;
	calls = strtoul(argv[3], NULL, 10);
	if (strcmp(argv[2], "-") != 0)
		options.tls = tls_new(argv[2]);
	if (weft_worker_new(0, &load.worker) < 0)
		return EXIT_FAILURE;
	if (weft_channel_new(load.worker, argv[1], &options, error, &load.channel) < 0) {
		fprintf(stderr, "weft-bench-client: %s\n", error);
		return EXIT_FAILURE;
	}
	run(&load, calls / 5 + CONCURRENT);
	before = cpu_seconds();
	run(&load, calls);
	printf("%.3f\n", (cpu_seconds() - before) * 1e6 / (double)calls);
	return EXIT_SUCCESS;
}
