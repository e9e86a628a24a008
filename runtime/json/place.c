#include "place.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* As snprintf(). */
static int print_step(const struct place *place, size_t i, char *text, size_t size)
{
	const struct place_step *step = &place->steps[i];
	const struct weft_schema_field *field = step->at;
	const char *dot = i > 0 ? "." : "";
	int len = (int)(step->n > 128 ? 128 : step->n);

	switch (step->kind) {
	case PLACE_INDEX: return snprintf(text, size, "[%zu]", step->n);
	case PLACE_KEY: return snprintf(text, size, "[\"%.*s\"]", len, (const char *)step->at);
	case PLACE_NAME: return snprintf(text, size, "%s%.*s", dot, len, (const char *)step->at);
	case PLACE_FIELD: break;
	}
	return snprintf(text, size, "%s%s", dot,
			place->json_names ? field->json_name : field->name);
}

void place_print(const struct place *place, char *text, size_t size)
{
	size_t at = 0;

	*text = '\0';
	for (size_t i = 0; i < place->n && i < PLACE_STEPS && at < size; i++)
		at += (size_t)print_step(place, i, text + at, size - at);
	if (at < size && place->n <= PLACE_STEPS)
		return;
	if (at > size - 4)
		at = weft_utf8_floor((const uint8_t *)text, size - 4);
	strcpy(text + at, "...");
}
