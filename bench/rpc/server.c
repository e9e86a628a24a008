/*
 * The server that ./dev bench rpc measures: grpc.testing.TestService on one worker, with the
 * defaults of every limit and with health. weft-bench-server [CERTIFICATE KEY] prints the address
 * it listens at.
 *
 * It does what its peers do in their folders, and no more: UnaryCall answers with as many bytes as
 * were asked for, StreamingOutputCall with as many messages, FullDuplexCall with one for each;
 * StreamingInputCall counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <weft/arena.h>
#include <weft/health.h>
#include <weft/server.h>

#include "grpc/testing/test.weft.h"

/* A contract's sizes are a peer's choice. */
#define LARGEST (1 << 20)

static uint8_t zeros[LARGEST];

static int unary_call(struct weft_call *call, const Grpc__Testing__SimpleRequest *req, void *self)
{
	Grpc__Testing__SimpleResponse res = GRPC__TESTING__SIMPLE_RESPONSE__INIT;
	Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;

	if (req->response_size < 0 || req->response_size > LARGEST)
		return weft_call_fail(call, WEFT_INVALID_ARGUMENT, "no such size");
	payload.body.data = zeros;
	payload.body.len = (size_t)req->response_size;
	res.payload = &payload;
	return grpc_testing_test_service_unary_call_reply(call, &res);
}

struct output {
	const Grpc__Testing__StreamingOutputCallRequest *req;
	size_t sent;
};

static int output_pump(struct weft_call *call, void *data)
{
	struct output *output = data;

	while (weft_call_writable(call)) {
		Grpc__Testing__StreamingOutputCallResponse res =
			GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
		Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
		int32_t size;
		int r;

		if (output->sent == output->req->n_response_parameters)
			return weft_call_finish(call);
		size = output->req->response_parameters[output->sent++]->size;
		if (size < 0 || size > LARGEST)
			return weft_call_fail(call, WEFT_INVALID_ARGUMENT, "no such size");
		payload.body.data = zeros;
		payload.body.len = (size_t)size;
		res.payload = &payload;
		r = grpc_testing_test_service_streaming_output_call_send(call, &res);
		if (r < 0)
			return r;
	}
	return 0;
}

static int streaming_output_call(struct weft_call *call,
				 const Grpc__Testing__StreamingOutputCallRequest *req, void *self)
{
	struct output *output = weft_arena_new_array(weft_call_arena(call), struct output, 1);

	output->req = req;
	weft_call_on_ready(call, output_pump, output);
	return 0;
}

static int on_input(struct weft_call *call, const Grpc__Testing__StreamingInputCallRequest *message,
		    void *data)
{
	int32_t *sum = data;

	*sum += message->payload ? (int32_t)message->payload->body.len : 0;
	return 0;
}

static int on_input_end(struct weft_call *call, void *data)
{
	Grpc__Testing__StreamingInputCallResponse res =
		GRPC__TESTING__STREAMING_INPUT_CALL_RESPONSE__INIT;
	const int32_t *sum = data;

	res.aggregated_payload_size = *sum;
	return grpc_testing_test_service_streaming_input_call_reply(call, &res);
}

static int streaming_input_call(struct weft_call *call, void *self)
{
	int32_t *sum = weft_arena_new_array(weft_call_arena(call), int32_t, 1);

	grpc_testing_test_service_streaming_input_call_receive(call, on_input, on_input_end, sum);
	return 0;
}

static int duplex_ready(struct weft_call *call, void *data)
{
	weft_call_resume(call);
	return 0;
}

/* One answer to each message. */
static int on_duplex(struct weft_call *call,
		     const Grpc__Testing__StreamingOutputCallRequest *message, void *data)
{
	Grpc__Testing__StreamingOutputCallResponse res =
		GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
	Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
	int32_t size = message->n_response_parameters ? message->response_parameters[0]->size : -1;

	if (size < 0 || size > LARGEST)
		return weft_call_fail(call, WEFT_INVALID_ARGUMENT, "no such size");
	payload.body.data = zeros;
	payload.body.len = (size_t)size;
	res.payload = &payload;
	if (!weft_call_writable(call))
		weft_call_hold(call);
	return grpc_testing_test_service_full_duplex_call_send(call, &res);
}

static int on_duplex_end(struct weft_call *call, void *data)
{
	return weft_call_finish(call);
}

static int full_duplex_call(struct weft_call *call, void *self)
{
	weft_call_on_ready(call, duplex_ready, NULL);
	grpc_testing_test_service_full_duplex_call_receive(call, on_duplex, on_duplex_end, NULL);
	return 0;
}

static const struct grpc_testing_test_service_handlers handlers = {
	.unary_call = unary_call,
	.streaming_input_call = streaming_input_call,
	.full_duplex_call = full_duplex_call,
	.streaming_output_call = streaming_output_call,
};

static struct weft_tls *tls_new(const char *certificate, const char *key)
{
	const struct weft_tls_options options = { .size = sizeof(options),
						  .cert_file = certificate,
						  .key_file = key };
	struct weft_tls *tls;
	char error[256];

	if (weft_tls_server_new(&options, error, &tls) < 0) {
		fprintf(stderr, "weft-bench-server: %s\n", error);
		exit(EXIT_FAILURE);
	}
	return tls;
}

int main(int argc, char **argv)
{
	struct weft_tls *tls = argc == 3 ? tls_new(argv[1], argv[2]) : NULL;
	struct weft_worker *worker;
	struct weft_server *server;
	struct weft_health *health;
	struct weft_port *port;
	char error[256];

	if (weft_worker_new(0, &worker) < 0 || weft_server_new(worker, NULL, &server) < 0 ||
	    weft_health_new(&health) < 0)
		return EXIT_FAILURE;
	grpc_testing_test_service_add(server, &handlers, NULL);
	weft_health_add(health, server);
	weft_health_set(health, "", WEFT_HEALTH_SERVING);
	if (weft_port_new(worker, "127.0.0.1:0", tls, &server, 1, error, &port) < 0) {
		fprintf(stderr, "weft-bench-server: %s\n", error);
		return EXIT_FAILURE;
	}
	printf("%s\n", weft_port_address(port));
	fflush(stdout);
	weft_worker_run(worker); /* until it is killed */
	return EXIT_SUCCESS;
}
