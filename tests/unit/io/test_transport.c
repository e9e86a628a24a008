/* Transports without TLS, over each kind of address; what callbacks may do; listeners. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ends.h"
#include "io/address.h"
#include "io/worker.h"

static const char *unix_address(void)
{
	static char address[128];

	snprintf(address, sizeof(address), "unix:%s/socket", directory);
	return address;
}

static const char *abstract_address(void)
{
	static char address[128];

	snprintf(address, sizeof(address), "unix-abstract:weft-%s", strrchr(directory, '-') + 1);
	return address;
}

static void exchange_at(const char *address)
{
	listen_for_server(address);
	client.to_send = 3000001;
	server.to_send = 5000003;
	connect_client(NULL, NULL);
	run_until(all_received);
	assert_false(weft_transport_is_tls(client.transport));
	assert_string_equal(client.alpn, "");
	assert_string_equal(client.peer, weft_listener_address(listener));

	close_softly(&client);
	run_until(both_closed);
	assert_int_equal(server.ended, 1);
	assert_int_equal(client.error, 0);
	assert_int_equal(server.error, 0);
	assert_int_equal(client.closed + server.closed, 2);
	assert_int_equal(client.opened + server.opened, 2);
}

static void bytes_over_ipv4(void **state)
{
	exchange_at("127.0.0.1:0");
	assert_true(strncmp(server.peer, "127.0.0.1:", 10) == 0);
}

/* There are machines without it. */
static bool have_ipv6(void)
{
	struct weft_address address;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool have;

	assert_int_equal(weft_address_parse("[::1]:0", &address), 0);
	have = fd >= 0 && bind(fd, &address.sa, address.len) == 0;
	if (fd >= 0)
		close(fd);
	return have;
}

static void bytes_over_ipv6(void **state)
{
	if (!have_ipv6())
		skip();
	exchange_at("[::1]:0");
	assert_true(strncmp(server.peer, "[::1]:", 6) == 0);
}

static void bytes_over_a_unix_path(void **state)
{
	exchange_at(unix_address());
	assert_string_equal(server.peer, "unix:");
	assert_int_equal(access(unix_address() + 5, F_OK), 0);
	weft_listener_free(listener);
	listener = NULL;
	assert_int_equal(access(unix_address() + 5, F_OK), -1);
}

static void bytes_over_an_abstract_name(void **state)
{
	exchange_at(abstract_address());
	assert_string_equal(server.peer, "unix:");
}

static void a_socketpair_will_do(void **state)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	client.to_send = server.to_send = 100000;
	client.transport = weft_transport_accept(worker, pair[0], NULL, 0, &end_events, &client);
	server.transport = weft_transport_accept(worker, pair[1], NULL, 0, &end_events, &server);
	run_until(all_received);
	close_softly(&client);
	close_softly(&server);
	run_until(both_closed);
	assert_int_equal(client.error | server.error, 0);
}

static void ipv4_over_ipv6_is_called_ipv4(void **state)
{
	char address[32];

	if (!have_ipv6())
		skip();
	listen_for_server("[::]:0");
	snprintf(address, sizeof(address), "127.0.0.1:%s",
		 strrchr(weft_listener_address(listener), ':') + 1);
	client.transport =
		weft_transport_connect(worker, address, NULL, NULL, 0, &end_events, &client);
	run_until(both_opened);
	assert_true(strncmp(server.peer, "127.0.0.1:", 10) == 0);
}

/* ---- a turn's writes leave together ---- */

static void want_thrice(struct end *end)
{
	for (end->to_send = 10; end->to_send < 40; end->to_send += 10)
		weft_transport_want_write(end->transport);
}

static unsigned flushes;

static void count_flush(struct end *end)
{
	flushes++;
}

static void see_all_at_once(struct end *end)
{
	assert_int_equal(end->received, 40);
}

static bool server_has_forty(void)
{
	return server.received == 40;
}

static void what_a_turn_wants_leaves_in_one_piece(void **state)
{
	flushes = 0;
	listen_for_server("127.0.0.1:0");
	client.in_open = want_thrice;
	client.in_flush = count_flush;
	server.in_data = see_all_at_once;
	connect_client(NULL, NULL);
	run_until(server_has_forty);
	assert_in_range(flushes, 1, 2); /* the bytes, and that there are no more */
}

