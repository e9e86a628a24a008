/*
 * file:///path: one address a line; blank lines and those that begin with '#' say nothing. The file
 * is looked at twice a second, which finds whatever way it was replaced, through links and
 * directories too, and read when it is another. It is read on the loop: it is a few lines on a
 * local disk, rewritten by whoever starts the peers, and bounded.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <weft/log.h>

#include "rpc/resolver.h"
#include "rpc/target.h"

#define FILE_MAX      ((size_t)65536)
#define ADDRESSES_MAX ((size_t)1024)
#define LOOK_EVERY    (500 * WEFT_MS)

/* Which file, and which state of it; all zero: there is none. */
struct version {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec time;
};

struct file {
	struct weft_resolver *resolver;
	const char *path;
	struct version version; /* as it was read last */
	bool told;
	struct weft_timer timer;
};

static struct version version_of(const char *path)
{
	struct stat file;

	if (stat(path, &file) < 0)
		return (struct version) { 0 };
	return (struct version) { file.st_dev, file.st_ino, file.st_size, file.st_ctim };
}

static bool changed(void *self)
{
	const struct file *file = self;
	const struct version *before = &file->version;
	struct version now = version_of(file->path);

	return now.device != before->device || now.inode != before->inode ||
	       now.size != before->size || now.time.tv_sec != before->time.tv_sec ||
	       now.time.tv_nsec != before->time.tv_nsec;
}

static void fail(struct file *file, int r, const char *why)
{
	char error[256];

	snprintf(error, sizeof(error), "%.150s: %.90s", file->path, why);
	weft_resolver_failed(file->resolver, r, error);
}

/* Into `list`, which has room for ADDRESSES_MAX. -EINVAL: *ret_wrong is the line. */
static int parse_lines(char *text, struct weft_endpoint *list, size_t *ret_n,
		       const char **ret_wrong)
{
	char *save = NULL;
	size_t n = 0;

	for (char *line = strtok_r(text, "\n", &save); line && n < ADDRESSES_MAX;
	     line = strtok_r(NULL, "\n", &save)) {
		size_t len;

		line += strspn(line, " \t\r");
		len = strlen(line);
		while (len && strchr(" \t\r", line[len - 1]))
			line[--len] = '\0';
		if (len == 0 || line[0] == '#')
			continue;
		if (weft_target_check_address(line) < 0) {
			*ret_wrong = line;
			return -EINVAL;
		}
		list[n++].address = line;
	}
	*ret_n = n;
	return 0;
}

static void tell(struct file *file, char *text)
{
	struct weft_endpoint *list = calloc(ADDRESSES_MAX, sizeof(*list));
	struct weft_endpoints endpoints = { .size = sizeof(endpoints), .list = list, .news = true };
	const char *wrong;
	char why[128];

	if (!list)
		abort();
	if (parse_lines(text, list, &endpoints.n, &wrong) < 0) {
		snprintf(why, sizeof(why), "\"%.60s\" is no address", wrong);
		fail(file, -EINVAL, why);
	} else if (endpoints.n == 0) {
		fail(file, -ENOENT, "it lists no address");
	} else {
		weft_resolver_found(file->resolver, &endpoints);
	}
	free(list);
}

static void read_file(struct file *file)
{
	FILE *stream = fopen(file->path, "re");
	char *text;
	size_t len;

	if (!stream) {
		fail(file, -errno, weft_errno_string(-errno));
		return;
	}
	text = malloc(FILE_MAX + 1);
	if (!text)
		abort();
	len = fread(text, 1, FILE_MAX, stream);
	text[len] = '\0';
	fclose(stream);
	tell(file, text);
	free(text);
}

static void look(struct weft_timer *timer, void *data)
{
	struct file *file = data;

	weft_timer_start(weft_worker_loop(weft_resolver_worker(file->resolver)), timer, LOOK_EVERY);
	if (file->told && !changed(file))
		return;
	file->told = true;
	/* before it is read: what is written meanwhile is news */
	file->version = version_of(file->path);
	read_file(file); /* the last: it may stop the resolver */
}

static void look_now(void *self)
{
	struct file *file = self;

	weft_timer_start(weft_worker_loop(weft_resolver_worker(file->resolver)), &file->timer, 0);
}

static void *start(struct weft_resolver *resolver, const struct weft_resolver_target *target)
{
	struct file *file = calloc(1, sizeof(*file));

	if (!file)
		abort();
	file->resolver = resolver;
	file->path = weft_resolver_parsed(resolver)->path;
	weft_timer_init(&file->timer, look, file);
	look_now(file);
	return file;
}

static void stop(void *self)
{
	struct file *file = self;

	weft_timer_stop(weft_worker_loop(weft_resolver_worker(file->resolver)), &file->timer);
	free(file);
}

const struct weft_resolver_class weft_resolver_file = {
	.size = sizeof(struct weft_resolver_class),
	.scheme = "file",
	.start = start,
	.refresh = look_now,
	.changed = changed,
	.stop = stop,
};
