/*
 * The HTTP/1.1 parser against a table of good and bad requests. What the parser says is written
 * down as text, and the text must be the same for the whole request, for single bytes and for
 * random splits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <weft/http1.h>

/* What was said, as a person would write it down. */
struct transcript {
	char text[65536];
	size_t len;
	bool in_body;
};

static void say(struct transcript *transcript, const char *format, ...) WEFT_PRINTF(2, 3);

static void say(struct transcript *transcript, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(transcript->text + transcript->len,
		      sizeof(transcript->text) - transcript->len, format, args);
	va_end(args);
	assert_true(n >= 0 && (size_t)n < sizeof(transcript->text) - transcript->len);
	transcript->len += (size_t)n;
}

static void on_request(const struct weft_http1_request *request, void *data)
{
	struct transcript *transcript = data;

	for (size_t i = 0; i < request->n; i++) {
		const struct weft_h2_header *header = &request->headers[i];

		assert_int_equal(strlen(header->name), header->name_len);
		assert_int_equal(strlen(header->value), header->value_len);
		say(transcript, "%s: %s\n", header->name, header->value);
	}
	say(transcript, "[%s%s%s%s]\n", request->body ? "body" : "no body",
	    request->keep_alive ? "" : ", close", request->expect_continue ? ", expects" : "",
	    request->http_1_0 ? ", 1.0" : "");
}

static void on_body(const uint8_t *bytes, size_t len, void *data)
{
	struct transcript *transcript = data;

	assert_true(len > 0);
	for (size_t i = 0; i < len; i++)
		say(transcript, "%c", bytes[i] ? bytes[i] : '@');
}

static void on_end(void *data)
{
	say(data, "[end]\n");
}

static const struct weft_http1_events events = { on_request, on_body, on_end };

/* Splits: 0 the whole, 1 single bytes, else pieces of random sizes seeded by it. */
static void parse(const struct weft_http1_limits *limits, const char *bytes, size_t len,
		  unsigned split, struct transcript *transcript)
{
	struct weft_http1_error error = { 0 };
	struct weft_http1 *parser = NULL;
	size_t at = 0;
	int r = 0;

	transcript->len = 0;
	transcript->text[0] = '\0';
	srandom(split);
	assert_int_equal(weft_http1_new(limits, &events, transcript, &parser), 0);
	while (at < len && r == 0) {
		size_t left = len - at;
		size_t piece = split == 0 ? left : split == 1 ? 1 : 1 + (size_t)random() % 40;
		size_t used = 0;
		uint8_t *copy;

		piece = piece < left ? piece : left;
		copy = malloc(piece); /* of its own, so that reading too far is seen */
		assert_non_null(copy);
		memcpy(copy, bytes + at, piece);
		r = weft_http1_feed(parser, copy, piece, &used, &error);
		free(copy);
		assert_true(r < 0 || (used > 0 && used <= piece));
		at += used;
	}
	if (r < 0) {
		assert_int_equal(r, -EBADMSG);
		say(transcript, "%u %s\n", error.status, error.message);
		/* It stays broken, whatever comes. */
		assert_int_equal(weft_http1_feed(parser, (const uint8_t *)"G", 1, &at, &error),
				 -EBADMSG);
	}
	weft_http1_free(parser);
}

static void check_limited(const struct weft_http1_limits *limits, const char *bytes, size_t len,
			  const char *expected)
{
	struct transcript *transcript = malloc(sizeof(*transcript));

	assert_non_null(transcript);
	for (unsigned split = 0; split < 24; split++) {
		parse(limits, bytes, len, split, transcript);
		if (strcmp(transcript->text, expected) != 0)
			print_error("split %u of:\n%.*s\n", split, (int)len, bytes);
		assert_string_equal(transcript->text, expected);
	}
	free(transcript);
}

#define H "Host: h\r\n"

