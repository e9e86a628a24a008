/*
 * JSON text, written from front to back: commas by itself, failures kept until the end.
 */
#ifndef GATEWAY_JSON_WRITER_H
#define GATEWAY_JSON_WRITER_H

#include <weft/buffer.h>

struct json_writer {
	struct weft_buffer *out;
	int r;      /* the first failure (-ENOMEM, -EMSGSIZE); nothing is written after it */
	bool comma; /* something stands before, in this object or array */
};

void json_open(struct json_writer *writer, char bracket); /* '{' or '[' */
void json_close(struct json_writer *writer, char bracket);
void json_key(struct json_writer *writer, const char *key);
void json_string(struct json_writer *writer, const char *value);
void json_number(struct json_writer *writer, int64_t value);
void json_bool(struct json_writer *writer, bool value);
void json_text(struct json_writer *writer, const char *json, size_t len); /* JSON already */

/* A member of the object that is open. */
void json_open_member(struct json_writer *writer, const char *key, char bracket);
void json_string_member(struct json_writer *writer, const char *key, const char *value);
void json_bool_member(struct json_writer *writer, const char *key, bool value);

#endif
