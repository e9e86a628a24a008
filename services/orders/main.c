/*
 * orders: what was bought. It asks catalog for products and pricing for the bill, and keeps the
 * order.
 */
#include <errno.h>
#include <stdlib.h>

#include "chassis/app.h"
#include "orders.h"

static int start_process(struct app *app, void **ret_process)
{
	*ret_process = sweeper_new(app_store(app), app_first_worker(app));
	return 0;
}

static void stop_process(struct app *app, void *process)
{
	sweeper_free(process);
}

static int start(struct app_worker *worker, void *process, void **ret_self)
{
	static const struct orders_v1_handlers handlers = {
		.place_order = place_order,
		.get_order = get_order,
		.list_orders = list_orders,
	};
	struct orders *orders = calloc(1, sizeof(*orders));
	int r;

	if (!orders)
		return -ENOMEM;
	orders->store = app_store(app_worker_app(worker));
	orders->reader = app_worker_reader(worker);
	orders->worker = app_worker_worker(worker);
	orders->catalog = app_worker_channel(worker, "catalog");
	orders->pricing = app_worker_channel(worker, "pricing");
	r = weft_server_add(app_worker_server(worker), &orders_v1_service, &handlers, orders);
	if (r < 0) {
		free(orders);
		return r;
	}
	*ret_self = orders;
	return 0;
}

static void stop(struct app_worker *worker, void *self)
{
	free(self);
}

int main(int argc, char **argv)
{
	static const struct weft_service *const provides[] = { &orders_v1_service, NULL };
	static const char *const uses[] = { "catalog", "pricing", NULL };
	const struct app_service service = {
		.name = "orders",
		.summary = "takes orders and keeps them",
		.migrations = orders_migrations,
		.n_migrations = orders_n_migrations,
		.uses = uses,
		.provides = provides,
		.start_process = start_process,
		.stop_process = stop_process,
		.start = start,
		.stop = stop,
	};

	return app_run(&service, argc, argv);
}
