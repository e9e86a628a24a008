/* The schema of rules.proto; the path of its set is the test's first argument. */
#ifndef GATEWAY_RULES_H
#define GATEWAY_RULES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <weft/buffer.h>
#include <weft/schema.h>

static inline struct weft_schema *rules_load(const char *path)
{
	struct weft_buffer set = WEFT_BUFFER_INIT;
	FILE *file = fopen(path, "rb");
	struct weft_schema *schema;
	char error[256];
	int c;

	if (!file)
		return NULL;
	while ((c = getc(file)) != EOF)
		weft_buffer_append_byte(&set, (uint8_t)c);
	fclose(file);
	weft_schema_new(&schema);
	if (weft_schema_add_set(schema, (struct weft_bytes) { set.data, set.len }, error) < 0) {
		fprintf(stderr, "%s\n", error);
		weft_schema_free(schema);
		schema = NULL;
	}
	weft_buffer_fini(&set);
	return schema;
}

#endif