static const struct {
	const char *request;
	const char *expected;
} good[] = {
	{ "GET / HTTP/1.1\r\n" H "\r\n",
	  ":method: GET\n:path: /\n:authority: h\n[no body]\n[end]\n" },
	{ "GET /v1/products?page_size=2 HTTP/1.1\r\nHOST:example.com:8443\r\nAccept:  a, b \t\r\n"
	  "X-Empty:\r\n\r\n",
	  ":method: GET\n:path: /v1/products?page_size=2\n:authority: example.com:8443\n"
	  "accept: a, b\nx-empty: \n[no body]\n[end]\n" },
	{ "\r\nGET / HTTP/1.1\r\n" H "\r\n",
	  ":method: GET\n:path: /\n:authority: h\n[no body]\n[end]\n" },
	{ "get-it! / HTTP/1.9\r\n" H "\r\n",
	  ":method: get-it!\n:path: /\n:authority: h\n[no body]\n[end]\n" },
	{ "OPTIONS * HTTP/1.1\r\n" H "\r\n",
	  ":method: OPTIONS\n:path: *\n:authority: h\n[no body]\n[end]\n" },
	{ "OPTIONS http://o HTTP/1.1\r\n" H "\r\n",
	  ":method: OPTIONS\n:path: *\n:authority: o\n[no body]\n[end]\n" },
	{ "GET http://other:1/p?q HTTP/1.1\r\n" H "\r\n",
	  ":method: GET\n:path: /p?q\n:authority: other:1\n[no body]\n[end]\n" },
	{ "GET HTTPS://other HTTP/1.1\r\n" H "\r\n",
	  ":method: GET\n:path: /\n:authority: other\n[no body]\n[end]\n" },
	{ "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
	  ":method: GET\n:path: /\n:authority: [::1]:80\n[no body]\n[end]\n" },
	{ "GET / HTTP/1.1\r\n" H "A: caf\xc3\xa9\tb\r\n\r\n",
	  ":method: GET\n:path: /\n:authority: h\na: caf\xc3\xa9\tb\n[no body]\n[end]\n" },

	/* Bodies by length. */
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello",
	  ":method: POST\n:path: /\n:authority: h\ncontent-length: 5\n[body]\nhello[end]\n" },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n",
	  ":method: POST\n:path: /\n:authority: h\ncontent-length: 0\n[no body]\n[end]\n" },
	{ "PUT / HTTP/1.1\r\n" H "Content-Length: 0003\r\nExpect: 100-Continue\r\n\r\nabc",
	  ":method: PUT\n:path: /\n:authority: h\ncontent-length: 0003\n[body, expects]\n"
	  "abc[end]\n" },
	{ "PUT / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
	  ":method: PUT\n:path: /\ncontent-length: 3\n[body, close, 1.0]\nabc[end]\n" },

	/* Chunks. */
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n"
	  "5\r\nhello\r\nA;name=\"v\"\r\n 123456789\r\n0\r\n\r\n",
	  ":method: POST\n:path: /\n:authority: h\n[body]\nhello 123456789[end]\n" },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	  ":method: POST\n:path: /\n:authority: h\n[body]\n[end]\n" },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n"
	  "000001\r\n\r\r\n00\r\nX: dropped\r\nContent-Length: 7\r\n\r\n",
	  ":method: POST\n:path: /\n:authority: h\n[body]\n\r[end]\n" },

	/* Pipelined. */
	{ "POST /1 HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\naGET /2 HTTP/1.1\r\n" H "\r\n"
	  "POST /3 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n"
	  "\r\nGET /4 HTTP/1.0\r\n\r\n",
	  ":method: POST\n:path: /1\n:authority: h\ncontent-length: 1\n[body]\na[end]\n"
	  ":method: GET\n:path: /2\n:authority: h\n[no body]\n[end]\n"
	  ":method: POST\n:path: /3\n:authority: h\n[body]\nb[end]\n"
	  ":method: GET\n:path: /4\n[no body, close, 1.0]\n[end]\n" },

	/* Staying open, and what belongs to one hop. */
	{ "GET / HTTP/1.1\r\n" H "Connection: Close\r\n\r\n",
	  ":method: GET\n:path: /\n:authority: h\n[no body, close]\n[end]\n" },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	  ":method: GET\n:path: /\n[no body, 1.0]\n[end]\n" },
	{ "GET / HTTP/1.0\r\n" H "Connection: keep-alive, close\r\n\r\n",
	  ":method: GET\n:path: /\n:authority: h\n[no body, close, 1.0]\n[end]\n" },
	{ "GET / HTTP/1.1\r\n" H
	  "X-B: 1\r\nConnection: Upgrade, X-A\r\nConnection: , HTTP2-Settings\r\n"
	  "Upgrade: h2c\r\nHTTP2-Settings: AA\r\nX-A: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\n"
	  "Accept: b\r\n\r\n",
	  ":method: GET\n:path: /\n:authority: h\nx-b: 1\naccept: b\n[no body]\n[end]\n" },
	{ "", "" },
	{ "GET / HTTP/1.1\r\n" H "\r", "" },
};

