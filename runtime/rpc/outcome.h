/* What HTTP and HTTP/2 say about a call that brought no grpc-status, as a gRPC code. */
#ifndef WEFT_RPC_OUTCOME_H
#define WEFT_RPC_OUTCOME_H

#include <weft/h2.h>
#include <weft/status.h>

/* https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
enum weft_code weft_code_from_http(unsigned http_status);
/* RST_STREAM (PROTOCOL-HTTP2, "Errors"), and CONNECT_ERROR for a connection that was lost. */
enum weft_code weft_code_from_h2(uint32_t error_code);
const char *weft_h2_error_name(uint32_t error_code); /* "REFUSED_STREAM"; "unknown" */

#endif
