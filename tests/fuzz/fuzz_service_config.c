/*
 * A service config from anybody: it is refused with a line and words, or every method finds what
 * the rules allow.
 */
#include "fuzz.h"
#include "rpc/service_config.h"

static void check_method(const struct weft_method_config *method)
{
	assert(!method->retry || !method->hedging);
	assert(!method->retry ||
	       (method->retry->max_attempts >= 2 &&
		method->retry->max_attempts <= WEFT_ATTEMPTS_MAX && method->retry->initial_ns > 0 &&
		method->retry->max_ns > 0 && method->retry->multiplier > 0 &&
		method->retry->codes > 1 && !(method->retry->codes & 1)));
	assert(!method->hedging || (method->hedging->max_attempts >= 2 &&
				    method->hedging->max_attempts <= WEFT_ATTEMPTS_MAX &&
				    !(method->hedging->codes & 1)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = (char *)fuzz_copy((struct weft_bytes) { data, size });
	char error[WEFT_SERVICE_CONFIG_ERROR] = "";
	struct weft_service_config *config = NULL;
	void *method;
	size_t at = 0;

	if (weft_service_config_parse(text, size, error, &config) < 0) {
		assert(!config && strlen(error) < sizeof(error));
		assert(strncmp(error, "line ", 5) == 0 || strstr(error, "NUL"));
	} else {
		while (weft_map_next(&config->methods, &at, &method))
			check_method(method);
		assert(config->max_tokens == 0 || config->token_ratio > 0);
		weft_service_config_method(config, "/s/m");
	}
	weft_service_config_unref(config);
	free(text);
	return 0;
}