static void test_good(void **state)
{
	for (size_t i = 0; i < WEFT_COUNT(good); i++)
		check_limited(NULL, good[i].request, strlen(good[i].request), good[i].expected);
}

static const struct {
	const char *request;
	const char *expected; /* the answer only */
} bad[] = {
	/* Lines. */
	{ "GET / HTTP/1.1\n", "400 line 1: a bare LF" },
	{ "\n", "400 line 1: a bare LF" },
	{ "\r\n\r\n", "400 line 1: no request line" },
	{ "GET / HTTP/1.1\r\n" H "A: b\nC: d\r\n\r\n", "400 line 3: a bare LF" },
	{ "GET / HTTP/1.1\r\n" H "\n", "400 line 3: a bare LF" },
	{ "GET / HTTP/1.1\r\n" H "A: b\rC: d\r\n\r\n",
	  "400 line 3: a control character in the value" },
	{ "GET / HTTP/1.1\r\n" H "A: b\r\r\n\r\n", "400 line 3: a control character in the value" },
	{ "GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", "400 line 4: a folded line" },
	{ "GET / HTTP/1.1\r\n\tHost: h\r\n\r\n", "400 line 2: a folded line" },

	/* The request line. */
	{ "GET\r\n", "400 line 1: no method, or not one space after it" },
	{ " GET / HTTP/1.1\r\n", "400 line 1: no method, or not one space after it" },
	{ "G\xc3\xa9T / HTTP/1.1\r\n", "400 line 1: no method, or not one space after it" },
	{ "GET\t/ HTTP/1.1\r\n", "400 line 1: no method, or not one space after it" },
	{ "GET /\r\n", "400 line 1: no HTTP version after the target" },
	{ "GET / \r\n", "400 line 1: no HTTP version after the target" },
	{ "GET / HTTP/1.1 \r\n", "400 line 1: no HTTP version after the target" },
	{ "GET /a b HTTP/1.1\r\n", "400 line 1: no HTTP version after the target" },
	{ "GET / http/1.1\r\n", "400 line 1: no HTTP version after the target" },
	{ "GET / HTTP/1.10\r\n", "400 line 1: no HTTP version after the target" },
	{ "GET / HTTP/11\r\n", "400 line 1: no HTTP version after the target" },
	{ "GET / HTTP/2.0\r\n", "505 line 1: only HTTP/1.0 and HTTP/1.1 are spoken here" },
	{ "PRI * HTTP/2.0\r\n", "505 line 1: only HTTP/1.0 and HTTP/1.1 are spoken here" },
	{ "GET  / HTTP/1.1\r\n", "400 line 1: no HTTP version after the target" },
	{ "GET  HTTP/1.1\r\n",
	  "400 line 1: the target is empty or has a character that no target has" },
	{ "GET /a#b HTTP/1.1\r\n",
	  "400 line 1: the target is empty or has a character that no target has" },
	{ "GET /\x01 HTTP/1.1\r\n",
	  "400 line 1: the target is empty or has a character that no target has" },
	{ "GET /caf\xc3\xa9 HTTP/1.1\r\n",
	  "400 line 1: the target is empty or has a character that no target has" },
	{ "GET * HTTP/1.1\r\n", "400 line 1: the target does not begin with a slash" },
	{ "GET a HTTP/1.1\r\n", "400 line 1: the target does not begin with a slash" },
	{ "GET ftp://h/ HTTP/1.1\r\n", "400 line 1: the target does not begin with a slash" },
	{ "GET http:///p HTTP/1.1\r\n", "400 line 1: the host is empty" },
	{ "GET http://u@h/ HTTP/1.1\r\n",
	  "400 line 1: the target's host is not followed by a path" },
	{ "CONNECT h:443 HTTP/1.1\r\n", "501 line 1: CONNECT is not served here" },

	/* Fields. */
	{ "GET / HTTP/1.1\r\nHost : h\r\n\r\n", "400 line 2: white space before the colon" },
	{ "GET / HTTP/1.1\r\n" H "A\t: h\r\n\r\n", "400 line 3: white space before the colon" },
	{ "GET / HTTP/1.1\r\n" H ": b\r\n\r\n", "400 line 3: no name and colon" },
	{ "GET / HTTP/1.1\r\n" H "A\r\n\r\n", "400 line 3: no name and colon" },
	{ "GET / HTTP/1.1\r\n" H "A(b): c\r\n\r\n", "400 line 3: no name and colon" },
	{ "GET / HTTP/1.1\r\n" H "A: \x7f\r\n\r\n",
	  "400 line 3: a control character in the value" },
	{ "GET / HTTP/1.1\r\n" H "A: \x1b[1m\r\n\r\n",
	  "400 line 3: a control character in the value" },

	/* Host. */
	{ "GET / HTTP/1.1\r\n\r\n", "400 line 2: the head ends without a Host" },
	{ "GET http://h/ HTTP/1.1\r\nA: b\r\n\r\n", "400 line 3: the head ends without a Host" },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", "400 line 2: the host is empty" },
	{ "GET / HTTP/1.1\r\n" H H "\r\n", "400 line 3: a second Host" },
	{ "GET / HTTP/1.0\r\n" H H "\r\n", "400 line 3: a second Host" },
	{ "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
	  "400 line 2: the host has a character that no host has" },
	{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
	  "400 line 2: the host has a character that no host has" },
	{ "GET http://h/ HTTP/1.1\r\nHost: u@h\r\n\r\n",
	  "400 line 2: the host has a character that no host has" },

	/* Length. */
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
	  "400 line 4: a second Content-Length" },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
	  "400 line 4: a second Content-Length" },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n",
	  "400 line 3: Content-Length is not a number" },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\n",
	  "400 line 3: Content-Length is not a number" },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n",
	  "400 line 3: Content-Length is not a number" },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\n",
	  "400 line 3: Content-Length is not a number" },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5 5\r\n\r\n",
	  "400 line 3: Content-Length is not a number" },
	{ "POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n",
	  "400 line 3: Content-Length is empty" },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551616\r\n\r\n",
	  "413 line 3: Content-Length is beyond any limit" },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\n",
	  "413 line 3: Content-Length is beyond any limit" },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
	  "400 line 4: Transfer-Encoding beside Content-Length" },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
	  "400 line 4: Content-Length beside Transfer-Encoding" },

	/* Coding. */
	{ "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n",
	  "400 line 3: Transfer-Encoding in HTTP/1.0" },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n",
	  "501 line 3: a transfer coding other than chunked" },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n",
	  "501 line 3: a transfer coding other than chunked" },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, identity\r\n\r\n",
	  "501 line 3: a transfer coding other than chunked" },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n",
	  "501 line 3: a transfer coding other than chunked" },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked;a=b\r\n\r\n",
	  "501 line 3: a transfer coding other than chunked" },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b"
	  "chunked\r\n\r\n",
	  "400 line 3: a control character in the value" },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n",
	  "400 line 3: Transfer-Encoding is not chunked, once" },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n",
	  "400 line 3: Transfer-Encoding is not chunked, once" },
	{ "POST / HTTP/1.1\r\n" H
	  "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	  "400 line 4: a second Transfer-Encoding" },
	{ "POST / HTTP/1.1\r\n" H "Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\r\n\r\n",
	  "400 line 3: too many connection options" },
};

