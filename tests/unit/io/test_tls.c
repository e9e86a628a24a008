/*
 * Transports with TLS: the same exchange, who is trusted and who is refused and in what words,
 * versions, ALPN, the choice of a certificate by name, identities, loading anew, handshakes that do
 * not come to an end. The certificates are made here by the
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
#include "io/identity.h"
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
		"sign() { openssl req -x509 $key $leaf -CA ca.pem -CAkey ca.key -subj \"$2\" \\\n"
		" -addext subjectAltName=$3 -keyout $1.key -out $1.pem; }\n"
		"sign wild /CN=wild DNS:*.shop.example\n"
		"sign blue /CN=blue DNS:blue.shop.example,DNS:Blue.example\n"
		"sign orders /O=Weft/CN=orders "
		"URI:spiffe://example.org/shop/orders,DNS:orders\n"
		"sign two /CN=two URI:spiffe://example.org/a,URI:spiffe://example.org/b\n"
		"sign http /CN=http URI:https://example.org/a\n"
		"key='-newkey rsa:2048 -nodes -days 2' sign bank /CN=bank DNS:bank.example\n"
		"openssl req -new $key -subj /CN=late -keyout late.key -out late.csr\n"
		"openssl x509 -req -in late.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days -1 "
		"-out late.pem\n"
		"} >/dev/null 2>&1";
	char command[4096];

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

static void show(const char *name)
{
	char cert[64], key[64];
	struct weft_tls_options options = { .size = sizeof(options),
					    .ca_file = in_certificates("ca.pem") };

	snprintf(cert, sizeof(cert), "%s.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	options.cert_file = in_certificates(cert);
	options.key_file = in_certificates(key);
	use_client(&options);
}

static void an_expired_certificate_is_refused(void **state)
{
	struct weft_tls_options late = { .size = sizeof(late),
					 .cert_file = in_certificates("late.pem"),
					 .key_file = in_certificates("late.key") };

	use_server(&late);
	connect_client(client_tls, "late");
	refused_with("certificate is refused: certificate has expired");
}

static void an_expired_client_is_shut_out(void **state)
{
	show("late");
	require_client_certificates();
	shut_out_with("certificate expired");
	assert_non_null(strstr(server.error_text, "refused: certificate has expired"));
}

/* ---- identities ---- */

static void meet(const char *name)
{
	if (name)
		show(name);
	require_client_certificates();
	connect_client(client_tls, "shop.example");
	run_until(both_opened);
}

static void both_ends_know_each_other(void **state)
{
	const struct weft_identity *identity;

	meet("orders");
	identity = weft_transport_identity(server.transport);
	assert_string_equal(identity->subject, "CN=orders,O=Weft");
	assert_string_equal(identity->spiffe_id, "spiffe://example.org/shop/orders");
	assert_string_equal(identity->uris[0], identity->spiffe_id);
	assert_null(identity->uris[1]);
	assert_string_equal(identity->dns_names[0], "orders");
	assert_null(identity->dns_names[1]);
	assert_true(identity->certificate.len > 100);
	assert_int_equal(identity->certificate.data[0], 0x30); /* a SEQUENCE */
	assert_memory_not_equal(identity->fingerprint, (uint8_t[32]) { 0 }, 32);

	identity = weft_transport_identity(client.transport);
	assert_string_equal(identity->subject, "CN=shop");
	assert_string_equal(identity->dns_names[0], "shop.example");
	assert_null(identity->spiffe_id);
}

static void two_uris_are_no_spiffe_id(void **state)
{
	const struct weft_identity *identity;

	meet("two");
	identity = weft_transport_identity(server.transport);
	assert_null(identity->spiffe_id);
	assert_string_equal(identity->uris[1], "spiffe://example.org/b");
	assert_null(identity->dns_names[0]);
}

static void another_uri_is_no_spiffe_id(void **state)
{
	meet("http");
	assert_null(weft_transport_identity(server.transport)->spiffe_id);
	assert_string_equal(weft_transport_identity(server.transport)->uris[0],
			    "https://example.org/a");
}

static void nobody_is_nobody(void **state)
{
	struct weft_tls_options blind = { .size = sizeof(blind), .insecure_skip_verify = true };
	struct weft_tls_options asking = shop_options();

	asking.ca_file = in_certificates("ca.pem"); /* asks, and takes no for an answer */
	use_server(&asking);
	use_client(&blind);
	connect_client(client_tls, "shop.example");
	run_until(both_opened);
	assert_null(weft_transport_identity(server.transport));
	assert_null(weft_transport_identity(client.transport)); /* shown, and not verified */
}

/* ---- certificates by name, and anew ---- */

static bool nothing_left(void)
{
	return !client.transport && !server.transport;
}

/* The subject of what a client is shown that asks for `name`. */
static void shown_for(const char *name, const char *subject)
{
	connect_client(client_tls, name);
	run_until(both_opened);
	assert_string_equal(weft_transport_identity(client.transport)->subject, subject);
	close_now(&client);
	run_until(nothing_left);
	client = server = (struct end) { 0 };
}

