/*
 * Where in a message a codec is: lines[2].quantity. A stack of fixed size, since what is deeper
 * than it can hold would not fit into an error either. Pushing is cheap, because it is done for
 * every field; what is pushed is borrowed.
 */
#ifndef JSON_PLACE_H
#define JSON_PLACE_H

#include <weft/schema.h>

#define PLACE_STEPS 32

struct place_step {
	enum { PLACE_FIELD, PLACE_NAME, PLACE_INDEX, PLACE_KEY } kind;
	const void *at; /* of a field the struct, of a name or a map's key the text */
	size_t n;       /* of a text its length, or the index */
};

struct place {
	struct place_step steps[PLACE_STEPS];
	size_t n;        /* may be more than there are steps */
	bool json_names; /* of fields */
};

static inline void place_push(struct place *place, struct place_step step)
{
	if (place->n < PLACE_STEPS)
		place->steps[place->n] = step;
	place->n++;
}

static inline void place_push_field(struct place *place, const struct weft_schema_field *field)
{
	place_push(place, (struct place_step) { PLACE_FIELD, field, 0 });
}

static inline void place_push_name(struct place *place, const char *name, size_t len)
{
	place_push(place, (struct place_step) { PLACE_NAME, name, len });
}

static inline void place_push_index(struct place *place, size_t index)
{
	place_push(place, (struct place_step) { PLACE_INDEX, NULL, index });
}

static inline void place_push_key(struct place *place, const char *key, size_t len)
{
	place_push(place, (struct place_step) { PLACE_KEY, key, len });
}

static inline void place_pop(struct place *place)
{
	place->n--;
}

void place_print(const struct place *place, char *text, size_t size);

#endif