static void test_bad(void **state)
{
	char expected[256];

	for (size_t i = 0; i < WEFT_COUNT(bad); i++) {
		snprintf(expected, sizeof(expected), "%s\n", bad[i].expected);
		check_limited(NULL, bad[i].request, strlen(bad[i].request), expected);
	}
}

#define CHUNKED "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
#define SAID    ":method: POST\n:path: /\n:authority: h\n[body]\n"

static const struct {
	const char *body;
	const char *expected; /* the data that was passed on, and the answer */
} bad_chunks[] = {
	{ "\r\n", "400 chunk: no hexadecimal size" },
	{ "-1\r\n", "400 chunk: no hexadecimal size" },
	{ "+1\r\n", "400 chunk: no hexadecimal size" },
	{ " 1\r\n", "400 chunk: no hexadecimal size" },
	{ ";a\r\n", "400 chunk: no hexadecimal size" },
	{ "0x1\r\n", "400 chunk: the size is followed by neither CRLF nor ';'" },
	{ "1 \r\na", "400 chunk: the size is followed by neither CRLF nor ';'" },
	{ "1g\r\na", "400 chunk: the size is followed by neither CRLF nor ';'" },
	{ "1\na", "400 chunk: the size is followed by neither CRLF nor ';'" },
	{ "1\rXa", "400 chunk: CR without LF after the size" },
	{ "1;a\nb", "400 chunk: a control character in the extension" },
	{ "1;a\rb", "400 chunk: CR without LF after the size" },
	{ "1234567890123456\r\n", "400 chunk: the size has too many digits" },
	{ "0000000000000001\r\n", "400 chunk: the size has too many digits" },
	{ "1\r\nab", "a400 chunk: no CRLF after the data" },
	{ "1\r\na\n", "a400 chunk: no CRLF after the data" },
	{ "1\r\na\rb", "a400 chunk: no CRLF after the data" },
	{ "1\r\na\r\n\r\n", "a400 chunk: no hexadecimal size" },
	{ "0\r\nA : b\r\n\r\n", "400 trailer line 1: white space before the colon" },
	{ "0\r\nA: b\r\n c\r\n\r\n", "400 trailer line 2: a folded line" },
	{ "0\r\nA: b\n\r\n", "400 trailer line 1: a bare LF" },
	{ "0\r\n\n", "400 trailer line 1: a bare LF" },
	{ "0\r\nGET / HTTP/1.1\r\n\r\n", "400 trailer line 1: white space before the colon" },
	{ "0\r\nA\r\n\r\n", "400 trailer line 1: no name and colon" },
};

