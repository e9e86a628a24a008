/* What the edge's file may say, and the words for what it may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

#include "config.h"

static char path[] = "/tmp/weft-config-XXXXXX";

static int read_file(struct config *config, const char *yaml, char error[256])
{
	char *argv[] = { (char *)"weft-gateway", (char *)"--config", path, NULL };
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(yaml, file);
	fclose(file);
	return config_read(config, 3, argv, error);
}

static void test_everything(void **state)
{
	static const char yaml[] =
		"listen: 0.0.0.0:443\n"
		"workers: 4\n"
		"url_file: /run/url\n"
		"tls: {cert_file: /c.pem, key_file: /k.pem}\n"
		"drain_timeout: 1.5s\n"
		"log_level: warning\n"
		"limits: {max_head: 1000, maxBody: 2000, max_connections: 30}\n"
		"timeouts: {call: 1s, head: 2s, body: 3s, idle: 4s, stall: 5s}\n"
		"upstream_ca_file: /ca.pem\n"
		"registry: dns:///etcd:2379\n"
		"backends:\n"
		"  - packages: [catalog.v1, orders.v1]\n"
		"    target: dns:///shop:50051\n"
		"  - packages: [a.v1]\n"
		"    target: unix:/a\n"
		"    descriptor_file: /a.binpb\n"
		"  - {packages: [b.v1], target: 'unix:/b', reflection: true}\n"
		"cors: {allowed_origins: ['https://shop.example'], max_age: 60s}\n";
	struct config config;
	char error[256];

	if (read_file(&config, yaml, error) < 0)
		fail_msg("%s", error);
	assert_string_equal(config.listen, "0.0.0.0:443");
	assert_int_equal(config.workers, 4);
	assert_string_equal(config.url_file, "/run/url");
	assert_string_equal(config.tls_cert, "/c.pem");
	assert_string_equal(config.tls_key, "/k.pem");
	assert_int_equal(config.drain_ns, 1500 * WEFT_MS);
	assert_int_equal(config.log_level, WEFT_LOG_WARNING);
	assert_int_equal(config.max_head, 1000);
	assert_int_equal(config.max_body, 2000);
	assert_int_equal(config.max_connections, 30);
	assert_int_equal(config.call_timeout_ns, 1 * WEFT_SECOND);
	assert_int_equal(config.stall_timeout_ns, 5 * WEFT_SECOND);
	assert_string_equal(config.upstream_ca, "/ca.pem");
	assert_string_equal(config.registry, "dns:///etcd:2379");
	assert_int_equal(config.n_backends, 3);
	assert_int_equal(config.backends[0].n_packages, 2);
	assert_string_equal(config.backends[0].packages[1], "orders.v1");
	assert_string_equal(config.backends[1].descriptor_file, "/a.binpb");
	assert_true(config.backends[2].reflection);
	assert_string_equal(config.cors.origins[0], "https://shop.example");
	assert_null(config.cors.origins[1]);
	assert_int_equal(config.cors.max_age_ns, 60 * WEFT_SECOND);
	config_fini(&config);
}

static void test_flags_and_environment_come_first(void **state)
{
	char *argv[] = { (char *)"weft-gateway", (char *)"--config", path, (char *)"--workers=9",
			 NULL };
	struct config config;
	char error[256];

	assert_int_equal(read_file(&config, "workers: 4\nlisten: unix:/file\n", error), 0);
	config_fini(&config);
	setenv("WEFT_LISTEN", "unix:/environment", 1);
	assert_int_equal(config_read(&config, 4, argv, error), 0);
	unsetenv("WEFT_LISTEN");
	assert_int_equal(config.workers, 9);
	assert_string_equal(config.listen, "unix:/environment");
	assert_int_equal(config.max_head, 16384);
	config_fini(&config);
}

static const struct {
	const char *yaml, *words;
} refused[] = {
	{ "lisen: x", "line 1, column 1: lisen: no field \"lisen\" in gateway.v1.Config; did you "
		      "mean \"listen\"?" },
	{ "workers: many", "line 1, column 10: workers: \"many\" is not an int32" },
	{ "timeouts:\n  call: 5", "line 2, column 9: timeouts.call: expected a duration such as "
				  "\"1.5s\", found a number" },
	{ "timeouts:\n  call: 5m", NULL },
	{ "listen: 8443", "line 1, column 9: listen: expected a string, found a number" },
	{ "workers: 1\nworkers: 2", "line 2, column 1: workers: \"workers\" is given twice" },
	{ "log_level: loud", NULL },
	{ "limits: {max_head: -1}", "limits.max_head: -1 is less than 0" },
	{ "timeouts: {idle: -1s}", "timeouts.idle: from 0 s to a year" },
	{ "tls: {cert_file: x}", "tls: cert_file and key_file are given together" },
	{ "backends: [{packages: [a]}]", "backends[0].target: it is missing" },
	{ "backends: [{target: x}]", "backends[0].packages: name at least one" },
	{ "backends: [{packages: [a], target: x, reflection: true, descriptor_file: y}]", NULL },
	{ "cors: {}", "cors.allowed_origins: name at least one, or \"*\"" },
	{ "cors: {allowed_origins: ['*'], allow_credentials: true}",
	  "cors.allow_credentials: not with the origin \"*\"" },
	{ "a: [", NULL },
	{ "[]", NULL },
};

static void test_what_is_refused(void **state)
{
	for (size_t i = 0; i < WEFT_COUNT(refused); i++) {
		char error[256] = "", expected[512];
		struct config config;

		if (read_file(&config, refused[i].yaml, error) != -EINVAL)
			fail_msg("taken: %s", refused[i].yaml);
		assert_int_equal(strncmp(error, path, strlen(path)), 0);
		snprintf(expected, sizeof(expected), "%s: %s", path, refused[i].words ?: "");
		if (refused[i].words)
			assert_string_equal(error, expected);
		else
			assert_true(strlen(error) > strlen(path) + 4);
		config_fini(&config);
	}
}

static void test_no_such_file(void **state)
{
	char *argv[] = { (char *)"weft-gateway", (char *)"--check", (char *)"/does/not/exist",
			 NULL };
	struct config config;
	char error[256];

	assert_int_equal(config_read(&config, 3, argv, error), -EINVAL);
	assert_string_equal(error, "/does/not/exist: No such file or directory");
	config_fini(&config);
	assert_int_equal(config_read(&config, 2, argv, error), -EINVAL);
	assert_string_equal(error, "--check: which file?");
	config_fini(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_flags_and_environment_come_first),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_no_such_file),
	};
	int failed;

	close(mkstemp(path));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
