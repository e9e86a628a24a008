/*
 * YAML as JSON text, and where each piece of it came from, so that what reads the JSON can say line
 * and column of the YAML.
 *
 * Plain scalars that JSON knows (numbers, true, false, null) are those; everything else is a
 * string. One document; anchors, aliases and tags are refused: a configuration has no use for them.
 */
#ifndef GATEWAY_YAML_JSON_H
#define GATEWAY_YAML_JSON_H

#include <weft/buffer.h>

struct yaml_place {
	size_t offset; /* in the JSON */
	unsigned line, column;
};

struct yaml_json {
	struct weft_buffer text;
	struct yaml_place *places; /* in order of their offsets */
	size_t n_places;
};

/* -EINVAL: `error` says "line 3, column 5: …". To be finished in any case. */
int yaml_to_json(const char *yaml, size_t len, struct yaml_json *ret_json, char error[256]);
void yaml_json_fini(struct yaml_json *json);

/* Where in the YAML a byte of the JSON is from. */
struct yaml_place yaml_place_of(const struct yaml_json *json, size_t offset);

#endif
