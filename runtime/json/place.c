#include "place.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static void push(struct place *place, struct place_step step)
{
	if (place->n < PLACE_STEPS)
		place->steps[place->n] = step;
	place->n++;
}

void place_push_field(struct place *place, const struct weft_schema_field *field)
{
	const char *name = place->json_names ? field->json_name : field->name;

	place_push_name(place, name, strlen(name));
}

void place_push_name(struct place *place, const char *name, size_t len)
{
	push(place, (struct place_step) { .text = name, .len = len });
}

void place_push_index(struct place *place, size_t index)
{
	push(place, (struct place_step) { .len = SIZE_MAX, .index = index });
}

void place_push_key(struct place *place, const char *key, size_t len)
{
	push(place, (struct place_step) { .text = key, .len = len, .key = true });
}

void place_pop(struct place *place)
{
	place->n--;
}

void place_print(const struct place *place, char *text, size_t size)
{
	size_t at = 0;

	*text = '\0';
	for (size_t i = 0; i < place->n && i < PLACE_STEPS && at < size; i++) {
		const struct place_step *step = &place->steps[i];
		int len = (int)(step->len > size ? size : step->len);

		if (step->len == SIZE_MAX)
			len = snprintf(text + at, size - at, "[%zu]", step->index);
		else
			len = snprintf(text + at, size - at, "%s%.*s%s",
				       step->key ? "[\""
				       : i > 0   ? "."
						 : "",
				       len, step->text, step->key ? "\"]" : "");
		at += (size_t)len;
	}
	if (at < size && place->n <= PLACE_STEPS)
		return;
	if (at > size - 4)
		at = weft_utf8_floor((const uint8_t *)text, size - 4);
	strcpy(text + at, "...");
}
