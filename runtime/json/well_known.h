/*
 * The well-known types whose JSON is text of its own: Timestamp, Duration, and the paths of a
 * FieldMask. https://protobuf.dev/reference/protobuf/google.protobuf/
 */
#ifndef JSON_WELL_KNOWN_H
#define JSON_WELL_KNOWN_H

#include <weft/buffer.h>

#define TIMESTAMP_TEXT_MAX 40

/* A Timestamp or a Duration, whose fields have the same numbers. */
struct moment {
	int64_t seconds; /* field 1 */
	int32_t nanos;   /* field 2 */
};

/* RFC 3339 with a date of the years 1 to 9999: -EINVAL, or -ERANGE. */
int timestamp_parse(const char *text, size_t len, struct moment *ret_moment);
/* With 0, 3, 6 or 9 digits of a second, in UTC. Returns the length (there is no NUL); -ERANGE. */
int timestamp_format(const struct moment *moment, char text[TIMESTAMP_TEXT_MAX]);

/* "-1.5s", up to 10,000 years. */
int duration_parse(const char *text, size_t len, struct moment *ret_moment);
int duration_format(const struct moment *moment, char text[TIMESTAMP_TEXT_MAX]);

/* The message's content. */
int moment_append(struct weft_buffer *out, const struct moment *moment);
/* "fooBar,baz": the message's content; -EINVAL. */
int field_mask_append(struct weft_buffer *out, const char *text, size_t len);

/* "fooBar.baz" <-> "foo_bar.baz". -EINVAL: it would not come back as it was. */
int field_path_parse(const char *text, size_t len, struct weft_buffer *out);
int field_path_format(const char *text, size_t len, struct weft_buffer *out);

#endif
