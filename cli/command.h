/* The commands of weft, each in a file of its own; main.c has their table. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "options.h"

#define EXIT_USAGE 2  /* the command line, or what was typed for a request */
#define EXIT_CODE  64 /* and a gRPC code: the call failed */

/* They return the exit code, and have said on standard error why it is not 0. */
int command_list(const struct options *options);
int command_describe(const struct options *options);
int command_call(const struct options *options);
int command_health(const struct options *options);
int command_resolve(const struct options *options);

/* "weft: …" on standard error; returns `code`. */
int complain(int code, const char *format, ...) WEFT_PRINTF(2, 3);

#endif
