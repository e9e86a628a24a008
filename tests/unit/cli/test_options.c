/* Command lines and targets: what they mean, and what is said where they mean nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "options.h"
#include "target.h"

#define ALL (OPTIONS_SCHEMA | OPTIONS_PEER | OPTIONS_DATA)

static int parse(unsigned groups, struct options *options, char error[256], const char *line)
{
	static char words[512];
	char *argv[32], *save;
	int argc = 0;

	snprintf(words, sizeof(words), "%s", line);
	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	return options_parse(argc, argv, groups, options, error);
}

static void test_flags_in_every_form(void **state)
{
	struct options options;
	char error[256];

	assert_int_equal(parse(ALL, &options, error,
			       "-t unix:/a -d{} a.B/C -H x:1 -Hy:2 --deadline=1.5s --ca ca.pem "
			       "--emit-defaults -v --protoset=p"),
			 0);
	assert_string_equal(options.target, "unix:/a");
	assert_string_equal(options.data, "{}");
	assert_string_equal(options.positionals[0], "a.B/C");
	assert_null(options.positionals[1]);
	assert_int_equal(options.n_headers, 2);
	assert_string_equal(options.headers[1], "y:2");
	assert_true(options.deadline_ns == 1500 * WEFT_MS);
	assert_true(options.ca_given && options.emit_defaults && options.verbose);
	assert_false(options.insecure || options.plaintext || options.help);
	assert_string_equal(options.protoset, "p");
}

static void test_what_looks_like_a_flag(void **state)
{
	struct options options;
	char error[256];

	assert_int_equal(parse(ALL, &options, error, "-d - -- -x"), 0);
	assert_string_equal(options.data, "-");
	assert_string_equal(options.positionals[0], "-x");
}

static void test_the_environment_gives_defaults(void **state)
{
	struct options options;
	char error[256];

	setenv("WEFT_TARGET", "https://x", 1);
	setenv("WEFT_CA", "c.pem", 1);
	assert_int_equal(parse(ALL, &options, error, ""), 0);
	assert_string_equal(options.target, "https://x");
	assert_string_equal(options.ca, "c.pem");
	assert_false(options.ca_given);
	assert_int_equal(parse(ALL, &options, error, "-t y"), 0);
	assert_string_equal(options.target, "y");
	unsetenv("WEFT_TARGET");
	unsetenv("WEFT_CA");
}

static void test_wrong_command_lines(void **state)
{
	static const struct {
		unsigned groups;
		const char *line, *words;
	} cases[] = {
		{ ALL, "--nothing", "no flag \"--nothing\" here: see --help" },
		{ ALL, "-z", "no flag \"-z\" here: see --help" },
		{ ALL, "--t x", "no flag \"--t\" here: see --help" },
		{ OPTIONS_SCHEMA, "-t x", "no flag \"-t\" here: see --help" },
		{ ALL, "a b", "one argument too many: \"b\"" },
		{ ALL, "-d", "--data needs a value: JSON|@FILE|@-" },
		{ ALL, "--insecure=yes", "--insecure takes no value" },
		{ ALL, "--deadline soon",
		  "--deadline: \"soon\" is no duration such as 500ms, 2s, 1m" },
		{ ALL, "--deadline 2", "--deadline: \"2\" is no duration such as 500ms, 2s, 1m" },
		{ ALL, "--deadline 0s", "--deadline: \"0s\" is no duration such as 500ms, 2s, 1m" },
		{ ALL, "--deadline -1s",
		  "--deadline: \"-1s\" is no duration such as 500ms, 2s, 1m" },
		{ ALL, "-H x", "-H: \"x\" is not of the form name:value" },
		{ ALL, "-H :x", "-H: \":x\" is not of the form name:value" },
		{ ALL, "--cert a", "--cert and --key belong together" },
		{ ALL, "--plaintext --insecure",
		  "--plaintext leaves no use for the other TLS flags" },
	};
	struct options options;
	char error[256];

	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		assert_int_equal(parse(cases[i].groups, &options, error, cases[i].line), -EINVAL);
		assert_string_equal(error, cases[i].words);
	}
}

static void test_targets(void **state)
{
	static const struct {
		const char *line, *target; /* NULL: refused */
		bool tls;
		const char *words;
	} cases[] = {
		{ "-t https://127.0.0.1:8443", "127.0.0.1:8443", true, NULL },
		{ "-t https://[::1]:8443/", "[::1]:8443", true, NULL },
		{ "-t https://[::1]", "[::1]:443", true, NULL },
		{ "-t https://host", "host:443", true, NULL },
		{ "-t http://host", "host:80", false, NULL },
		{ "-t host:1", "host:1", true, NULL },
		{ "-t host:1 --plaintext", "host:1", false, NULL },
		{ "-t file:///a", "file:///a", true, NULL },
		{ "-t unix:/a", "unix:/a", false, NULL },
		{ "-t unix-abstract:a", "unix-abstract:a", false, NULL },
		{ "-t unix:/a --ca c", "unix:/a", true, NULL },
		{ "-t unix:/a --insecure", "unix:/a", true, NULL },
		{ "", NULL, false, "which server? Say --target, or set WEFT_TARGET" },
		{ "-t https://", NULL, false, "\"\": expected a host and port, and no path" },
		{ "-t https://a/b", NULL, false, "\"a/b\": expected a host and port, and no path" },
		{ "-t https://a --plaintext", NULL, false,
		  "https:// and --plaintext contradict each other" },
	};
	struct options options;
	char error[256], *target;
	bool tls;

	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		assert_int_equal(parse(ALL, &options, error, cases[i].line), 0);
		if (!cases[i].target) {
			assert_int_equal(target_parse(&options, &target, &tls, error), -EINVAL);
			assert_string_equal(error, cases[i].words);
			continue;
		}
		assert_int_equal(target_parse(&options, &target, &tls, error), 0);
		assert_string_equal(target, cases[i].target);
		assert_int_equal(tls, cases[i].tls);
		free(target);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags_in_every_form),
		cmocka_unit_test(test_what_looks_like_a_flag),
		cmocka_unit_test(test_the_environment_gives_defaults),
		cmocka_unit_test(test_wrong_command_lines),
		cmocka_unit_test(test_targets),
	};

	unsetenv("WEFT_TARGET");
	unsetenv("WEFT_CA");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
