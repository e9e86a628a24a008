/*
 * Transports with TLS: the same exchange, who is trusted and who is refused and in what words,
 * versions, ALPN, handshakes that do not come to an end. The certificates are made here by the
 * openssl command.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/log.h>

#include "ends.h"
#include "io/worker.h"

static char certificates[64];
static struct weft_tls *client_tls;

static const char *in_certificates(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", certificates, name);
	return path;
}

static int make_certificates(void **state)
{
	static const char script[] =
		"cd %s && {\n"
		"key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'\n"
		"ca='-addext basicConstraints=critical,CA:TRUE'\n"
		"leaf='-addext basicConstraints=critical,CA:FALSE'\n"
		"openssl req -x509 $key $ca -subj /CN=ca -keyout ca.key -out ca.pem\n"
		"openssl req -x509 $key $ca -subj /CN=other -keyout other.key -out other.pem\n"
		"openssl req -x509 $key $leaf -CA ca.pem -CAkey ca.key -subj /CN=shop \\\n"
		" -addext subjectAltName=DNS:shop.example,IP:127.0.0.1 -keyout shop.key -out "
		"shop.pem\n"
		"openssl req -x509 $key $leaf -CA ca.pem -CAkey ca.key -subj /CN=buyer \\\n"
		" -keyout buyer.key -out buyer.pem\n"
		"openssl req -x509 $key $leaf -CA other.pem -CAkey other.key -subj /CN=stranger "
		"\\\n"
		" -keyout stranger.key -out stranger.pem\n"
		"} >/dev/null 2>&1";
	char command[2048];

	strcpy(certificates, "/tmp/weft-tls-XXXXXX");
	if (!mkdtemp(certificates))
		return -1;
	snprintf(command, sizeof(command), script, certificates);
	if (system(command) != 0)
		return -1;
	return access(in_certificates("stranger.pem"), R_OK);
}

static int remove_certificates(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", certificates);
	return system(command);
}

static struct weft_tls_options shop_options(void)
{
	return (struct weft_tls_options) {
		.size = sizeof(struct weft_tls_options),
		.cert_file = in_certificates("shop.pem"),
		.key_file = in_certificates("shop.key"),
	};
}

static struct weft_tls *make_server(const struct weft_tls_options *options)
{
	struct weft_tls *tls;
	char error[256] = "";

	if (weft_tls_server_new(options, error, &tls) < 0)
		fail_msg("%s", error);
	return tls;
}

static struct weft_tls *make_client(const struct weft_tls_options *options)
{
	struct weft_tls *tls;
	char error[256] = "";

	if (weft_tls_client_new(options, error, &tls) < 0)
		fail_msg("%s", error);
	return tls;
}

static int tls_setup(void **state)
{
	struct weft_tls_options trust = { .size = sizeof(trust),
					  .ca_file = in_certificates("ca.pem") };
	struct weft_tls_options shop = shop_options();

	if (ends_setup(state) < 0)
		return -1;
	server_tls = make_server(&shop);
	client_tls = make_client(&trust);
	listen_for_server("127.0.0.1:0");
	return 0;
}

static int tls_teardown(void **state)
{
	weft_tls_unref(client_tls);
	return ends_teardown(state);
}

static void use_client(const struct weft_tls_options *options)
{
	weft_tls_unref(client_tls);
	client_tls = make_client(options);
}

static void use_server(const struct weft_tls_options *options)
{
	weft_tls_unref(server_tls);
	server_tls = make_server(options);
}

static bool client_closed(void)
{
	return client.closed;
}

static bool server_closed(void)
{
	return server.closed;
}

/* ---- the exchange ---- */

static void bytes_both_ways(void **state)
{
	client.to_send = 3000001;
	server.to_send = 5000003;
	connect_client(client_tls, "shop.example");
	run_until(all_received);
	assert_true(weft_transport_is_tls(client.transport));
	assert_string_equal(client.alpn, "h2");
	assert_string_equal(server.alpn, "h2");

	close_softly(&client);
	run_until(both_closed);
	assert_int_equal(server.ended, 1);
	assert_int_equal(client.error, 0);
	assert_int_equal(server.error, 0);
	assert_int_equal(client.opened + server.opened, 2);
}

static void pause_it(struct end *end)
{
	weft_transport_pause(end->transport);
}

static size_t sent_at_last_look;
static unsigned looks_without_progress;

static bool client_is_stuck(void)
{
	if (client.sent != sent_at_last_look || !client.opened)
		looks_without_progress = 0;
	else
		looks_without_progress++;
	sent_at_last_look = client.sent;
	return looks_without_progress >= 20;
}