/* ---- back-pressure ---- */

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
	listen_for_server(unix_address());
	server.in_open = pause_it;
	client.to_send = 50 << 20;
	connect_client(NULL, NULL);
	run_until(client_is_stuck);
	assert_int_equal(server.received, 0);
	assert_in_range(client.sent, 1, 20 << 20);
	assert_in_range(weft_transport_unsent(client.transport), 0, WEFT_WRITE_ROOM);

	weft_transport_want_write(client.transport);
	weft_transport_resume(server.transport);
	run_until(all_received);
	assert_int_equal(weft_transport_unsent(client.transport), 0);
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

static void a_reader_may_pause_after_every_piece(void **state)
{
	listen_for_server("127.0.0.1:0");
	server.in_data = pause_for_a_turn;
	client.to_send = 5 << 20;
	connect_client(NULL, NULL);
	run_until(all_received);
}

static void what_is_left_is_sent_before_the_end(void **state)
{
	listen_for_server("127.0.0.1:0");
	client.to_send = 9 << 20;
	client.in_open = close_softly;
	connect_client(NULL, NULL);
	run_until(both_closed);
	assert_int_equal(server.received, client.to_send);
	assert_int_equal(client.error, 0);
	assert_int_equal(server.error, 0);
}

/* ---- closing inside callbacks ---- */

static void closing_in_on_open(void **state)
{
	listen_for_server("127.0.0.1:0");
	client.in_open = close_now;
	connect_client(NULL, NULL);
	run_until(both_closed);
	assert_int_equal(client.opened, 1);
	assert_int_equal(client.error, 0);
}

static void closing_in_on_data(void **state)
{
	listen_for_server("127.0.0.1:0");
	client.to_send = 1 << 20;
	server.in_data = close_now;
	connect_client(NULL, NULL);
	run_until(both_closed);
	assert_in_range(server.received, 1, WEFT_READ_ROOM);
	assert_int_equal(server.error, 0);
}

static void closing_in_on_flush(void **state)
{
	listen_for_server("127.0.0.1:0");
	client.to_send = 1 << 20;
	client.in_flush = close_now;
	connect_client(NULL, NULL);
	run_until(both_closed);
	assert_int_equal(client.error, 0);
	assert_int_equal(client.sent, WEFT_WRITE_ROOM);
	assert_int_equal(server.received, 0);
}

static void closing_softly_in_on_flush(void **state)
{
	listen_for_server("127.0.0.1:0");
	client.to_send = 3 << 20;
	client.in_flush = close_softly;
	connect_client(NULL, NULL);
	run_until(both_closed);
	assert_int_equal(server.received, client.to_send);
}

static void closing_in_on_end(void **state)
{
	listen_for_server("127.0.0.1:0");
	client.in_open = close_softly;
	server.in_end = close_now;
	connect_client(NULL, NULL);
	run_until(both_closed);
	assert_int_equal(server.ended, 1);
	assert_int_equal(client.error | server.error, 0);
}

static void closing_before_it_is_open(void **state)
{
	listen_for_server("127.0.0.1:0");
	connect_client(NULL, NULL);
	close_softly(&client);
	close_now(&client);
	assert_int_equal(client.closed, 0);
	run_until(both_closed);
	assert_int_equal(client.opened, 0);
	assert_int_equal(client.closed, 1);
	assert_int_equal(client.error, 0);
}

/* ---- a FIN is not the end of writing ---- */

static void send_more(struct end *end)
{
	end->to_send = 200000;
	weft_transport_want_write(end->transport);
	weft_transport_close(end->transport, false);
}

static void an_answer_after_the_peers_end(void **state)
{
	uint8_t room[4096];
	size_t total = 0;
	ssize_t n;
	int fd;

	listen_for_server("127.0.0.1:0");
	server.in_end = send_more;
	fd = connect_raw();
	shutdown(fd, SHUT_WR);
	client.closed = 1;
	run_until(both_closed);
	while ((n = read(fd, room, sizeof(room))) > 0)
		total += (size_t)n;
	assert_int_equal(n, 0);
	assert_int_equal(total, 200000);
	close(fd);
}

/* ---- failures ---- */

static bool server_opened(void)
{
	return server.opened;
}

static bool server_closed(void)
{
	return server.closed;
}

static bool client_closed(void)
{
	return client.closed;
}

static void a_reset_is_an_error(void **state)
{
	struct linger linger = { .l_onoff = 1 };
	int fd;

	listen_for_server("127.0.0.1:0");
	fd = connect_raw();
	run_until(server_opened);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
	run_until(server_closed);
	assert_int_equal(server.error, -ECONNRESET);
	assert_int_equal(server.ended, 0);
	assert_non_null(strstr(server.error_text, "reset by peer"));
}

