/* Both commands are one question each, on a worker that runs until it is answered. */
#include "reflection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/reflection.h>

#include "command.h"
#include "headers.h"
#include "peer.h"
#include "report.h"

struct question {
	const char *symbol; /* NULL: which services there are */
	/* What becomes of the answer; returns the exit code. */
	int (*take)(const struct weft_reflection_answer *answer, void *data);
	void *data;
	bool optional; /* a server without an answer is passed over */

	struct peer peer;
	int code;
};

static int take_failure(const struct question *question, const struct weft_status *status)
{
	if (question->optional && status->code == WEFT_NOT_FOUND)
		return 0;
	if (question->optional && status->code == WEFT_UNIMPLEMENTED)
		return complain(0, "the server has no reflection, and was not asked");
	report_status(status, NULL);
	return EXIT_CODE + (int)status->code;
}

static void on_answer(const struct weft_status *status, const struct weft_reflection_answer *answer,
		      void *data)
{
	struct question *question = data;

	question->code =
		answer ? question->take(answer, question->data) : take_failure(question, status);
	weft_worker_stop(question->peer.worker);
}

static void start(struct question *question, const struct weft_call_options *options)
{
	if (question->symbol)
		weft_reflection_find(question->peer.channel, &question->symbol, 1, options,
				     on_answer, question);
	else
		weft_reflection_list(question->peer.channel, options, on_answer, question);
}

static int ask(const struct options *options, struct question *question)
{
	struct weft_arena *arena = weft_arena_new();
	struct weft_metadata metadata = WEFT_METADATA_INIT;

	question->code = headers_read(options, arena, &metadata);
	if (question->code == 0)
		question->code = peer_open(options, &question->peer);
	if (question->code == 0) {
		start(question,
		      WEFT_CALL_OPTIONS(.timeout_ns = options->deadline_ns, .metadata = &metadata));
		weft_worker_run(question->peer.worker);
	}
	peer_close(&question->peer);
	weft_arena_free(arena);
	return question->code;
}

/* What comes from afar is looked at before a terminal sees it. */
static bool is_name(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_.") == strlen(name);
}

static int print_services(const struct weft_reflection_answer *answer, void *data)
{
	for (size_t i = 0; i < answer->n_services; i++) {
		if (!is_name(answer->services[i]))
			return complain(1, "the server's reflection: a service's name is none");
		puts(answer->services[i]);
	}
	return 0;
}

int reflection_list(const struct options *options)
{
	struct question question = { .take = print_services };

	return ask(options, &question);
}

static int link_files(const struct weft_reflection_answer *answer, void *data)
{
	struct weft_schema **ret_schema = data, *schema;
	char error[256];

	if (answer->files.len == 0)
		return 0;
	weft_schema_new(&schema);
	if (weft_schema_add_set(schema, answer->files, error) < 0) {
		weft_schema_free(schema);
		return complain(1, "the server's reflection: %s", error);
	}
	*ret_schema = schema;
	return 0;
}

int reflection_find(const struct options *options, const char *name,
		    struct weft_schema **ret_schema)
{
	char *service = strndup(name, strcspn(name, "/")); /* a method's service */
	struct question question = {
		.symbol = service,
		.take = link_files,
		.data = ret_schema,
		.optional = true,
	};
	int code;

	if (!service)
		return complain(1, "out of memory");
	code = ask(options, &question);
	free(service);
	return code;
}
