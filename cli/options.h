/*
 * What the command line says: one table of flags for all commands, one struct for what they mean.
 * Pure: nothing is opened here.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <weft/base.h>

#define OPTIONS_MAX_HEADERS     64
#define OPTIONS_MAX_POSITIONALS 1

struct options {
	const char *target;                       /* -t, $WEFT_TARGET */
	const char *registry;                     /* --registry, $WEFT_REGISTRY */
	const char *authority;                    /* --authority */
	const char *ca;                           /* --ca, $WEFT_CA */
	const char *cert;                         /* --cert */
	const char *key;                          /* --key */
	bool insecure;                            /* --insecure */
	bool plaintext;                           /* --plaintext */
	bool target_given;                        /* by the flag, not by the environment */
	bool ca_given;                            /* the same */
	const char *protoset;                     /* --protoset */
	const char *data;                         /* -d */
	const char *headers[OPTIONS_MAX_HEADERS]; /* -H */
	size_t n_headers;
	uint64_t deadline_ns;                                 /* --deadline; 0: none */
	bool emit_defaults;                                   /* --emit-defaults */
	bool verbose;                                         /* -v */
	bool watch;                                           /* --watch */
	bool help;                                            /* -h */
	const char *positionals[OPTIONS_MAX_POSITIONALS + 1]; /* ends with NULL */
};

/* Which flags a command takes: a sum of these. */
enum options_group {
	OPTIONS_SCHEMA = 1, /* --protoset */
	OPTIONS_PEER = 2,   /* --target, TLS, --deadline, -H, -v */
	OPTIONS_DATA = 4,   /* -d, --emit-defaults */
	OPTIONS_WATCH = 8,  /* --watch */
};

/* `argv` has neither the program nor the command. Flags and positionals may be mixed; "--" ends the
 * flags. -EINVAL: `error` says what is wrong. Everything is borrowed from `argv` and the
 * environment. */
int options_parse(int argc, char *const *argv, unsigned groups, struct options *ret_options,
		  char error[256]);

/* The flags of these groups, a line each, for --help. */
void options_print(unsigned groups);

#endif
