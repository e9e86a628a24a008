/* Service configs: what is read from them, which entry a method takes, and what each fault is
 * told as. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/service_config.h"

static struct weft_service_config *parse(const char *json)
{
	char error[WEFT_SERVICE_CONFIG_ERROR] = "";
	struct weft_service_config *config = NULL;

	if (weft_service_config_parse(json, strlen(json), error, &config) < 0)
		fail_msg("%s: %s", json, error);
	return config;
}

static void everything_is_read(void **state)
{
	struct weft_service_config *config = parse(
		"{ \"methodConfig\": [ { \"name\": [ { \"service\": \"a.B\", \"method\": \"C\" } ],"
		"  \"waitForReady\": true, \"timeout\": \"1.5s\","
		"  \"maxRequestMessageBytes\": 10, \"maxResponseMessageBytes\": 0,"
		"  \"retryPolicy\": { \"maxAttempts\": 9, \"initialBackoff\": \"0.1s\","
		"    \"maxBackoff\": \"20s\", \"backoffMultiplier\": 1.5,"
		"    \"retryableStatusCodes\": [ 14, \"aborted\", \"UNAVAILABLE\" ] } } ],"
		"  \"retryThrottling\": { \"maxTokens\": 10, \"tokenRatio\": 0.5466 },"
		"  \"healthCheckConfig\": { \"serviceName\": \"a.B\" },"
		"  \"loadBalancingConfig\": [ { \"of_tomorrow\": { \"x\": [1] } },"
		"    { \"round_robin\": {} }, { \"pick_first\": {} } ] }");
	const struct weft_method_config *method = weft_service_config_method(config, "/a.B/C");

	assert_true(method->wait_for_ready && method->has_timeout);
	assert_int_equal(method->timeout_ns, 1500 * WEFT_MS);
	assert_int_equal(method->max_request, 10);
	assert_int_equal(method->max_response, 0);
	assert_null(method->hedging);
	assert_int_equal(method->retry->max_attempts, 5);
	assert_int_equal(method->retry->initial_ns, 100 * WEFT_MS);
	assert_int_equal(method->retry->max_ns, 20 * WEFT_SECOND);
	assert_true(method->retry->multiplier == 1.5);
	assert_int_equal(method->retry->codes, 1 << 14 | 1 << 10);
	assert_int_equal(config->max_tokens, 10000);
	assert_int_equal(config->token_ratio, 546);
	assert_string_equal(config->health_service, "a.B");
	assert_int_equal(config->balancing->policy_case,
			 GRPC__SERVICE_CONFIG__LOAD_BALANCING_CONFIG__POLICY_ROUND_ROBIN);
	weft_service_config_unref(config);
}

static void hedging_is_read(void **state)
{
	struct weft_service_config *config =
		parse("{ \"method_config\": [ { \"name\": [ {} ], \"hedging_policy\": {"
		      "  \"max_attempts\": 3, \"hedging_delay\": \"0.05s\","
		      "  \"non_fatal_status_codes\": [ \"internal\" ] } } ] }");
	const struct weft_method_config *method = weft_service_config_method(config, "/x/y");

	assert_null(method->retry);
	assert_int_equal(method->hedging->max_attempts, 3);
	assert_int_equal(method->hedging->delay_ns, 50 * WEFT_MS);
	assert_int_equal(method->hedging->codes, 1 << 13);
	assert_false(method->wait_for_ready || method->has_timeout);
	assert_true(method->max_request == SIZE_MAX && method->max_response == SIZE_MAX);
	assert_null(config->balancing);
	assert_null(config->health_service);
	assert_int_equal(config->max_tokens, 0);
	weft_service_config_unref(config);
}

static uint64_t timeout_of(const struct weft_service_config *config, const char *path)
{
	const struct weft_method_config *method = weft_service_config_method(config, path);

	return method ? method->timeout_ns / WEFT_SECOND : 0;
}

static void the_most_specific_name_wins(void **state)
{
	struct weft_service_config *config = parse(
		"{ \"methodConfig\": ["
		"  { \"name\": [ { \"service\": \"\" } ], \"timeout\": \"1s\" },"
		"  { \"name\": [ { \"service\": \"a.B\", \"method\": \"\" } ], \"timeout\": \"2s\" "
		"},"
		"  { \"name\": [ { \"service\": \"a.B\", \"method\": \"C\" },"
		"                { \"service\": \"d\", \"method\": null } ], \"timeout\": \"3s\" },"
		"  { \"timeout\": \"4s\" } ] }");
	struct weft_service_config *none = parse("{}");

	assert_int_equal(timeout_of(config, "/a.B/C"), 3);
	assert_int_equal(timeout_of(config, "/a.B/D"), 2);
	assert_int_equal(timeout_of(config, "/d/C"), 3);
	assert_int_equal(timeout_of(config, "/a.C/C"), 1);
	assert_int_equal(timeout_of(config, "no path"), 1);
	assert_null(weft_service_config_method(none, "/a.B/C"));
	weft_service_config_unref(config);
	weft_service_config_unref(none);
}

/* ---- faults ---- */

