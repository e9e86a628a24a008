/*
 * How a service's process is found, and whether it finds those that it calls: its entry in the
 * registry, and what worker 0's channels say of its neighbours. Both are told in the log and as
 * health of a name of their own, "registry" and each neighbour's; the health of the process itself
 * follows none of them, or one outage would restart everything. All on worker 0.
 */
#ifndef CHASSIS_APP_DISCOVERY_H
#define CHASSIS_APP_DISCOVERY_H

#include <weft/base.h>

struct app;
struct app_neighbour;
struct registration;

struct app_discovery {
	struct registration *registration; /* NULL: there is no registry */
	struct app_neighbour *neighbours;
};

/* The process answers at `address`. -EINVAL: `error` says which flag is wrong. */
int app_discovery_begin(struct app *app, const char *address, char error[256]);
/* The entry is withdrawn, and neighbours are not looked at any more; app->next is posted then. */
void app_discovery_end(struct app *app);

#endif
