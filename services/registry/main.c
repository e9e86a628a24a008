/*
 * registry: where services are found. It speaks the etcd v3 API, so that a real etcd takes its
 * place by address.
 *
 *	main.c      the process and its workers
 *	kv.c        Range, Put, DeleteRange, Txn; apply.c does them, check.c refuses, store.c keeps
 *	compact.c   Compact, and what sweeps after it
 *	lease.c     the Lease service; lessor.c has the leases themselves, on worker 0
 *	watch.c     Watch; tail.c has the newest history in memory, for each worker
 *	member.c    Cluster, Maintenance, Auth
 */
#include <errno.h>
#include <stdlib.h>

#include "chassis/app.h"
#include "registry.h"

/* How often a watch that asked for it hears how far it is: etcd's ten minutes, or this duration. */
#define PROGRESS_VARIABLE "WEFT_REGISTRY_PROGRESS"
#define PROGRESS_NS       (600 * WEFT_SECOND)
#define PROGRESS_LEAST_NS (100 * WEFT_MS)

struct process {
	struct lessor *lessor;
	struct compactor *compactor;
	uint64_t progress_ns;
};

/* ---- the process */

static int read_progress(uint64_t *ret_ns)
{
	const char *text = getenv(PROGRESS_VARIABLE);

	*ret_ns = PROGRESS_NS;
	if (!text || !*text)
		return 0;
	if (weft_duration_parse(text, ret_ns) < 0 || *ret_ns < PROGRESS_LEAST_NS) {
		weft_log_error(PROGRESS_VARIABLE " is no duration of at least 100ms, as 10m",
			       WEFT_STR("value", text));
		return -EINVAL;
	}
	return 0;
}

static int start_process(struct app *app, void **ret_process)
{
	struct process *process = calloc(1, sizeof(*process));
	int r;

	if (!process)
		abort();
	r = read_progress(&process->progress_ns);
	if (r == 0)
		r = lessor_new(app_store(app), app_first_worker(app), &process->lessor);
	if (r < 0) {
		free(process);
		return r;
	}
	process->compactor = compactor_new(app_store(app), app_first_worker(app));
	*ret_process = process;
	return 0;
}

static void stop_process(struct app *app, void *data)
{
	struct process *process = data;

	lessor_free(process->lessor);
	compactor_free(process->compactor);
	free(process);
}

/* ---- a worker */

static int add_services(struct weft_server *server, struct registry *registry)
{
	static const struct etcdserverpb_kv_handlers kv = {
		.range = kv_handle_range,
		.put = kv_handle_put,
		.delete_range = kv_handle_delete,
		.txn = kv_handle_txn,
		.compact = handle_compact,
	};
	static const struct etcdserverpb_watch_handlers watches = { .watch = watch };
	static const struct etcdserverpb_lease_handlers leases = {
		.lease_grant = lease_grant,
		.lease_revoke = lease_revoke,
		.lease_keep_alive = lease_keep_alive,
		.lease_time_to_live = lease_time_to_live,
		.lease_leases = lease_leases,
	};
	static const struct etcdserverpb_cluster_handlers cluster = { .member_list = member_list };
	static const struct etcdserverpb_maintenance_handlers maintenance = {
		.alarm = alarm_list,
		.status = member_status,
	};
	static const struct etcdserverpb_auth_handlers auth = {
		.authenticate = authenticate,
		.auth_status = auth_status,
	};
	int r;

	r = etcdserverpb_kv_add(server, &kv, registry);
	if (r == 0)
		r = etcdserverpb_watch_add(server, &watches, registry);
	if (r == 0)
		r = etcdserverpb_lease_add(server, &leases, registry);
	if (r == 0)
		r = etcdserverpb_cluster_add(server, &cluster, registry);
	if (r == 0)
		r = etcdserverpb_maintenance_add(server, &maintenance, registry);
	return r ? r : etcdserverpb_auth_add(server, &auth, registry);
}

static void registry_free(struct registry *registry)
{
	watches_free(registry->watches);
	tail_free(registry->tail);
	free(registry);
}

static int start(struct app_worker *worker, void *data, void **ret_self)
{
	struct process *process = data;
	struct registry *registry = calloc(1, sizeof(*registry));
	struct kv_state state;
	int r;

	if (!registry)
		abort();
	weft_list_init(&registry->keep_alives);
	registry->store = app_store(app_worker_app(worker));
	registry->reader = app_worker_reader(worker);
	registry->worker = app_worker_worker(worker);
	registry->lessor = process->lessor;
	registry->compactor = process->compactor;
	registry->scheme = app_has_tls(app_worker_app(worker)) ? "https" : "http";
	r = kv_state(&(struct kv_view) { .reader = registry->reader }, &state);
	if (r == 0) {
		registry->cluster_id = state.cluster_id;
		registry->member_id = state.member_id;
		r = tail_new(registry->reader, &registry->tail);
	}
	if (r == 0) {
		registry->watches = watches_new(registry, process->progress_ns);
		r = add_services(app_worker_server(worker), registry);
	}
	if (r < 0) {
		registry_free(registry);
		return r;
	}
	*ret_self = registry;
	return 0;
}

static void drain(struct app_worker *worker, void *self)
{
	struct registry *registry = self;

	watches_end(registry->watches);
	keep_alives_end(registry);
}

static void stop(struct app_worker *worker, void *self)
{
	registry_free(self);
}

int main(int argc, char **argv)
{
	static const struct weft_service *const provides[] = {
		&etcdserverpb_kv_service,
		&etcdserverpb_watch_service,
		&etcdserverpb_lease_service,
		&etcdserverpb_cluster_service,
		&etcdserverpb_maintenance_service,
		&etcdserverpb_auth_service,
		NULL,
	};
	const struct app_service service = {
		.name = "registry",
		.summary = "where services are found; speaks the etcd v3 API",
		.migrations = registry_migrations,
		.n_migrations = registry_n_migrations,
		.provides = provides,
		.start_process = start_process,
		.stop_process = stop_process,
		.start = start,
		.drain = drain,
		.stop = stop,
	};

	return app_run(&service, argc, argv);
}
