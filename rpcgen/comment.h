/* A contract's comments as C comments. */
#ifndef RPCGEN_COMMENT_H
#define RPCGEN_COMMENT_H

#include "printer.h"

/* `text` is as SourceCodeInfo has it, or NULL for none. `title` (may be NULL) stands first. */
void comment_print(struct printer *printer, unsigned indent, const char *title, const char *text);

/* The text with what would open or end a C comment pulled apart by a space. */
char *comment_defuse(const char *bytes, size_t len);

#endif
