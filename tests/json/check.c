/*
 * weft-json-check: reads JSON on standard input and exits 0 where it is right by its syntax, 1 with
 * a sentence where it is not.
 */
#include <stdio.h>
#include <weft/json.h>

int main(void)
{
	struct weft_buffer text = WEFT_BUFFER_INIT;
	struct weft_json_error error = { .message = "out of memory" };
	char piece[4096];
	size_t n;
	int r = 0;

	while (r == 0 && (n = fread(piece, 1, sizeof(piece), stdin)) > 0)
		r = weft_buffer_append(&text, piece, n);
	if (r == 0)
		r = weft_json_check((const char *)text.data, text.len, 0, &error);
	if (r < 0)
		fprintf(stderr, "line %u, column %u: %s\n", error.line, error.column,
			error.message);
	weft_buffer_fini(&text);
	return r < 0;
}
