/* Flags and their variables: what is read, which one wins, and the words of a refusal. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chassis/app_flags.h"

static const char *const variables[] = {
	"WEFT_LISTEN",   "WEFT_HEALTH_LISTEN", "WEFT_ADDRESS_FILE",   "WEFT_DATA",
	"WEFT_TLS_CERT", "WEFT_TLS_KEY",       "WEFT_TLS_CA",         "WEFT_WORKERS",
	"WEFT_REGISTRY", "WEFT_ADVERTISE",     "WEFT_REPLICA",        "WEFT_WEIGHT",
	"WEFT_DRAIN",    "WEFT_LOG",           "WEFT_TARGET_CATALOG", "WEFT_TARGET_GIFT_CARDS",
};

static int setup(void **state)
{
	for (size_t i = 0; i < WEFT_COUNT(variables); i++)
		unsetenv(variables[i]);
	return 0;
}

/* Reads a line of words as arguments; the words live as long as the flags may point at them. */
static int read_line(const char *line, struct app_flags *flags, char error[256])
{
	static char words[1024];
	char *argv[64] = { words };
	int argc = 1; /* the first is no flag */

	snprintf(words, sizeof(words), "%s", line);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	error[0] = '\0';
	return app_flags_read(flags, argc, argv, error);
}

static void test_defaults(void **state)
{
	struct app_flags flags;
	char error[256];

	assert_int_equal(read_line("", &flags, error), 0);
	assert_string_equal(flags.listen, "127.0.0.1:0");
	assert_string_equal(flags.health_listen, "127.0.0.1:0");
	assert_string_equal(flags.data, "data");
	assert_null(flags.address_file);
	assert_null(flags.registry);
	assert_null(flags.replica);
	assert_int_equal(flags.weight, 0);
	assert_null(flags.tls_cert);
	assert_int_equal(flags.workers, 2);
	assert_int_equal(flags.drain_ns, 10 * WEFT_SECOND);
	assert_int_equal(flags.log_level, WEFT_LOG_INFO);
	assert_false(flags.help);
}

static void test_flags(void **state)
{
	struct app_flags flags;
	char error[256];

	assert_int_equal(
		read_line("--listen unix:/run/x --workers=3 --drain 250ms --log-level debug "
			  "--tls-cert c --tls-key k --tls-ca a --data d --help",
			  &flags, error),
		0);
	assert_string_equal(flags.listen, "unix:/run/x");
	assert_int_equal(flags.workers, 3);
	assert_int_equal(flags.drain_ns, 250 * WEFT_MS);
	assert_int_equal(flags.log_level, WEFT_LOG_DEBUG);
	assert_string_equal(flags.tls_cert, "c");
	assert_string_equal(flags.tls_key, "k");
	assert_string_equal(flags.tls_ca, "a");
	assert_string_equal(flags.data, "d");
	assert_true(flags.help);
}

static void test_flag_outdoes_variable(void **state)
{
	struct app_flags flags;
	char error[256];

	setenv("WEFT_WORKERS", "5", 1);
	setenv("WEFT_DRAIN", "2m", 1);
	setenv("WEFT_DATA", "", 1);
	assert_int_equal(read_line("--workers 7", &flags, error), 0);
	assert_int_equal(flags.workers, 7);
	assert_int_equal(flags.drain_ns, 120 * WEFT_SECOND);
	assert_string_equal(flags.data, "data");
}

static void test_targets(void **state)
{
	struct app_flags flags;
	char error[256];

	setenv("WEFT_TARGET_CATALOG", "file:///run/catalog", 1);
	setenv("WEFT_TARGET_GIFT_CARDS", "unix:/run/cards", 1);
	assert_int_equal(read_line("--target pricing=dns:///p:1 --target catalog=ipv4:1.2.3.4:5",
				   &flags, error),
			 0);
	assert_string_equal(app_flags_target(&flags, "catalog"), "ipv4:1.2.3.4:5");
	assert_string_equal(app_flags_target(&flags, "gift-cards"), "unix:/run/cards");
	assert_string_equal(app_flags_target(&flags, "pricing"), "dns:///p:1");
	assert_null(app_flags_target(&flags, "orders"));
	assert_int_equal(flags.targets.n, 3);
}

static void check_refused(const char *line, const char *words)
{
	struct app_flags flags = { .workers = 99 };
	char error[256];

	if (read_line(line, &flags, error) != -EINVAL || !strstr(error, words))
		fail_msg("\"%s\": \"%s\"", line, error);
	assert_int_equal(flags.workers, 99); /* untouched */
}

static void test_refusals(void **state)
{
	check_refused("--frobnicate", "there is no flag --frobnicate");
	check_refused("--frobnicate=1", "there is no flag --frobnicate=1");
	check_refused("-x", "there is no flag -x");
	check_refused("extra", "\"extra\" is no flag");
	check_refused("--replica a/b", "--replica: \"a/b\" is not a name without slashes");
	check_refused("--weight 0", "--weight: \"0\" is not a number from 1 to 1000000");
	check_refused("--workers", "--workers needs a value");
	check_refused("--workers 0", "--workers: \"0\" is not a number from 1 to 256");
	check_refused("--workers 257", "is not a number");
	check_refused("--workers 2x", "is not a number");
	check_refused("--workers -1", "is not a number");
	check_refused("--workers 99999999999999999999999", "is not a number");
	check_refused("--drain 10", "--drain: \"10\" is not a duration as 500ms, 10s or 2m");
	check_refused("--drain 10d", "is not a duration");
	check_refused("--log-level loud", "is not debug, info, warning or error");
	check_refused("--target catalog", "\"catalog\" is not NAME=TARGET");
	check_refused("--target =x", "is not NAME=TARGET");
	check_refused("--target catalog=", "is not NAME=TARGET");
	check_refused("--listen=", "--listen: \"\" is not an address");
	check_refused("--tls-cert c", "--tls-cert and --tls-key need each other");
	check_refused("--tls-client-ca c", "--tls-client-ca needs --tls-cert");
}

static void test_refusal_names_the_variable(void **state)
{
	setenv("WEFT_WORKERS", "many", 1);
	check_refused("", "WEFT_WORKERS: \"many\" is not a number from 1 to 256");
}

static void test_too_many_targets(void **state)
{
	char line[1024] = "";

	for (int i = 0; i <= APP_TARGETS_MAX; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "--target=s%d=x ", i);
	check_refused(line, "\"s32=x\" is not NAME=TARGET");
}

/* Every flag and every variable is in the help. */
static void test_help(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	app_flags_help(out, "parrot", "repeats what it hears");
	fclose(out);
	assert_non_null(strstr(text, "parrot: repeats what it hears"));
	for (size_t i = 0; i + 2 < WEFT_COUNT(variables); i++)
		assert_non_null(strstr(text, variables[i]));
	assert_non_null(strstr(text, "--target NAME=TARGET"));
	assert_non_null(strstr(text, "WEFT_TARGET_<NAME>"));
	assert_non_null(strstr(text, "default 127.0.0.1:0"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_defaults, setup),
		cmocka_unit_test_setup(test_flags, setup),
		cmocka_unit_test_setup(test_flag_outdoes_variable, setup),
		cmocka_unit_test_setup(test_targets, setup),
		cmocka_unit_test_setup(test_refusals, setup),
		cmocka_unit_test_setup(test_refusal_names_the_variable, setup),
		cmocka_unit_test_setup(test_too_many_targets, setup),
		cmocka_unit_test_setup(test_help, setup),
	};

	return cmocka_run_group_tests_name("app_flags", tests, NULL, NULL);
}
