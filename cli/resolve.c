/*
 * What a channel sees of a name: its endpoints, once all of them have connected or failed, or at
 * each change from then on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/json.h>

#include "command.h"
#include "contracts.h"
#include "google/protobuf/struct.pb-c.h"
#include "peer.h"

#define PATIENCE (5 * WEFT_SECOND)

struct resolve {
	struct peer peer;
	struct weft_channel_watch *watch;
	struct weft_schema *schema; /* for what the resolver says of an endpoint */
	struct weft_task begin;
	struct weft_timer timer;
	bool goes_on; /* --watch */
	size_t n, n_open, n_ready;
};

/* ---- a line for each endpoint ---- */

/* The string of that name, among what the resolver says; "-": there is none. The caller frees
 * it. */
static char *attribute(const struct resolve *resolve, const char *json, const char *name)
{
	static const struct weft_json_options options = { .size = sizeof(options) };
	const struct weft_schema_message *type =
		weft_schema_message(resolve->schema, "google.protobuf.Struct");
	Google__Protobuf__Struct *attributes = NULL;
	struct weft_buffer wire = WEFT_BUFFER_INIT;
	struct weft_json_error error;
	const char *found = "-";
	char *copy;

	if (json && weft_json_to_wire(type, json, strlen(json), &options, &wire, &error) == 0)
		attributes = google__protobuf__struct__unpack(NULL, wire.len, wire.data);
	for (size_t i = 0; attributes && i < attributes->n_fields; i++) {
		const Google__Protobuf__Value *value = attributes->fields[i]->value;

		if (strcmp(attributes->fields[i]->key, name) == 0 && value &&
		    value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE)
			found = value->string_value;
	}
	copy = strdup(found);
	if (attributes)
		google__protobuf__struct__free_unpacked(attributes, NULL);
	weft_buffer_fini(&wire);
	return copy;
}

static const char *health_name(enum weft_endpoint_health health)
{
	switch (health) {
	case WEFT_ENDPOINT_SERVING: return "SERVING";
	case WEFT_ENDPOINT_NOT_SERVING: return "NOT_SERVING";
	case WEFT_ENDPOINT_EJECTED: return "EJECTED";
	default: return "-";
	}
}

static void print_endpoint(const struct weft_endpoint_view *view, void *data)
{
	char *version = attribute(data, view->attributes, "version");
	char weight[16] = "-";

	if (view->weight)
		snprintf(weight, sizeof(weight), "%u", view->weight);
	printf("%-24s %-18s %-12s %-10s %-7s %s\n", view->address,
	       weft_connectivity_name(view->state), health_name(view->health), version ?: "-",
	       weight, *view->error ? view->error : "-");
	free(version);
}

static void print(struct resolve *resolve)
{
	struct weft_channel *channel = resolve->peer.channel;
	const char *error = weft_channel_error(channel);

	printf("%s: %s%s%s\n", weft_channel_target(channel),
	       weft_connectivity_name(weft_channel_state(channel, false)), *error ? ": " : "",
	       error);
	if (resolve->n)
		printf("%-24s %-18s %-12s %-10s %-7s %s\n", "ADDRESS", "STATE", "HEALTH", "VERSION",
		       "WEIGHT", "LAST ERROR");
	weft_channel_each_endpoint(channel, print_endpoint, resolve);
}

/* ---- when ---- */

static void count_endpoint(const struct weft_endpoint_view *view, void *data)
{
	struct resolve *resolve = data;
	bool ready = view->state == WEFT_READY && view->health != WEFT_ENDPOINT_UNKNOWN;

	resolve->n++;
	resolve->n_ready += ready;
	resolve->n_open += !ready && view->state != WEFT_TRANSIENT_FAILURE;
}

static void count(struct resolve *resolve)
{
	resolve->n = resolve->n_open = resolve->n_ready = 0;
	weft_channel_each_endpoint(resolve->peer.channel, count_endpoint, resolve);
}

static void finish(struct resolve *resolve)
{
	print(resolve);
	weft_channel_unwatch(resolve->watch);
	weft_timer_stop(weft_worker_loop(resolve->peer.worker), &resolve->timer);
	weft_worker_stop(resolve->peer.worker);
}

static void on_change(struct weft_channel *channel, void *data)
{
	struct resolve *resolve = data;
	enum weft_connectivity state = weft_channel_state(channel, true);

	count(resolve);
	if (resolve->goes_on)
		print(resolve);
	else if (resolve->n ? resolve->n_open == 0 : state == WEFT_TRANSIENT_FAILURE)
		finish(resolve);
}

static void on_timer(struct weft_timer *timer, void *data)
{
	finish(data);
}

static void begin(struct weft_task *task)
{
	struct resolve *resolve = weft_container_of(task, struct resolve, begin);

	resolve->watch = weft_channel_watch(resolve->peer.channel, on_change, resolve);
	weft_channel_state(resolve->peer.channel, true);
}

static void look(struct resolve *resolve, uint64_t deadline_ns)
{
	resolve->begin.run = begin;
	weft_worker_post(resolve->peer.worker, &resolve->begin);
	weft_timer_init(&resolve->timer, on_timer, resolve);
	if (!resolve->goes_on || deadline_ns)
		weft_timer_start(weft_worker_loop(resolve->peer.worker), &resolve->timer,
				 deadline_ns ?: PATIENCE);
	weft_worker_run(resolve->peer.worker);
}

int command_resolve(const struct options *options)
{
	struct resolve resolve = { .goes_on = options->watch };
	struct options of_name = *options;
	const char *name = options->positionals[0];
	char *target = NULL;
	int code;

	/* A bare name is one of the registry's. */
	if (asprintf(&target, "%s%s", strpbrk(name, ":/") ? "" : "etcd:///", name) < 0)
		abort();
	of_name.target = target;
	code = peer_open_all(&of_name, &resolve.peer);
	if (code == 0) {
		setvbuf(stdout, NULL, _IOLBF, 0);
		weft_schema_new(&resolve.schema);
		weft_schema_add_set(resolve.schema, contracts_descriptor_set, NULL);
		look(&resolve, options->deadline_ns);
		code = resolve.n_ready ? 0 : EXIT_CODE + WEFT_UNAVAILABLE;
		peer_close(&resolve.peer);
		weft_schema_free(resolve.schema);
	}
	free(target);
	return code;
}
