#include <stdio.h>
#include <weft/buffer.h>

#include "command.h"
#include "descriptors.h"

int command_describe(const struct options *options)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;
	const char *name = options->positionals[0];
	struct weft_schema *schema;
	int code;

	code = descriptors_find(options, name, options->target_given, &schema);
	if (code != 0)
		return code;
	if (weft_schema_print(schema, name, &out) < 0)
		code = complain(
			EXIT_USAGE,
			"no \"%s\" in the contracts: names are whole, as catalog.v1.Product", name);
	else
		fwrite(out.data, 1, out.len, stdout);
	weft_buffer_fini(&out);
	weft_schema_free(schema);
	return code;
}
