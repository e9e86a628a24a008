/*
 * The test cases of gRPC's doc/interop-test-descriptions.md, client's side. Each returns when it
 * has passed; session_fail() is the other way out.
 */
#ifndef INTEROP_CASES_H
#define INTEROP_CASES_H

#include "session.h"

typedef void case_fn(struct session *session);

/* cases_unary.c */
case_fn case_empty_unary, case_large_unary, case_special_status_message, case_unimplemented_method,
	case_unimplemented_service;

/* cases_stream.c */
case_fn case_client_streaming, case_server_streaming, case_ping_pong, case_empty_stream,
	case_half_duplex, case_cancel_after_begin, case_cancel_after_first_response,
	case_timeout_on_sleeping_server, case_slow_consumer;

/* cases_both.c: a unary call and a stream */
case_fn case_custom_metadata, case_status_code_and_message;

/* cases_compressed.c */
case_fn case_client_compressed_unary, case_server_compressed_unary,
	case_client_compressed_streaming, case_server_compressed_streaming;

/* cases_load.c */
case_fn case_rpc_soak, case_channel_soak, case_concurrent_large_unary, case_long_lived_channel;

/* cases_misbehaving.c */
case_fn case_goaway, case_rst, case_max_streams;

/* cases_load_report.c */
case_fn case_orca_per_rpc, case_orca_oob;

/* The request that most cases are made of, and what it gets. */
#define LARGE_REQUEST  271828
#define LARGE_RESPONSE 314159

#endif
