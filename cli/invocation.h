/*
 * One call from its first byte to its status: requests are read as the peer takes them, responses
 * are handed over as they arrive.
 */
#ifndef CLI_INVOCATION_H
#define CLI_INVOCATION_H

#include <weft/schema.h>
#include <weft/status.h>

#include "input.h"
#include "options.h"

/* Returns 0, or an exit code that ends the call. */
typedef int invocation_message_cb(struct weft_bytes message, void *data);

struct invocation {
	const struct options *options;
	const struct weft_schema *schema;
	const struct weft_schema_method *method;
	struct input *input;
	invocation_message_cb *on_message;
	void *data;
};

/* Runs it to its end. Returns the exit code, after a complaint when it is not 0. */
int invocation_run(const struct invocation *invocation);

#endif
