/*
 * The request's messages as JSON: from -d itself, from a file, or from standard input as it
 * arrives. Values follow each other with any white space between them.
 */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <weft/json.h>

struct input {
	int fd;           /* -1: all of it is in `text` */
	const char *name; /* "-d", "standard input", or the file */
	struct weft_buffer text;
	size_t taken; /* of text */
	struct weft_json_scanner scanner;
	unsigned line, column;             /* of what is not taken, from 0 */
	unsigned value_line, value_column; /* of the value taken last */
	bool ended;
};

/* `data` as -d has it; NULL: nothing. -errno of opening the file. */
int input_open(struct input *input, const char *data);
void input_close(struct input *input);

enum input_result { INPUT_VALUE, INPUT_MORE, INPUT_END, INPUT_BROKEN };
/* The next value, borrowed until the next call; INPUT_MORE: read first. */
enum input_result input_next(struct input *input, const char **ret_text, size_t *ret_len);
/* Reads once: it does not block where the descriptor is readable. 0, or a negative errno. */
int input_read(struct input *input);
/* Moves a place within the value taken last to its place in the whole input. */
void input_place(const struct input *input, unsigned *line, unsigned *column);

#endif
