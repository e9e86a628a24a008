/*
 * Where something stands in a contract, and what is said about it there: SourceCodeInfo, asked by
 * path (the field numbers and indices that lead from the file to the thing).
 */
#ifndef RPCGEN_PLACES_H
#define RPCGEN_PLACES_H

#include "descriptor.h"

struct place {
	const FileProto *file;
	const int32_t *path;
	size_t len;
};

#define PLACE(file, ...)                                                                           \
	((struct place) { (file), (const int32_t[]) { __VA_ARGS__ },                               \
			  sizeof((const int32_t[]) { __VA_ARGS__ }) / sizeof(int32_t) })

/* "catalog/v1/catalog.proto:12", or without a line where the request does not say. */
const char *place_text(struct place place);

/* The comment in front of it, or else the one after it; NULL when there is none. */
const char *place_comment(struct place place);

/* "catalog/v1/catalog.proto:12: " and the words. */
const char *place_error(struct place place, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));

#endif
