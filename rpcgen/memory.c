/* Blocks in one chain, so that a leak checker finds all of them reachable at exit. */
#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct block {
	struct block *next;
	max_align_t bytes[];
};

static struct block *blocks;

void *memory_alloc(size_t size)
{
	struct block *block = calloc(1, sizeof(*block) + size);

	if (!block) {
		fprintf(stderr, "protoc-gen-weft: out of memory\n");
		exit(1);
	}
	block->next = blocks;
	blocks = block;
	return block->bytes;
}

char *memory_strndup(const char *bytes, size_t len)
{
	char *string = memory_alloc(len + 1);

	memcpy(string, bytes, len);
	return string;
}

char *memory_printf(const char *format, ...)
{
	va_list args;
	char *string;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);

	string = memory_alloc((size_t)len + 1);
	va_start(args, format);
	vsnprintf(string, (size_t)len + 1, format, args);
	va_end(args);
	return string;
}

void memory_free_all(void)
{
	while (blocks) {
		struct block *next = blocks->next;

		free(blocks);
		blocks = next;
	}
}

static void *allocate(void *data, size_t size)
{
	return memory_alloc(size);
}

static void forget(void *data, void *pointer)
{
}

ProtobufCAllocator memory_allocator = { .alloc = allocate, .free = forget };
