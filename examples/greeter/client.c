/* A client that waits for its answer: greeter-client TARGET NAME. */
#include <stdio.h>
#include <stdlib.h>
#include <weft/arena.h>
#include <weft/client.h>

#include "greeter.weft.h"

static int greet(struct weft_client *client, char *name, struct weft_arena *arena)
{
	Greeter__V1__GreetRequest req = GREETER__V1__GREET_REQUEST__INIT;
	Greeter__V1__Greeting *greeting;
	struct weft_status status;
	int r;

	req.name = name;
	r = greeter_v1_greet_wait(client, &req, WEFT_CALL_OPTIONS(.timeout_ns = 5 * WEFT_SECOND),
				  arena, &greeting, &status);
	if (r == 0)
		printf("%s\n", greeting->text);
	else if (r > 0)
		fprintf(stderr, "greeter-client: %s: %s\n", weft_code_name(status.code),
			status.message);
	return r;
}

int main(int argc, char **argv)
{
	struct weft_client *client;
	struct weft_arena *arena;
	char error[256];
	int r;

	if (argc != 3) {
		fprintf(stderr, "usage: greeter-client TARGET NAME\n");
		return 2;
	}
	if (weft_client_new(argv[1], NULL, error, &client) < 0) {
		fprintf(stderr, "greeter-client: %s\n", error);
		return 2;
	}
	arena = weft_arena_new();
	r = greet(client, argv[2], arena);
	weft_arena_free(arena);
	weft_client_free(client);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
