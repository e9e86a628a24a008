/* The edge's configuration: flags before environment before defaults, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "config.h"

static int read_flags(struct config *config, char error[256], const char *const *flags)
{
	char *argv[16] = { (char *)"weft-gateway" };
	int argc = 1;

	while (flags[argc - 1]) {
		argv[argc] = (char *)flags[argc - 1];
		argc++;
	}
	return config_read(config, argc, argv, error);
}

#define FLAGS(...) ((const char *const[]) { __VA_ARGS__ __VA_OPT__(, ) NULL })

static int clear_environment(void **state)
{
	unsetenv("WEFT_LISTEN");
	unsetenv("WEFT_WORKERS");
	unsetenv("WEFT_BACKENDS");
	return 0;
}

static void test_defaults(void **state)
{
	struct config config;
	char error[256];

	assert_int_equal(read_flags(&config, error, FLAGS()), 0);
	assert_string_equal(config.listen, "127.0.0.1:8443");
	assert_int_equal(config.workers, 2);
	assert_int_equal(config.max_head, 16384);
	assert_int_equal(config.max_body, 4 << 20);
	assert_int_equal(config.call_timeout_ns, 15 * WEFT_SECOND);
	assert_int_equal(config.log_level, WEFT_LOG_INFO);
	assert_null(config.tls_cert);
	assert_int_equal(config.n_backends, 0);
	config_fini(&config);
}

static void test_a_flag_beats_the_environment(void **state)
{
	struct config config;
	char error[256];

	setenv("WEFT_LISTEN", "unix:/from/environment", 1);
	setenv("WEFT_WORKERS", "7", 1);
	assert_int_equal(read_flags(&config, error, FLAGS("--listen=unix:/from/flag")), 0);
	assert_string_equal(config.listen, "unix:/from/flag");
	assert_int_equal(config.workers, 7);
	config_fini(&config);
}

static void test_backends(void **state)
{
	struct config config;
	char error[256];

	assert_int_equal(read_flags(&config, error,
				    FLAGS("--backend", "catalog.v1=file:///a=b", "--backend",
					  "orders=unix:/o")),
			 0);
	assert_int_equal(config.n_backends, 2);
	assert_string_equal(config.backends[0].packages[0], "catalog.v1");
	assert_string_equal(config.backends[0].target, "file:///a=b");
	assert_string_equal(config.backends[1].target, "unix:/o");
	config_fini(&config);

	setenv("WEFT_BACKENDS", " a=unix:/a\tb.v1=dns:///b:1,c=unix:/c ", 1);
	assert_int_equal(read_flags(&config, error, FLAGS()), 0);
	assert_int_equal(config.n_backends, 3);
	assert_string_equal(config.backends[1].target, "dns:///b:1");
	config_fini(&config);
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "250ms", 250 * WEFT_MS },
		{ "10s", 10 * WEFT_SECOND },
		{ "2m", 120 * WEFT_SECOND },
		{ "1h", 3600 * WEFT_SECOND },
	};
	struct config config;
	char error[256];

	for (size_t i = 0; i < WEFT_COUNT(good); i++) {
		assert_int_equal(read_flags(&config, error, FLAGS("--drain", good[i].text)), 0);
		assert_int_equal(config.drain_ns, good[i].ns);
		config_fini(&config);
	}
}

static void test_what_is_refused(void **state)
{
	static const struct {
		const char *flags[3];
		const char *error;
	} bad[] = {
		{ { "--nope", "1" }, "--nope: no such flag; --help lists them" },
		{ { "listen" }, "listen: no such flag; --help lists them" },
		{ { "--listen" }, "--listen: a value is missing" },
		{ { "--workers", "0" }, "--workers: \"0\" is no whole number above 0" },
		{ { "--workers", "-1" }, "--workers: \"-1\" is no whole number above 0" },
		{ { "--workers", "2x" }, "--workers: \"2x\" is no whole number above 0" },
		{ { "--workers", "65" }, "--workers: more than 64" },
		{ { "--drain", "10" }, "--drain: \"10\" is no duration such as 500ms, 10s or 2m" },
		{ { "--log-level=loud" },
		  "--log-level: \"loud\" is none of debug, info, warning, error" },
		{ { "--backend", "catalog.v1" },
		  "--backend \"catalog.v1\": it reads PACKAGE=TARGET" },
		{ { "--backend", "=unix:/a" }, "--backend \"=unix:/a\": it reads PACKAGE=TARGET" },
		{ { "--tls-cert", "a.pem" },
		  "--tls-cert and --tls-key are given together or not at all" },
	};
	struct config config;
	char error[256];

	for (size_t i = 0; i < WEFT_COUNT(bad); i++) {
		assert_int_equal(read_flags(&config, error, bad[i].flags), -EINVAL);
		assert_string_equal(error, bad[i].error);
		config_fini(&config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_defaults, clear_environment),
		cmocka_unit_test_setup(test_a_flag_beats_the_environment, clear_environment),
		cmocka_unit_test_setup(test_backends, clear_environment),
		cmocka_unit_test_setup(test_durations, clear_environment),
		cmocka_unit_test_setup(test_what_is_refused, clear_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
