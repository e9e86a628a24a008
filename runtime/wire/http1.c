/*
 * A strict HTTP/1.1 request parser (RFC 9112). It has no opinion of its own to defend: whatever two
 * readers of the same bytes might understand in two ways is refused, because such bytes are how
 * requests are smuggled past an edge. A request that is merely unusual (an absolute target, chunk
 * extensions, one empty line in front) passes.
 *
 * The head is gathered line by line into one block whose addresses do not change, so that the
 * headers point into it and nothing is copied twice. The block exists only while a head (or the
 * trailers) is being read: an idle connection owns none. Each line is judged when it is complete,
 * and a limit is judged by position alone, so the outcome does not depend on how the bytes were
 * split on their way.
 *
 * The body is never gathered: it is handed on as it comes.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <weft/http1.h>

#define MAX_HEAD               16384
#define MAX_HEADERS            100
#define MAX_CHUNK_DIGITS       15 /* of 4 bits: no overflow, and no endless run of zeros */
#define MAX_CONNECTION_OPTIONS 16

/* Where the pseudo-headers stand. The authority may be missing in HTTP/1.0, so it comes last. */
enum { AT_METHOD, AT_PATH, AT_AUTHORITY, AT_FIELDS };

enum state {
	REQUEST_LINE,
	FIELDS,
	BODY,       /* Content-Length */
	CHUNK_SIZE, /* its digits */
	CHUNK_EXTENSION,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_CR,
	CHUNK_LF,
	TRAILERS,
	FAILED,
};

/* One request's head, or its trailers. */
struct head {
	size_t len;  /* of text */
	size_t line; /* where the line begins that is being gathered */
	size_t n;    /* headers, the pseudo-headers' places included */
	struct weft_h2_header *headers;
	char *text;
};

struct weft_http1 {
	struct weft_http1_limits limits;
	const struct weft_http1_events *events;
	void *data;

	enum state state;
	struct head *head;
	unsigned line; /* its number, from 1 */
	bool empty_line_seen;
	struct weft_http1_error error;

	/* Of the request under way. */
	bool http_1_0;
	bool absolute; /* the target names the authority, Host is only checked */
	bool has_host;
	bool has_length;
	bool chunked;
	bool close;
	bool keep;
	bool expects;
	unsigned connection_options;
	uint64_t left; /* bytes of the body or chunk that are still to come */
	unsigned chunk_digits;
	size_t extension_bytes;
};

/* The sentence begins with the place: a line of the head or the trailers, or a chunk's frame. */
static int fail(struct weft_http1 *parser, unsigned status, const char *format, ...)
	WEFT_PRINTF(3, 4);

static int fail(struct weft_http1 *parser, unsigned status, const char *format, ...)
{
	char *message = parser->error.message;
	size_t room = sizeof(parser->error.message), n;
	va_list args;

	if (!parser->head)
		n = (size_t)snprintf(message, room, "chunk: ");
	else
		n = (size_t)snprintf(message, room,
				     "%sline %u: ", parser->state == TRAILERS ? "trailer " : "",
				     parser->line);
	va_start(args, format);
	vsnprintf(message + n, room - n, format, args);
	va_end(args);

	parser->error.status = status;
	parser->state = FAILED;
	return -EBADMSG;
}

/* Character classes (RFC 9110, 5.6.2; RFC 3986, 3.2.2). */

static bool is_token_char(unsigned char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return true;
	return c != '\0' && strchr("!#$%&'*+-.^_`|~", c);
}

static bool is_host_char(unsigned char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return true;
	return c != '\0' && strchr("-._~%!$&'()*+;=:[]", c);
}

static bool is_target_char(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '#';
}

static bool is_value_char(unsigned char c)
{
	return (c >= ' ' && c != 0x7f) || c == '\t';
}

static size_t span(const char *text, size_t len, bool (*is)(unsigned char))
{
	size_t n = 0;

	while (n < len && is((unsigned char)text[n]))
		n++;
	return n;
}