/* What the peer said before it went is read, although writing to it has failed already. */
static void last_words_are_heard(void **state)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(write(pair[1], "\0", 1), 1);
	close(pair[1]);
	client.to_send = 100000;
	client.transport = weft_transport_accept(worker, pair[0], NULL, 0, &end_events, &client);
	run_until(client_closed);
	assert_int_equal(client.received, 1);
	assert_int_equal(client.error, -EPIPE);
}

static void nobody_listens(void **state)
{
	listen_for_server("127.0.0.1:0");
	client.transport =
		weft_transport_connect(worker, "127.0.0.1:1", NULL, NULL, 0, &end_events, &client);
	assert_int_equal(client.closed, 0);
	run_until(client_closed);
	assert_int_equal(client.error, -ECONNREFUSED);
	assert_string_equal(client.error_text, "cannot connect to 127.0.0.1:1: Connection refused");
	assert_int_equal(client.opened, 0);
}

static void a_name_is_no_address(void **state)
{
	client.transport =
		weft_transport_connect(worker, "localhost:80", NULL, NULL, 0, &end_events, &client);
	assert_int_equal(client.closed, 0);
	run_until(client_closed);
	assert_int_equal(client.error, -EINVAL);
}

/* ---- an owner hands over ---- */

static struct end second_owner;

static void hand_over(struct end *end)
{
	second_owner = *end;
	second_owner.in_data = NULL;
	weft_transport_set_events(end->transport, &end_events, &second_owner);
}

static bool second_owner_has_all(void)
{
	return second_owner.received == client.to_send;
}

static bool second_owner_closed(void)
{
	return second_owner.closed && client.closed;
}

static void events_can_be_handed_over(void **state)
{
	memset(&second_owner, 0, sizeof(second_owner));
	listen_for_server("127.0.0.1:0");
	server.in_data = hand_over;
	client.to_send = 2 << 20;
	connect_client(NULL, NULL);
	run_until(second_owner_has_all);
	assert_true(server.received < client.to_send);
	close_softly(&client);
	server.transport = NULL;
	run_until(second_owner_closed);
	assert_int_equal(server.closed, 0);
}

/* ---- listeners and addresses ---- */

static int try_listen(const char *address, char error[256])
{
	struct weft_listener *other;
	int r;

	r = weft_listener_new(worker, address, NULL, NULL, error, &other);
	if (r == 0)
		weft_listener_free(other);
	return r;
}

static void a_path_in_use_is_left_alone(void **state)
{
	char error[256];

	listen_for_server(unix_address());
	assert_int_equal(try_listen(unix_address(), error), -EADDRINUSE);
	assert_non_null(strstr(error, unix_address()));
	assert_non_null(strstr(error, "Address already in use"));
	run_until(server_closed); /* the question whether somebody answers */
	memset(&server, 0, sizeof(server));
	connect_client(NULL, NULL);
	run_until(both_opened);
}

static void a_stale_path_is_replaced(void **state)
{
	struct weft_address address;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(weft_address_parse(unix_address(), &address), 0);
	assert_int_equal(bind(fd, &address.sa, address.len), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd);
	listen_for_server(unix_address());
	connect_client(NULL, NULL);
	run_until(both_opened);
}

