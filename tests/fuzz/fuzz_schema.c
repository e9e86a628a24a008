/*
 * A descriptor set from somebody's file or reflection service. What was loaded must be whole: every
 * type can be found, printed, and used for JSON.
 */
#include <weft/json.h>

#include "fuzz.h"

/* Follows the fields' types, each message once, as deep as they go within reason. */
static void use(const struct weft_schema_message *message, unsigned depth)
{
	struct weft_buffer text = WEFT_BUFFER_INIT, wire = WEFT_BUFFER_INIT;
	struct weft_json_options options = { .size = sizeof(options), .emit_defaults = true };
	struct weft_json_error error;

	if (weft_wire_to_json(message, NULL, 0, &options, &text, &error) == 0)
		weft_json_to_wire(message, (char *)text.data, text.len, &options, &wire, &error);
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct weft_schema_field *field = &message->fields[i];

		assert(weft_schema_field(message, field->number) == field);
		assert(weft_schema_field_named(message, field->name, strlen(field->name)));
		assert(field->oneof < 0 || (size_t)field->oneof < message->n_oneofs);
		if (field->type == WEFT_TYPE_MESSAGE || field->type == WEFT_TYPE_GROUP)
			assert(field->message);
		if (field->type == WEFT_TYPE_ENUM)
			assert(field->enumeration);
		if (field->message && depth < 3)
			use(field->message, depth + 1);
	}
	weft_buffer_fini(&text);
	weft_buffer_fini(&wire);
}

static void use_services(const struct weft_schema *schema)
{
	const struct weft_schema_service *service;

	for (size_t i = 0; (service = weft_schema_service_at(schema, i)); i++) {
		struct weft_buffer text = WEFT_BUFFER_INIT;

		assert(weft_schema_service(schema, service->full_name) == service);
		assert(weft_schema_print(schema, service->full_name, &text) == 0);
		for (size_t m = 0; m < service->n_methods; m++) {
			const struct weft_schema_method *method = &service->methods[m];

			assert(weft_schema_method(schema, method->path));
			weft_schema_print(schema, method->path + 1, &text);
			weft_schema_print(schema, method->request->full_name, &text);
			use(method->request, 0);
			use(method->response, 0);
		}
		weft_buffer_fini(&text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weft_schema *schema;
	char error[256] = "";
	uint8_t *set = fuzz_copy((struct weft_bytes) { data, size });
	int r;

	assert(weft_schema_new(&schema) == 0);
	r = weft_schema_add_set(schema, (struct weft_bytes) { set, size }, error);
	if (r < 0) {
		assert(error[0] && strlen(error) < sizeof(error));
		assert(!weft_schema_service_at(schema, 0));
	}
	free(set); /* nothing borrows it */
	use_services(schema);
	weft_schema_free(schema);
	return 0;
}
