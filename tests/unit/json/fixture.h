/* The descriptor set of everything.proto and elder.proto, loaded; its path is the test's first
 * argument. */
#ifndef JSON_FIXTURE_H
#define JSON_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <weft/buffer.h>
#include <weft/schema.h>

static struct weft_buffer fixture_set;
static struct weft_schema *fixture_schema;

static inline int fixture_load(const char *path)
{
	FILE *file = fopen(path, "rb");
	char error[256];
	int c;

	if (!file)
		return -1;
	while ((c = getc(file)) != EOF)
		weft_buffer_append_byte(&fixture_set, (uint8_t)c);
	fclose(file);
	weft_schema_new(&fixture_schema);
	return weft_schema_add_set(
		fixture_schema, (struct weft_bytes) { fixture_set.data, fixture_set.len }, error);
}

static inline void fixture_free(void)
{
	weft_buffer_fini(&fixture_set);
	weft_schema_free(fixture_schema);
}

#endif
