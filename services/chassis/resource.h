/*
 * Resource names after AIP-122: "products/85123A" is the collection "products" and the id "85123A".
 *
 * An id is a letter or digit, then letters, digits, ".", "_" and "-", at most RESOURCE_ID_MOST in
 * all: it needs no escaping in a path, and "." and ".." are none.
 */
#ifndef CHASSIS_RESOURCE_H
#define CHASSIS_RESOURCE_H

#include <weft/base.h>

#define RESOURCE_ID_MOST 63

bool resource_id_valid(const char *id);
/* The id in `name`, borrowed from it. -EINVAL: no name of this collection. */
int resource_id(const char *name, const char *collection, const char **ret_id);

/* Whether it looks like a CLDR region code (AIP-143): two letters A to Z. */
bool region_code_valid(const char *text);

#endif