#define METHOD(text) "{\"methodConfig\":[{\"name\":[{\"service\":\"s\"}]," text "}]}"
#define RETRY(attempts, first, most, multiplier, codes)                                            \
	METHOD("\"retryPolicy\":{" attempts first most multiplier codes "}")
#define ATTEMPTS        "\"maxAttempts\":2"
#define FIRST           ",\"initialBackoff\":\"1s\""
#define MOST            ",\"maxBackoff\":\"1s\""
#define MULTIPLIER      ",\"backoffMultiplier\":2"
#define CODES           ",\"retryableStatusCodes\":[14]"
#define HEDGING(text)   METHOD("\"hedgingPolicy\":{" text "}")
#define BALANCING(text) "{\"loadBalancingConfig\":" text "}"
#define OUTLIER(text)   BALANCING("[{\"outlier_detection_experimental\":{" text "}}]")
#define CHILD           ",\"childPolicy\":[{\"round_robin\":{}}]"
#define R               "methodConfig[0].retryPolicy."
#define H               "methodConfig[0].hedgingPolicy."
#define O               "loadBalancingConfig[0].outlier_detection_experimental."

/* Each text, and how its error begins after "line 1: ". */
static const struct {
	const char *json, *error;
} faults[] = {
	{ "", "expected an object (grpc.service_config.ServiceConfig), found the end of the text" },
	{ "[]", "expected an object (grpc.service_config.ServiceConfig), found an array" },
	{ "{", "expected a name in quotes or '}', found the end of the text" },
	{ "{} x", "more text after the value" },
	{ "{\"methodConfigs\":[]}",
	  "methodConfigs: no field \"methodConfigs\" in grpc.service_config.ServiceConfig; did you "
	  "mean \"methodConfig\"?" },
	{ "{\"methodConfig\":{}}", "methodConfig: expected an array, found an object" },
	{ "{\"methodConfig\":[null]}", "methodConfig[0]: null is no element of a list" },
	{ "{\"methodConfig\":[],\"methodConfig\":[]}",
	  "methodConfig: \"method_config\" is given twice" },
	{ "{\"methodConfig\":[{\"names\":[]}]}",
	  "methodConfig[0].names: no field \"names\" in grpc.service_config.MethodConfig; did you "
	  "mean \"name\"?" },
	{ "{\"methodConfig\":[{\"name\":[{\"method\":\"m\"}]}]}",
	  "methodConfig[0].name[0].service: missing: a method is named with its service" },
	{ "{\"methodConfig\":[{\"name\":[{\"service\":\"\",\"method\":\"m\"}]}]}",
	  "methodConfig[0].name[0].service: missing: a method is named with its service" },
	{ "{\"methodConfig\":[{\"name\":[{\"service\":\"s/m\"}]}]}",
	  "methodConfig[0].name[0].service: expected a name without '/'" },
	{ "{\"methodConfig\":[{\"name\":[{\"service\":\"s\",\"method\":\"/m\"}]}]}",
	  "methodConfig[0].name[0].method: expected a name without '/'" },
	{ "{\"methodConfig\":[{\"name\":[{\"service\":\"s\",\"method\":\"m\"},"
	  "{\"service\":\"s\",\"method\":\"m\"}]}]}",
	  "methodConfig[0].name[1]: s/m has an entry already" },
	{ "{\"methodConfig\":[{\"name\":[{\"service\":\"s\"}]},{\"name\":[{\"service\":\"s\"}]}]}",
	  "methodConfig[1].name[0]: s has an entry already" },
	{ "{\"methodConfig\":[{\"name\":[{}]},{\"name\":[{}]}]}",
	  "methodConfig[1].name[0]: the default has an entry already" },
	{ "{\"methodConfig\":[{\"name\":[{\"service\":7}]}]}",
	  "methodConfig[0].name[0].service: expected a string, found a number" },
	{ "{\"methodConfig\":[{\"name\":[{\"service\":\"a\\u0000b\"}]}]}", "" },
	{ METHOD("\"waitForReady\":\"yes\""),
	  "methodConfig[0].waitForReady: expected true or false, found a string" },
	{ METHOD("\"timeout\":5"),
	  "methodConfig[0].timeout: expected a duration such as \"1.5s\", found a number" },
	{ METHOD("\"timeout\":\"5\""),
	  "methodConfig[0].timeout: expected a duration such as \"1.5s\"" },
	{ METHOD("\"timeout\":\"5m\""),
	  "methodConfig[0].timeout: expected a duration such as \"1.5s\"" },
	{ METHOD("\"timeout\":\"-1s\""),
	  "methodConfig[0].timeout: expected a duration of at least zero, found one below" },
	{ METHOD("\"timeout\":\"-0.5s\""),
	  "methodConfig[0].timeout: expected a duration of at least zero, found one below" },
	{ METHOD("\"maxRequestMessageBytes\":-1"),
	  "methodConfig[0].maxRequestMessageBytes: -1 is out of range for a uint32" },
	{ METHOD("\"maxRequestMessageBytes\":4294967296"),
	  "methodConfig[0].maxRequestMessageBytes: 4294967296 is out of range for a uint32" },
	{ METHOD("\"maxResponseMessageBytes\":1.5"),
	  "methodConfig[0].maxResponseMessageBytes: \"1.5\" is not a uint32" },
	{ METHOD("\"maxResponseMessageByte\":1"),
	  "methodConfig[0].maxResponseMessageByte: no field \"maxResponseMessageByte\" in "
	  "grpc.service_config.MethodConfig; did you mean \"maxResponseMessageBytes\"?" },
	{ METHOD("\"retryPolicy\":[]"), "methodConfig[0].retryPolicy: expected an object" },
	{ METHOD("\"retryPolicy\":{}"), R "maxAttempts: expected 2 or more, found none" },
	{ RETRY("\"maxAttempts\":1", FIRST, MOST, MULTIPLIER, CODES),
	  R "maxAttempts: expected 2 or more, found 1" },
	{ RETRY("\"maxAttempts\":0", FIRST, MOST, MULTIPLIER, CODES),
	  R "maxAttempts: expected 2 or more, found none" },
	{ RETRY("\"maxAttempts\":-3", FIRST, MOST, MULTIPLIER, CODES),
	  R "maxAttempts: -3 is out of range for a uint32" },
	{ RETRY("\"maxAttempts\":2.5", FIRST, MOST, MULTIPLIER, CODES),
	  R "maxAttempts: \"2.5\" is not a uint32" },
	{ RETRY("\"maxAttempt\":2", FIRST, MOST, MULTIPLIER, CODES),
	  R "maxAttempt: no field \"maxAttempt\" in "
	    "grpc.service_config.MethodConfig.RetryPolicy; did you mean \"maxAttempts\"?" },
	{ RETRY(ATTEMPTS, "", MOST, MULTIPLIER, CODES),
	  R "initialBackoff: missing: expected a duration above zero, such as \"0.1s\"" },
	{ RETRY(ATTEMPTS, ",\"initialBackoff\":\"0s\"", MOST, MULTIPLIER, CODES),
	  R "initialBackoff: expected a duration above zero, found zero" },
	{ RETRY(ATTEMPTS, ",\"initialBackoff\":\"-1s\"", MOST, MULTIPLIER, CODES),
	  R "initialBackoff: expected a duration above zero, found one below" },
	{ RETRY(ATTEMPTS, ",\"initialBackoff\":\"1\"", MOST, MULTIPLIER, CODES),
	  R "initialBackoff: expected a duration such as \"1.5s\"" },
	{ RETRY(ATTEMPTS, ",\"initialBackoff\":null", MOST, MULTIPLIER, CODES),
	  R "initialBackoff: missing: expected a duration above zero, such as \"0.1s\"" },
	{ RETRY(ATTEMPTS, FIRST, "", MULTIPLIER, CODES),
	  R "maxBackoff: missing: expected a duration above zero, such as \"0.1s\"" },
	{ RETRY(ATTEMPTS, FIRST, ",\"maxBackoff\":\"0s\"", MULTIPLIER, CODES),
	  R "maxBackoff: expected a duration above zero, found zero" },
	{ RETRY(ATTEMPTS, FIRST, MOST, "", CODES),
	  R "backoffMultiplier: expected a number above zero" },
	{ RETRY(ATTEMPTS, FIRST, MOST, ",\"backoffMultiplier\":0", CODES),
	  R "backoffMultiplier: expected a number above zero" },
	{ RETRY(ATTEMPTS, FIRST, MOST, ",\"backoffMultiplier\":-2", CODES),
	  R "backoffMultiplier: expected a number above zero" },
	{ RETRY(ATTEMPTS, FIRST, MOST, ",\"backoffMultiplier\":\"NaN\"", CODES),
	  R "backoffMultiplier: expected a number above zero" },
	{ RETRY(ATTEMPTS, FIRST, MOST, ",\"backoffMultiplier\":\"Infinity\"", CODES),
	  R "backoffMultiplier: expected a number above zero" },
	{ RETRY(ATTEMPTS, FIRST, MOST, MULTIPLIER, ""),
	  R "retryableStatusCodes: expected a status code at least, such as \"UNAVAILABLE\"" },
	{ RETRY(ATTEMPTS, FIRST, MOST, MULTIPLIER, ",\"retryableStatusCodes\":[]"),
	  R "retryableStatusCodes: expected a status code at least, such as \"UNAVAILABLE\"" },
	{ RETRY(ATTEMPTS, FIRST, MOST, MULTIPLIER, ",\"retryableStatusCodes\":[\"UNAVAILBLE\"]"),
	  R "retryableStatusCodes[0]: \"UNAVAILBLE\" is no value of google.rpc.Code; did you "
	    "mean \"UNAVAILABLE\"?" },
	{ RETRY(ATTEMPTS, FIRST, MOST, MULTIPLIER, ",\"retryableStatusCodes\":[14,17]"),
	  R "retryableStatusCodes[1]: 17 is no status code: they are 1 to 16" },
	{ RETRY(ATTEMPTS, FIRST, MOST, MULTIPLIER, ",\"retryableStatusCodes\":[-1]"),
	  R "retryableStatusCodes[0]: -1 is no status code: they are 1 to 16" },
	{ RETRY(ATTEMPTS, FIRST, MOST, MULTIPLIER, ",\"retryableStatusCodes\":[\"OK\"]"),
	  R "retryableStatusCodes[0]: OK is no failure" },
	{ RETRY(ATTEMPTS, FIRST, MOST, MULTIPLIER, ",\"retryableStatusCodes\":\"UNAVAILABLE\""),
	  R "retryableStatusCodes: expected an array, found a string" },
	{ METHOD("\"retryPolicy\":{},\"hedgingPolicy\":{}"),
	  "methodConfig[0].hedgingPolicy: \"hedging_policy\" and another of "
	  "\"retry_or_hedging_policy\" are given: only one can be" },
	{ HEDGING(""), H "maxAttempts: expected 2 or more, found none" },
	{ HEDGING("\"maxAttempts\":1"), H "maxAttempts: expected 2 or more, found 1" },
	{ HEDGING("\"maxAttempts\":2,\"hedgingDelay\":\"-1s\""),
	  H "hedgingDelay: expected a duration of at least zero, found one below" },
	{ HEDGING("\"maxAttempts\":2,\"hedgingDelay\":1"),
	  H "hedgingDelay: expected a duration such as \"1.5s\", found a number" },
	{ HEDGING("\"maxAttempts\":2,\"nonFatalStatusCodes\":[0]"),
	  H "nonFatalStatusCodes[0]: OK is no failure" },
	{ HEDGING("\"maxAttempts\":2,\"nonFatalStatusCodes\":[\"BAD\"]"),
	  H "nonFatalStatusCodes[0]: \"BAD\" is no value of google.rpc.Code" },
	{ HEDGING("\"maxAttempts\":2,\"delay\":\"1s\""),
	  H "delay: no field \"delay\" in grpc.service_config.MethodConfig.HedgingPolicy" },
	{ "{\"retryThrottling\":{}}", "retryThrottling.maxTokens: expected 1 to 1000, found 0" },
	{ "{\"retryThrottling\":{\"maxTokens\":1001,\"tokenRatio\":1}}",
	  "retryThrottling.maxTokens: expected 1 to 1000, found 1001" },
	{ "{\"retryThrottling\":{\"maxTokens\":-1,\"tokenRatio\":1}}",
	  "retryThrottling.maxTokens: -1 is out of range for a uint32" },
	{ "{\"retryThrottling\":{\"maxTokens\":10}}",
	  "retryThrottling.tokenRatio: expected a number of 0.001 or more" },
	{ "{\"retryThrottling\":{\"maxTokens\":10,\"tokenRatio\":-1}}",
	  "retryThrottling.tokenRatio: expected a number of 0.001 or more" },
	{ "{\"retryThrottling\":{\"maxTokens\":10,\"tokenRatio\":0.0004}}",
	  "retryThrottling.tokenRatio: expected a number of 0.001 or more" },
	{ "{\"retryThrottling\":{\"maxTokens\":10,\"tokenRatio\":\"Infinity\"}}",
	  "retryThrottling.tokenRatio: expected a number of 0.001 or more" },
	{ "{\"retryThrottling\":{\"maxTokens\":10,\"ratio\":1}}",
	  "retryThrottling.ratio: no field \"ratio\" in" },
	{ "{\"healthCheckConfig\":{\"serviceName\":1}}",
	  "healthCheckConfig.serviceName: expected a string, found a number" },
	{ "{\"healthCheckConfig\":{\"service\":\"x\"}}",
	  "healthCheckConfig.service: no field \"service\" in" },
	{ "{\"loadBalancingPolicy\":\"weighted\"}",
	  "loadBalancingPolicy: \"weighted\" is neither \"pick_first\" nor \"round_robin\"" },
	{ BALANCING("{}"), "loadBalancingConfig: expected an array, found an object" },
	{ BALANCING("[{}]"), "loadBalancingConfig: knows no policy of this list; there are " },
	{ BALANCING("[{\"x\":{}},{\"y\":{}}]"),
	  "loadBalancingConfig: knows no policy of this list" },
	{ BALANCING("[{\"round_robin\":{},\"pick_first\":{}}]"),
	  "loadBalancingConfig[0].pick_first: \"pick_first\" and another of \"policy\"" },
	{ BALANCING("[{\"round_robin\":[]}]"),
	  "loadBalancingConfig[0].round_robin: expected an object" },
	{ BALANCING("[{\"pick_first\":{\"shuffle\":true}}]"),
	  "loadBalancingConfig[0].pick_first.shuffle: no field \"shuffle\" in" },
	{ BALANCING("[{\"least_request_experimental\":{\"choiceCount\":1}}]"),
	  "loadBalancingConfig[0].least_request_experimental.choiceCount: expected 2 to 10, found "
	  "1" },
	{ OUTLIER("\"interval\":\"-1s\"" CHILD),
	  O "interval: expected a duration of at least zero, found one below" },
	{ OUTLIER("\"maxEjectionPercent\":101" CHILD),
	  O "maxEjectionPercent: expected 0 to 100, found 101" },
	{ OUTLIER("\"failurePercentageEjection\":{\"threshold\":200}" CHILD),
	  O "failurePercentageEjection.threshold: expected 0 to 100, found 200" },
	{ OUTLIER("\"interval\":\"1s\""),
	  O "childPolicy: missing: expected the policies that choose" },
	{ OUTLIER("\"childPolicy\":[{\"x\":{}}]"), O "childPolicy: knows no policy of this list" },
};

