/*
 * Call credentials: a channel's and a call's own, supplied at once and later, refused, illegal, too
 * late; and that they do not leave over TCP in plaintext. Foreign servers see them in
 * tests/integration/test_client_grpcio.py.
 */
#include <stdio.h>
#include <string.h>
#include <weft/credentials.h>

#include "peers.h"

/* A wallet answers by itself, or keeps its requests for the test. */
struct wallet {
	const char *token; /* NULL: keeps the request */
	const char *name;  /* of the metadata */
	enum weft_code code;
	unsigned asked;
	unsigned freed;
	struct weft_credentials_request *request;
	char path[64];
	char audience[128];
};

static void supply(struct weft_credentials_request *request, const char *name, const char *token)
{
	struct weft_metadata metadata = WEFT_METADATA_INIT;
	struct weft_metadata_entry entry = {
		.name = name,
		.value = (const uint8_t *)token,
		.len = strlen(token),
	};

	metadata.entries = &entry;
	metadata.n = 1;
	weft_credentials_supply(request, &metadata);
}

static void on_request(struct weft_credentials_request *request, void *data)
{
	struct wallet *wallet = data;

	wallet->asked++;
	assert_ptr_equal(weft_credentials_request_worker(request), worker);
	snprintf(wallet->path, sizeof(wallet->path), "%s", weft_credentials_request_path(request));
	snprintf(wallet->audience, sizeof(wallet->audience), "%s",
		 weft_credentials_request_audience(request));
	if (wallet->code)
		weft_credentials_fail(request, wallet->code, "the wallet is %s", "empty");
	else if (wallet->token)
		supply(request, wallet->name ? wallet->name : "x-token", wallet->token);
	else
		wallet->request = request;
}

static void on_free(void *data)
{
	((struct wallet *)data)->freed++;
}

/* The server says what it was shown. */
static unsigned shown;

static int tell(struct weft_call *call, void *self)
{
	const struct weft_metadata *metadata = weft_call_metadata(call);
	char text[256] = "";

	shown++;
	for (size_t i = 0; i < metadata->n; i++) {
		const struct weft_metadata_entry *entry = &metadata->entries[i];
		size_t len = strlen(text);

		if (!strcmp(entry->name, "x-token") || !strcmp(entry->name, "authorization"))
			snprintf(text + len, sizeof(text) - len, "%s;", (const char *)entry->value);
	}
	return weft_call_fail(call, WEFT_ABORTED, "%s", text);
}

static struct wallet wallet, own_wallet;
static struct weft_credentials *credentials, *own;

static void open_at(const char *address, struct weft_credentials *of_channel)
{
	const struct weft_channel_options options = {
		.size = sizeof(options),
		.credentials = of_channel,
	};

	open_channel(address, &options);
}

static int setup(void **state)
{
	if (peers_setup(state) != 0)
		return -1;
	shown = 0;
	wallet = own_wallet = (struct wallet) { 0 };
	credentials = weft_credentials_new(on_request, &wallet, on_free);
	own = weft_credentials_new(on_request, &own_wallet, on_free);
	start_server(target, NULL);
	weft_server_set_fallback(server, tell, NULL);
	open_at(target, credentials);
	return 0;
}

static int teardown(void **state)
{
	int r;

	weft_credentials_unref(credentials);
	assert_int_equal(wallet.freed, 0); /* the channel has it */
	r = peers_teardown(state);
	assert_int_equal(wallet.freed, 1);
	weft_credentials_unref(own);
	assert_int_equal(own_wallet.freed, 1);
	return r;
}

static void expect(struct outcome *outcome, enum weft_code code, const char *words)
{
	run_until_end(outcome);
	assert_string_equal(outcome->message, words);
	assert_int_equal(outcome->code, code);
	outcome_fini(outcome);
}

/* ---- supplied ---- */

static void each_call_gets_its_own(void **state)
{
	struct outcome outcome = { 0 };

	wallet.token = "first";
	start(&outcome, "/test.Test/Echo", "hello", NULL);
	expect(&outcome, WEFT_ABORTED, "first;");
	assert_string_equal(wallet.path, "/test.Test/Echo");
	assert_string_equal(wallet.audience, "https://localhost/test.Test");
	wallet.token = "second";
	start(&outcome, "/test.Test/Echo", "hello", NULL);
	expect(&outcome, WEFT_ABORTED, "second;");
	assert_int_equal(wallet.asked, 2);
}

