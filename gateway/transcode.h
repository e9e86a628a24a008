/*
 * A REST request becomes protobuf wire bytes and a response becomes JSON, driven by descriptors:
 * there is no C struct on this way.
 *
 * A request's fields come from three places: path variables, the body, and the query. A field that
 * is given in two of them is refused unless both say the same; so are two members of one oneof.
 * Where the body is "*" the query must be empty.
 *
 * Pure: no I/O, no HTTP library. What a client got wrong is a positive outcome, TRANSCODE_REFUSED,
 * with the field at fault; negative returns are ours (-ENOMEM, -EBADMSG for an upstream's
 * response).
 */
#ifndef GATEWAY_TRANSCODE_H
#define GATEWAY_TRANSCODE_H

#include <weft/buffer.h>
#include <weft/status.h>

#include "route.h"

#define TRANSCODE_REFUSED 1

struct transcode_error {
	enum weft_code code;   /* WEFT_INVALID_ARGUMENT; WEFT_RESOURCE_EXHAUSTED: a streamed message
				  is too long */
	char field[128];       /* "lines[2].quantity"; "": the request as a whole */
	char description[256]; /* what is wrong and what would be right, without the place */
	unsigned line;         /* in the body, from 1; 0: not in the body */
	unsigned column;
};

/* As the edge answers it: "line 3, column 17: lines[2].quantity: …", and a BadRequest violation. */
void transcode_error_status(const struct transcode_error *error, struct weft_arena *arena,
			    struct weft_status *ret_status);

/* What a request says outside its body. */
struct transcode_input {
	const struct weft_schema *schema; /* resolves google.protobuf.Any */
	const struct route_match *match;
	const char *query; /* what stands after the '?'; NULL: nothing */
	size_t query_len;
	const char *content_type; /* for a google.api.HttpBody; NULL: not said */
	/* Where a stream of events is taken up again: transcode_resume_field's value. NULL: it is
	 * not. */
	const char *last_event_id;
};

/* A request with one message. `body` is the complete body (empty: none; it is not a fault where all
 * fields have their place elsewhere or their default). A PATCH that can say an update_mask and does
 * not gets the one that names what its body gives. Appends to `out`, which is as before unless 0 is
 * returned. */
int transcode_request(const struct transcode_input *input, const char *body, size_t body_len,
		      struct weft_buffer *out, struct transcode_error *ret_error);

/*
 * A client stream: the body is a sequence of JSON values (NDJSON, or any white space between them),
 * which arrives in pieces of any size. Each is a message; path variables and query parameters are
 * given to each. A raw body becomes a message for each piece of it. The method must be
 * WEFT_CLIENT_STREAM or WEFT_BIDIRECTIONAL.
 */
struct transcode_reader;
int transcode_reader_new(const struct transcode_input *input, size_t max_message, /* 0: 4 MiB */
			 struct transcode_reader **ret_reader, struct transcode_error *ret_error);
void transcode_reader_free(struct transcode_reader *reader); /* takes NULL */
int transcode_reader_feed(struct transcode_reader *reader, const void *bytes,
			  size_t len);                      /* copies */
void transcode_reader_end(struct transcode_reader *reader); /* the body is complete */
/* Appends the next message to `out`: TRANSCODE_MESSAGE, until TRANSCODE_MORE (feed it) or
 * TRANSCODE_END. */
#define TRANSCODE_MESSAGE 2
#define TRANSCODE_MORE    3
#define TRANSCODE_END     4
int transcode_reader_next(struct transcode_reader *reader, struct weft_buffer *out,
			  struct transcode_error *ret_error);
/* Bytes that were fed and not yet taken: stop reading from the client while they are many. */
size_t transcode_reader_pending(const struct transcode_reader *reader);

/* A response's JSON: the whole message, or the field that response_body names. A server stream is a
 * line for each message: append '\n' after each (application/x-ndjson). -EBADMSG: `message` is no
 * such message. */
int transcode_response(const struct weft_schema *schema, const struct route_binding *binding,
		       struct weft_bytes message, struct weft_buffer *out);

/* Of a response that is a google.api.HttpBody (binding->response_raw): its type ("" where it says
 * none) and its bytes, which borrow `message`. -EBADMSG */
int transcode_raw_response(const struct route_binding *binding, struct weft_bytes message,
			   struct weft_bytes *ret_type, struct weft_bytes *ret_data);

/*
 * A server stream as Server-Sent Events can be taken up again where its messages are numbered: the
 * response has a field `sequence` and the request a field `after_sequence`, both integers or
 * strings.
 */
const struct weft_schema_field *transcode_resume_field(const struct route_binding *binding);
/* The message's number as an event's id; false: it has none. */
bool transcode_sequence(const struct route_binding *binding, struct weft_bytes message,
			char ret_id[64]);

#endif
