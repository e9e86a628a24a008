/*
 * Where in a message a codec is: lines[2].quantity. A stack of fixed size, since what is deeper
 * than it can hold would not fit into an error either.
 */
#ifndef JSON_PLACE_H
#define JSON_PLACE_H

#include <weft/schema.h>

#define PLACE_STEPS 32

struct place {
	struct place_step {
		const char *text; /* a field's name, or a map's key */
		size_t len;       /* SIZE_MAX: an index, in `index` */
		size_t index;
		bool key;
	} steps[PLACE_STEPS];
	size_t n;        /* may be more than there are steps */
	bool json_names; /* of fields */
};

void place_push_field(struct place *place, const struct weft_schema_field *field);
void place_push_name(struct place *place, const char *name, size_t len); /* borrowed */
void place_push_index(struct place *place, size_t index);
void place_push_key(struct place *place, const char *key, size_t len); /* borrowed */
void place_pop(struct place *place);
void place_print(const struct place *place, char *text, size_t size);

#endif
