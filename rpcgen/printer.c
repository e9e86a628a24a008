/* See printer.h. */
#include "printer.h"

#include "memory.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TAB 8u

static void make_room(struct printer *printer, size_t len)
{
	size_t cap = printer->cap ? printer->cap : 4096;
	char *text;

	while (cap - printer->len <= len)
		cap *= 2;
	if (cap == printer->cap)
		return;
	text = memory_alloc(cap);
	if (printer->text)
		memcpy(text, printer->text, printer->len);
	printer->text = text;
	printer->cap = cap;
}

void print(struct printer *printer, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);

	make_room(printer, (size_t)len);
	va_start(args, format);
	vsnprintf(printer->text + printer->len, (size_t)len + 1, format, args);
	va_end(args);
	printer->len += (size_t)len;
}

void print_indent(struct printer *printer, unsigned indent)
{
	while (indent-- > 0)
		print(printer, "\t");
}

static void print_columns(struct printer *printer, size_t columns)
{
	for (; columns >= TAB; columns -= TAB)
		print(printer, "\t");
	print(printer, "%*s", (int)columns, "");
}

/* How far an argument reaches: with its comma, or with what ends the list. */
static size_t reach(const char *const *arg, const char *tail)
{
	return strlen(*arg) + (arg[1] ? 1 : 1 + strcspn(tail, "\n"));
}

static bool fits(const char *const *args, const char *tail, size_t column)
{
	for (; *args; args++)
		if (column + reach(args, tail) > PRINTER_COLUMNS)
			return false;
	return true;
}

void print_list(struct printer *printer, unsigned indent, const char *head, const char *const *args,
		const char *tail)
{
	/* `head` may begin with an empty line. */
	size_t start = TAB * indent + strlen(head + strspn(head, "\n")) + 1, column = start;

	print_indent(printer, indent);
	print(printer, "%s(", head);
	if (!fits(args, tail, start)) {
		start = column = TAB * (indent + 1);
		print(printer, "\n");
		print_columns(printer, start);
	}
	for (const char *const *arg = args; *arg; arg++) {
		if (arg != args && column + 1 + reach(arg, tail) > PRINTER_COLUMNS) {
			print(printer, "\n");
			print_columns(printer, start);
			column = start;
		} else if (arg != args) {
			print(printer, " ");
			column++;
		}
		print(printer, "%s%s", *arg, arg[1] ? "," : "");
		column += strlen(*arg) + 1;
	}
	print(printer, ")%s", tail);
}
