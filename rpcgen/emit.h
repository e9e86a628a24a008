/* The two files that a contract becomes, beside protobuf-c's. */
#ifndef RPCGEN_EMIT_H
#define RPCGEN_EMIT_H

#include "model.h"
#include "printer.h"

void emit_header(struct printer *printer, const struct model_file *file); /* STEM.weft.h */
void emit_source(struct printer *printer, const struct model_file *file); /* STEM.weft.c */

#endif
