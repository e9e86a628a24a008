/*
 * weft-interop-client: plays one of gRPC's interop test cases against a server.
 *
 *	weft-interop-client --server_host=HOST --server_port=PORT --test_case=CASE
 *	                    [--use_tls=true [--use_test_ca=true --ca_file=PEM]]
 *	                    [--server_host_override=NAME]
 *
 * It ends with 0 when the case has passed. --test_case=list prints the cases.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "flags.h"

static const struct {
	const char *name;
	case_fn *run;
} cases[] = {
	{ "empty_unary", case_empty_unary },
	{ "large_unary", case_large_unary },
	{ "client_compressed_unary", case_client_compressed_unary },
	{ "server_compressed_unary", case_server_compressed_unary },
	{ "client_streaming", case_client_streaming },
	{ "client_compressed_streaming", case_client_compressed_streaming },
	{ "server_streaming", case_server_streaming },
	{ "server_compressed_streaming", case_server_compressed_streaming },
	{ "ping_pong", case_ping_pong },
	{ "empty_stream", case_empty_stream },
	{ "half_duplex", case_half_duplex },
	{ "cancel_after_begin", case_cancel_after_begin },
	{ "cancel_after_first_response", case_cancel_after_first_response },
	{ "timeout_on_sleeping_server", case_timeout_on_sleeping_server },
	{ "custom_metadata", case_custom_metadata },
	{ "status_code_and_message", case_status_code_and_message },
	{ "special_status_message", case_special_status_message },
	{ "unimplemented_method", case_unimplemented_method },
	{ "unimplemented_service", case_unimplemented_service },
	{ "slow_consumer", case_slow_consumer },
	{ "rpc_soak", case_rpc_soak },
	{ "channel_soak", case_channel_soak },
	{ "concurrent_large_unary", case_concurrent_large_unary },
	{ "long_lived_channel", case_long_lived_channel },
	{ "orca_per_rpc", case_orca_per_rpc },
	{ "orca_oob", case_orca_oob },

	/* Against servers that misbehave. */
	{ "goaway", case_goaway },
	{ "rst_after_header", case_rst },
	{ "rst_during_data", case_rst },
	{ "rst_after_data", case_rst },
	{ "ping", case_large_unary },
	{ "max_streams", case_max_streams },
	{ "data_frame_padding", case_large_unary },
	{ "no_df_padding", case_large_unary },
	{ "no_df_padding_sanity_test", case_large_unary }, /* the description's name for it */
};

struct flags {
	const char *host;
	const char *host_override;
	const char *test_case;
	const char *ca_file;
	long port;
	bool use_tls;
	bool use_test_ca;
	struct session_settings settings;
};

static void die(const char *error)
{
	fprintf(stderr, "weft-interop-client: %s\n", error);
	exit(2);
}

static void read_flags(struct flags *flags, int argc, char **argv)
{
	struct session_settings *settings = &flags->settings;
	const struct flag table[] = {
		{ "server_host", FLAG_TEXT, &flags->host },
		{ "server_port", FLAG_NUMBER, &flags->port },
		{ "server_host_override", FLAG_TEXT, &flags->host_override },
		{ "test_case", FLAG_TEXT, &flags->test_case },
		{ "use_tls", FLAG_BOOL, &flags->use_tls },
		{ "use_test_ca", FLAG_BOOL, &flags->use_test_ca },
		{ "ca_file", FLAG_TEXT, &flags->ca_file },
		{ "soak_iterations", FLAG_NUMBER, &settings->iterations },
		{ "soak_max_failures", FLAG_NUMBER, &settings->max_failures },
		{ "soak_per_iteration_max_acceptable_latency_ms", FLAG_NUMBER,
		  &settings->max_latency_ms },
		{ "soak_overall_timeout_seconds", FLAG_NUMBER, &settings->overall_timeout_s },
		{ "soak_min_time_ms_between_rpcs", FLAG_NUMBER, &settings->pause_ms },
		{ "soak_request_size", FLAG_NUMBER, &settings->request_size },
		{ "soak_response_size", FLAG_NUMBER, &settings->response_size },
	};

	flags_parse(table, WEFT_COUNT(table), argc, argv);
	if (settings->request_size < 0 || settings->request_size > (long)ZEROS_MAX ||
	    settings->response_size < 0 || settings->response_size > (long)ZEROS_MAX)
		die("soak_request_size and soak_response_size go up to 1 MiB");
	if (settings->overall_timeout_s <= 0)
		settings->overall_timeout_s =
			1 + settings->iterations * (settings->max_latency_ms + settings->pause_ms) /
				    1000;
}

static case_fn *find_case(const char *name)
{
	bool list = strcmp(name, "list") == 0;

	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		if (list)
			printf("%s\n", cases[i].name);
		else if (strcmp(cases[i].name, name) == 0)
			return cases[i].run;
	}
	if (list)
		exit(0);
	fprintf(stderr, "weft-interop-client: there is no test case \"%s\"\n", name);
	exit(2);
}

static struct weft_tls *tls_new(const struct flags *flags)
{
	const struct weft_tls_options options = {
		.size = sizeof(options),
		.ca_file = flags->use_test_ca ? flags->ca_file : NULL,
	};
	struct weft_tls *tls;
	char error[256];

	if (flags->use_test_ca && !flags->ca_file)
		die("--use_test_ca needs --ca_file");
	if (weft_tls_client_new(&options, error, &tls) < 0)
		die(error);
	return tls;
}

static void run(const struct flags *flags, case_fn *run_case)
{
	struct weft_channel_options options = {
		.size = sizeof(options),
		.tls = flags->use_tls ? tls_new(flags) : NULL,
		.authority = flags->host_override,
	};
	struct session session = {
		.test_case = flags->test_case,
		.channel_options = &options,
		.settings = &flags->settings,
		.arena = weft_arena_new(),
	};
	char target[300];

	snprintf(target, sizeof(target), strchr(flags->host, ':') ? "[%s]:%ld" : "%s:%ld",
		 flags->host, flags->port);
	session.target = target;
	if (weft_worker_new(0, &session.worker) < 0)
		die("cannot begin");
	session.channel = session_open_channel(&session);
	run_case(&session);
	session_close_channel(&session, session.channel);
	weft_worker_free(session.worker);
	weft_arena_free(session.arena);
	weft_tls_unref(options.tls);
}

int main(int argc, char **argv)
{
	struct flags flags = {
		.host = "localhost",
		.test_case = "empty_unary",
		.port = 8080,
		.settings = {
			.iterations = 10,
			.max_latency_ms = 1000,
			.request_size = LARGE_REQUEST,
			.response_size = LARGE_RESPONSE,
		},
	};
	case_fn *run_case;

	read_flags(&flags, argc, argv);
	weft_log_set_service("interop-client");
	if (flags.host_override && !*flags.host_override)
		flags.host_override = NULL;
	run_case = find_case(flags.test_case);
	run(&flags, run_case);
	printf("%s: passed\n", flags.test_case);
	return 0;
}
