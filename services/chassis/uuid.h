/*
 * UUIDs (RFC 9562): the ids of what is created, and the request ids that clients choose.
 */
#ifndef CHASSIS_UUID_H
#define CHASSIS_UUID_H

#include <weft/base.h>

#define UUID_TEXT 36

/* A new one of version 7: it sorts by time, as text too, to a quarter of a microsecond between
 * calls of one machine; 62 random bits keep those of the same moment apart. Any thread. */
void uuid_new(char text[UUID_TEXT + 1]);
/* The same from its parts: time in nanoseconds since 1970, and what is random. */
void uuid_make(uint64_t time_ns, uint64_t random, char text[UUID_TEXT + 1]);

/* Any version and case, but not the nil UUID: gives it in lower case. -EINVAL */
int uuid_read(const char *given, char text[UUID_TEXT + 1]);

#endif
