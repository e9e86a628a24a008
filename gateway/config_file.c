#include "config_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <weft/json.h>
#include <weft/schema.h>

#include "contracts.h"
#include "gateway/v1/config.pb-c.h"
#include "yaml_json.h"

#define MAX_FILE ((size_t)1 << 20)

/* Where a fault is, for the words of the error. */
struct reading {
	const char *path;
	struct config *config;
	char *error;
};

static int fail(const struct reading *reading, const char *format, ...) WEFT_PRINTF(2, 3);

static int fail(const struct reading *reading, const char *format, ...)
{
	va_list args;
	int n;

	n = snprintf(reading->error, 256, "%.120s: ", reading->path);
	va_start(args, format);
	vsnprintf(reading->error + n, (size_t)(256 - n), format, args);
	va_end(args);
	return -EINVAL;
}

/* ---- text to message ---- */

static int read_text(const struct reading *reading, struct weft_buffer *text)
{
	FILE *file = fopen(reading->path, "rbe");
	uint8_t *room;
	size_t n;
	int r = 0;

	if (!file)
		return fail(reading, "%s", strerror(errno));
	text->limit = MAX_FILE;
	do {
		r = weft_buffer_reserve(text, 4096, &room);
		n = r < 0 ? 0 : fread(room, 1, 4096, file);
		text->len += n;
	} while (n > 0);
	if (r < 0)
		r = fail(reading, "it is longer than a megabyte");
	else if (ferror(file))
		r = fail(reading, "it cannot be read");
	fclose(file);
	return r;
}

static int decode(const struct reading *reading, const struct yaml_json *json,
		  struct weft_buffer *wire)
{
	const struct weft_json_options options = { .size = sizeof(options), .any_case = true };
	struct weft_schema *schema;
	struct weft_json_error error;
	struct yaml_place place;
	char why[256];
	int r;

	weft_schema_new(&schema);
	r = weft_schema_add_set(schema, contracts_descriptor_set, why);
	if (r < 0)
		fail(reading, "%s", why);
	else
		r = weft_json_to_wire(weft_schema_message(schema, "gateway.v1.Config"),
				      (const char *)json->text.data, json->text.len, &options, wire,
				      &error);
	if (r == -EINVAL) {
		place = yaml_place_of(json, error.offset);
		fail(reading, "line %u, column %u: %s%s%s", place.line, place.column, error.path,
		     *error.path ? ": " : "", error.message);
	}
	weft_schema_free(schema);
	return r;
}

/* ---- message to config ---- */

static void set_text(const struct reading *reading, const char **member, const char *value)
{
	if (*value)
		*member = weft_arena_strdup(reading->config->arena, value);
}

static int set_number(const struct reading *reading, uint64_t *member, const char *name,
		      int64_t value)
{
	if (value < 0)
		return fail(reading, "%s: %lld is less than 0", name, (long long)value);
	if (value > 0)
		*member = (uint64_t)value;
	return 0;
}

static int set_duration(const struct reading *reading, uint64_t *member, const char *name,
			const Google__Protobuf__Duration *value)
{
	if (!value)
		return 0;
	if (value->seconds < 0 || value->nanos < 0 || value->seconds > 366 * 86400)
		return fail(reading, "%s: from 0 s to a year", name);
	if (value->seconds > 0 || value->nanos > 0)
		*member = (uint64_t)value->seconds * WEFT_SECOND + (uint64_t)value->nanos;
	return 0;
}

static const char **copy_texts(const struct reading *reading, char *const *texts, size_t n)
{
	const char **copies = weft_arena_new_array(reading->config->arena, const char *, n + 1);

	for (size_t i = 0; i < n; i++)
		copies[i] = weft_arena_strdup(reading->config->arena, texts[i]);
	return copies;
}

static int add_backend(const struct reading *reading, const Gateway__V1__Backend *from, size_t i)
{
	struct config *config = reading->config;
	struct config_backend *to = &config->backends[config->n_backends];

	if (config->n_backends == CONFIG_MAX_BACKENDS)
		return fail(reading, "backends: more than %d", CONFIG_MAX_BACKENDS);
	if (!*from->target)
		return fail(reading, "backends[%zu].target: it is missing", i);
	if (from->n_packages == 0)
		return fail(reading, "backends[%zu].packages: name at least one", i);
	*to = (struct config_backend) {
		.packages = copy_texts(reading, from->packages, from->n_packages),
		.n_packages = from->n_packages,
		.target = weft_arena_strdup(config->arena, from->target),
	};
	switch (from->contracts_case) {
	case GATEWAY__V1__BACKEND__CONTRACTS_DESCRIPTOR_FILE:
		to->descriptor_file = weft_arena_strdup(config->arena, from->descriptor_file);
		break;
	case GATEWAY__V1__BACKEND__CONTRACTS_REFLECTION: to->reflection = from->reflection; break;
	default: break;
	}
	config->n_backends++;
	return 0;
}

