/*
 * proto3 JSON, straight between JSON text and protobuf wire bytes, driven by descriptors: no C
 * struct and no document tree in between. https://protobuf.dev/programming-guides/json/
 */
#ifndef WEFT_JSON_H
#define WEFT_JSON_H

#include <weft/buffer.h>
#include <weft/schema.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_json_error {
	size_t offset;     /* bytes from the start of the text */
	unsigned line;     /* from 1 */
	unsigned column;   /* from 1, in bytes */
	char path[128];    /* "lines[2].quantity", "" for the whole; cut with "..." */
	char message[192]; /* what is wrong, and what would be right */
};

struct weft_json_options {
	size_t size;
	const struct weft_schema *schema; /* resolves google.protobuf.Any; may be NULL */
	bool ignore_unknown; /* to wire: drop unknown fields instead of refusing them */
	bool emit_defaults;  /* to JSON: fields at their default value too (not those with presence)
			      */
	bool proto_names;    /* to JSON: page_size, not pageSize */
	unsigned indent;     /* to JSON: spaces a level; 0: one line without spaces */
	unsigned max_depth;  /* 0: 100 */
	bool any_case;       /* to wire: an enum's names in small letters too */
	bool json_paths;     /* errors say "pageSize", not "page_size" */
	const char
		*open_message; /* to wire: unknown fields are dropped in this one, by full name */
	/* To wire: gets the paths of the fields that the text gives, null and defaults too, with
	 * commas in between: what a PATCH means by its body. Singular messages are gone into, down
	 * to sixteen levels; well-known types, lists and maps are given as a whole. */
	struct weft_buffer *given;
};

/* Appends the serialised message to `out`. -EINVAL: *ret_error says what, where; `out` is as
 * before. -ENOMEM */
int weft_json_to_wire(const struct weft_schema_message *message, const char *text, size_t len,
		      const struct weft_json_options *options, struct weft_buffer *out,
		      struct weft_json_error *ret_error);

/* The same for the value of one field, by its own shape (an array where it is repeated): appends
 * tags and values. null appends nothing. */
int weft_json_value_to_wire(const struct weft_schema_field *field, const char *text, size_t len,
			    const struct weft_json_options *options, struct weft_buffer *out,
			    struct weft_json_error *ret_error);

/* Appends JSON to `out`. -EBADMSG: `wire` is no such message. ret_error->offset is in the wire
 * bytes then, line and column are 0. */
int weft_wire_to_json(const struct weft_schema_message *message, const uint8_t *wire, size_t len,
		      const struct weft_json_options *options, struct weft_buffer *out,
		      struct weft_json_error *ret_error);

/* The JSON of one field of the message alone; of its default where it is not there (null for a
 * message). */
int weft_wire_field_to_json(const struct weft_schema_message *message,
			    const struct weft_schema_field *field, const uint8_t *wire, size_t len,
			    const struct weft_json_options *options, struct weft_buffer *out,
			    struct weft_json_error *ret_error);

/* One value of one field from text that is not JSON (a path variable, a query parameter): appends
 * tag and value. Strings are taken as they are; numbers, booleans, enums (by name or number), bytes
 * (base64), wrappers, Timestamp, Duration and FieldMask by their JSON form without quotes. -EINVAL
 */
int weft_json_field_to_wire(const struct weft_schema_field *field, const char *text, size_t len,
			    struct weft_buffer *out, struct weft_json_error *ret_error);

/* A JSON string with its quotes, of any bytes (what is not UTF-8 becomes U+FFFD). */
int weft_json_quote(const char *bytes, size_t len, struct weft_buffer *out);
/* Bytes as a JSON string of base64. */
int weft_json_base64(const void *bytes, size_t len, struct weft_buffer *out);

/* Whether `text` is one JSON value and nothing else but white space, by RFC 8259 alone; nested at
 * most `max_depth` levels (0: 100). 0, -EINVAL with what and where, -ENOMEM */
int weft_json_check(const char *text, size_t len, unsigned max_depth,
		    struct weft_json_error *ret_error);

/*
 * Finds where a JSON value ends in text that arrives in pieces, by its brackets and quotes alone;
 * whether it is right is for the codec to say. Start with a zeroed scanner; `text` is all that
 * there is of the value so far, and what was seen before is not looked at again. Returns as
 * weft_json_value_length does.
 */
struct weft_json_scanner {
	size_t at;
	unsigned depth;
	bool begun;
	bool in_string;
	bool escaped;
};
int weft_json_scan(struct weft_json_scanner *scanner, const char *text, size_t len,
		   size_t *ret_len);

/* Where in a text that has been read something stands, by its path ("lines[2].quantity", in either
 * form of the names; or what of it there is): sets offset, line and column. For those who find
 * fault with a message after it has been read. */
void weft_json_locate(const char *text, size_t len, const char *path,
		      struct weft_json_error *ret_error);

/* Finds the end of the first JSON value in `text`, for sequences of values (NDJSON, a terminal's
 * input): 0 and its length with the white space before it; -EAGAIN: not complete (a number at the
 * very end may go on: white space after it settles that); -EINVAL; -ENODATA: only white space. */
int weft_json_value_length(const char *text, size_t len, size_t *ret_len);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
