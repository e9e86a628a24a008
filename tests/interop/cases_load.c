/* Cases of many calls: one after the other, or all at once. */
#include "cases.h"

#include <stdio.h>

#define AT_ONCE       1000
#define LONG_PAUSE_MS 1000

static Grpc__Testing__SimpleRequest large_request(size_t response_size,
						  Grpc__Testing__Payload *payload)
{
	Grpc__Testing__SimpleRequest req = GRPC__TESTING__SIMPLE_REQUEST__INIT;

	req.payload = payload;
	req.response_size = (int32_t)response_size;
	return req;
}

/* One call of a soak: whether it was right, and in time. */
static bool soak_once(struct session *session, struct weft_channel *channel, long i)
{
	const struct session_settings *settings = session->settings;
	Grpc__Testing__Payload payload = zeros((size_t)settings->request_size);
	Grpc__Testing__SimpleRequest req = large_request((size_t)settings->response_size, &payload);
	uint64_t begin = weft_now(), latency;
	struct outcome outcome;
	bool good;

	unary_start(session, channel, &req, NULL, &outcome);
	outcome_wait(&outcome);
	latency = weft_now() - begin;
	good = outcome.code == WEFT_OK && outcome.size == (size_t)settings->response_size &&
	       latency <= (uint64_t)settings->max_latency_ms * WEFT_MS;
	if (!good)
		fprintf(stderr, "iteration %ld: %s after %.1f ms, %zu bytes: %s\n", i,
			weft_code_name(outcome.code), (double)latency / 1e6, outcome.size,
			outcome.message);
	weft_arena_reset(session->arena);
	return good;
}

static void soak(struct session *session, bool fresh_channels, long pause_ms)
{
	const struct session_settings *settings = session->settings;
	uint64_t end = weft_now() + (uint64_t)settings->overall_timeout_s * WEFT_SECOND;
	long failures = 0, done = 0;

	for (; done < settings->iterations && weft_now() < end; done++) {
		struct weft_channel *channel =
			fresh_channels ? session_open_channel(session) : session->channel;

		failures += !soak_once(session, channel, done);
		if (fresh_channels)
			session_close_channel(session, channel);
		session_sleep(session, (uint64_t)pause_ms * WEFT_MS);
	}
	printf("%ld of %ld iterations, %ld failures\n", done, settings->iterations, failures);
	session_check(session, done == settings->iterations);
	session_check(session, failures <= settings->max_failures);
}

void case_rpc_soak(struct session *session)
{
	soak(session, false, session->settings->pause_ms);
}

void case_channel_soak(struct session *session)
{
	soak(session, true, session->settings->pause_ms);
}

/* A soak with a pause: a connection that rests is still good afterwards. */
void case_long_lived_channel(struct session *session)
{
	long pause_ms = session->settings->pause_ms;

	soak(session, false, pause_ms ? pause_ms : LONG_PAUSE_MS);
}

void case_concurrent_large_unary(struct session *session)
{
	Grpc__Testing__Payload payload = zeros(LARGE_REQUEST);
	Grpc__Testing__SimpleRequest req = large_request(LARGE_RESPONSE, &payload);
	struct outcome *outcomes = weft_arena_new_array(session->arena, struct outcome, AT_ONCE);

	session_check(session, outcomes != NULL);
	for (size_t i = 0; i < AT_ONCE; i++)
		unary_start(session, session->channel, &req, NULL, &outcomes[i]);
	for (size_t i = 0; i < AT_ONCE; i++) {
		outcome_wait(&outcomes[i]);
		outcome_expect(&outcomes[i], WEFT_OK);
		session_check(session, outcomes[i].size == LARGE_RESPONSE);
	}
}
