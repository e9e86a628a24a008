/* grpc.health.v1.Health/Check, through the same way as any other call. */
#include <stdio.h>
#include <string.h>
#include <weft/protobuf.h>

#include "command.h"
#include "descriptors.h"
#include "invocation.h"

#define SERVING 1 /* grpc.health.v1.HealthCheckResponse.ServingStatus */

struct health {
	const struct weft_schema_method *method;
	bool serving;
};

static int print_health(struct weft_bytes message, void *data)
{
	struct health *health = data;
	const struct weft_schema_field *field = weft_schema_field(health->method->response, 1);
	const struct weft_schema_enum_value *value;
	struct weft_wire_field wire;
	uint64_t status = 0;

	while (weft_wire_next(&message, &wire) > 0)
		if (wire.number == 1 && wire.type == WEFT_WIRE_VARINT)
			status = wire.value;
	value = weft_schema_enum_numbered(field->enumeration, (int32_t)status);
	puts(value ? value->name : "UNKNOWN");
	health->serving = status == SERVING;
	return 0;
}

static int check(const struct options *options, const struct weft_schema *schema)
{
	struct health health = {
		.method = weft_schema_method(schema, "grpc.health.v1.Health/Check"),
	};
	const char *service = options->positionals[0] ?: "";
	struct weft_buffer request = WEFT_BUFFER_INIT;
	struct input input;
	struct invocation invocation = {
		.options = options,
		.schema = schema,
		.method = health.method,
		.input = &input,
		.on_message = print_health,
		.data = &health,
	};
	int code;

	weft_buffer_append_string(&request, "{\"service\":");
	weft_json_quote(service, strlen(service), &request);
	weft_buffer_append(&request, "}", 2);
	input_open(&input, (const char *)request.data);
	code = invocation_run(&invocation);
	input_close(&input);
	weft_buffer_fini(&request);
	return code != 0 || health.serving ? code : EXIT_CODE + WEFT_UNAVAILABLE;
}

int command_health(const struct options *options)
{
	struct weft_schema *schema;
	int code;

	code = descriptors_load(options, &schema);
	if (code != 0)
		return code;
	code = check(options, schema);
	weft_schema_free(schema);
	return code;
}
