/*
 * A test case's side of its calls: they are started, waited for, and what came of them is looked
 * at afterwards, so that a case reads like its description. The worker's loop runs on the calling
 * thread, and only while something is waited for.
 *
 * What is asserted and does not hold ends the process with a sentence and status 1.
 */
#ifndef INTEROP_SESSION_H
#define INTEROP_SESSION_H

#include <grpc/testing/test.weft.h>

/* Calls that are not about deadlines get this one, so that no case hangs. */
#define SESSION_TIMEOUT (120 * WEFT_SECOND)

struct session_settings {
	long iterations;
	long max_failures;
	long max_latency_ms; /* of one iteration */
	long overall_timeout_s;
	long pause_ms; /* between iterations */
	long request_size;
	long response_size;
};

struct session {
	const char *test_case;
	const char *target;
	const struct weft_channel_options *channel_options;
	const struct session_settings *settings;
	struct weft_worker *worker;
	struct weft_channel *channel;
	struct weft_arena *arena; /* outcomes live here */
	bool closed;              /* the channel that is being closed is gone */
};

/* Another channel of the same kind; a case that opens one closes it. */
struct weft_channel *session_open_channel(struct session *session);
void session_close_channel(struct session *session, struct weft_channel *channel);
void session_sleep(struct session *session, uint64_t ns);

void session_fail(const struct session *session, const char *format, ...) WEFT_PRINTF(2, 3)
	__attribute__((__noreturn__));

#define session_check(session, condition)                                                          \
	do {                                                                                       \
		if (!(condition))                                                                  \
			session_fail((session), "not so: %s", #condition);                         \
	} while (0)

/* How a call ended. */
struct outcome {
	struct session *session;
	bool done;
	enum weft_code code;
	const char *message;
	struct weft_metadata headers;
	struct weft_metadata trailers;
	bool has_payload;
	bool compressed; /* the unary response was */
	size_t size;     /* of the unary response's payload, or the sum that a client stream gave */
};

void outcome_wait(struct outcome *outcome);
void outcome_expect(const struct outcome *outcome, enum weft_code code);

/* Options with SESSION_TIMEOUT and the metadata, which may be NULL. */
struct weft_call_options session_options(const struct weft_metadata *metadata);

/* `outcome` stays where it is until it is done. */
void unary_start(struct session *session, struct weft_channel *channel,
		 const Grpc__Testing__SimpleRequest *req, const struct weft_call_options *options,
		 struct outcome *outcome);
/* The same, waited for. */
void unary_call(struct session *session, const Grpc__Testing__SimpleRequest *req,
		const struct weft_call_options *options, struct outcome *outcome);

enum stream_kind { STREAM_OUTPUT, STREAM_FULL_DUPLEX, STREAM_HALF_DUPLEX };

/* A stream of StreamingOutputCallResponses: each is asked for, none comes unasked. */
struct stream {
	struct outcome outcome;
	struct weft_rpc *rpc; /* until outcome.done */
	bool arrived;
	size_t size;
	bool compressed;
};

#define STREAM_END (-1L)

/* `req` is what STREAM_OUTPUT asks for, and NULL for the others. */
void stream_start(struct session *session, enum stream_kind kind,
		  const Grpc__Testing__StreamingOutputCallRequest *req,
		  const struct weft_call_options *options, struct stream *stream);
/* A request for one response of `response_size`, with a payload of `size`. */
void stream_ask(struct stream *stream, enum stream_kind kind, int32_t response_size, size_t size);
void stream_send(struct stream *stream, enum stream_kind kind,
		 const Grpc__Testing__StreamingOutputCallRequest *req);
/* Waits for the next response's payload: its size, or STREAM_END when the call has ended. */
long stream_next(struct stream *stream);

/* A client stream. outcome.size is the aggregated size. */
struct input {
	struct outcome outcome;
	struct weft_rpc *rpc;
};

void input_start(struct session *session, const struct weft_call_options *options,
		 struct input *input);
/* `expect_compressed` may be NULL. */
void input_send(struct input *input, size_t size,
		const Grpc__Testing__BoolValue *expect_compressed);

/* `size` zeros; at most ZEROS_MAX. */
#define ZEROS_MAX ((size_t)1 << 20)
Grpc__Testing__Payload zeros(size_t size);

#endif
