/*
 * In place of libFuzzer: gives the target every file of the directories (or the files) named by the
 * arguments, and nothing at all. What fails is an assertion or a sanitizer's.
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fuzz.h"

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat info;
	uint8_t *bytes;
	size_t len;

	if (!file || fstat(fileno(file), &info) != 0) {
		perror(path);
		return 1;
	}
	bytes = malloc((size_t)info.st_size);
	len = fread(bytes, 1, (size_t)info.st_size, file);
	fclose(file);
	fprintf(stderr, "%s: %zu bytes\n", path, len);
	LLVMFuzzerTestOneInput(bytes, len);
	free(bytes);
	return 0;
}

static int replay_directory(const char *path, DIR *directory)
{
	const struct dirent *entry;
	int failed = 0;

	while ((entry = readdir(directory))) {
		char name[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		failed |= replay_file(name);
	}
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;

	LLVMFuzzerTestOneInput(NULL, 0);
	for (int i = 1; i < argc; i++) {
		DIR *directory = opendir(argv[i]);

		if (directory) {
			failed |= replay_directory(argv[i], directory);
			closedir(directory);
		} else {
			failed |= replay_file(argv[i]);
		}
	}
	return failed;
}
