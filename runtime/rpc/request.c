/* How a request's headers become a call: gRPC's PROTOCOL-HTTP2, "Requests". */
#include <string.h>

#include "io/identity.h"
#include "rpc/call.h"
#include "wire/compress.h"
#include "wire/metadata_wire.h"
#include "wire/timeout.h"

#define CONTENT_TYPE "application/grpc"

static const struct weft_bytes names[REQUEST_FIELDS] = {
	[REQUEST_METHOD] = WEFT_FIELD_NAME(":method"),
	[REQUEST_PATH] = WEFT_FIELD_NAME(":path"),
	[REQUEST_AUTHORITY] = WEFT_FIELD_NAME(":authority"),
	[REQUEST_HOST] = WEFT_FIELD_NAME("host"),
	[REQUEST_TYPE] = WEFT_FIELD_NAME("content-type"),
	[REQUEST_TE] = WEFT_FIELD_NAME("te"),
	[REQUEST_ENCODING] = WEFT_FIELD_NAME("grpc-encoding"),
	[REQUEST_ACCEPTS] = WEFT_FIELD_NAME("grpc-accept-encoding"),
	[REQUEST_TIMEOUT] = WEFT_FIELD_NAME("grpc-timeout"),
};

/* Of several fields with one name the first counts. */
static void find_field(struct request *request, const struct weft_h2_header *header)
{
	for (size_t i = 0; i < REQUEST_FIELDS; i++)
		if (header->name_len == names[i].len && !request->fields[i] &&
		    !memcmp(header->name, names[i].data, names[i].len))
			request->fields[i] = header;
}

static bool is_grpc(const struct weft_h2_header *type)
{
	const size_t len = sizeof(CONTENT_TYPE) - 1;

	return type && !strncmp(type->value, CONTENT_TYPE, len) &&
	       (type->value[len] == '\0' || type->value[len] == '+' || type->value[len] == ';');
}

enum request_kind request_init(struct request *request, const struct weft_h2_header *headers,
			       size_t n)
{
	const struct weft_h2_header *method;

	*request = (struct request) { .headers = headers, .n = n };
	for (size_t i = 0; i < n; i++)
		find_field(request, &headers[i]);
	method = request->fields[REQUEST_METHOD];
	if (method && !strcmp(method->value, "HEAD"))
		return REQUEST_HEAD;
	if (!method || strcmp(method->value, "POST") != 0)
		return REQUEST_STRAY;
	return is_grpc(request->fields[REQUEST_TYPE]) ? REQUEST_GRPC : REQUEST_OTHER_TYPE;
}

static void read_names(struct weft_call *call, const struct request *request)
{
	const struct weft_h2_header *path = request->fields[REQUEST_PATH];
	const struct weft_h2_header *authority = request->fields[REQUEST_AUTHORITY];
	struct weft_transport *transport =
		weft_h2_transport(weft_h2_stream_connection(call->stream));

	if (!authority)
		authority = request->fields[REQUEST_HOST];
	call->path = weft_arena_strdup(call->arena, path ? path->value : "");
	call->authority = weft_arena_strdup(call->arena, authority ? authority->value : "");
	call->peer = weft_arena_strdup(call->arena, weft_transport_peer(transport));
	call->identity = weft_identity_ref(weft_transport_identity(transport));
}

static void read_trace(struct weft_call *call)
{
	const char *text = weft_metadata_get(&call->metadata, "traceparent");
	struct weft_trace parent;

	if (text && weft_trace_parse(text, strlen(text), &parent) >= 0)
		weft_trace_child(&parent, &call->trace);
	else
		weft_trace_generate(&call->trace);
}

static bool read_timeout(struct weft_call *call, const struct weft_h2_header *timeout)
{
	struct weft_loop *loop = weft_worker_loop(call->worker);
	uint64_t ns;

	if (!timeout)
		return true;
	if (weft_timeout_parse(timeout->value, timeout->value_len, &ns) < 0) {
		call_abort(call, WEFT_INTERNAL, "grpc-timeout is malformed");
		return false;
	}
	if (ns < WEFT_NEVER - call->started) {
		call->deadline = call->started + ns;
		weft_timer_start_at(loop, &call->timer, call->deadline);
	}
	return true;
}

/* What the request's messages are in, and what the response's may be in. */
static bool read_encodings(struct weft_call *call, const struct weft_h2_header *encoding,
			   const struct weft_h2_header *accepted)
{
	static const uint8_t ours[] = WEFT_ENCODINGS_ACCEPTED;

	if (accepted)
		call->accepted = weft_encoding_parse_list(accepted->value, accepted->value_len);
	weft_call_set_encoding(call, call->limits.encoding);
	if (!encoding ||
	    weft_encoding_parse(encoding->value, encoding->value_len, &call->request_encoding))
		return true;
	weft_metadata_append(&call->trailers, call->arena, "grpc-accept-encoding", ours,
			     sizeof(ours) - 1);
	call_abort(call, WEFT_UNIMPLEMENTED, "grpc-encoding \"%s\" is not supported",
		   encoding->value);
	return false;
}

bool request_read(struct weft_call *call, const struct request *request)
{
	const struct weft_h2_header *te = request->fields[REQUEST_TE];
	int r;

	read_names(call, request);
	if (!call->path || !call->authority || !call->peer) {
		call_abort(call, WEFT_RESOURCE_EXHAUSTED, "no memory for the headers");
		return false;
	}
	r = weft_metadata_from_wire(request->headers, request->n, call->arena, &call->metadata);
	read_trace(call);
	if (r < 0) {
		call_abort(call, WEFT_INTERNAL, "the metadata is malformed");
		return false;
	}
	/* Who does not pass this on may not pass trailers on either, and with them the status. */
	if (!te || strcmp(te->value, "trailers") != 0) {
		call_abort(call, WEFT_INTERNAL, "\"te: trailers\" is missing");
		return false;
	}
	return read_encodings(call, request->fields[REQUEST_ENCODING],
			      request->fields[REQUEST_ACCEPTS]) &&
	       read_timeout(call, request->fields[REQUEST_TIMEOUT]);
}
