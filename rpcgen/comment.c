/* See comment.h. */
#include "comment.h"

#include "memory.h"

#include <stdbool.h>
#include <string.h>

char *comment_defuse(const char *bytes, size_t len)
{
	char *text = memory_alloc(2 * len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char last = n > 0 ? text[n - 1] : '\0';

		if ((last == '*' && bytes[i] == '/') || (last == '/' && bytes[i] == '*') ||
		    (last == '?' && bytes[i] == '?'))
			text[n++] = ' ';
		text[n++] = bytes[i];
	}
	return text;
}

/* Cuts the next line off, without the space that follows the contract's own comment sign. */
static char *next_line(const char **text)
{
	const char *start = *text;
	size_t len = strcspn(start, "\n");

	*text = start + len + (start[len] == '\n');
	while (len > 0 && strchr(" \t\r", start[len - 1]))
		len--;
	if (len > 0 && start[0] == ' ')
		return comment_defuse(start + 1, len - 1);
	return comment_defuse(start, len);
}

static bool blank(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '\0';
}

static void print_line(struct printer *printer, unsigned indent, const char *line)
{
	print_indent(printer, indent);
	print(printer, line[0] ? " * %s\n" : " *\n", line);
}

void comment_print(struct printer *printer, unsigned indent, const char *title, const char *text)
{
	bool has_text = text && !blank(text);
	char *line;

	if (!title && !has_text)
		return;

	if (has_text)
		text += strspn(text, "\n");
	if (!title || !has_text) {
		const char *rest = title ? title : text;

		line = next_line(&rest);
		if (blank(rest) && 8 * indent + strlen(line) + 6 <= PRINTER_COLUMNS) {
			print_indent(printer, indent);
			print(printer, "/* %s */\n", line);
			return;
		}
	}

	print_indent(printer, indent);
	print(printer, "/*\n");
	if (title)
		print_line(printer, indent, title);
	if (title && has_text)
		print_line(printer, indent, "");
	while (has_text && !blank(text))
		print_line(printer, indent, next_line(&text));
	print_indent(printer, indent);
	print(printer, " */\n");
}
