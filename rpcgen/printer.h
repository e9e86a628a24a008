/* Text that grows, and C declarations laid out within 100 columns. */
#ifndef RPCGEN_PRINTER_H
#define RPCGEN_PRINTER_H

#include <stddef.h>

#define PRINTER_COLUMNS 100

struct printer {
	char *text; /* NULL or NUL-terminated */
	size_t len;
	size_t cap;
};

void print(struct printer *printer, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));
void print_indent(struct printer *printer, unsigned indent);

/* "head(first, second)tail": broken after a comma where the line is full, and aligned. `args`
 * ends with NULL. */
void print_list(struct printer *printer, unsigned indent, const char *head, const char *const *args,
		const char *tail);

#define PRINT_LIST(printer, indent, head, tail, ...)                                               \
	print_list((printer), (indent), (head), (const char *const[]) { __VA_ARGS__, NULL }, (tail))

#endif