static int set_cors(const struct reading *reading, const Gateway__V1__Cors *from)
{
	struct config_cors *to = &reading->config->cors;

	if (from->n_allowed_origins == 0)
		return fail(reading, "cors.allowed_origins: name at least one, or \"*\"");
	for (size_t i = 0; i < from->n_allowed_origins; i++)
		if (from->allow_credentials && strcmp(from->allowed_origins[i], "*") == 0)
			return fail(reading, "cors.allow_credentials: not with the origin \"*\"");
	to->origins = copy_texts(reading, from->allowed_origins, from->n_allowed_origins);
	if (from->n_allowed_headers > 0)
		to->allowed_headers =
			copy_texts(reading, from->allowed_headers, from->n_allowed_headers);
	if (from->n_exposed_headers > 0)
		to->exposed_headers =
			copy_texts(reading, from->exposed_headers, from->n_exposed_headers);
	to->credentials = from->allow_credentials;
	return set_duration(reading, &to->max_age_ns, "cors.max_age", from->max_age);
}

static int set_tls(const struct reading *reading, const Gateway__V1__Tls *tls)
{
	if (!*tls->cert_file || !*tls->key_file)
		return fail(reading, "tls: cert_file and key_file are given together");
	set_text(reading, &reading->config->tls_cert, tls->cert_file);
	set_text(reading, &reading->config->tls_key, tls->key_file);
	return 0;
}

static int set_limits(const struct reading *reading, const Gateway__V1__Limits *limits)
{
	struct config *config = reading->config;
	int r;

	r = set_number(reading, &config->max_head, "limits.max_head", limits->max_head);
	if (r == 0)
		r = set_number(reading, &config->max_body, "limits.max_body", limits->max_body);
	return r < 0 ? r
		     : set_number(reading, &config->max_connections, "limits.max_connections",
				  limits->max_connections);
}

static int set_timeouts(const struct reading *reading, const Gateway__V1__Timeouts *timeouts)
{
	struct config *config = reading->config;
	const struct {
		uint64_t *member;
		const char *name;
		const Google__Protobuf__Duration *value;
	} all[] = {
		{ &config->call_timeout_ns, "timeouts.call", timeouts->call },
		{ &config->head_timeout_ns, "timeouts.head", timeouts->head },
		{ &config->body_timeout_ns, "timeouts.body", timeouts->body },
		{ &config->idle_timeout_ns, "timeouts.idle", timeouts->idle },
		{ &config->stall_timeout_ns, "timeouts.stall", timeouts->stall },
	};
	int r = 0;

	for (size_t i = 0; i < WEFT_COUNT(all) && r == 0; i++)
		r = set_duration(reading, all[i].member, all[i].name, all[i].value);
	return r;
}

static void set_level(const struct reading *reading, Gateway__V1__LogLevel level)
{
	enum weft_log_level *to = &reading->config->log_level;

	switch (level) {
	case GATEWAY__V1__LOG_LEVEL__DEBUG: *to = WEFT_LOG_DEBUG; break;
	case GATEWAY__V1__LOG_LEVEL__INFO: *to = WEFT_LOG_INFO; break;
	case GATEWAY__V1__LOG_LEVEL__WARNING: *to = WEFT_LOG_WARNING; break;
	case GATEWAY__V1__LOG_LEVEL__ERROR: *to = WEFT_LOG_ERROR; break;
	default: break;
	}
}

static int set_all(const struct reading *reading, const Gateway__V1__Config *from)
{
	struct config *config = reading->config;
	int r;

	set_text(reading, &config->listen, from->listen);
	set_text(reading, &config->url_file, from->url_file);
	set_text(reading, &config->upstream_ca, from->upstream_ca_file);
	set_text(reading, &config->registry, from->registry);
	set_level(reading, from->log_level);
	r = set_number(reading, &config->workers, "workers", from->workers);
	if (r == 0)
		r = set_duration(reading, &config->drain_ns, "drain_timeout", from->drain_timeout);
	if (r == 0)
		r = set_duration(reading, &config->reflection_interval_ns, "reflection_interval",
				 from->reflection_interval);
	if (r == 0 && from->tls)
		r = set_tls(reading, from->tls);
	if (r == 0 && from->limits)
		r = set_limits(reading, from->limits);
	if (r == 0 && from->timeouts)
		r = set_timeouts(reading, from->timeouts);
	for (size_t i = 0; i < from->n_backends && r == 0; i++)
		r = add_backend(reading, from->backends[i], i);
	if (r == 0 && from->cors)
		r = set_cors(reading, from->cors);
	return r;
}

static int set_wire(const struct reading *reading, const struct weft_buffer *wire)
{
	Gateway__V1__Config *message;
	int r;

	message = gateway__v1__config__unpack(NULL, wire->len,
					      wire->data ? wire->data : (const uint8_t *)"");
	if (!message)
		return fail(reading, "out of memory");
	r = set_all(reading, message);
	gateway__v1__config__free_unpacked(message, NULL);
	return r;
}

int config_file_read(struct config *config, const char *path, char error[256])
{
	const struct reading reading = { .path = path, .config = config, .error = error };
	struct weft_buffer text = WEFT_BUFFER_INIT, wire = WEFT_BUFFER_INIT;
	struct yaml_json json = { .text = WEFT_BUFFER_INIT };
	char why[256];
	int r;

	r = read_text(&reading, &text);
	if (r == 0) {
		r = yaml_to_json((const char *)text.data, text.len, &json, why);
		if (r < 0)
			fail(&reading, "%s", r == -EINVAL ? why : "out of memory");
	}
	if (r == 0)
		r = decode(&reading, &json, &wire);
	if (r == 0)
		r = set_wire(&reading, &wire);
	weft_buffer_fini(&wire);
	weft_buffer_fini(&text);
	yaml_json_fini(&json);
	return r;
}
