#include "reflected.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/channel.h>
#include <weft/log.h>
#include <weft/reflection.h>

#include "site.h"

#define PATIENCE     (3 * WEFT_SECOND) /* with each of the two questions */
#define MAX_MESSAGE  ((size_t)16 << 20)
#define MAX_SERVICES 1000

struct asking;

/* A backend that is being asked: first for its services, then for the files of those that are
 * its own. */
struct question {
	struct asking *asking;
	const struct config_backend *backend;
	struct reflected *reflected;
	struct weft_channel *channel;
	const char **symbols;
};

struct asking {
	struct weft_worker *worker;
	struct weft_arena *arena;
	struct weft_call_options options;
	size_t open; /* questions, and channels that are not closed */
	size_t n;
	struct question questions[CONFIG_MAX_BACKENDS];
};

static void on_closed(void *data)
{
	struct asking *asking = data;

	if (--asking->open == 0)
		weft_worker_stop(asking->worker);
}

/* `why` NULL: it has answered. */
static void end(struct question *question, const char *why)
{
	question->reflected->current = !why;
	if (why)
		weft_log_warning("a backend does not say its contracts",
				 WEFT_STR("package", question->backend->packages[0]),
				 WEFT_STR("target", question->backend->target),
				 WEFT_STR("why", why),
				 WEFT_BOOL("known", question->reflected->files.len > 0));
	if (question->channel)
		weft_channel_close(question->channel, on_closed, question->asking);
	else
		on_closed(question->asking);
}

static void on_files(const struct weft_status *status, const struct weft_reflection_answer *answer,
		     void *data)
{
	struct question *question = data;
	struct weft_buffer *files = &question->reflected->files;

	if (!answer) {
		end(question, status->message);
		return;
	}
	weft_buffer_fini(files);
	*files = (struct weft_buffer)WEFT_BUFFER_INIT;
	end(question, weft_buffer_append(files, answer->files.data, answer->files.len) < 0
			      ? "out of memory"
			      : NULL);
}

static bool is_own(const struct config_backend *backend, const char *service)
{
	for (size_t i = 0; i < backend->n_packages; i++)
		if (config_package_fits(backend->packages[i], service, strlen(service)) > 0)
			return true;
	return false;
}

static void on_services(const struct weft_status *status,
			const struct weft_reflection_answer *answer, void *data)
{
	struct question *question = data;
	struct asking *asking = question->asking;
	size_t n = 0;

	if (!answer || answer->n_services > MAX_SERVICES) {
		end(question, answer ? "it has too many services" : status->message);
		return;
	}
	question->symbols =
		weft_arena_new_array(asking->arena, const char *, answer->n_services + 1);
	for (size_t i = 0; i < answer->n_services; i++)
		if (is_own(question->backend, answer->services[i]))
			question->symbols[n++] =
				weft_arena_strdup(asking->arena, answer->services[i]);
	if (n == 0)
		end(question, "it has no service of these packages");
	else
		weft_reflection_find(question->channel, question->symbols, n, &asking->options,
				     on_files, question);
}

static void ask(struct question *question, const struct site *site)
{
	const struct weft_channel_options options = {
		.size = sizeof(options),
		.tls = site->upstream_tls,
		.max_message = MAX_MESSAGE,
		.connect_timeout_ns = PATIENCE,
	};
	char error[256];

	question->asking->open++;
	if (weft_channel_new(question->asking->worker, question->backend->target, &options, error,
			     &question->channel) < 0)
		end(question, error);
	else
		weft_reflection_list(question->channel, &question->asking->options, on_services,
				     question);
}

static int ask_all(struct site *site)
{
	struct asking *asking = calloc(1, sizeof(*asking));
	int r;

	if (!asking)
		return -ENOMEM;
	r = weft_worker_new(0, &asking->worker);
	if (r < 0) {
		free(asking);
		return r;
	}
	asking->arena = weft_arena_new();
	asking->options = (struct weft_call_options) { .size = sizeof(asking->options),
						       .timeout_ns = PATIENCE };
	asking->open = 1;
	for (size_t i = 0; i < site->config.n_backends; i++) {
		struct question *question = &asking->questions[asking->n];

		if (!site->config.backends[i].reflection)
			continue;
		*question = (struct question) { .asking = asking,
						.backend = &site->config.backends[i],
						.reflected = &site->reflected[i] };
		asking->n++;
		ask(question, site);
	}
	on_closed(asking);
	weft_worker_run(asking->worker);
	weft_worker_free(asking->worker);
	weft_arena_free(asking->arena);
	free(asking);
	return 0;
}

/* ---- what was known before ---- */

static const struct reflected *find_known(const struct site *before,
					  const struct config_backend *backend)
{
	for (size_t i = 0; before && i < before->config.n_backends; i++)
		if (before->config.backends[i].reflection &&
		    strcmp(before->config.backends[i].target, backend->target) == 0)
			return &before->reflected[i];
	return NULL;
}

static int remember(struct site *site, const struct site *before)
{
	int r = 0;

	for (size_t i = 0; i < site->config.n_backends && r == 0; i++) {
		const struct config_backend *backend = &site->config.backends[i];
		const struct reflected *known =
			backend->reflection ? find_known(before, backend) : NULL;

		if (known)
			r = weft_buffer_append(&site->reflected[i].files, known->files.data,
					       known->files.len);
	}
	return r;
}

int reflected_ask(struct site *site, const struct site *before)
{
	int r;

	site->reflected = calloc(site->config.n_backends + 1, sizeof(*site->reflected));
	if (!site->reflected)
		return -ENOMEM;
	r = remember(site, before);
	return r == 0 && reflected_wanted(site) && !site->config.check ? ask_all(site) : r;
}

void reflected_fini(struct site *site)
{
	for (size_t i = 0; site->reflected && i < site->config.n_backends; i++)
		weft_buffer_fini(&site->reflected[i].files);
	free(site->reflected);
}

bool reflected_wanted(const struct site *site)
{
	for (size_t i = 0; i < site->config.n_backends; i++)
		if (site->config.backends[i].reflection)
			return true;
	return false;
}

bool reflected_complete(const struct site *site)
{
	for (size_t i = 0; i < site->config.n_backends; i++)
		if (site->config.backends[i].reflection && !site->reflected[i].current)
			return false;
	return true;
}

bool reflected_same(const struct site *a, const struct site *b)
{
	if (a->config.n_backends != b->config.n_backends)
		return false;
	for (size_t i = 0; i < a->config.n_backends; i++) {
		const struct weft_buffer *x = &a->reflected[i].files, *y = &b->reflected[i].files;

		if (a->reflected[i].current != b->reflected[i].current || x->len != y->len ||
		    (x->len > 0 && memcmp(x->data, y->data, x->len) != 0))
			return false;
	}
	return true;
}
