/* Durations as flags have them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <weft/base.h>

#include <cmocka.h>

static void durations_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "0s", 0 },
		{ "250ms", 250 * WEFT_MS },
		{ "0.5ms", WEFT_MS / 2 },
		{ "10s", 10 * WEFT_SECOND },
		{ "1.5s", 1500 * WEFT_MS },
		{ "0.000001s", WEFT_US },
		{ "2m", 120 * WEFT_SECOND },
		{ "1000000h", UINT64_C(3600000000) * WEFT_SECOND },
	};

	for (size_t i = 0; i < WEFT_COUNT(good); i++) {
		uint64_t ns = 1;

		if (weft_duration_parse(good[i].text, &ns) != 0 || ns != good[i].ns)
			fail_msg("%s: %llu", good[i].text, (unsigned long long)ns);
	}
}

static void other_text_is_refused(void **state)
{
	static const char *const bad[] = {
		"",     "s",    "10",       "10 s",       "-1s",  "+1s",
		"1.s",  ".5s",  "1.5.5s",   "10sec",      "1d",   "0x10s",
		"1e3s", "infs", "1000001s", "0.0000001s", "1,5s", "99999999999999999999s",
	};

	for (size_t i = 0; i < WEFT_COUNT(bad); i++) {
		uint64_t ns = 7;

		if (weft_duration_parse(bad[i], &ns) != -EINVAL || ns != 7)
			fail_msg("\"%s\": %llu", bad[i], (unsigned long long)ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read),
		cmocka_unit_test(other_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
