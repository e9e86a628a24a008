#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE ((size_t)64 << 10)

int input_open(struct input *input, const char *data)
{
	int fd = -1;

	if (data && data[0] == '@' && strcmp(data, "@-") != 0) {
		fd = open(data + 1, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
	}
	*input = (struct input) { .fd = fd, .name = "-d" };
	if (fd >= 0) {
		input->name = data + 1;
	} else if (data && strcmp(data, "@-") == 0) {
		input->fd = STDIN_FILENO;
		input->name = "standard input";
	} else {
		input->ended = true;
		return data ? weft_buffer_append_string(&input->text, data) : 0;
	}
	return 0;
}

void input_close(struct input *input)
{
	if (input->fd > STDIN_FILENO)
		close(input->fd);
	weft_buffer_fini(&input->text);
}

int input_read(struct input *input)
{
	uint8_t *room;
	ssize_t n;
	int r;

	if (input->ended)
		return 0;
	weft_buffer_consume(&input->text, input->taken);
	input->taken = 0;
	r = weft_buffer_reserve(&input->text, READ_SIZE, &room);
	if (r < 0)
		return r;
	n = read(input->fd, room, READ_SIZE);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	input->ended = n == 0;
	input->text.len += (size_t)n;
	return 0;
}

static void pass(struct input *input, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		input->column++;
		if (input->text.data[input->taken + i] == '\n') {
			input->line++;
			input->column = 0;
		}
	}
	input->taken += len;
	input->scanner = (struct weft_json_scanner) { 0 };
}

/* White space is passed at once, so that a value's first line is where it stands. */
static void pass_space(struct input *input)
{
	size_t len = 0;

	while (input->taken + len < input->text.len &&
	       strchr(" \t\r\n", input->text.data[input->taken + len] ?: 'x'))
		len++;
	if (len > 0)
		pass(input, len);
}

enum input_result input_next(struct input *input, const char **ret_text, size_t *ret_len)
{
	size_t left, len = 0;
	int r;

	if (input->scanner.at == 0)
		pass_space(input);
	left = input->text.len - input->taken;
	if (left == 0)
		return input->ended ? INPUT_END : INPUT_MORE;
	*ret_text = (const char *)input->text.data + input->taken;
	r = weft_json_scan(&input->scanner, *ret_text, left, &len);
	if (r == -EAGAIN && !input->ended)
		return INPUT_MORE;
	if (r == -EINVAL)
		return INPUT_BROKEN;
	/* What is cut off at the end is handed out, too: the codec says best what is missing. */
	*ret_len = r == 0 ? len : left;
	input->value_line = input->line;
	input->value_column = input->column;
	pass(input, *ret_len);
	return INPUT_VALUE;
}

void input_place(const struct input *input, unsigned *line, unsigned *column)
{
	*column += *line == 1 ? input->value_column : 0;
	*line += input->value_line;
}
