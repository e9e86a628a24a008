/* A linear search for each question: a contract has hundreds of places, and is asked about
 * dozens. */
#include "places.h"

#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const LocationProto *find(struct place place)
{
	const Google__Protobuf__SourceCodeInfo *info = place.file->source_code_info;

	for (size_t i = 0; info && place.len > 0 && i < info->n_location; i++) {
		const LocationProto *location = info->location[i];

		if (location->n_path == place.len &&
		    memcmp(location->path, place.path, place.len * sizeof(*place.path)) == 0)
			return location;
	}
	return NULL;
}

const char *place_text(struct place place)
{
	const LocationProto *location = find(place);

	if (!location || location->n_span == 0)
		return place.file->name;
	return memory_printf("%s:%d", place.file->name, (int)location->span[0] + 1);
}

const char *place_comment(struct place place)
{
	const LocationProto *location = find(place);

	if (!location)
		return NULL;
	return location->leading_comments ? location->leading_comments
					  : location->trailing_comments;
}

const char *place_error(struct place place, const char *format, ...)
{
	char words[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	return memory_printf("%s: %s", place_text(place), words);
}
