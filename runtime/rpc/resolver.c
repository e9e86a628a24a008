/*
 * Resolving. Addresses and files are answered from a deferred task, so that the answer never comes
 * before the question has returned. A file is read on the loop: it is a few lines on a local disk,
 * rewritten by whoever starts the peers, and bounded.
 */
#include "rpc/resolver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <weft/log.h>

#include "io/resolve.h"

#define FILE_MAX      ((size_t)65536)
#define ADDRESSES_MAX ((size_t)1024)
#define DNS_TIMEOUT   (10 * WEFT_SECOND)

/* Which file, and which state of it; all zero: there is none. */
struct version {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec time;
};

struct weft_resolver {
	struct weft_worker *worker;
	const struct weft_target *target;
	struct version version; /* of the file, as it was read last */
	weft_addresses_cb *cb;
	void *data;
	struct weft_task task;
	bool started;                       /* `task` is queued */
	bool freed;                         /* while it was */
	struct weft_resolution *resolution; /* of a name, under way */
};

struct answer {
	int r;
	char error[256];
	struct weft_addresses addresses;
};

static void add_line(struct answer *answer, const char *line)
{
	struct weft_addresses *addresses = &answer->addresses;

	if (addresses->n == ADDRESSES_MAX)
		return;
	if (!addresses->list)
		addresses->list = calloc(ADDRESSES_MAX, sizeof(*addresses->list));
	if (!addresses->list)
		abort();
	addresses->list[addresses->n] = strdup(line);
	if (!addresses->list[addresses->n++])
		abort();
}

/* One address a line; blank lines and those that begin with '#' say nothing. */
static void parse_lines(const struct weft_target *target, char *text, struct answer *answer)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t len;

		line += strspn(line, " \t\r");
		len = strlen(line);
		while (len && strchr(" \t\r", line[len - 1]))
			line[--len] = '\0';
		if (len == 0 || line[0] == '#')
			continue;
		if (weft_target_check_address(line) < 0) {
			answer->r = -EINVAL;
			snprintf(answer->error, sizeof(answer->error),
				 "%.120s: \"%.60s\" is no address", target->path, line);
			return;
		}
		add_line(answer, line);
	}
	if (answer->addresses.n == 0) {
		answer->r = -ENOENT;
		snprintf(answer->error, sizeof(answer->error), "%.200s lists no address",
			 target->path);
	}
}

static struct version version_of(const char *path)
{
	struct stat file;

	if (stat(path, &file) < 0)
		return (struct version) { 0 };
	return (struct version) { file.st_dev, file.st_ino, file.st_size, file.st_ctim };
}

static void read_file(const struct weft_target *target, struct answer *answer)
{
	FILE *file = fopen(target->path, "re");
	char *text;
	size_t len;

	if (!file) {
		answer->r = -errno;
		snprintf(answer->error, sizeof(answer->error), "%.180s: %s", target->path,
			 weft_errno_string(answer->r));
		return;
	}
	text = malloc(FILE_MAX + 1);
	if (!text)
		abort();
	len = fread(text, 1, FILE_MAX, file);
	text[len] = '\0';
	fclose(file);
	parse_lines(target, text, answer);
	free(text);
}

/* Tells the answer and frees it. */
static void tell(struct weft_resolver *resolver, struct answer *answer)
{
	resolver->cb(answer->r, answer->error, &answer->addresses, resolver->data);
	for (size_t i = 0; i < answer->addresses.n; i++)
		free(answer->addresses.list[i]);
	free(answer->addresses.list);
}

static void on_name_resolved(const struct weft_resolved *resolved, void *data)
{
	struct weft_resolver *resolver = data;
	struct answer answer = { .r = resolved->error };

	resolver->resolution = NULL;
	if (resolved->error)
		snprintf(answer.error, sizeof(answer.error), "%s", resolved->words);
	for (size_t i = 0; !resolved->error && i < resolved->count; i++)
		add_line(&answer, resolved->addresses[i]);
	tell(resolver, &answer);
}

static void on_task(struct weft_task *task)
{
	struct weft_resolver *resolver = weft_container_of(task, struct weft_resolver, task);
	const struct weft_target *target = resolver->target;
	struct answer answer = { 0 };

	resolver->started = false;
	if (resolver->freed) {
		free(resolver);
		return;
	}
	switch (target->kind) {
	case WEFT_TARGET_ADDRESSES:
		for (size_t i = 0; i < target->n_addresses; i++)
			add_line(&answer, target->addresses[i]);
		break;
	case WEFT_TARGET_FILE:
		/* before it is read: what is written meanwhile is news */
		resolver->version = version_of(target->path);
		read_file(target, &answer);
		break;
	case WEFT_TARGET_DNS:
		resolver->resolution =
			weft_resolve(weft_worker_loop(resolver->worker), target->host, target->port,
				     NULL, DNS_TIMEOUT, on_name_resolved, resolver);
		return;
	}
	tell(resolver, &answer);
}

struct weft_resolver *weft_resolver_new(struct weft_worker *worker,
					const struct weft_target *target, weft_addresses_cb *cb,
					void *data)
{
	struct weft_resolver *resolver = calloc(1, sizeof(*resolver));

	if (!resolver)
		abort();
	resolver->worker = worker;
	resolver->target = target;
	resolver->cb = cb;
	resolver->data = data;
	resolver->task.run = on_task;
	return resolver;
}

void weft_resolver_start(struct weft_resolver *resolver)
{
	if (resolver->started || resolver->resolution)
		return;
	resolver->started = true;
	weft_loop_defer(weft_worker_loop(resolver->worker), &resolver->task);
}

bool weft_resolver_changed(const struct weft_resolver *resolver)
{
	const struct version *before = &resolver->version;
	struct version now;

	if (resolver->target->kind != WEFT_TARGET_FILE)
		return false;
	now = version_of(resolver->target->path);
	return now.device != before->device || now.inode != before->inode ||
	       now.size != before->size || now.time.tv_sec != before->time.tv_sec ||
	       now.time.tv_nsec != before->time.tv_nsec;
}

void weft_resolver_free(struct weft_resolver *resolver)
{
	if (!resolver)
		return;
	resolver->freed = true;
	weft_resolution_cancel(resolver->resolution);
	if (!resolver->started)
		free(resolver);
}