static void every_fault_is_named(void **state)
{
	size_t wrong = 0;

	for (size_t i = 0; i < WEFT_COUNT(faults); i++) {
		struct weft_service_config *config = NULL;
		char error[WEFT_SERVICE_CONFIG_ERROR] = "";
		size_t len = strlen(faults[i].json);

		assert_int_equal(weft_service_config_parse(faults[i].json, len, error, &config),
				 -EINVAL);
		assert_null(config);
		if (!*faults[i].error) {
			assert_true(strlen(error) > 10);
			continue;
		}
		if (strncmp(error, "line 1: ", 8) != 0 ||
		    strncmp(error + 8, faults[i].error, strlen(faults[i].error)) != 0)
			wrong++, print_error("%s:\n%s\nnot\n%s\n", faults[i].json, error,
					     faults[i].error);
	}
	assert_int_equal(wrong, 0);
	assert_true(WEFT_COUNT(faults) >= 80);
}

static void a_fault_has_its_line(void **state)
{
	static const struct {
		const char *json;
		unsigned line;
	} cases[] = {
		{ "{\n\"retryThrottling\":\n{\n\"maxTokens\": 2000,\n\"tokenRatio\": 1}}", 4 },
		{ "{\n\"retry_throttling\":\n{\n\"max_tokens\": 2000}}", 4 },
		{ "{\n\"retryThrottling\": {\n\"maxTokens\": 20}}", 2 }, /* tokenRatio is missing */
		{ "{\"methodConfig\": [\n{},\n{\n\"name\": [ {},\n {\n\"method\": \"m\" } ] } ] }",
		  5 },
		{ "{\n\"methodConfig\": [\n{\n\"timeouts\": \"1s\" } ] }", 4 },
	};

	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		char error[WEFT_SERVICE_CONFIG_ERROR] = "", begins[16];
		struct weft_service_config *config = NULL;

		assert_int_equal(weft_service_config_parse(cases[i].json, strlen(cases[i].json),
							   error, &config),
				 -EINVAL);
		snprintf(begins, sizeof(begins), "line %u: ", cases[i].line);
		if (strncmp(error, begins, strlen(begins)) != 0)
			fail_msg("%s\n%s, not %s", cases[i].json, error, begins);
	}
}

static void a_file_is_read(void **state)
{
	char path[] = "/tmp/weft-config-XXXXXX", error[WEFT_SERVICE_CONFIG_ERROR] = "";
	struct weft_service_config *config = NULL;
	FILE *file = fdopen(mkstemp(path), "w");

	assert_int_equal(weft_service_config_load("/nowhere/x", error, &config), -ENOENT);
	assert_non_null(strstr(error, "/nowhere/x: "));
	fputs("{\"methodConfig\":[{\"name\":[{}],\"timeout\":\"7s\"}]}\n", file);
	fflush(file);
	assert_int_equal(weft_service_config_load(path, error, &config), 0);
	assert_int_equal(timeout_of(config, "/a/b"), 7);
	weft_service_config_unref(config);
	config = NULL;
	fputs("x", file);
	fclose(file);
	assert_int_equal(weft_service_config_load(path, error, &config), -EINVAL);
	assert_non_null(strstr(error, "line 2: more text after the value"));
	assert_null(config);
	remove(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(hedging_is_read),
		cmocka_unit_test(the_most_specific_name_wins),
		cmocka_unit_test(every_fault_is_named),
		cmocka_unit_test(a_fault_has_its_line),
		cmocka_unit_test(a_file_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