static bool equals(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

static void trim(const char **text, size_t *len)
{
	while (*len > 0 && (**text == ' ' || **text == '\t')) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\t'))
		(*len)--;
}

/* The next member of a comma-separated list, without its white space: false at the end. */
static bool next_member(const char **list, size_t *left, const char **ret_member, size_t *ret_len)
{
	const char *comma;

	while (*left > 0) {
		*ret_member = *list;
		comma = memchr(*list, ',', *left);
		*ret_len = comma ? (size_t)(comma - *list) : *left;
		*list += *ret_len + (comma ? 1 : 0);
		*left -= *ret_len + (comma ? 1 : 0);
		trim(ret_member, ret_len);
		if (*ret_len > 0)
			return true;
	}
	return false;
}

/* The block. */

static int head_new(struct weft_http1 *parser)
{
	size_t places = (AT_FIELDS + parser->limits.max_headers) * sizeof(struct weft_h2_header);
	struct head *head;

	head = malloc(sizeof(*head) + places + parser->limits.max_head);
	if (!head)
		return -ENOMEM;

	*head = (struct head) {
		.n = AT_FIELDS,
		.headers = (struct weft_h2_header *)(head + 1),
	};
	head->text = (char *)head->headers + places;
	memset(head->headers, 0, AT_FIELDS * sizeof(struct weft_h2_header));
	parser->head = head;
	parser->line = 1;
	return 0;
}

static void head_free(struct weft_http1 *parser)
{
	free(parser->head);
	parser->head = NULL;
}

static void set_header(struct weft_h2_header *header, const char *name, const char *value,
		       size_t len)
{
	*header = (struct weft_h2_header) {
		.name = name,
		.name_len = strlen(name),
		.value = value,
		.value_len = len,
	};
}

/* The request line. */

static int parse_version(struct weft_http1 *parser, const char *text, size_t len)
{
	if (len != 8 || memcmp(text, "HTTP/", 5) != 0 || text[5] < '0' || text[5] > '9' ||
	    text[6] != '.' || text[7] < '0' || text[7] > '9')
		return fail(parser, 400, "no HTTP version after the target");
	if (text[5] != '1')
		return fail(parser, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	parser->http_1_0 = text[7] == '0';
	return 0;
}

static int parse_authority(struct weft_http1 *parser, const char *text, size_t len)
{
	if (len == 0)
		return fail(parser, 400, "the host is empty");
	if (span(text, len, is_host_char) != len)
		return fail(parser, 400, "the host has a character that no host has");
	set_header(&parser->head->headers[AT_AUTHORITY], ":authority", text, len);
	return 0;
}

/* The text stays where it is; a NUL is set behind each part once the whole line has been judged. */
static int parse_absolute(struct weft_http1 *parser, char *target, size_t len, bool options)
{
	size_t scheme = equals(target, len < 7 ? len : 7, "http://")    ? 7
			: equals(target, len < 8 ? len : 8, "https://") ? 8
									: 0;
	struct weft_h2_header *path = &parser->head->headers[AT_PATH];
	size_t host;
	int r;

	if (scheme == 0)
		return fail(parser, 400, "the target does not begin with a slash");
	host = span(target + scheme, len - scheme, is_host_char);
	r = parse_authority(parser, target + scheme, host);
	if (r < 0)
		return r;

	parser->absolute = true;
	if (scheme + host == len) {
		set_header(path, ":path", options ? "*" : "/", 1);
		return 0;
	}
	if (target[scheme + host] != '/')
		return fail(parser, 400, "the target's host is not followed by a path");
	/* The host moves over the scheme, to make room for its NUL before the path's slash. */
	memmove(target, target + scheme, host);
	target[host] = '\0';
	parser->head->headers[AT_AUTHORITY].value = target;
	set_header(path, ":path", target + scheme + host, len - scheme - host);
	return 0;
}

static int parse_target(struct weft_http1 *parser, char *target, size_t len, bool options)
{
	if (len == 0 || span(target, len, is_target_char) != len)
		return fail(parser, 400,
			    "the target is empty or has a character that no target has");
	if (*target == '/' || (len == 1 && *target == '*' && options)) {
		set_header(&parser->head->headers[AT_PATH], ":path", target, len);
		return 0;
	}
	return parse_absolute(parser, target, len, options);
}

static int parse_request_line(struct weft_http1 *parser, char *line, size_t len)
{
	size_t method = span(line, len, is_token_char);
	char *target = line + method + 1;
	char *space;
	int r;

	if (method == 0 || method == len || line[method] != ' ')
		return fail(parser, 400, "no method, or not one space after it");
	space = memchr(target, ' ', len - method - 1);
	if (!space)
		return fail(parser, 400, "no HTTP version after the target");

	r = parse_version(parser, space + 1, len - (size_t)(space + 1 - line));
	if (r < 0)
		return r;
	if (equals(line, method, "CONNECT"))
		return fail(parser, 501, "CONNECT is not served here");

	line[method] = '\0';
	*space = '\0';
	set_header(&parser->head->headers[AT_METHOD], ":method", line, method);
	return parse_target(parser, target, (size_t)(space - target),
			    equals(line, method, "OPTIONS"));
}

/* The fields that decide how the message is framed. */

static int note_host(struct weft_http1 *parser, const char *value, size_t len)
{
	struct weft_h2_header named = parser->head->headers[AT_AUTHORITY];
	int r;

	if (parser->has_host)
		return fail(parser, 400, "a second Host");
	parser->has_host = true;
	r = parse_authority(parser, value, len);
	if (parser->absolute)
		parser->head->headers[AT_AUTHORITY] = named;
	return r;
}

static int note_length(struct weft_http1 *parser, const char *value, size_t len)
{
	uint64_t length = 0;

	if (parser->has_length)
		return fail(parser, 400, "a second Content-Length");
	if (parser->chunked)
		return fail(parser, 400, "Content-Length beside Transfer-Encoding");
	if (len == 0)
		return fail(parser, 400, "Content-Length is empty");
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return fail(parser, 400, "Content-Length is not a number");
		if (length > (INT64_MAX - 9) / 10)
			return fail(parser, 413, "Content-Length is beyond any limit");
		length = length * 10 + (uint64_t)(value[i] - '0');
	}
	parser->has_length = true;
	parser->left = length;
	return 0;
}

static int note_encoding(struct weft_http1 *parser, const char *value, size_t len)
{
	const char *member;
	size_t member_len, n = 0;

	if (parser->has_length)
		return fail(parser, 400, "Transfer-Encoding beside Content-Length");
	if (parser->chunked)
		return fail(parser, 400, "a second Transfer-Encoding");
	if (parser->http_1_0)
		return fail(parser, 400, "Transfer-Encoding in HTTP/1.0");
	while (next_member(&value, &len, &member, &member_len)) {
		if (!equals(member, member_len, "chunked"))
			return fail(parser, 501, "a transfer coding other than chunked");
		n++;
	}
	if (n != 1)
		return fail(parser, 400, "Transfer-Encoding is not chunked, once");
	parser->chunked = true;
	return 0;
}

static int note_connection(struct weft_http1 *parser, const char *value, size_t len)
{
	const char *option;
	size_t option_len;

	while (next_member(&value, &len, &option, &option_len)) {
		if (++parser->connection_options > MAX_CONNECTION_OPTIONS)
			return fail(parser, 400, "too many connection options");
		if (equals(option, option_len, "close"))
			parser->close = true;
		else if (equals(option, option_len, "keep-alive"))
			parser->keep = true;
	}
	return 0;
}

static int note_field(struct weft_http1 *parser, const char *name, const char *value, size_t len)
{
	if (strcmp(name, "host") == 0)
		return note_host(parser, value, len);
	if (strcmp(name, "content-length") == 0)
		return note_length(parser, value, len);
	if (strcmp(name, "transfer-encoding") == 0)
		return note_encoding(parser, value, len);
	if (strcmp(name, "connection") == 0)
		return note_connection(parser, value, len);
	if (strcmp(name, "expect") == 0 && equals(value, len, "100-continue"))
		parser->expects = !parser->http_1_0;
	return 0;
}

static int parse_field(struct weft_http1 *parser, char *line, size_t len)
{
	size_t name = span(line, len, is_token_char);
	struct head *head = parser->head;
	const char *value = line + name + 1;
	size_t value_len = len - name - 1;

	if (*line == ' ' || *line == '\t')
		return fail(parser, 400, "a folded line");
	if (name < len && (line[name] == ' ' || line[name] == '\t'))
		return fail(parser, 400, "white space before the colon");
	if (name == 0 || name == len || line[name] != ':')
		return fail(parser, 400, "no name and colon");
	if (span(value, value_len, is_value_char) != value_len)
		return fail(parser, 400, "a control character in the value");
	if (head->n == AT_FIELDS + parser->limits.max_headers)
		return fail(parser, 431, "more than %zu headers", parser->limits.max_headers);

	for (size_t i = 0; i < name; i++) {
		if (line[i] >= 'A' && line[i] <= 'Z')
			line[i] += 'a' - 'A';
	}
	line[name] = '\0';
	trim(&value, &value_len);
	line[value - line + (ptrdiff_t)value_len] = '\0';
	set_header(&head->headers[head->n++], line, value, value_len);
	return parser->state == TRAILERS ? 0 : note_field(parser, line, value, value_len);
}

/* The end of the head. */

static bool is_nominated(const struct head *head, const struct weft_h2_header *header)
{
	const char *list, *option;
	size_t left, option_len;

	for (size_t i = AT_FIELDS; i < head->n; i++) {
		if (strcmp(head->headers[i].name, "connection") != 0)
			continue;
		list = head->headers[i].value;
		left = head->headers[i].value_len;
		while (next_member(&list, &left, &option, &option_len)) {
			if (equals(option, option_len, header->name))
				return true;
		}
	}
	return false;
}

/* Of this connection only, or said already in another way (RFC 9110, 7.6.1). */
static bool is_hop_by_hop(const char *name)
{
	static const char *const names[] = {
		"connection",        "expect",  "host",    "keep-alive", "proxy-connection", "te",
		"transfer-encoding", "trailer", "upgrade",
	};

	for (size_t i = 0; i < WEFT_COUNT(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* Marks first what Connection names, then closes the gaps: the Connection lines must stay until
 * all have been compared with them. */
static size_t keep_end_to_end(struct weft_http1 *parser)
{
	struct head *head = parser->head;
	struct weft_h2_header *headers = head->headers;
	size_t kept = AT_FIELDS;

	for (size_t i = AT_FIELDS; parser->connection_options > 0 && i < head->n; i++) {
		if (strcmp(headers[i].name, "connection") != 0 && is_nominated(head, &headers[i]))
			headers[i].name_len = 0;
	}
	for (size_t i = AT_FIELDS; i < head->n; i++) {
		if (headers[i].name_len > 0 && !is_hop_by_hop(headers[i].name))
			headers[kept++] = headers[i];
	}
	return kept;
}

static int end_request(struct weft_http1 *parser)
{
	parser->state = REQUEST_LINE;
	parser->empty_line_seen = false;
	parser->events->on_end(parser->data);
	return 1;
}

static int end_head(struct weft_http1 *parser)
{
	struct weft_h2_header *headers = parser->head->headers;
	bool body = parser->chunked || parser->left > 0;
	struct weft_http1_request request = {
		.body = body,
		.keep_alive = !parser->close && (!parser->http_1_0 || parser->keep),
		.expect_continue = body && parser->expects,
		.http_1_0 = parser->http_1_0,
	};

	if (!parser->has_host && !parser->http_1_0)
		return fail(parser, 400, "the head ends without a Host");
	request.headers = headers;
	request.n = keep_end_to_end(parser);
	if (!headers[AT_AUTHORITY].name) {
		headers[AT_AUTHORITY] = headers[AT_PATH];
		headers[AT_PATH] = headers[AT_METHOD];
		request.headers++;
		request.n--;
	}

	parser->state = parser->chunked ? CHUNK_SIZE : BODY;
	parser->events->on_request(&request, parser->data);
	head_free(parser);
	return body ? 0 : end_request(parser);
}

static void begin_request(struct weft_http1 *parser)
{
	parser->http_1_0 = false;
	parser->absolute = false;
	parser->has_host = false;
	parser->has_length = false;
	parser->chunked = false;
	parser->close = false;
	parser->keep = false;
	parser->expects = false;
	parser->connection_options = 0;
	parser->left = 0;
	parser->chunk_digits = 0;
	parser->extension_bytes = 0;
}

/* Lines. `len` is without CRLF; there is room for a NUL behind it. */

static int parse_line(struct weft_http1 *parser, char *line, size_t len)
{
	int r;

	switch (parser->state) {
	case REQUEST_LINE:
		if (len == 0) {
			/* One is forgiven: old clients send a CRLF after a body (RFC 9112, 2.2). */
			if (parser->empty_line_seen)
				return fail(parser, 400, "no request line");
			parser->empty_line_seen = true;
			head_free(parser);
			return 0;
		}
		begin_request(parser);
		r = parse_request_line(parser, line, len);
		if (r == 0)
			parser->state = FIELDS;
		break;
	case FIELDS: r = len == 0 ? end_head(parser) : parse_field(parser, line, len); break;
	case TRAILERS:
		if (len == 0) {
			head_free(parser);
			return end_request(parser);
		}
		r = parse_field(parser, line, len);
		break;
	default: assert(!"a state that has lines"); return -EINVAL;
	}
	parser->line++;
	return r;
}

static int too_long(struct weft_http1 *parser)
{
	if (parser->state == REQUEST_LINE)
		return fail(parser, 414, "the request line is longer than %zu bytes",
			    parser->limits.max_head);
	return fail(parser, 431, "the %s longer than %zu bytes",
		    parser->state == TRAILERS ? "trailers are" : "head is",
		    parser->limits.max_head);
}

static int gather_line(struct weft_http1 *parser, const uint8_t *bytes, size_t len,
		       size_t *ret_used)
{
	const uint8_t *lf = memchr(bytes, '\n', len);
	size_t n = lf ? (size_t)(lf - bytes) + 1 : len;
	struct head *head;
	char *line;
	size_t line_len;
	int r;

	if (!parser->head) {
		r = head_new(parser);
		if (r < 0)
			return r;
	}
	head = parser->head;
	if (n > parser->limits.max_head - head->len)
		return too_long(parser);
	memcpy(head->text + head->len, bytes, n);
	head->len += n;
	*ret_used = n;
	if (!lf)
		return 0;

	line = head->text + head->line;
	line_len = head->len - head->line;
	head->line = head->len;
	if (line_len < 2 || line[line_len - 2] != '\r')
		return fail(parser, 400, "a bare LF");
	line[line_len - 2] = '\0';
	return parse_line(parser, line, line_len - 2);
}

/* Bodies. */

static int take_body(struct weft_http1 *parser, const uint8_t *bytes, size_t len, size_t *ret_used)
{
	size_t n = len < parser->left ? len : (size_t)parser->left;

	*ret_used = n;
	parser->left -= n;
	parser->events->on_body(bytes, n, parser->data);
	if (parser->left > 0)
		return 0;
	if (!parser->chunked)
		return end_request(parser);
	parser->state = CHUNK_CR;
	return 0;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int take_chunk_size(struct weft_http1 *parser, uint8_t c)
{
	int digit = hex_digit(c);

	if (digit >= 0) {
		if (++parser->chunk_digits > MAX_CHUNK_DIGITS)
			return fail(parser, 400, "the size has too many digits");
		parser->left = parser->left << 4 | (uint64_t)digit;
		return 0;
	}
	if (parser->chunk_digits == 0)
		return fail(parser, 400, "no hexadecimal size");
	if (c == '\r')
		parser->state = CHUNK_SIZE_LF;
	else if (c == ';')
		parser->state = CHUNK_EXTENSION;
	else
		return fail(parser, 400, "the size is followed by neither CRLF nor ';'");
	return 0;
}

/* Extensions mean nothing here, but they are counted: many small chunks must not carry much of
 * nothing. */
static int take_chunk_extension(struct weft_http1 *parser, uint8_t c)
{
	if (c == '\r')
		parser->state = CHUNK_SIZE_LF;
	else if (!is_value_char(c))
		return fail(parser, 400, "a control character in the extension");
	else if (++parser->extension_bytes > parser->limits.max_head)
		return fail(parser, 400, "more than %zu bytes of extensions",
			    parser->limits.max_head);
	return 0;
}

static int take_chunk_framing(struct weft_http1 *parser, uint8_t c)
{
	switch (parser->state) {
	case CHUNK_SIZE: return take_chunk_size(parser, c);
	case CHUNK_EXTENSION: return take_chunk_extension(parser, c);
	case CHUNK_SIZE_LF:
		if (c != '\n')
			return fail(parser, 400, "CR without LF after the size");
		parser->state = parser->left > 0 ? CHUNK_DATA : TRAILERS;
		return 0;
	case CHUNK_CR:
		if (c != '\r')
			return fail(parser, 400, "no CRLF after the data");
		parser->state = CHUNK_LF;
		return 0;
	default:
		assert(parser->state == CHUNK_LF);
		if (c != '\n')
			return fail(parser, 400, "no CRLF after the data");
		parser->state = CHUNK_SIZE;
		parser->chunk_digits = 0;
		return 0;
	}
}

static int step(struct weft_http1 *parser, const uint8_t *bytes, size_t len, size_t *ret_used)
{
	switch (parser->state) {
	case REQUEST_LINE:
	case FIELDS:
	case TRAILERS: return gather_line(parser, bytes, len, ret_used);
	case BODY:
	case CHUNK_DATA: return take_body(parser, bytes, len, ret_used);
	case FAILED: return -EBADMSG;
	default: *ret_used = 1; return take_chunk_framing(parser, *bytes);
	}
}

int weft_http1_feed(struct weft_http1 *parser, const uint8_t *bytes, size_t len, size_t *ret_used,
		    struct weft_http1_error *ret_error)
{
	size_t used = 0;
	int r = 0;

	while (r == 0 && used < len) {
		size_t n = 0;

		r = step(parser, bytes + used, len - used, &n);
		used += n;
	}
	if (r == -EBADMSG)
		*ret_error = parser->error;
	if (r < 0)
		return r;
	*ret_used = used;
	return 0;
}

int weft_http1_new(const struct weft_http1_limits *limits, const struct weft_http1_events *events,
		   void *data, struct weft_http1 **ret_parser)
{
	struct weft_http1 *parser = calloc(1, sizeof(*parser));

	if (!parser)
		return -ENOMEM;
	if (limits)
		parser->limits = *limits;
	if (parser->limits.max_head == 0)
		parser->limits.max_head = MAX_HEAD;
	if (parser->limits.max_headers == 0)
		parser->limits.max_headers = MAX_HEADERS;
	parser->events = events;
	parser->data = data;
	*ret_parser = parser;
	return 0;
}

void weft_http1_free(struct weft_http1 *parser)
{
	if (!parser)
		return;
	head_free(parser);
	free(parser);
}