static void a_slow_reader_stops_the_writer(void **state)
{
	server.in_open = pause_it;
	client.to_send = 50 << 20;
	connect_client(client_tls, "shop.example");
	run_until(client_is_stuck);
	assert_int_equal(server.received, 0);
	assert_in_range(client.sent, 1, 20 << 20);
	assert_in_range(weft_transport_unsent(client.transport), 0, WEFT_RECORD_ROOM);
	weft_transport_resume(server.transport);
	run_until(all_received);
}

static struct weft_task resume_task;

static void resume_server(struct weft_task *task)
{
	if (server.transport)
		weft_transport_resume(server.transport);
}

static void pause_for_a_turn(struct end *end)
{
	weft_transport_pause(end->transport);
	resume_task.run = resume_server;
	weft_loop_post(weft_worker_loop(worker), &resume_task);
}

/* The last piece is decrypted, or kept, while nothing more will make the socket readable. */
static void a_reader_may_pause_after_every_piece(void **state)
{
	server.in_data = pause_for_a_turn;
	client.to_send = 5 << 20;
	connect_client(client_tls, "shop.example");
	run_until(all_received);
}

static void close_after_all(struct end *end)
{
	if (end->received == client.to_send)
		close_now(end);
}

static void what_is_left_is_sent_before_the_end(void **state)
{
	client.to_send = 9 << 20;
	client.in_open = close_softly;
	server.in_data = close_after_all;
	connect_client(client_tls, "shop.example");
	run_until(both_closed);
	assert_int_equal(server.received, client.to_send);
	assert_int_equal(client.error, 0);
	assert_int_equal(server.error, 0);
}

static void closing_in_on_open(void **state)
{
	client.in_open = close_now;
	connect_client(client_tls, "shop.example");
	run_until(both_closed);
	assert_int_equal(client.error, 0);
	assert_int_equal(server.ended, 1);
}

static void closing_in_on_data(void **state)
{
	client.to_send = 1 << 20;
	server.in_data = close_now;
	connect_client(client_tls, "shop.example");
	run_until(both_closed);
	assert_in_range(server.received, 1, WEFT_READ_ROOM);
}

static void over_a_unix_socket_too(void **state)
{
	char address[128];

	weft_listener_free(listener);
	snprintf(address, sizeof(address), "unix:%s/socket", directory);
	listen_for_server(address);
	client.to_send = server.to_send = 100000;
	connect_client(client_tls, "shop.example");
	run_until(all_received);
}

/* ---- trust ---- */

static void refused_with(const char *words)
{
	run_until(both_closed);
	assert_int_equal(client.opened, 0);
	assert_int_equal(client.error, -EPROTO);
	if (!strstr(client.error_text, words))
		fail_msg("\"%s\" does not say \"%s\"", client.error_text, words);
	assert_int_equal(server.opened, 0);
	assert_int_equal(server.error, -EPROTO);
}

static void an_unknown_ca_is_refused(void **state)
{
	struct weft_tls_options options = { .size = sizeof(options),
					    .ca_file = in_certificates("other.pem") };

	use_client(&options);
	connect_client(client_tls, "shop.example");
	refused_with("certificate is refused: unable to get local issuer certificate");
	assert_non_null(strstr(server.error_text, "unknown ca"));
}

static void the_systems_store_does_not_know_us(void **state)
{
	struct weft_tls_options options = { .size = sizeof(options) };

	use_client(&options);
	connect_client(client_tls, "shop.example");
	refused_with("certificate is refused");
}

static void another_name_is_refused(void **state)
{
	connect_client(client_tls, "bank.example");
	refused_with("hostname mismatch, server name bank.example");
}

static void another_ip_is_refused(void **state)
{
	connect_client(client_tls, "127.0.0.2");
	refused_with("IP address mismatch, server name 127.0.0.2");
}

static void an_ip_can_be_a_server_name(void **state)
{
	connect_client(client_tls, "127.0.0.1");
	run_until(both_opened);
}

static void a_client_must_know_whom_it_wants(void **state)
{
	connect_client(client_tls, NULL);
	run_until(client_closed);
	assert_int_equal(client.error, -EINVAL);
	assert_non_null(strstr(client.error_text, "is no server name"));
}

static void verification_can_be_skipped(void **state)
{
	struct weft_tls_options options = { .size = sizeof(options), .insecure_skip_verify = true };

	use_client(&options);
	connect_client(client_tls, "bank.example");
	run_until(both_opened);
}

static void require_client_certificates(void)
{
	struct weft_tls_options options = shop_options();

	options.ca_file = in_certificates("ca.pem");
	options.require_client_certificate = true;
	use_server(&options);
}

