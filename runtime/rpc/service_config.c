/*
 * The object, and its way from JSON: the text becomes wire bytes by the contract, those become the
 * contract's struct, and that is checked and taken over. What goes with a thread is a count of
 * references alone.
 */
#include "rpc/service_config.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/json.h>
#include <weft/log.h>

#include "grpc/service_config/service_config.weft.h"
#include "rpc/codec.h"

#define FILE_MAX  ((size_t)1 << 20)
#define DEPTH_MAX 32

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct weft_schema *schema; /* of the contract; it stays */

/* ---- from JSON ---- */

static void add_file(const struct weft_file *file)
{
	char error[256];

	for (const struct weft_file *const *import = file->imports; *import; import++)
		add_file(*import);
	if (weft_schema_add_file(schema, file->descriptor, error) < 0)
		abort(); /* what protoc made is right */
}

static void load_schema(void)
{
	if (weft_schema_new(&schema) < 0)
		abort();
	add_file(&grpc_service_config_service_config_proto);
}

static int refuse(const struct weft_json_error *at, char *error)
{
	snprintf(error, WEFT_SERVICE_CONFIG_ERROR, "line %u: %s%s%s", at->line, at->path,
		 at->path[0] ? ": " : "", at->message);
	return -EINVAL;
}

static int to_wire(const char *json, size_t len, char *error, struct weft_buffer *wire)
{
	static const struct weft_json_options options = {
		.size = sizeof(options),
		.max_depth = DEPTH_MAX,
		.any_case = true,
		.json_paths = true,
		.open_message = "grpc.service_config.LoadBalancingConfig",
	};
	const struct weft_schema_message *type =
		weft_schema_message(schema, "grpc.service_config.ServiceConfig");
	struct weft_json_error at;
	int r;

	r = weft_json_to_wire(type, json, len, &options, wire, &at);
	if (r == -EINVAL)
		return refuse(&at, error);
	if (r < 0)
		snprintf(error, WEFT_SERVICE_CONFIG_ERROR, "%s", weft_errno_string(r));
	return r;
}

/* The codec has made these bytes; what it lets through and protobuf-c does not is a NUL. */
static int unpack(struct weft_bytes wire, struct weft_arena *arena, char *error,
		  Grpc__ServiceConfig__ServiceConfig **ret_message)
{
	ProtobufCMessage *message;
	char why[256];
	int r;

	r = weft_message_unpack(&grpc__service_config__service_config__descriptor, wire, 0, arena,
				why, &message);
	if (r < 0)
		snprintf(error, WEFT_SERVICE_CONFIG_ERROR, "%s", why);
	else
		*ret_message = (Grpc__ServiceConfig__ServiceConfig *)message;
	return r == -EBADMSG ? -EINVAL : r;
}

static int fill(struct weft_service_config *config, const char *json, size_t len, char *error)
{
	struct weft_buffer wire = WEFT_BUFFER_INIT;
	Grpc__ServiceConfig__ServiceConfig *message = NULL;
	struct weft_config_fault fault;
	int r;

	r = to_wire(json, len, error, &wire);
	if (r == 0)
		r = unpack((struct weft_bytes) { wire.data, wire.len }, config->arena, error,
			   &message);
	weft_buffer_fini(&wire);
	if (r < 0)
		return r;
	r = weft_service_config_read(config, message, &fault);
	if (r == -EINVAL) {
		struct weft_json_error at;

		weft_json_locate(json, len, fault.path, &at);
		memcpy(at.path, fault.path, sizeof(at.path));
		memcpy(at.message, fault.error, sizeof(at.message));
		refuse(&at, error);
	}
	return r;
}

int weft_service_config_parse(const char *json, size_t len, char error[WEFT_SERVICE_CONFIG_ERROR],
			      struct weft_service_config **ret_config)
{
	struct weft_service_config *config = calloc(1, sizeof(*config));
	int r;

	if (!config)
		abort();
	pthread_once(&once, load_schema);
	atomic_init(&config->refs, 1);
	config->arena = weft_arena_new();
	r = fill(config, json, len, error);
	if (r < 0)
		weft_service_config_unref(config);
	else
		*ret_config = config;
	return r;
}

static int read_file(const char *path, char **ret_text, size_t *ret_len)
{
	FILE *file = fopen(path, "re");
	char *text;
	int r = 0;

	if (!file)
		return -errno;
	text = malloc(FILE_MAX + 1);
	if (!text)
		abort();
	*ret_len = fread(text, 1, FILE_MAX + 1, file);
	if (ferror(file))
		r = -EIO;
	else if (*ret_len > FILE_MAX)
		r = -EFBIG;
	fclose(file);
	if (r < 0)
		free(text);
	else
		*ret_text = text;
	return r;
}

int weft_service_config_load(const char *path, char error[WEFT_SERVICE_CONFIG_ERROR],
			     struct weft_service_config **ret_config)
{
	char why[WEFT_SERVICE_CONFIG_ERROR], *text = NULL;
	size_t len = 0;
	int r;

	r = read_file(path, &text, &len);
	if (r < 0) {
		snprintf(error, WEFT_SERVICE_CONFIG_ERROR, "%.200s: %s", path,
			 weft_errno_string(r));
		return r;
	}
	r = weft_service_config_parse(text, len, why, ret_config);
	if (r < 0)
		snprintf(error, WEFT_SERVICE_CONFIG_ERROR, "%.60s: %.300s", path, why);
	free(text);
	return r;
}

/* ---- the object ---- */

struct weft_service_config *weft_service_config_ref(struct weft_service_config *config)
{
	atomic_fetch_add_explicit(&config->refs, 1, memory_order_relaxed);
	return config;
}

void weft_service_config_unref(struct weft_service_config *config)
{
	if (!config || atomic_fetch_sub_explicit(&config->refs, 1, memory_order_acq_rel) > 1)
		return;
	weft_map_fini(&config->methods);
	weft_arena_free(config->arena);
	free(config);
}

const struct weft_method_config *weft_service_config_method(
	const struct weft_service_config *config, const char *path)
{
	const char *slash = strrchr(path, '/');
	const struct weft_method_config *found;

	found = weft_map_get(&config->methods, path, strlen(path));
	if (!found && slash)
		found = weft_map_get(&config->methods, path, (size_t)(slash + 1 - path));
	return found ? found : weft_map_get(&config->methods, "/", 1);
}
