/* The policies that there are. A new one is a file, and a line here. */
#include "rpc/balance.h"

#include <string.h>

const struct weft_policy *weft_policy_find(const char *name)
{
	static const struct weft_policy *const policies[] = {
		&weft_pick_first,
		&weft_round_robin,
	};

	for (size_t i = 0; i < WEFT_COUNT(policies); i++)
		if (strcmp(policies[i]->name, name) == 0)
			return policies[i];
	return NULL;
}
