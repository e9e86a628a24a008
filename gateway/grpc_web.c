#include "grpc_web.h"

#include <errno.h>
#include <string.h>

static const char *const types[] = {
	[GRPC_PLAIN] = "application/grpc",
	[GRPC_WEB] = "application/grpc-web",
	[GRPC_WEB_TEXT] = "application/grpc-web-text",
};

bool grpc_dialect_of(const char *content_type, enum grpc_dialect *ret_dialect)
{
	for (size_t i = 0; i < WEFT_COUNT(types); i++) {
		size_t len = strlen(types[i]);

		if (strncmp(content_type, types[i], len) != 0 ||
		    (content_type[len] != '\0' && !strchr("+;", content_type[len])))
			continue;
		*ret_dialect = (enum grpc_dialect)i;
		return true;
	}
	return false;
}

const char *grpc_content_type(enum grpc_dialect dialect)
{
	static const char *const answers[] = {
		[GRPC_PLAIN] = "application/grpc",
		[GRPC_WEB] = "application/grpc-web+proto",
		[GRPC_WEB_TEXT] = "application/grpc-web-text+proto",
	};

	return answers[dialect];
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static int decode_quad(const char quad[4], struct weft_buffer *out)
{
	size_t n = quad[3] != '=' ? 4 : quad[2] != '=' ? 3 : 2;
	uint32_t bits = 0;
	uint8_t bytes[3];

	for (size_t i = 0; i < 4; i++) {
		int value = i < n ? value_of(quad[i]) : 0;

		if (value < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)value;
	}
	for (size_t i = 0; i < 3; i++)
		bytes[i] = (uint8_t)(bits >> (16 - 8 * i));
	return weft_buffer_append(out, bytes, n - 1);
}

int grpc_web_decode(struct grpc_web_decoder *decoder, const uint8_t *text, size_t len,
		    struct weft_buffer *out)
{
	int r;

	for (size_t i = 0; i < len; i++) {
		decoder->quad[decoder->n++] = (char)text[i];
		if (decoder->n < 4)
			continue;
		decoder->n = 0;
		r = decode_quad(decoder->quad, out);
		if (r < 0)
			return r;
	}
	return 0;
}

int grpc_web_encode(const uint8_t *bytes, size_t len, struct weft_buffer *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t *to;
	int r;

	r = weft_buffer_reserve(out, (len + 2) / 3 * 4, &to);
	if (r < 0)
		return r;
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)bytes[i] << 16;

		if (n > 1)
			bits |= (uint32_t)bytes[i + 1] << 8;
		if (n > 2)
			bits |= bytes[i + 2];
		*to++ = (uint8_t)digits[bits >> 18];
		*to++ = (uint8_t)digits[bits >> 12 & 63];
		*to++ = (uint8_t)(n > 1 ? digits[bits >> 6 & 63] : '=');
		*to++ = (uint8_t)(n > 2 ? digits[bits & 63] : '=');
	}
	out->len += (len + 2) / 3 * 4;
	return 0;
}

int grpc_web_trailers(const struct weft_h2_header *fields, size_t n, struct weft_buffer *out)
{
	size_t at = out->len, len;
	int r;

	r = weft_buffer_append(out, "\x80\0\0\0", 5);
	for (size_t i = 0; i < n && r >= 0; i++)
		r = weft_buffer_printf(out, "%s: %s\r\n", fields[i].name, fields[i].value);
	if (r < 0)
		return r;
	len = out->len - at - 5;
	for (size_t i = 0; i < 4; i++)
		out->data[at + 1 + i] = (uint8_t)(len >> (24 - 8 * i));
	return 0;
}
