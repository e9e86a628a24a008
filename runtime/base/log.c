/*
 * Log lines. A line is put together on the heap and written by one write(2); whatever a field
 * holds, it stays one line and valid JSON, because part of it was often chosen by a peer. Values
 * are cut at VALUE_MAX for the same reason.
 */
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <weft/buffer.h>
#include <weft/log.h>

#include "base/utf8.h"

#define VALUE_MAX ((size_t)8192)

static _Atomic(const char *) service_name;
static atomic_int least_level = WEFT_LOG_INFO;

static const char *const level_names[] = {
	[WEFT_LOG_DEBUG] = "debug",
	[WEFT_LOG_INFO] = "info",
	[WEFT_LOG_WARNING] = "warning",
	[WEFT_LOG_ERROR] = "error",
};

void weft_log_set_service(const char *name)
{
	atomic_store(&service_name, name);
}

int weft_log_level_parse(const char *text, enum weft_log_level *ret_level)
{
	for (size_t i = 0; i < WEFT_COUNT(level_names); i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*ret_level = (enum weft_log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

void weft_log_set_level(enum weft_log_level least)
{
	atomic_store(&least_level, (int)least);
}

bool weft_log_enabled(enum weft_log_level level)
{
	return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

const char *weft_errno_string(int r)
{
	static _Thread_local char unknown[32];
	int number = r < 0 ? -r : r;
	const char *words = strerrordesc_np(number);

	if (words)
		return words;
	snprintf(unknown, sizeof(unknown), "error %d", number);
	return unknown;
}

static void put_escaped_ascii(struct weft_buffer *line, uint8_t c)
{
	static const char shorts[0x80] = {
		['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
		['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't',
	};

	if (shorts[c])
		weft_buffer_append(line, (char[]) { '\\', shorts[c] }, 2);
	else if (c < 0x20 || c == 0x7f)
		weft_buffer_printf(line, "\\u%04x", c);
	else
		weft_buffer_append_byte(line, c);
}

/* U+0080 to U+009F are control characters which a terminal may obey. */
static void put_escaped_wide(struct weft_buffer *line, const uint8_t *bytes, size_t len)
{
	if (bytes[0] == 0xc2 && bytes[1] < 0xa0)
		weft_buffer_printf(line, "\\u%04x", bytes[1]);
	else
		weft_buffer_append(line, bytes, len);
}

static void put_string(struct weft_buffer *line, const char *string)
{
	const uint8_t *at = (const uint8_t *)string;
	size_t left = strnlen(string, VALUE_MAX + 1);
	bool cut = left > VALUE_MAX;

	if (cut)
		left = weft_utf8_floor(at, VALUE_MAX);
	weft_buffer_append_byte(line, '"');
	while (left) {
		size_t n = weft_utf8_step(at, left);

		if (n == 1)
			put_escaped_ascii(line, *at);
		else if (n > 1)
			put_escaped_wide(line, at, n);
		else
			weft_buffer_append_string(line, "\xef\xbf\xbd");
		at += n ? n : 1;
		left -= n ? n : 1;
	}
	weft_buffer_append_string(line, cut ? "…\"" : "\"");
}

/* The fewest digits that read back as the same number; JSON has no word for NaN and infinity. */
static void put_double(struct weft_buffer *line, double d)
{
	char text[32];

	if (!isfinite(d)) {
		weft_buffer_append_string(line, "null");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	weft_buffer_append_string(line, text);
}

static void put_value(struct weft_buffer *line, const struct weft_log_field *field)
{
	switch (field->kind) {
	case WEFT_LOG_FIELD_STR:
		if (field->s)
			put_string(line, field->s);
		else
			weft_buffer_append_string(line, "null");
		break;
	case WEFT_LOG_FIELD_INT: weft_buffer_printf(line, "%lld", (long long)field->i); break;
	case WEFT_LOG_FIELD_UINT:
		weft_buffer_printf(line, "%llu", (unsigned long long)field->u);
		break;
	case WEFT_LOG_FIELD_DOUBLE: put_double(line, field->d); break;
	case WEFT_LOG_FIELD_BOOL:
		weft_buffer_append_string(line, field->i ? "true" : "false");
		break;
	}
}

static void put_field(struct weft_buffer *line, const struct weft_log_field *field)
{
	weft_buffer_append_byte(line, ',');
	put_string(line, field->key);
	weft_buffer_append_byte(line, ':');
	put_value(line, field);
}

static void put_time(struct weft_buffer *line)
{
	uint64_t now = weft_wall_clock();
	time_t seconds = (time_t)(now / WEFT_SECOND);
	struct tm tm;
	char text[32];

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	weft_buffer_printf(line, "{\"time\":\"%s.%06uZ\"", text,
			   (unsigned)(now % WEFT_SECOND / WEFT_US));
}

/* The two ids are what stands at fixed places of a traceparent. */
static void put_trace(struct weft_buffer *line, const struct weft_trace *trace)
{
	static const struct weft_trace nobody;
	char text[56];

	if (!trace || memcmp(trace->trace_id, nobody.trace_id, sizeof(nobody.trace_id)) == 0)
		return;
	weft_trace_format(trace, text);
	weft_buffer_printf(line, ",\"trace_id\":\"%.32s\",\"span_id\":\"%.16s\"", text + 3,
			   text + 36);
}

/* A line that standard error does not take is lost: there is nobody to tell. */
static void write_line(const struct weft_buffer *line)
{
	size_t done = 0;

	while (done < line->len) {
		ssize_t n = write(STDERR_FILENO, line->data + done, line->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		done += (size_t)n;
	}
}

void weft_log_emit(enum weft_log_level level, const struct weft_trace *trace, const char *message,
		   const struct weft_log_field *fields)
{
	struct weft_buffer line = WEFT_BUFFER_INIT;
	const char *service = atomic_load(&service_name);

	if (!weft_log_enabled(level))
		return;
	put_time(&line);
	put_field(&line, &WEFT_STR("level", level_names[level]));
	if (service)
		put_field(&line, &WEFT_STR("service", service));
	put_field(&line, &WEFT_STR("message", message));
	put_trace(&line, trace);
	for (; fields->key; fields++)
		put_field(&line, fields);
	weft_buffer_append_string(&line, "}\n");
	write_line(&line);
	weft_buffer_fini(&line);
}
