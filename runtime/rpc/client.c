/*
 * The blocking client: a worker on a thread of its own, a channel on it, and callers that post
 * their call there and sleep until it is answered. The call's data lies on the caller's stack,
 * which stays as it is while the caller sleeps; so does the arena, which is therefore one thread's
 * at a time.
 */
#include <weft/client.h>

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "rpc/channel.h"
#include "rpc/rpc.h"

struct weft_client {
	struct weft_worker *worker;
	struct weft_channel *channel;
	struct weft_task close;
};

struct request {
	struct weft_task task;
	struct weft_client *client;
	const struct weft_method *method;
	const ProtobufCMessage *req;
	const struct weft_call_options *options;
	struct weft_arena *arena;

	pthread_mutex_t mutex;
	pthread_cond_t answered;
	bool done;
	ProtobufCMessage *res;
	struct weft_status status;
};

static void on_end(struct weft_rpc *rpc, const struct weft_status *status, ProtobufCMessage *res,
		   weft_fn *cb, void *data)
{
	struct request *request = data;

	request->res = res;
	request->status = *status;
	weft_arena_splice(request->arena, weft_rpc_take_response(rpc));
	pthread_mutex_lock(&request->mutex);
	request->done = true;
	pthread_cond_signal(&request->answered);
	pthread_mutex_unlock(&request->mutex); /* `request` is gone now */
}

static void on_request(struct weft_task *task)
{
	struct request *request = weft_container_of(task, struct request, task);

	weft_rpc_unary(request->client->channel, request->method, request->req, request->options,
		       on_end, NULL, request);
}

int weft_client_unary(struct weft_client *client, const struct weft_method *method,
		      const ProtobufCMessage *req, const struct weft_call_options *options,
		      struct weft_arena *arena, ProtobufCMessage **ret_res,
		      struct weft_status *ret_status)
{
	struct request request = {
		.task.run = on_request,
		.client = client,
		.method = method,
		.req = req,
		.options = options,
		.arena = arena,
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.answered = PTHREAD_COND_INITIALIZER,
	};

	assert(!options || !options->parent);
	if (weft_worker_current())
		return -EDEADLK;
	weft_worker_post(client->worker, &request.task);
	pthread_mutex_lock(&request.mutex);
	while (!request.done)
		pthread_cond_wait(&request.answered, &request.mutex);
	pthread_mutex_unlock(&request.mutex);
	pthread_cond_destroy(&request.answered);
	pthread_mutex_destroy(&request.mutex);
	if (ret_status)
		*ret_status = request.status;
	if (request.status.code == WEFT_OK)
		*ret_res = request.res;
	return (int)request.status.code;
}

int weft_client_new(const char *target, const struct weft_channel_options *options, char error[256],
		    struct weft_client **ret_client)
{
	struct weft_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		abort();
	snprintf(error, 256, "no thread for the client");
	r = weft_worker_new(0, &client->worker);
	if (r == 0)
		r = weft_channel_new(client->worker, target, options, error, &client->channel);
	if (r == 0)
		r = weft_worker_start(client->worker);
	if (r < 0) {
		weft_channel_unref(client->channel);
		if (client->worker)
			weft_worker_free(client->worker);
		free(client);
		return r;
	}
	*ret_client = client;
	return 0;
}

static void on_gone(void *data)
{
	struct weft_client *client = data;

	weft_worker_stop(client->worker);
}

static void on_close(struct weft_task *task)
{
	struct weft_client *client = weft_container_of(task, struct weft_client, close);

	weft_channel_close(client->channel, on_gone, client);
}

void weft_client_free(struct weft_client *client)
{
	if (!client)
		return;
	client->close.run = on_close;
	weft_worker_post(client->worker, &client->close);
	weft_worker_join(client->worker);
	weft_worker_free(client->worker);
	free(client);
}
