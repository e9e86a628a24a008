/*
 * catalog: what the shop sells. Reads are answered from the worker's reader, writes go through the
 * writer.
 */
#include <errno.h>
#include <stdlib.h>

#include "catalog.h"
#include "chassis/app.h"

static int start(struct app_worker *worker, void *process, void **ret_self)
{
	static const struct catalog_v1_handlers handlers = {
		.get_product = get_product,
		.list_products = list_products,
		.batch_get_products = batch_get_products,
		.create_product = create_product,
		.search_products = search_products,
		.update_product = update_product,
		.delete_product = delete_product,
		.undelete_product = undelete_product,
		.sync_products = sync_products,
		.import_products = import_products,
		.export_products = export_products,
		.watch_products = watch_products,
	};
	struct catalog *catalog = calloc(1, sizeof(*catalog));
	int r;

	if (!catalog)
		return -ENOMEM;
	catalog->store = app_store(app_worker_app(worker));
	catalog->reader = app_worker_reader(worker);
	catalog->worker = app_worker_worker(worker);
	r = weft_server_add(app_worker_server(worker), &catalog_v1_service, &handlers, catalog);
	if (r < 0) {
		free(catalog);
		return r;
	}
	watches_start(catalog);
	*ret_self = catalog;
	return 0;
}

static void drain(struct app_worker *worker, void *self)
{
	watches_end(self);
}

static void stop(struct app_worker *worker, void *self)
{
	watches_stop(self);
	free(self);
}

int main(int argc, char **argv)
{
	static const struct weft_service *const provides[] = { &catalog_v1_service, NULL };
	const struct app_service service = {
		.name = "catalog",
		.summary = "keeps the products with their titles, prices and weights",
		.migrations = catalog_migrations,
		.n_migrations = catalog_n_migrations,
		.provides = provides,
		.start = start,
		.drain = drain,
		.stop = stop,
	};

	return app_run(&service, argc, argv);
}
