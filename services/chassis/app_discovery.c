/* See app_discovery.h. */
#include "app_discovery.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app_internal.h"
#include "registration.h"
#include "version.h"

#define REGISTRY "registry" /* the name of its health */

struct app_neighbour {
	struct app *app;
	const char *name;
	struct weft_channel_watch *watch;
	bool missing;
};

static void tell_health(struct app *app, const char *name, bool well)
{
	weft_health_set(app->health, name, well ? WEFT_HEALTH_SERVING : WEFT_HEALTH_NOT_SERVING);
}

/* ---- neighbours */

static void on_neighbour(struct weft_channel *channel, void *data)
{
	struct app_neighbour *neighbour = data;
	enum weft_connectivity state = weft_channel_state(channel, true);

	if (state != WEFT_READY && state != WEFT_TRANSIENT_FAILURE)
		return; /* it is being found out */
	tell_health(neighbour->app, neighbour->name, state == WEFT_READY);
	if (state == WEFT_READY && neighbour->missing)
		weft_log_info("a neighbour is there", WEFT_STR("name", neighbour->name));
	if (state == WEFT_TRANSIENT_FAILURE && !neighbour->missing)
		weft_log_warning("a neighbour is missing", WEFT_STR("name", neighbour->name),
				 WEFT_STR("error", weft_channel_error(channel)));
	neighbour->missing = state == WEFT_TRANSIENT_FAILURE;
}

static void watch_neighbours(struct app *app)
{
	struct app_worker *worker = &app->workers[0];

	app->discovery.neighbours =
		calloc(worker->n_channels + 1, sizeof(*app->discovery.neighbours));
	if (!app->discovery.neighbours)
		abort();
	for (size_t i = 0; i < worker->n_channels; i++) {
		struct app_neighbour *neighbour = &app->discovery.neighbours[i];

		neighbour->app = app;
		neighbour->name = app->service->uses[i];
		tell_health(app, neighbour->name, false);
		neighbour->watch = weft_channel_watch(worker->channels[i], on_neighbour, neighbour);
		on_neighbour(worker->channels[i], neighbour);
	}
}

static void unwatch_neighbours(struct app *app)
{
	for (size_t i = 0; app->discovery.neighbours && i < app->workers[0].n_channels; i++)
		weft_channel_unwatch(app->discovery.neighbours[i].watch);
	free(app->discovery.neighbours);
	app->discovery.neighbours = NULL;
}

/* ---- the entry */

static void on_change(bool stands, const char *error, void *data)
{
	struct app *app = data;

	tell_health(app, REGISTRY, stands);
	if (stands)
		weft_log_info("registered", WEFT_STR("registry", app->flags.registry));
	else
		weft_log_warning("not registered", WEFT_STR("registry", app->flags.registry),
				 WEFT_STR("error", error));
}

/* The port behind the last colon: ":8080"; NULL in "unix:/path", "[::1]" and "10.0.0.1". */
static const char *port_of(const char *address)
{
	const char *colon = strrchr(address, ':');

	return colon && colon[1] && !strpbrk(colon, "]/") ? colon : NULL;
}

/* An IP address that others can reach, with or without a port. */
static bool is_reachable(const char *address)
{
	const char *port = port_of(address);
	size_t len = port ? (size_t)(port - address) : strlen(address);
	struct in6_addr ip6;
	struct in_addr ip;
	char host[64];

	if (len < 2 || len >= sizeof(host))
		return false;
	memcpy(host, address, len);
	host[len] = '\0';
	if (host[0] != '[')
		return inet_pton(AF_INET, host, &ip) == 1 && ip.s_addr != INADDR_ANY;
	if (host[len - 1] != ']')
		return false;
	host[len - 1] = '\0';
	return inet_pton(AF_INET6, host + 1, &ip6) == 1 && !IN6_IS_ADDR_UNSPECIFIED(&ip6);
}

/* What others are told, from what the process listens at. The caller frees *ret_address. */
static int advertised(const struct app_flags *flags, const char *address, char error[256],
		      char **ret_address)
{
	const char *said = flags->advertise ?: address;
	bool is_socket = !strncmp(said, "unix", 4);
	const char *port = is_socket || port_of(said) ? NULL : port_of(address);

	if (!is_socket && !is_reachable(said)) {
		snprintf(error, 256,
			 "--advertise: \"%.60s\" is no IP address that others can reach, with or "
			 "without a port",
			 said);
		return -EINVAL;
	}
	if (asprintf(ret_address, "%s%s", said, port ?: "") < 0)
		abort();
	return 0;
}

/* One that says its own is the same after a restart, and takes its old entry's place. */
static char *replica_id(const struct app_flags *flags)
{
	char host[64] = "";
	char *id;

	gethostname(host, sizeof(host) - 1);
	if ((flags->replica ? asprintf(&id, "%s", flags->replica)
			    : asprintf(&id, "%s-%d", host, (int)getpid())) < 0)
		abort();
	return id;
}

static int enter(struct app *app, const char *address, char error[256])
{
	const struct weft_service *const *provides = app->service->provides;
	char *version = provides ? version_of(provides[0]) : NULL;
	char *id = replica_id(&app->flags);
	const struct registration_options options = {
		.registry = app->flags.registry,
		.tls = app->tls.client,
		.name = app->service->name,
		.id = id,
		.address = address,
		.version = version,
		.weight = app->flags.weight,
		.on_change = on_change,
		.data = app,
	};
	char why[256] = "";
	int r;

	tell_health(app, REGISTRY, false);
	r = registration_new(app->workers[0].worker, &options, why, &app->discovery.registration);
	if (r < 0)
		snprintf(error, 256, "--registry: %.200s", why);
	free(version);
	free(id);
	return r;
}

int app_discovery_begin(struct app *app, const char *address, char error[256])
{
	char *told = NULL;
	int r = 0;

	if (app->flags.registry) {
		r = advertised(&app->flags, address, error, &told);
		if (r == 0)
			r = enter(app, told, error);
		free(told);
	}
	if (r == 0)
		watch_neighbours(app);
	return r;
}

static void on_gone(void *data)
{
	struct app *app = data;

	weft_worker_post(app->workers[0].worker, &app->next);
}

void app_discovery_end(struct app *app)
{
	unwatch_neighbours(app);
	if (app->discovery.registration)
		registration_withdraw(app->discovery.registration, on_gone, app);
	else
		on_gone(app);
	app->discovery.registration = NULL;
}