static void a_file_is_not_replaced(void **state)
{
	char error[256];
	int fd = open(unix_address() + 5, O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(try_listen(unix_address(), error), -EADDRINUSE);
	assert_int_equal(access(unix_address() + 5, F_OK), 0);
}

static void a_path_of_somebody_else_is_not_unlinked(void **state)
{
	int fd;

	listen_for_server(unix_address());
	unlink(unix_address() + 5);
	fd = open(unix_address() + 5, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	weft_listener_free(listener);
	listener = NULL;
	assert_int_equal(access(unix_address() + 5, F_OK), 0);
}

static void bad_addresses_are_refused(void **state)
{
	static const char *const bad[] = {
		"",          "localhost:80", "127.0.0.1",  "127.0.0.1:", "127.0.0.1:65536",
		"1.2.3:80",  "127.0.0.1:8x", "[::1]",      "[::1]:",     "::1:80",
		"[zz::]:80", "unix:",        "127.1:8080", ":80",        "unix-abstract:",
	};
	char error[256], longest[200] = "unix:/";

	for (size_t i = 0; i < WEFT_COUNT(bad); i++) {
		assert_int_equal(try_listen(bad[i], error), -EINVAL);
		assert_non_null(strstr(error, "is no address to listen on"));
	}
	memset(longest + 6, 'x', 150);
	assert_int_equal(try_listen(longest, NULL), -ENAMETOOLONG);
}

static void free_listener(struct weft_listener *from, int take_fd, const char *peer, void *data)
{
	unsigned *accepted = data;

	++*accepted;
	close(take_fd);
	weft_listener_free(from);
	listener = NULL;
}

static bool listener_is_gone(void)
{
	return !listener;
}

static void a_listener_may_be_freed_in_its_callback(void **state)
{
	unsigned accepted = 0;
	int fds[3];

	assert_int_equal(
		weft_listener_new(worker, "127.0.0.1:0", free_listener, &accepted, NULL, &listener),
		0);
	for (int i = 0; i < 3; i++)
		fds[i] = connect_raw();
	run_until(listener_is_gone);
	assert_int_equal(accepted, 1);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static unsigned accepted_fds[64];
static unsigned accepted_count;

static void collect_fd(struct weft_listener *from, int take_fd, const char *peer, void *data)
{
	assert_true(accepted_count < WEFT_COUNT(accepted_fds));
	accepted_fds[accepted_count++] = (unsigned)take_fd;
}

static unsigned wanted_count;

static bool enough_accepted(void)
{
	return accepted_count >= wanted_count;
}

static unsigned quiet_looks;

static bool twenty_looks_long(void)
{
	return ++quiet_looks > 20;
}

/* With no descriptor left nothing is accepted, and when there is one again it goes on. */
static void running_out_of_descriptors_is_survived(void **state)
{
	struct rlimit old, low;
	int fds[8];
	int highest;

	accepted_count = 0;
	quiet_looks = 0;
	assert_int_equal(
		weft_listener_new(worker, "127.0.0.1:0", collect_fd, NULL, NULL, &listener), 0);
	for (int i = 0; i < 8; i++)
		fds[i] = connect_raw();
	highest = fds[7];
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)highest + 1 + 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	run_until(twenty_looks_long);
	assert_in_range(accepted_count, 1, 7);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	wanted_count = 8;
	run_until(enough_accepted);
	for (int i = 0; i < 8; i++) {
		close(fds[i]);
		close((int)accepted_fds[i]);
	}
}

/* ---- the worker ends first ---- */

static void a_worker_that_goes_closes_what_it_has(void **state)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	client.transport = weft_transport_accept(worker, pair[0], NULL, 0, &end_events, &client);
	server.transport = weft_transport_accept(worker, pair[1], NULL, 0, &end_events, &server);
	run_until(both_opened);
	close_softly(&client); /* lingers */
	weft_worker_free(worker);
	assert_int_equal(client.closed, 1);
	assert_int_equal(server.closed, 1);
	assert_int_equal(weft_worker_new(0, &worker), 0);
}

#define with_ends(test) cmocka_unit_test_setup_teardown(test, ends_setup, ends_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_ends(bytes_over_ipv4),
		with_ends(bytes_over_ipv6),
		with_ends(bytes_over_a_unix_path),
		with_ends(bytes_over_an_abstract_name),
		with_ends(ipv4_over_ipv6_is_called_ipv4),
		with_ends(a_socketpair_will_do),
		with_ends(what_a_turn_wants_leaves_in_one_piece),
		with_ends(a_slow_reader_stops_the_writer),
		with_ends(a_reader_may_pause_after_every_piece),
		with_ends(what_is_left_is_sent_before_the_end),
		with_ends(closing_in_on_open),
		with_ends(closing_in_on_data),
		with_ends(closing_in_on_flush),
		with_ends(closing_softly_in_on_flush),
		with_ends(closing_in_on_end),
		with_ends(closing_before_it_is_open),
		with_ends(an_answer_after_the_peers_end),
		with_ends(a_reset_is_an_error),
		with_ends(last_words_are_heard),
		with_ends(nobody_listens),
		with_ends(a_name_is_no_address),
		with_ends(events_can_be_handed_over),
		with_ends(a_path_in_use_is_left_alone),
		with_ends(a_stale_path_is_replaced),
		with_ends(a_file_is_not_replaced),
		with_ends(a_path_of_somebody_else_is_not_unlinked),
		with_ends(bad_addresses_are_refused),
		with_ends(a_listener_may_be_freed_in_its_callback),
		with_ends(running_out_of_descriptors_is_survived),
		with_ends(a_worker_that_goes_closes_what_it_has),
	};

	return cmocka_run_group_tests_name("transport", tests, NULL, NULL);
}