static void test_bad_chunks(void **state)
{
	char request[512], expected[512];

	for (size_t i = 0; i < WEFT_COUNT(bad_chunks); i++) {
		snprintf(request, sizeof(request), CHUNKED "%s", bad_chunks[i].body);
		snprintf(expected, sizeof(expected), SAID "%s\n", bad_chunks[i].expected);
		check_limited(NULL, request, strlen(request), expected);
	}
}

static void test_nul(void **state)
{
	static const char line[] = "GET /\0 HTTP/1.1\r\n";
	static const char name[] = "GET / HTTP/1.1\r\n" H "A\0B: c\r\n\r\n";
	static const char value[] = "GET / HTTP/1.1\r\n" H "A: b\0c\r\n\r\n";
	static const char host[] = "GET / HTTP/1.1\r\nHost: h\0x\r\n\r\n";
	static const char method[] = "G\0T / HTTP/1.1\r\n";

	check_limited(NULL, line, sizeof(line) - 1,
		      "400 line 1: the target is empty or has a character that no target has\n");
	check_limited(NULL, name, sizeof(name) - 1, "400 line 3: no name and colon\n");
	check_limited(NULL, value, sizeof(value) - 1,
		      "400 line 3: a control character in the value\n");
	check_limited(NULL, host, sizeof(host) - 1,
		      "400 line 2: a control character in the value\n");
	check_limited(NULL, method, sizeof(method) - 1,
		      "400 line 1: no method, or not one space after it\n");
}

