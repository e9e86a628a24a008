/*
 * A server of generated stubs, for foreign clients: test.echo.v1.Echo, health and reflection, on
 * two workers.
 *
 * It prints its address, obeys the lines "serving NAME", "not_serving NAME", "unknown NAME" ("" is
 * a name) and "shutdown" on standard input, each answered by "ok", and ends with its standard
 * input.
 */
#include "echo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft/health.h>
#include <weft/reflection.h>

struct program {
	struct weft_worker *worker;
	struct weft_health *health;
	struct weft_port *port;
	char line[512];
	size_t len;
};

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "stub_server: %s: %s\n", what, weft_errno_string(r));
	exit(1);
}

static void obey(struct program *program, char *line)
{
	static const char *const states[] = {
		[WEFT_HEALTH_UNKNOWN] = "unknown",
		[WEFT_HEALTH_SERVING] = "serving",
		[WEFT_HEALTH_NOT_SERVING] = "not_serving",
	};
	char *name = strchr(line, ' ');

	if (name)
		*name++ = '\0';
	if (strcmp(line, "shutdown") == 0)
		weft_health_shutdown(program->health);
	for (unsigned i = 0; name && i < WEFT_COUNT(states); i++)
		if (strcmp(line, states[i]) == 0)
			weft_health_set(program->health, name, (enum weft_health_state)i);
	printf("ok\n");
	fflush(stdout);
}

static void on_input(struct weft_fd *watch, unsigned events, void *data)
{
	struct program *program = data;
	ssize_t n = read(STDIN_FILENO, program->line + program->len,
			 sizeof(program->line) - 1 - program->len);
	char *end;

	if (n <= 0) {
		weft_fd_set(watch, 0);
		/* First: what it has accepted still finds its server. */
		weft_port_free(program->port);
		weft_worker_stop(program->worker);
		return;
	}
	program->len += (size_t)n;
	program->line[program->len] = '\0';
	while ((end = strchr(program->line, '\n'))) {
		*end++ = '\0';
		obey(program, program->line);
		program->len -= (size_t)(end - program->line);
		memmove(program->line, end, program->len + 1);
	}
}

static void serve(struct program *program, struct weft_server *const servers[2])
{
	struct weft_fd *input;
	char error[256];

	if (weft_port_new(program->worker, "127.0.0.1:0", NULL, servers, 2, error, &program->port) <
	    0) {
		fprintf(stderr, "stub_server: %s\n", error);
		exit(1);
	}
	input = weft_fd_new(weft_worker_loop(program->worker), STDIN_FILENO, WEFT_READABLE,
			    on_input, program);
	printf("%s\n", weft_port_address(program->port));
	fflush(stdout);
	weft_worker_run(program->worker);
	weft_fd_free(input);
}

int main(void)
{
	struct program program = { 0 };
	struct weft_worker *workers[2];
	struct weft_server *servers[2];

	check(weft_health_new(&program.health), "health");
	for (unsigned i = 0; i < 2; i++) {
		check(weft_worker_new(i, &workers[i]), "worker");
		check(weft_server_new(workers[i], NULL, &servers[i]), "server");
		check(test_echo_v1_add(servers[i], &echo_handlers, NULL), "echo");
		check(weft_health_add(program.health, servers[i]), "health");
		check(weft_reflection_add(servers[i]), "reflection");
	}
	check(weft_worker_start(workers[1]), "start");
	program.worker = workers[0];
	serve(&program, servers);

	weft_worker_stop(workers[1]);
	weft_worker_join(workers[1]);
	for (unsigned i = 0; i < 2; i++)
		weft_server_free(servers[i]);
	for (unsigned i = 0; i < 2; i++)
		weft_worker_free(workers[i]);
	weft_health_free(program.health);
	return 0;
}
