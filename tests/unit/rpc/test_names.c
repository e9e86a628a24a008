/* What a channel stands on without a network: targets become addresses, failures become delays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/backoff.h"
#include "rpc/target.h"

static void targets_become_addresses(void **state)
{
	static const struct {
		const char *text;
		const char *authority;
		const char *host; /* what a certificate must name */
		const char *first, *second;
	} cases[] = {
		{ "unix:/run/a", "localhost", "localhost", "unix:/run/a", NULL },
		{ "unix:relative", "localhost", "localhost", "unix:relative", NULL },
		{ "unix:///run/a", "localhost", "localhost", "unix:/run/a", NULL },
		{ "unix-abstract:a", "localhost", "localhost", "unix-abstract:a", NULL },
		{ "ipv4:1.2.3.4:5", "1.2.3.4:5", "1.2.3.4", "1.2.3.4:5", NULL },
		{ "ipv4:1.2.3.4,5.6.7.8:9", "1.2.3.4:443", "1.2.3.4", "1.2.3.4:443", "5.6.7.8:9" },
		{ "ipv6:[::1]:5", "[::1]:5", "::1", "[::1]:5", NULL },
		{ "ipv6:::1", "[::1]:443", "::1", "[::1]:443", NULL },
		{ "1.2.3.4:5", "1.2.3.4:5", "1.2.3.4", "1.2.3.4:5", NULL },
		{ "[::1]:5", "[::1]:5", "::1", "[::1]:5", NULL },
		{ "dns:///1.2.3.4:5", "1.2.3.4:5", "1.2.3.4", "1.2.3.4:5", NULL },
		{ "dns:///shop.example:5", "shop.example:5", "shop.example", NULL, NULL },
		{ "dns://127.0.0.1:5353/shop.example:5", "shop.example:5", "shop.example", NULL,
		  NULL },
		{ "dns://[::1]/1.2.3.4:5", "1.2.3.4:5", "1.2.3.4", "1.2.3.4:5", NULL },
		{ "shop.example", "shop.example:443", "shop.example", NULL, NULL },
		{ "file:///run/a", "localhost", "localhost", NULL, NULL },
	};

	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		const char *const expected[] = { cases[i].first, cases[i].second };
		size_t n = !!cases[i].first + !!cases[i].second;
		struct weft_target *target;
		char error[256], *host;

		assert_int_equal(weft_target_parse(cases[i].text, error, &target), 0);
		assert_string_equal(target->authority, cases[i].authority);
		host = weft_target_host_of(target->authority);
		assert_string_equal(host, cases[i].host);
		free(host);
		assert_int_equal(target->n_addresses, n);
		for (size_t k = 0; k < n; k++) {
			assert_string_equal(target->addresses[k], expected[k]);
			assert_int_equal(weft_target_check_address(target->addresses[k]), 0);
		}
		weft_target_free(target);
	}
}

static void delays_grow_up_to_two_minutes(void **state)
{
	static const double seconds[] = { 1, 1.6, 2.56, 4.096, 6.5536 };
	struct weft_backoff backoff = { 0 };

	for (size_t i = 0; i < 40; i++) {
		double expected = i < WEFT_COUNT(seconds) ? seconds[i] : i > 20 ? 120 : 0;
		double delay = (double)weft_backoff_next(&backoff) / (double)WEFT_SECOND;

		if (expected == 0)
			continue;
		assert_true(delay >= expected * 0.799 && delay <= expected * 1.201);
	}
	weft_backoff_reset(&backoff);
	assert_true(weft_backoff_next(&backoff) <= 1201 * WEFT_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_become_addresses),
		cmocka_unit_test(delays_grow_up_to_two_minutes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
