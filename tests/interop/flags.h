/*
 * Flags as gRPC's interop programs take them: --name=value or --name value, booleans as true and
 * false. A flag that is not known is passed over with a warning, because the scripts that drive
 * such programs hand the same flags to all of them.
 */
#ifndef INTEROP_FLAGS_H
#define INTEROP_FLAGS_H

#include <stddef.h>

struct flag {
	const char *name;
	enum { FLAG_TEXT, FLAG_NUMBER, FLAG_BOOL } kind;
	void *value; /* const char *, long, bool: its value so far is the default */
};

/* Ends the process when a value is none. Texts are borrowed from `argv`. */
void flags_parse(const struct flag *flags, size_t n, int argc, char **argv);

#endif
