#include "json_writer.h"

#include <inttypes.h>
#include <string.h>
#include <weft/json.h>

/* Before each value and each key. */
static void separate(struct json_writer *writer)
{
	if (writer->r == 0 && writer->comma)
		writer->r = weft_buffer_append_byte(writer->out, ',');
	writer->comma = true;
}

void json_open(struct json_writer *writer, char bracket)
{
	separate(writer);
	if (writer->r == 0)
		writer->r = weft_buffer_append_byte(writer->out, (uint8_t)bracket);
	writer->comma = false;
}

void json_close(struct json_writer *writer, char bracket)
{
	if (writer->r == 0)
		writer->r = weft_buffer_append_byte(writer->out, (uint8_t)bracket);
	writer->comma = true;
}

void json_key(struct json_writer *writer, const char *key)
{
	json_string(writer, key);
	if (writer->r == 0)
		writer->r = weft_buffer_append_byte(writer->out, ':');
	writer->comma = false;
}

void json_string(struct json_writer *writer, const char *value)
{
	separate(writer);
	if (writer->r == 0)
		writer->r = weft_json_quote(value, strlen(value), writer->out);
}

void json_number(struct json_writer *writer, int64_t value)
{
	separate(writer);
	if (writer->r == 0)
		writer->r = weft_buffer_printf(writer->out, "%" PRId64, value);
}

void json_bool(struct json_writer *writer, bool value)
{
	json_text(writer, value ? "true" : "false", value ? 4 : 5);
}

void json_text(struct json_writer *writer, const char *json, size_t len)
{
	separate(writer);
	if (writer->r == 0)
		writer->r = weft_buffer_append(writer->out, json, len);
}

void json_open_member(struct json_writer *writer, const char *key, char bracket)
{
	json_key(writer, key);
	json_open(writer, bracket);
}

void json_string_member(struct json_writer *writer, const char *key, const char *value)
{
	json_key(writer, key);
	json_string(writer, value);
}

void json_bool_member(struct json_writer *writer, const char *key, bool value)
{
	json_key(writer, key);
	json_bool(writer, value);
}
