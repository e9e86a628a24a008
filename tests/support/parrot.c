/*
 * parrot: a small service on the chassis, for tests of the chassis. It has no contract: paths are
 * answered by the server's fallback, and messages are bytes.
 *
 *	/parrot/Say     answers what it is told
 *	/parrot/Write   writes it to the store, answers how many rows there are
 *	/parrot/Hold    answers when there is a file of that name
 *	/parrot/Peer    answers who asks: SUBJECT|SPIFFE ID|first DNS name
 *	/parrot/Freeze  answers at once; the store writes nothing until there is such a file
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chassis/app.h"

struct parrot {
	struct store *store;
	struct weft_worker *worker;
};

static int answer(struct weft_call *call, const char *text)
{
	return weft_call_reply_bytes(call, (struct weft_bytes) {
						   .data = (const uint8_t *)text,
						   .len = strlen(text),
					   });
}

/* ---- Write */

struct note {
	struct store_write write;
	struct weft_call *call;
	const char *text;
	int64_t rows;
};

static int note_txn(struct store_txn *txn, struct store_write *write)
{
	struct note *note = weft_container_of(write, struct note, write);
	sqlite3_stmt *insert = store_txn_stmt(txn, "INSERT INTO note (text) VALUES (?)");
	sqlite3_stmt *count = store_txn_stmt(txn, "SELECT count(*) FROM note");
	int r;

	if (!insert || !count)
		return -EINVAL;
	r = store_bind(insert, "s", note->text);
	if (r == 0)
		r = store_exec(insert);
	if (r != 0)
		return r;
	r = store_step(count);
	if (r != 1)
		return r < 0 ? r : -EINVAL;
	note->rows = sqlite3_column_int64(count, 0);
	return 0;
}

static void on_noted(struct store_write *write, int r)
{
	struct note *note = weft_container_of(write, struct note, write);
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)note->rows);
	if (r == 0)
		answer(note->call, text);
	else
		weft_call_fail_errno(note->call, r < 0 ? r : -EIO);
}

static int do_write(struct weft_call *call, struct parrot *parrot, const char *text)
{
	struct note *note = weft_arena_zalloc(weft_call_arena(call), sizeof(*note));

	note->call = call;
	note->text = text;
	note->write = (struct store_write) {
		.txn = note_txn,
		.done = on_noted,
		.owner = parrot->worker,
		.call = call,
	};
	store_write(parrot->store, &note->write);
	return 0;
}

/* ---- Freeze */

static int freeze_txn(struct store_txn *txn, struct store_write *write)
{
	struct note *note = weft_container_of(write, struct note, write);

	while (access(note->text, F_OK) != 0)
		usleep(1000);
	return 0;
}

static void on_thawed(struct store_write *write, int r)
{
}

static int do_freeze(struct weft_call *call, struct parrot *parrot, const char *path)
{
	struct note *note = weft_arena_zalloc(weft_call_arena(call), sizeof(*note));

	note->text = path;
	note->write = (struct store_write) {
		.txn = freeze_txn,
		.done = on_thawed,
		.owner = parrot->worker,
		.call = call,
	};
	store_write(parrot->store, &note->write);
	return answer(call, "brr");
}

/* ---- Hold */

struct hold {
	struct weft_timer timer;
	struct weft_call *call;
	struct weft_loop *loop;
	const char *path;
};

static void on_look(struct weft_timer *timer, void *data)
{
	struct hold *hold = data;

	if (access(hold->path, F_OK) == 0)
		answer(hold->call, "at last");
	else
		weft_timer_start(hold->loop, &hold->timer, 5 * WEFT_MS);
}

static void on_cancelled(struct weft_call *call, void *data)
{
	struct hold *hold = data;

	weft_timer_stop(hold->loop, &hold->timer);
}

static int do_hold(struct weft_call *call, struct parrot *parrot, const char *path)
{
	struct hold *hold = weft_arena_zalloc(weft_call_arena(call), sizeof(*hold));

	hold->call = call;
	hold->loop = weft_worker_loop(parrot->worker);
	hold->path = path;
	weft_timer_init(&hold->timer, on_look, hold);
	weft_timer_start(hold->loop, &hold->timer, 0);
	weft_call_on_cancel(call, on_cancelled, hold);
	return 0;
}

/* ---- Peer */

static int do_peer(struct weft_call *call)
{
	const struct weft_identity *peer = weft_call_peer_identity(call);
	const char *dns;

	if (!peer)
		return answer(call, "nobody");
	dns = peer->dns_names[0] ? peer->dns_names[0] : "";
	return answer(call, weft_arena_printf(weft_call_arena(call), "%s|%s|%s", peer->subject,
					      peer->spiffe_id ? peer->spiffe_id : "", dns));
}

/* ---- the service */

static int on_message(struct weft_call *call, struct weft_bytes message, void *data)
{
	const char *text =
		weft_arena_strndup(weft_call_arena(call), (const char *)message.data, message.len);
	const char *path = weft_call_path(call);

	if (!strcmp(path, "/parrot/Say"))
		return answer(call, text);
	if (!strcmp(path, "/parrot/Write"))
		return do_write(call, data, text);
	if (!strcmp(path, "/parrot/Hold"))
		return do_hold(call, data, text);
	if (!strcmp(path, "/parrot/Peer"))
		return do_peer(call);
	if (!strcmp(path, "/parrot/Freeze"))
		return do_freeze(call, data, text);
	return weft_call_fail(call, WEFT_UNIMPLEMENTED, "parrots cannot do %s", path);
}

static int on_half_close(struct weft_call *call, void *data)
{
	return 0;
}

static int on_call(struct weft_call *call, void *self)
{
	weft_call_receive_bytes(call, on_message, on_half_close, self);
	return 0;
}

static int start(struct app_worker *worker, void *process, void **ret_self)
{
	struct parrot *parrot = calloc(1, sizeof(*parrot));

	if (!parrot)
		return -ENOMEM;
	parrot->store = app_store(app_worker_app(worker));
	parrot->worker = app_worker_worker(worker);
	weft_server_set_fallback(app_worker_server(worker), on_call, parrot);
	*ret_self = parrot;
	return 0;
}

static void stop(struct app_worker *worker, void *self)
{
	free(self);
}

int main(int argc, char **argv)
{
	static const struct store_migration migrations[] = {
		{ "0001_note",
		  "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT" },
		{ "0002_loud", "ALTER TABLE note ADD COLUMN loud INTEGER" },
	};
	static const char *const uses[] = { "friend", NULL };
	/* Two roles of one program: an older parrot, and one that has a friend. */
	const char *role = getenv("PARROT");
	const struct app_service service = {
		.name = "parrot",
		.summary = "repeats what it is told",
		.migrations = migrations,
		.n_migrations = role && !strcmp(role, "older") ? 1 : 2,
		.uses = role && !strcmp(role, "social") ? uses : NULL,
		.start = start,
		.stop = stop,
	};

	return app_run(&service, argc, argv);
}
