#include <stdio.h>

#include "command.h"
#include "descriptors.h"

static int list(const struct options *options, const struct weft_schema *schema)
{
	const struct weft_schema_service *service;
	const char *name = options->positionals[0];

	if (!name) {
		for (size_t i = 0; (service = weft_schema_service_at(schema, i)); i++)
			puts(service->full_name);
		return 0;
	}
	service = weft_schema_service(schema, name);
	if (!service)
		return complain(EXIT_USAGE, "no service \"%s\": weft list names them all", name);
	for (size_t i = 0; i < service->n_methods; i++)
		printf("%s/%s\n", service->full_name, service->methods[i].name);
	return 0;
}

int command_list(const struct options *options)
{
	struct weft_schema *schema;
	int code;

	code = descriptors_load(options, &schema);
	if (code != 0)
		return code;
	code = list(options, schema);
	weft_schema_free(schema);
	return code;
}
