/* Names to addresses, asked of a name server that lives in the test. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/resolve.h"

#include <cmocka.h>

static struct weft_loop *loop;
static int server_fd;
static struct weft_fd *server_watch;
static char server_address[32];
static unsigned queries;

static unsigned answers;
static int error;
static char found[8][64];
static size_t found_count;

#define TYPE_A    1
#define TYPE_AAAA 28

static size_t put_record(uint8_t *at, uint16_t type, const void *data, uint16_t len)
{
	const uint8_t head[] = { 0xc0, 12, 0,  (uint8_t)type,       0,           1, 0,
				 0,    0,  60, (uint8_t)(len >> 8), (uint8_t)len };

	memcpy(at, head, sizeof(head));
	memcpy(at + sizeof(head), data, len);
	return sizeof(head) + len;
}

/* The question's name as it is on the wire: "\4shop\4test". */
static bool asks_for(const uint8_t *query, const char *name)
{
	return memcmp(query + 12, name, strlen(name)) == 0;
}

static size_t answer(uint8_t *query, size_t len)
{
	const uint8_t v4[2][4] = { { 192, 0, 2, 1 }, { 192, 0, 2, 2 } };
	const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 };
	size_t question = 12;
	uint16_t type;

	while (query[question])
		question += query[question] + 1u;
	type = (uint16_t)(query[question + 1] << 8 | query[question + 2]);
	len = question + 5;
	query[2] |= 0x80;
	query[3] = 0x80;
	memset(query + 6, 0, 6); /* no answers, and none of the query's own additional records */
	if (!asks_for(query, "\4shop\4test")) {
		query[3] |= 3; /* NXDOMAIN */
	} else if (type == TYPE_A) {
		query[7] = 2;
		len += put_record(query + len, TYPE_A, v4[0], 4);
		len += put_record(query + len, TYPE_A, v4[1], 4);
	} else if (type == TYPE_AAAA) {
		query[7] = 1;
		len += put_record(query + len, TYPE_AAAA, v6, 16);
	}
	return len;
}

static void on_query(struct weft_fd *watch, unsigned events, void *data)
{
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	uint8_t query[1024];
	ssize_t n;

	n = recvfrom(server_fd, query, sizeof(query) / 2, 0, (struct sockaddr *)&from, &from_len);
	if (n < 17)
		return;
	queries++;
	if (asks_for(query, "\6silent"))
		return;
	n = (ssize_t)answer(query, (size_t)n);
	sendto(server_fd, query, (size_t)n, 0, (struct sockaddr *)&from, from_len);
}

static int setup(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	queries = answers = 0;
	found_count = 0;
	error = 1;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server_fd < 0 || bind(server_fd, (struct sockaddr *)&address, len) < 0 ||
	    getsockname(server_fd, (struct sockaddr *)&address, &len) < 0)
		return -1;
	snprintf(server_address, sizeof(server_address), "127.0.0.1:%u", ntohs(address.sin_port));
	if (weft_loop_new(&loop) < 0)
		return -1;
	server_watch = weft_fd_new(loop, server_fd, WEFT_READABLE, on_query, NULL);
	return 0;
}

static int teardown(void **state)
{
	weft_fd_free(server_watch);
	close(server_fd);
	weft_loop_free(loop);
	return 0;
}

static void on_resolved(const struct weft_resolved *resolved, void *data)
{
	answers++;
	error = resolved->error;
	found_count = resolved->count;
	for (size_t i = 0; i < resolved->count && i < 8; i++)
		snprintf(found[i], sizeof(found[i]), "%s", resolved->addresses[i]);
	assert_non_null(resolved->words);
	weft_loop_stop(loop);
}

static bool was_found(const char *address)
{
	for (size_t i = 0; i < found_count; i++)
		if (strcmp(found[i], address) == 0)
			return true;
	return false;
}

static void resolve(const char *host, uint64_t timeout_ns)
{
	weft_resolve(loop, host, 443, server_address, timeout_ns, on_resolved, NULL);
	assert_int_equal(answers, 0);
	weft_loop_run(loop);
	assert_int_equal(answers, 1);
}

static void both_families_are_found(void **state)
{
	resolve("shop.test", 20 * WEFT_SECOND);
	assert_int_equal(error, 0);
	assert_int_equal(found_count, 3);
	assert_true(was_found("192.0.2.1:443"));
	assert_true(was_found("192.0.2.2:443"));
	assert_true(was_found("[2001:db8::7]:443"));
}

static void an_unknown_name_is_an_error(void **state)
{
	resolve("nowhere.test.", 20 * WEFT_SECOND);
	assert_int_equal(error, -ENOENT);
	assert_int_equal(found_count, 0);
	assert_true(queries > 0);
}

static void an_address_needs_no_server(void **state)
{
	resolve("192.0.2.9", 20 * WEFT_SECOND);
	assert_int_equal(error, 0);
	assert_int_equal(found_count, 1);
	assert_string_equal(found[0], "192.0.2.9:443");
	answers = 0;
	resolve("::1", 20 * WEFT_SECOND);
	assert_int_equal(error, 0);
	assert_string_equal(found[0], "[::1]:443");
	assert_int_equal(queries, 0);
}

static void a_silent_server_is_given_up(void **state)
{
	resolve("silent.test", 50 * WEFT_MS);
	assert_int_equal(error, -ETIMEDOUT);
	assert_true(queries > 0);
}

static void a_name_that_cannot_be_is_an_error(void **state)
{
	char host[400];

	memset(host, 'x', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	resolve(host, 20 * WEFT_SECOND);
	assert_true(error < 0);
}

static void stop(struct weft_timer *timer, void *data)
{
	weft_loop_stop(loop);
}

static void a_cancelled_one_is_silent(void **state)
{
	struct weft_resolution *asked, *answered;
	struct weft_timer timer;

	asked = weft_resolve(loop, "silent.test", 443, server_address, WEFT_SECOND, on_resolved,
			     NULL);
	answered = weft_resolve(loop, "192.0.2.9", 443, server_address, WEFT_SECOND, on_resolved,
				NULL);
	weft_resolution_cancel(asked);
	weft_resolution_cancel(answered);
	weft_resolution_cancel(NULL);
	weft_timer_init(&timer, stop, NULL);
	weft_timer_start(loop, &timer, 5 * WEFT_MS);
	weft_loop_run(loop);
	assert_int_equal(answers, 0);
}

#define with_server(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_server(both_families_are_found),
		with_server(an_unknown_name_is_an_error),
		with_server(an_address_needs_no_server),
		with_server(a_silent_server_is_given_up),
		with_server(a_name_that_cannot_be_is_an_error),
		with_server(a_cancelled_one_is_silent),
	};

	return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