static void supplied_later(void **state)
{
	struct outcome outcome = { 0 };

	start(&outcome, "/test.Test/Echo", "hello", NULL);
	assert_non_null(wallet.request);
	supply(wallet.request, "X-Token", "late");
	expect(&outcome, WEFT_ABORTED, "late;");
}

static void the_channels_and_then_the_calls(void **state)
{
	struct outcome outcome = { 0 };

	own_wallet.token = "mine";
	start(&outcome, "/test.Test/Echo", "hello", WEFT_CALL_OPTIONS(.credentials = own));
	assert_int_equal(own_wallet.asked, 0); /* one after the other */
	supply(wallet.request, "x-token", "ours");
	expect(&outcome, WEFT_ABORTED, "ours;mine;");
	assert_int_equal(wallet.asked, 1);
	assert_int_equal(own_wallet.asked, 1);
}

static void a_bearer_token(void **state)
{
	struct weft_credentials *bearer = weft_credentials_new_bearer("abc.def");
	struct outcome outcome = { 0 };

	wallet.token = "ours";
	start(&outcome, "/test.Test/Echo", "hello", WEFT_CALL_OPTIONS(.credentials = bearer));
	weft_credentials_unref(bearer);
	expect(&outcome, WEFT_ABORTED, "ours;Bearer abc.def;");
}

/* ---- not supplied ---- */

static void there_are_none(void **state)
{
	static const struct {
		enum weft_code said, told;
	} codes[] = {
		{ WEFT_UNAUTHENTICATED, WEFT_UNAUTHENTICATED },
		{ WEFT_UNAVAILABLE, WEFT_UNAVAILABLE },
		{ WEFT_PERMISSION_DENIED, WEFT_PERMISSION_DENIED },
		{ WEFT_NOT_FOUND, WEFT_INTERNAL }, /* the server's word, gRFC A54 */
		{ WEFT_DATA_LOSS, WEFT_INTERNAL },
	};
	struct outcome outcome = { 0 };

	for (size_t i = 0; i < WEFT_COUNT(codes); i++) {
		wallet.code = codes[i].said;
		start(&outcome, "/test.Test/Echo", "hello", WEFT_CALL_OPTIONS(.credentials = own));
		expect(&outcome, codes[i].told, "no credentials: the wallet is empty");
	}
	assert_int_equal(own_wallet.asked, 0);
	assert_int_equal(shown, 0);
}

static void they_are_no_metadata(void **state)
{
	struct outcome outcome = { 0 };

	wallet.token = "secret";
	wallet.name = "grpc-timeout";
	start(&outcome, "/test.Test/Echo", "hello", NULL);
	expect(&outcome, WEFT_UNAVAILABLE, "the credentials are no metadata: \"grpc-timeout\"");
	assert_int_equal(shown, 0);
}

static void the_call_ends_before_they_come(void **state)
{
	struct outcome outcome = { 0 };

	start(&outcome, "/test.Test/Echo", "hello", WEFT_CALL_OPTIONS(.timeout_ns = 20 * WEFT_MS));
	expect(&outcome, WEFT_DEADLINE_EXCEEDED,
	       "the deadline passed before there were credentials");
	supply(wallet.request, "x-token", "late"); /* finds nobody */

	start(&outcome, "/test.Test/Echo", "hello", NULL);
	weft_rpc_cancel(outcome.rpc);
	weft_credentials_fail(wallet.request, WEFT_UNAVAILABLE, "late");
	expect(&outcome, WEFT_CANCELLED, "cancelled by the client");
	assert_int_equal(shown, 0);
}

static void not_over_tcp_in_plaintext(void **state)
{
	struct outcome outcome = { 0 };
	char words[256];

	close_channel();
	stop_server();
	start_server("127.0.0.1:0", NULL);
	weft_server_set_fallback(server, tell, NULL);
	open_at(weft_port_address(port), credentials);
	wallet.token = "secret";
	start(&outcome, "/test.Test/Echo", "hello", NULL);
	snprintf(words, sizeof(words),
		 "credentials are sent over TLS or a Unix socket, not over TCP to %s",
		 weft_port_address(port));
	expect(&outcome, WEFT_UNAUTHENTICATED, words);
	assert_int_equal(shown, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_call_gets_its_own),
		TEST(supplied_later),
		TEST(the_channels_and_then_the_calls),
		TEST(a_bearer_token),
		TEST(there_are_none),
		TEST(they_are_no_metadata),
		TEST(the_call_ends_before_they_come),
		TEST(not_over_tcp_in_plaintext),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
