/*
 * The edge's file: whatever YAML becomes is JSON whose pieces come from somewhere, and the codec
 * has a word for everything that gateway.v1.Config has no place for. The first byte chooses between
 * that and base64 as gRPC-Web sends it, in two pieces.
 */
#include <errno.h>
#include <weft/json.h>

#include "contracts.h"
#include "fuzz.h"
#include "grpc_web.h"
#include "yaml_json.h"

static const struct weft_schema_message *config(void)
{
	static struct weft_schema *schema;
	char error[256];

	if (!schema) {
		weft_schema_new(&schema);
		if (weft_schema_add_set(schema, contracts_descriptor_set, error) < 0)
			abort();
	}
	return weft_schema_message(schema, "gateway.v1.Config");
}

static void read_json(const struct yaml_json *json)
{
	struct weft_buffer wire = WEFT_BUFFER_INIT;
	struct weft_json_error error = { 0 };
	struct yaml_place place;
	size_t len;
	int r;

	r = weft_json_value_length((const char *)json->text.data, json->text.len, &len);
	assert(r == 0 || r == -EAGAIN); /* a number alone may go on */
	r = weft_json_to_wire(config(), (const char *)json->text.data, json->text.len, NULL, &wire,
			      &error);
	assert(r == 0 || r == -EINVAL);
	if (r < 0) {
		assert(error.message[0]);
		place = yaml_place_of(json, error.offset);
		assert(place.line > 0 && place.column > 0);
	}
	weft_buffer_fini(&wire);
}

static void yaml(struct weft_bytes text)
{
	char error[256] = "";
	struct yaml_json json;
	int r;

	r = yaml_to_json((const char *)text.data, text.len, &json, error);
	assert(r == 0 || r == -EINVAL);
	for (size_t i = 1; i < json.n_places; i++)
		assert(json.places[i - 1].offset <= json.places[i].offset);
	if (r == 0)
		read_json(&json);
	else
		assert(strncmp(error, "line ", 5) == 0);
	yaml_json_fini(&json);
}

static void base64(struct weft_bytes text)
{
	struct weft_buffer whole = WEFT_BUFFER_INIT, cut = WEFT_BUFFER_INIT;
	struct grpc_web_decoder one = { 0 }, two = { 0 };
	size_t half = text.len / 2;
	int r, again;

	r = grpc_web_decode(&one, text.data, text.len, &whole);
	again = grpc_web_decode(&two, text.data, half, &cut);
	if (again == 0)
		again = grpc_web_decode(&two, text.data + half, text.len - half, &cut);
	assert(r == again && (r == 0 || r == -EINVAL));
	fuzz_same((struct weft_bytes) { whole.data, whole.len },
		  (struct weft_bytes) { cut.data, cut.len });
	weft_buffer_fini(&whole);
	weft_buffer_fini(&cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weft_bytes input = { data, size };

	if (size == 0)
		return 0;
	input.data++;
	input.len--;
	if (*data == '!')
		base64(input);
	else
		yaml(input);
	return 0;
}