static void a_known_client_is_let_in(void **state)
{
	struct weft_tls_options options = { .size = sizeof(options),
					    .ca_file = in_certificates("ca.pem"),
					    .cert_file = in_certificates("buyer.pem"),
					    .key_file = in_certificates("buyer.key") };

	use_client(&options);
	require_client_certificates();
	client.to_send = server.to_send = 1000;
	connect_client(client_tls, "shop.example");
	run_until(all_received);
}

/* In TLS 1.3 a client is open before the server has looked at its certificate. */
static void shut_out_with(const char *words)
{
	client.to_send = 10000;
	connect_client(client_tls, "shop.example");
	run_until(both_closed);
	assert_int_equal(server.opened, 0);
	assert_int_equal(server.error, -EPROTO);
	assert_int_equal(client.error, -EPROTO);
	if (!strstr(client.error_text, words))
		fail_msg("\"%s\" does not say \"%s\"", client.error_text, words);
}

static void a_client_without_certificate_is_shut_out(void **state)
{
	require_client_certificates();
	shut_out_with("certificate required");
	assert_non_null(strstr(server.error_text, "peer did not return a certificate"));
}

static void a_stranger_is_shut_out(void **state)
{
	struct weft_tls_options options = { .size = sizeof(options),
					    .ca_file = in_certificates("ca.pem"),
					    .cert_file = in_certificates("stranger.pem"),
					    .key_file = in_certificates("stranger.key") };

	use_client(&options);
	require_client_certificates();
	shut_out_with("unknown ca");
	assert_non_null(strstr(server.error_text, "certificate is refused"));
}

/* ---- ALPN ---- */

static void the_server_chooses_the_protocol(void **state)
{
	static const char *const server_names[] = { "h2", "http/1.1", NULL };
	static const char *const client_names[] = { "http/1.1", "h2", NULL };
	struct weft_tls_options at_server = shop_options();
	struct weft_tls_options at_client = { .size = sizeof(at_client),
					      .ca_file = in_certificates("ca.pem"),
					      .alpn = client_names };

	at_server.alpn = server_names;
	use_server(&at_server);
	use_client(&at_client);
	connect_client(client_tls, "shop.example");
	run_until(both_opened);
	assert_string_equal(client.alpn, "h2");
	assert_string_equal(server.alpn, "h2");
}

static void no_common_protocol_is_an_error(void **state)
{
	static const char *const names[] = { "spdy/3", NULL };
	struct weft_tls_options options = { .size = sizeof(options),
					    .ca_file = in_certificates("ca.pem"),
					    .alpn = names };

	use_client(&options);
	connect_client(client_tls, "shop.example");
	refused_with("no application protocol");
}

/* ---- versions ---- */

/* The openssl command as the client; it ends when its input does. */
static pid_t start_s_client(const char *version, int *ret_input)
{
	int pipe_fds[2], nothing;
	pid_t pid;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		nothing = open("/dev/null", O_WRONLY);
		dup2(pipe_fds[0], STDIN_FILENO);
		dup2(nothing, STDOUT_FILENO);
		dup2(nothing, STDERR_FILENO);
		execlp("openssl", "openssl", "s_client", "-connect",
		       weft_listener_address(listener), "-CAfile", in_certificates("ca.pem"),
		       "-verify_return_error", "-servername", "shop.example", "-cipher",
		       "ALL:@SECLEVEL=0", "-quiet", version, (char *)NULL);
		_exit(127);
	}
	close(pipe_fds[0]);
	*ret_input = pipe_fds[1];
	return pid;
}

static bool server_received(void)
{
	return server.received == 1;
}

static void tls_1_2_is_spoken(void **state)
{
	int input, status;
	pid_t pid = start_s_client("-tls1_2", &input);

	assert_int_equal(write(input, "\0", 1), 1);
	run_until(server_received);
	assert_string_equal(server.alpn, "");
	close_softly(&server);
	run_until(server_closed);
	close(input);
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(server.error, 0);
}

static void tls_1_1_is_refused(void **state)
{
	int input, status;
	pid_t pid = start_s_client("-tls1_1", &input);

	run_until(server_closed);
	close(input);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_not_equal(status, 0);
	assert_int_equal(server.opened, 0);
	assert_int_equal(server.error, -EPROTO);
	assert_non_null(strstr(server.error_text, "unsupported protocol"));
}

/* ---- handshakes that fail otherwise ---- */

static void a_silent_client_is_dropped(void **state)
{
	int fd;

	server_timeout_ns = 20 * WEFT_MS;
	fd = connect_raw();
	run_until(server_closed);
	assert_int_equal(server.opened, 0);
	assert_int_equal(server.error, -ETIMEDOUT);
	assert_non_null(strstr(server.error_text, "handshake"));
	close(fd);
}

