/* See everything.h. The descriptors are those that the generated code carries. */
#include "everything.h"

#include "everything.weft.h"
#include "fuzz.h"
#include "rules.weft.h"

static void add(struct weft_schema *schema, const struct weft_file *file)
{
	char error[256];

	for (size_t i = 0; file->imports[i]; i++)
		add(schema, file->imports[i]);
	if (weft_schema_add_file(schema, file->descriptor, error) < 0)
		abort();
}

const struct weft_schema *everything_schema(void)
{
	static struct weft_schema *schema;

	if (!schema) {
		assert(weft_schema_new(&schema) == 0);
		add(schema, &everything_proto);
		add(schema, &rules_proto);
	}
	return schema;
}
