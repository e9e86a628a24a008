/*
 * What stands behind the proxies that ./dev bench edge measures: weft-bench-backend FILE prints the
 * address it listens at, and answers every call, whatever its method, with the bytes of the file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <weft/server.h>

static uint8_t answer[65536];
static size_t answer_len;

static int on_message(struct weft_call *call, struct weft_bytes message, void *data)
{
	return 0;
}

static int on_half_close(struct weft_call *call, void *data)
{
	return weft_call_reply_bytes(call, (struct weft_bytes) { answer, answer_len });
}

static int on_call(struct weft_call *call, void *self)
{
	weft_call_receive_bytes(call, on_message, on_half_close, NULL);
	return 0;
}

static void read_answer(const char *path)
{
	FILE *file = fopen(path, "rbe");

	if (!file) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	answer_len = fread(answer, 1, sizeof(answer), file);
	fclose(file);
}

int main(int argc, char **argv)
{
	struct weft_worker *worker;
	struct weft_server *server;
	struct weft_port *port;
	char error[256];

	if (argc != 2) {
		fprintf(stderr, "weft-bench-backend FILE\n");
		return EXIT_FAILURE;
	}
	read_answer(argv[1]);
	if (weft_worker_new(0, &worker) < 0 || weft_server_new(worker, NULL, &server) < 0)
		return EXIT_FAILURE;
	weft_server_set_fallback(server, on_call, NULL);
	if (weft_port_new(worker, "127.0.0.1:0", NULL, &server, 1, error, &port) < 0) {
		fprintf(stderr, "weft-bench-backend: %s\n", error);
		return EXIT_FAILURE;
	}
	printf("%s\n", weft_port_address(port));
	fflush(stdout);
	weft_worker_run(worker); /* until it is killed */
	return EXIT_SUCCESS;
}