static void test_limits(void **state)
{
	static const struct weft_http1_limits limits = { .max_head = 64, .max_headers = 3 };
	char text[8192];

	/* Exactly the limit passes, a byte more does not. */
	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" H "A: %034d\r\n\r\n", 0);
	assert_int_equal(strlen(text), 66);
	check_limited(&limits, text, strlen(text),
		      "431 line 4: the head is longer than 64 bytes\n");
	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" H "A: %032d\r\n\r\n", 0);
	assert_int_equal(strlen(text), 64);
	check_limited(&limits, text, strlen(text),
		      ":method: GET\n:path: /\n:authority: h\na: 00000000000000000000000000000000\n"
		      "[no body]\n[end]\n");
	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" H "A: %0400d", 0);
	check_limited(&limits, text, strlen(text),
		      "431 line 3: the head is longer than 64 bytes\n");

	snprintf(text, sizeof(text), "GET /%0400d HTTP/1.1\r\n", 0);
	check_limited(&limits, text, strlen(text),
		      "414 line 1: the request line is longer than 64 bytes\n");

	check_limited(&limits, "GET / HTTP/1.1\r\n" H "A:\r\nB:\r\nC:\r\n\r\n", 39,
		      "431 line 5: more than 3 headers\n");

	snprintf(text, sizeof(text), "%s0\r\nA: %0400d\r\n", CHUNKED, 0);
	check_limited(&limits, text, strlen(text),
		      SAID "431 trailer line 1: the trailers are longer than 64 bytes\n");
	check_limited(&limits, CHUNKED "0\r\nA:\r\nB:\r\nC:\r\nD:\r\n", strlen(CHUNKED) + 19,
		      SAID "431 trailer line 4: more than 3 headers\n");

	/* Extensions are counted over all chunks of a request. */
	snprintf(text, sizeof(text), "%s1;%050d\r\na\r\n1;%050d\r\nb\r\n", CHUNKED, 0, 0);
	check_limited(&limits, text, strlen(text),
		      SAID "a400 chunk: more than 64 bytes of extensions\n");
}

/* Whatever the bytes, the outcome does not depend on the splits, and nothing is read that is not
 * there. */
static void test_mutations(void **state)
{
	struct transcript *whole = malloc(sizeof(*whole));
	struct transcript *split = malloc(sizeof(*split));
	static const char favourites[] = "\r\n \t:,;\0/*0aG";
	unsigned seed = 1;
	char request[1024];

	assert_true(whole && split);
	for (size_t round = 0; round < 4000; round++) {
		const char *from = good[round % WEFT_COUNT(good)].request;
		size_t len = strlen(from);

		memcpy(request, from, len);
		for (int i = 0; len > 0 && i < 1 + (int)(round % 3); i++) {
			size_t at = (size_t)rand_r(&seed) % len;

			request[at] = favourites[(size_t)rand_r(&seed) % sizeof(favourites)];
		}
		parse(NULL, request, len, 0, whole);
		parse(NULL, request, len, 1, split);
		assert_string_equal(whole->text, split->text);
		parse(NULL, request, len, 2 + (unsigned)round, split);
		assert_string_equal(whole->text, split->text);
	}
	free(whole);
	free(split);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),       cmocka_unit_test(test_bad),
		cmocka_unit_test(test_bad_chunks), cmocka_unit_test(test_nul),
		cmocka_unit_test(test_limits),     cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
