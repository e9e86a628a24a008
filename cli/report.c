#include "report.h"

#include <stdio.h>
#include <string.h>
#include <weft/json.h>
#include <weft/protobuf.h>

#include "contracts.h"

#define STATUS_DETAILS 3 /* google.rpc.Status.details */

/* A google.protobuf.Any as JSON, its type looked up in `schema`. */
static bool print_any(struct weft_bytes any, const struct weft_schema *schema)
{
	const struct weft_json_options options = { .size = sizeof(options),
						   .schema = schema,
						   .indent = 2 };
	struct weft_buffer out = WEFT_BUFFER_INIT;
	const struct weft_schema_message *message;
	bool known = false;

	message = schema ? weft_schema_message(schema, "google.protobuf.Any") : NULL;
	if (message)
		known = weft_wire_to_json(message, any.data, any.len, &options, &out, NULL) == 0;
	if (known)
		fprintf(stderr, "%.*s\n", (int)out.len, (const char *)out.data);
	weft_buffer_fini(&out);
	return known;
}

static void print_type(struct weft_bytes any)
{
	struct weft_wire_field field;

	while (weft_wire_next(&any, &field) > 0)
		if (field.number == 1 && field.type == WEFT_WIRE_BYTES)
			fprintf(stderr, "(a detail of unknown type %.*s)\n", (int)field.bytes.len,
				(const char *)field.bytes.data);
}

void report_status(const struct weft_status *status, const struct weft_schema *schema)
{
	struct weft_bytes details = status->details;
	struct weft_schema *built_in = NULL;
	struct weft_wire_field field;

	fprintf(stderr, "weft: %s (%d): %s\n", weft_code_name(status->code), (int)status->code,
		status->message);
	while (weft_wire_next(&details, &field) > 0) {
		if (field.number != STATUS_DETAILS || field.type != WEFT_WIRE_BYTES ||
		    print_any(field.bytes, schema))
			continue;
		if (!built_in) {
			weft_schema_new(&built_in);
			weft_schema_add_set(built_in, contracts_descriptor_set, NULL);
		}
		if (!print_any(field.bytes, built_in))
			print_type(field.bytes);
	}
	weft_schema_free(built_in);
}

void report_metadata(const char *what, const struct weft_metadata *metadata)
{
	for (size_t i = 0; metadata && i < metadata->n; i++) {
		const struct weft_metadata_entry *entry = &metadata->entries[i];
		size_t len = strlen(entry->name);

		if (len > 4 && strcmp(entry->name + len - 4, "-bin") == 0)
			fprintf(stderr, "%s %s: (%zu bytes)\n", what, entry->name, entry->len);
		else
			fprintf(stderr, "%s %s: %s\n", what, entry->name, entry->value);
	}
}
