/* See outcome.h. The tables are those of gRPC's documents. */
#include "rpc/outcome.h"

enum weft_code weft_code_from_http(unsigned http_status)
{
	switch (http_status) {
	case 400: return WEFT_INTERNAL;
	case 401: return WEFT_UNAUTHENTICATED;
	case 403: return WEFT_PERMISSION_DENIED;
	case 404: return WEFT_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504: return WEFT_UNAVAILABLE;
	default: return WEFT_UNKNOWN;
	}
}

enum weft_code weft_code_from_h2(uint32_t error_code)
{
	switch (error_code) {
	case WEFT_H2_REFUSED_STREAM:
	case WEFT_H2_CONNECT_ERROR: return WEFT_UNAVAILABLE;
	case WEFT_H2_CANCEL: return WEFT_CANCELLED;
	case WEFT_H2_ENHANCE_YOUR_CALM: return WEFT_RESOURCE_EXHAUSTED;
	case WEFT_H2_INADEQUATE_SECURITY: return WEFT_PERMISSION_DENIED;
	default: return WEFT_INTERNAL;
	}
}

const char *weft_h2_error_name(uint32_t error_code)
{
	static const char *const names[] = {
		[WEFT_H2_NO_ERROR] = "NO_ERROR",
		[WEFT_H2_PROTOCOL_ERROR] = "PROTOCOL_ERROR",
		[WEFT_H2_INTERNAL_ERROR] = "INTERNAL_ERROR",
		[WEFT_H2_FLOW_CONTROL_ERROR] = "FLOW_CONTROL_ERROR",
		[WEFT_H2_SETTINGS_TIMEOUT] = "SETTINGS_TIMEOUT",
		[WEFT_H2_STREAM_CLOSED] = "STREAM_CLOSED",
		[WEFT_H2_FRAME_SIZE_ERROR] = "FRAME_SIZE_ERROR",
		[WEFT_H2_REFUSED_STREAM] = "REFUSED_STREAM",
		[WEFT_H2_CANCEL] = "CANCEL",
		[WEFT_H2_COMPRESSION_ERROR] = "COMPRESSION_ERROR",
		[WEFT_H2_CONNECT_ERROR] = "CONNECT_ERROR",
		[WEFT_H2_ENHANCE_YOUR_CALM] = "ENHANCE_YOUR_CALM",
		[WEFT_H2_INADEQUATE_SECURITY] = "INADEQUATE_SECURITY",
		[WEFT_H2_HTTP_1_1_REQUIRED] = "HTTP_1_1_REQUIRED",
	};

	return error_code < WEFT_COUNT(names) ? names[error_code] : "unknown";
}