static void a_silent_server_is_given_up(void **state)
{
	weft_tls_unref(server_tls);
	server_tls = NULL; /* it accepts, and never says a word of TLS */
	client.transport =
		weft_transport_connect(worker, weft_listener_address(listener), client_tls,
				       "shop.example", 20 * WEFT_MS, &end_events, &client);
	server.in_open = pause_it;
	run_until(client_closed);
	assert_int_equal(client.error, -ETIMEDOUT);
}

static void plaintext_is_no_handshake(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n";
	int fd = connect_raw();

	assert_int_equal(write(fd, request, sizeof(request) - 1), sizeof(request) - 1);
	run_until(server_closed);
	assert_int_equal(server.error, -EPROTO);
	assert_non_null(strstr(server.error_text, "TLS: http request"));
	close(fd);
}

static void an_end_in_the_handshake_is_an_error(void **state)
{
	int fd = connect_raw();

	close(fd);
	run_until(server_closed);
	assert_int_equal(server.error, -ECONNRESET);
	assert_int_equal(server.ended, 0);
}

/* ---- options ---- */

static void server_refuses(const struct weft_tls_options *options, int error, const char *words)
{
	struct weft_tls *tls = NULL;
	char text[256] = "";

	assert_int_equal(weft_tls_server_new(options, text, &tls), error);
	assert_null(tls);
	if (!strstr(text, words))
		fail_msg("\"%s\" does not say \"%s\"", text, words);
	assert_int_equal(weft_tls_server_new(options, NULL, &tls), error);
}

static void bad_files_are_named(void **state)
{
	struct weft_tls_options options = shop_options();

	options.cert_file = in_certificates("nowhere.pem");
	server_refuses(&options, -ENOENT, "nowhere.pem: No such file or directory");
	options.cert_file = in_certificates("shop.key");
	server_refuses(&options, -EINVAL, "shop.key holds no good certificate chain");
	options = shop_options();
	options.key_file = in_certificates("shop.pem");
	server_refuses(&options, -EINVAL, "shop.pem holds no good private key");
	options.key_file = in_certificates("buyer.key");
	server_refuses(&options, -EINVAL, "buyer.key does not belong to ");
	options = shop_options();
	options.ca_file = in_certificates("shop.key");
	server_refuses(&options, -EINVAL, "shop.key holds no good CA certificate");
	options.ca_file = NULL;
	options.require_client_certificate = true;
	server_refuses(&options, -EINVAL, "needs a CA file");
	options = (struct weft_tls_options) { .size = sizeof(options) };
	server_refuses(&options, -EINVAL, "needs a certificate");
}

static void an_older_callers_options_are_shorter(void **state)
{
	struct weft_tls_options options = shop_options();

	options.size = offsetof(struct weft_tls_options, ca_file);
	options.ca_file = "never looked at";
	use_server(&options);
	connect_client(client_tls, "shop.example");
	run_until(both_opened);
}

#define with_tls(test) cmocka_unit_test_setup_teardown(test, tls_setup, tls_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_tls(bytes_both_ways),
		with_tls(a_slow_reader_stops_the_writer),
		with_tls(a_reader_may_pause_after_every_piece),
		with_tls(what_is_left_is_sent_before_the_end),
		with_tls(closing_in_on_open),
		with_tls(closing_in_on_data),
		with_tls(over_a_unix_socket_too),
		with_tls(an_unknown_ca_is_refused),
		with_tls(the_systems_store_does_not_know_us),
		with_tls(another_name_is_refused),
		with_tls(another_ip_is_refused),
		with_tls(an_ip_can_be_a_server_name),
		with_tls(a_client_must_know_whom_it_wants),
		with_tls(verification_can_be_skipped),
		with_tls(a_known_client_is_let_in),
		with_tls(a_client_without_certificate_is_shut_out),
		with_tls(a_stranger_is_shut_out),
		with_tls(the_server_chooses_the_protocol),
		with_tls(no_common_protocol_is_an_error),
		with_tls(tls_1_2_is_spoken),
		with_tls(tls_1_1_is_refused),
		with_tls(a_silent_client_is_dropped),
		with_tls(a_silent_server_is_given_up),
		with_tls(plaintext_is_no_handshake),
		with_tls(an_end_in_the_handshake_is_an_error),
		with_tls(bad_files_are_named),
		with_tls(an_older_callers_options_are_shorter),
	};

	return cmocka_run_group_tests_name("tls", tests, make_certificates, remove_certificates);
}
