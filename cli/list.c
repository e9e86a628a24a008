#include <stdio.h>

#include "command.h"
#include "descriptors.h"
#include "reflection.h"

static int list_methods(const struct weft_schema *schema, const char *name)
{
	const struct weft_schema_service *service = weft_schema_service(schema, name);

	if (!service)
		return complain(EXIT_USAGE, "no service \"%s\": weft list names them all", name);
	for (size_t i = 0; i < service->n_methods; i++)
		printf("%s/%s\n", service->full_name, service->methods[i].name);
	return 0;
}

static int list_services(const struct weft_schema *schema)
{
	const struct weft_schema_service *service;

	for (size_t i = 0; (service = weft_schema_service_at(schema, i)); i++)
		puts(service->full_name);
	return 0;
}

int command_list(const struct options *options)
{
	bool ask_server = options->target_given && !options->protoset;
	const char *name = options->positionals[0];
	struct weft_schema *schema = NULL;
	int code;

	if (ask_server && !name)
		return reflection_list(options);
	code = ask_server ? reflection_find(options, name, &schema)
			  : descriptors_load(options, &schema);
	if (code != 0)
		return code;
	if (!schema)
		return complain(EXIT_USAGE, "the server knows no service \"%s\"", name);
	code = name ? list_methods(schema, name) : list_services(schema);
	weft_schema_free(schema);
	return code;
}
