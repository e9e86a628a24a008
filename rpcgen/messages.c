/*
 * protoc-gen-c reads its request from one anonymous file and writes to two others: nothing can
 * block, and what it complained about is there when it fails.
 */
#include "messages.h"

#include "memory.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { IN, OUT, ERR, N_FILES };

static int write_all(int fd, struct bytes bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.data, bytes.len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes.data += n;
			bytes.len -= (size_t)n;
		}
	}
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

/* 0 and the wait status, or a negative errno when it did not even start. */
static int run(const char *program, const int files[N_FILES], int *ret_status)
{
	char *const argv[] = { (char *)program, NULL };
	posix_spawn_file_actions_t actions;
	pid_t child;
	int r;

	posix_spawn_file_actions_init(&actions);
	for (int i = 0; i < N_FILES; i++)
		posix_spawn_file_actions_adddup2(&actions, files[i], i);
	r = posix_spawnp(&child, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r > 0)
		return -r;

	while (waitpid(child, ret_status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* What it wrote to standard error, without the last end of line. */
static const char *words_of(int fd)
{
	struct bytes bytes = { NULL, 0 };

	if (lseek(fd, 0, SEEK_SET) < 0 || request_read(fd, &bytes) < 0 || bytes.len == 0)
		return "it said nothing";
	while (bytes.len > 0 && bytes.data[bytes.len - 1] == '\n')
		bytes.len--;
	return memory_strndup((const char *)bytes.data, bytes.len);
}

static const char *how_it_ended(int status)
{
	if (WIFSIGNALED(status))
		return memory_printf("was killed by signal %d", WTERMSIG(status));
	return memory_printf("failed with exit code %d", WEXITSTATUS(status));
}

static Response *read_response(const char *program, int fd, const char **ret_error)
{
	const char *error = "its answer cannot be read";
	Response *response = NULL;
	struct bytes bytes;

	if (lseek(fd, 0, SEEK_SET) == 0 && request_read(fd, &bytes) == 0)
		response = request_unpack_response(bytes, &error);
	if (!response) {
		*ret_error = memory_printf("%s: %s", program, error);
		return NULL;
	}
	if (response->error && response->error[0]) {
		*ret_error = memory_printf("%s: %s", program, response->error);
		return NULL;
	}
	return response;
}

static Response *generate(const char *program, const int files[N_FILES], struct bytes request,
			  const char **ret_error)
{
	int status = 0, r;

	for (int i = 0; i < N_FILES; i++) {
		if (files[i] < 0) {
			*ret_error = "no anonymous file could be made for protoc-gen-c";
			return NULL;
		}
	}
	r = write_all(files[IN], request);
	if (r == 0)
		r = run(program, files, &status);
	if (r < 0) {
		*ret_error = memory_printf(
			"%s, which writes the messages' code, cannot be run: %s; install "
			"protobuf-c-compiler, or say in PROTOC_GEN_C where it is",
			program, strerror(-r));
		return NULL;
	}
	if (status != 0) {
		*ret_error = memory_printf("%s %s: %s", program, how_it_ended(status),
					   words_of(files[ERR]));
		return NULL;
	}
	return read_response(program, files[OUT], ret_error);
}

Response *messages_generate(struct bytes request, const char **ret_error)
{
	const char *program = getenv("PROTOC_GEN_C");
	Response *response;
	int files[N_FILES];

	if (!program || !program[0])
		program = "protoc-gen-c";
	for (int i = 0; i < N_FILES; i++)
		files[i] = memfd_create("protoc-gen-c", MFD_CLOEXEC);
	response = generate(program, files, request, ret_error);
	for (int i = 0; i < N_FILES; i++)
		if (files[i] >= 0)
			close(files[i]);
	return response;
}