static void a_certificate_is_chosen_by_name(void **state)
{
	static const char *const names[] = { "wild", "blue", "bank" };
	char paths[6][128];
	struct weft_tls_certificate more[3];
	struct weft_tls_options options = shop_options();

	for (size_t i = 0; i < WEFT_COUNT(names); i++) {
		snprintf(paths[2 * i], sizeof(paths[0]), "%s/%s.pem", certificates, names[i]);
		snprintf(paths[2 * i + 1], sizeof(paths[0]), "%s/%s.key", certificates, names[i]);
		more[i] = (struct weft_tls_certificate) { paths[2 * i], paths[2 * i + 1] };
	}
	options.more = more;
	options.n_more = WEFT_COUNT(more);
	use_server(&options);
	shown_for("shop.example", "CN=shop");
	shown_for("red.shop.example", "CN=wild");
	shown_for("blue.shop.example", "CN=blue"); /* exactly, though a wildcard stands before */
	shown_for("BLUE.EXAMPLE", "CN=blue");
	shown_for("bank.example", "CN=bank"); /* whose key is of another kind */
	shown_for("127.0.0.1", "CN=shop");
	connect_client(client_tls, "a.red.shop.example"); /* a star is one label */
	refused_with("hostname mismatch, server name a.red.shop.example");
}

static void copy_file(const char *from, const char *to)
{
	char command[400];

	snprintf(command, sizeof(command), "cp %s %s/%s", in_certificates(from), directory, to);
	assert_int_equal(system(command), 0);
}

/* A server whose files are in `directory`, as shop's. */
static void serve_from_directory(char cert[128], char key[128])
{
	struct weft_tls_options options = { .size = sizeof(options),
					    .cert_file = cert,
					    .key_file = key };

	snprintf(cert, 128, "%s/cert.pem", directory);
	snprintf(key, 128, "%s/key.pem", directory);
	copy_file("blue.pem", "cert.pem");
	copy_file("blue.key", "key.pem");
	use_server(&options);
}

static void connections_outlive_a_reload(void **state)
{
	struct end old_client, old_server;
	char cert[128], key[128], error[256];

	serve_from_directory(cert, key);
	connect_client(client_tls, "blue.example");
	run_until(both_opened);
	copy_file("shop.pem", "cert.pem");
	copy_file("shop.key", "key.pem");
	assert_int_equal(weft_tls_reload(server_tls, error), 0);

	client.to_send = server.to_send = 100000; /* the old one goes on */
	weft_transport_want_write(client.transport);
	weft_transport_want_write(server.transport);
	run_until(all_received);
	close_now(&client);
	run_until(nothing_left);
	old_client = client;
	old_server = server;
	assert_int_equal(old_client.error, 0);
	assert_int_equal(old_server.opened, 1);
	client = server = (struct end) { 0 };
	shown_for("shop.example", "CN=shop");
}

static void a_bad_reload_changes_nothing(void **state)
{
	char cert[128], key[128], error[256];

	serve_from_directory(cert, key);
	copy_file("shop.key", "key.pem");
	assert_int_equal(weft_tls_reload(server_tls, error), -EINVAL);
	assert_non_null(strstr(error, "key.pem does not belong to"));
	unlink(key);
	assert_int_equal(weft_tls_reload(server_tls, error), -ENOENT);
	assert_non_null(strstr(error, "cannot read the private key"));
	shown_for("blue.example", "CN=blue");
}

static unsigned told;
static int told_result;
static char told_words[256];

static void on_watch(int r, const char *error, void *data)
{
	told++;
	told_result = r;
	snprintf(told_words, sizeof(told_words), "%s", error);
}

static bool was_told(void)
{
	return told > 0;
}

static void changed_files_are_found(void **state)
{
	struct weft_loop *loop = weft_worker_loop(worker);
	char cert[128], key[128];
	struct weft_tls_watch *watch;

	told = 0;
	serve_from_directory(cert, key);
	watch = weft_tls_watch_new(loop, server_tls, 2 * WEFT_MS, on_watch, NULL);
	copy_file("shop.pem", "cert.pem");
	run_until(was_told);
	assert_int_equal(told_result, -EINVAL); /* the key is still the old one's */
	assert_non_null(strstr(told_words, "does not belong to"));
	told = 0;
	copy_file("shop.key", "key.pem");
	run_until(was_told);
	assert_int_equal(told_result, 0);
	shown_for("shop.example", "CN=shop");
	assert_int_equal(told, 1);
	weft_tls_watch_free(watch);
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
		with_tls(an_expired_certificate_is_refused),
		with_tls(an_expired_client_is_shut_out),
		with_tls(both_ends_know_each_other),
		with_tls(two_uris_are_no_spiffe_id),
		with_tls(another_uri_is_no_spiffe_id),
		with_tls(nobody_is_nobody),
		with_tls(a_certificate_is_chosen_by_name),
		with_tls(connections_outlive_a_reload),
		with_tls(a_bad_reload_changes_nothing),
		with_tls(changed_files_are_found),
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
