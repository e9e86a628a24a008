/*
 * Streams as their owners drive them: requests, responses, trailers, resets. What lets them receive
 * is in session_window.c.
 */
#include <stdlib.h>

#include "h2/session_inside.h"

#define FEW_FIELDS 32

/* Headers in nghttp2's form: in `few` when they fit, on the heap otherwise. */
struct fields {
	nghttp2_nv *all;
	nghttp2_nv few[FEW_FIELDS];
};

static nghttp2_nv to_field(const struct weft_h2_header *header)
{
	uint8_t flags = header->constant
				? NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE
				: NGHTTP2_NV_FLAG_NONE;

	if (header->passing)
		flags |= NGHTTP2_NV_FLAG_NO_INDEX;
	return (nghttp2_nv) { (uint8_t *)header->name, (uint8_t *)header->value, header->name_len,
			      header->value_len, flags };
}

static void fields_init(struct fields *fields, const struct weft_h2_header *headers, size_t n)
{
	fields->all = n > FEW_FIELDS ? calloc(n, sizeof(*fields->all)) : fields->few;
	if (!fields->all)
		abort();
	fields->all[0] = (nghttp2_nv) { 0 }; /* there may be none */
	for (size_t i = 0; i < n; i++)
		fields->all[i] = to_field(&headers[i]);
}

static void fields_fini(struct fields *fields)
{
	if (fields->all != fields->few)
		free(fields->all);
}

bool session_can_request(const struct session *session)
{
	return !session->draining && !session->ended &&
	       nghttp2_session_check_request_allowed(session->nghttp2) &&
	       session->n_streams <
		       nghttp2_session_get_remote_settings(session->nghttp2,
							   NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

struct weft_h2_stream *session_request(struct session *session,
				       const struct weft_h2_header *headers, size_t n, bool end,
				       const struct weft_h2_stream_events *events, void *data)
{
	nghttp2_data_provider body = session_body();
	struct fields fields;
	struct weft_h2_stream *stream;

	if (!session_can_request(session))
		return NULL;
	stream = stream_new(session);
	stream->events = events;
	stream->data = data;
	stream->body = end ? BODY_ENDED : BODY_OPEN;
	fields_init(&fields, headers, n);
	stream->id = nghttp2_submit_request(session->nghttp2, NULL, fields.all, n,
					    end ? NULL : &body, stream);
	fields_fini(&fields);
	if (stream->id < 0)
		abort(); /* memory: the ids have been checked */
	weft_list_append(&session->streams, &stream->all);
	session->n_streams++;
	session->events->on_output(session->data);
	return stream;
}

void weft_h2_respond(struct weft_h2_stream *stream, const struct weft_h2_header *headers, size_t n,
		     bool end)
{
	struct session *session = stream->session;
	nghttp2_data_provider body = session_body();
	struct fields fields;

	if (stream->life != STREAM_LIVE || stream->body != BODY_NONE)
		return;
	fields_init(&fields, headers, n);
	if (n && headers[0].value[0] == '1') {
		nghttp2_submit_headers(session->nghttp2, NGHTTP2_FLAG_NONE, stream->id, NULL,
				       fields.all, n, NULL);
	} else {
		stream->body = end ? BODY_ENDED : BODY_OPEN;
		nghttp2_submit_response(session->nghttp2, stream->id, fields.all, n,
					end ? NULL : &body);
	}
	fields_fini(&fields);
	session->events->on_output(session->data);
}

void session_stream_resume(struct weft_h2_stream *stream)
{
	struct session *session = stream->session;

	if (stream->life != STREAM_LIVE)
		return;
	if (stream->deferred) {
		stream->deferred = false;
		nghttp2_session_resume_data(session->nghttp2, stream->id);
	}
	session->events->on_output(session->data);
}

void session_submit_trailers(struct weft_h2_stream *stream, const struct weft_h2_header *trailers,
			     size_t n)
{
	struct fields fields;

	fields_init(&fields, trailers, n);
	nghttp2_submit_trailer(stream->session->nghttp2, stream->id, fields.all, n);
	fields_fini(&fields);
}

void weft_h2_stream_end(struct weft_h2_stream *stream, const struct weft_h2_header *trailers,
			size_t n)
{
	if (stream->life != STREAM_LIVE || stream->body != BODY_OPEN)
		return;
	if (n && !stream->unsent) {
		/* No DATA of ours may follow: the deferred body is dropped with the stream. */
		stream->body = BODY_ENDED;
		session_submit_trailers(stream, trailers, n);
		stream->session->events->on_output(stream->session->data);
		return;
	}
	stream->body = BODY_ENDING;
	if (n)
		stream->trailers = trailers_copy(trailers, n);
	session_stream_resume(stream);
}

/* Both sides have said all; nghttp2 closes it by itself. */
static bool is_over(const struct weft_h2_stream *stream)
{
	return stream->remote_ended &&
	       nghttp2_session_get_stream_local_close(stream->session->nghttp2, stream->id) == 1;
}

void weft_h2_stream_reset(struct weft_h2_stream *stream, uint32_t error_code)
{
	struct session *session = stream->session;

	if (stream->life != STREAM_LIVE)
		return;
	stream->life = STREAM_SILENT;
	session_release(stream);
	/* A reset for each finished call would look like an attack (CVE-2023-44487), and nghttp2
	 * servers end connections for it. */
	if (is_over(stream))
		return;
	nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE, stream->id, error_code);
	session->events->on_output(session->data);
}

void weft_h2_stream_abort(struct weft_h2_stream *stream, uint32_t error_code)
{
	if (stream->life != STREAM_LIVE)
		return;
	if (stream->body != BODY_OPEN && !stream->unsent) {
		weft_h2_stream_reset(stream, error_code);
		return;
	}
	/* Also with an empty queue: a reset now would overtake the headers. */
	stream->body = BODY_BREAKING;
	stream->error_code = error_code;
	session_stream_resume(stream);
}
