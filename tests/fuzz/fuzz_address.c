/*
 * Addresses and targets as text, as flags, configuration and lists of endpoints have them.
 */
#include "fuzz.h"
#include "io/address.h"
#include "rpc/target.h"

static void address(const char *text)
{
	struct weft_address parsed, again;
	char written[WEFT_ADDRESS_MAX];

	if (weft_address_parse(text, &parsed) < 0)
		return;
	weft_address_format(&parsed, written);
	assert(strlen(written) < sizeof(written));
	assert(weft_address_parse(written, &again) == 0);
	assert(parsed.sa.sa_family == again.sa.sa_family);
	weft_address_path(&parsed);
}

static void target(const char *text)
{
	struct weft_target *target;
	char error[256] = "";
	char *host;

	if (weft_target_parse(text, error, &target) < 0) {
		assert(error[0] != '\0' && strlen(error) < sizeof(error));
		return;
	}
	assert(strcmp(target->text, text) == 0);
	for (size_t i = 0; i < target->n_addresses; i++) {
		struct weft_address parsed;

		assert(weft_target_check_address(target->addresses[i]) == 0);
		assert(weft_address_parse(target->addresses[i], &parsed) == 0);
	}
	host = weft_target_host_of(target->authority);
	assert(host);
	free(host);
	weft_target_free(target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string((struct weft_bytes) { data, size });
	char *host;

	address(text);
	target(text);
	weft_target_check_address(text);
	weft_address_is_ip(text);
	host = weft_target_host_of(text);
	free(host);
	free(text);
	return 0;
}
