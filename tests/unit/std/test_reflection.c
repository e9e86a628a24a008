/*
 * Reflection's index over descriptors made by hand, and a stream whose client does not read. Whole
 * conversations with a foreign client are in tests/integration.
 */
#include "peers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/arena.h>
#include <weft/protobuf.h>
#include <weft/reflection.h>

#include "std/reflection_index.h"

#define MANY 20000 /* questions of some 50 bytes: more than a connection takes unread */

/* ---- descriptors */

static struct weft_arena *arena;

static struct weft_bytes text(const char *string)
{
	return (struct weft_bytes) { (const uint8_t *)string, strlen(string) };
}

/* `message` and one more field. */
static struct weft_bytes with(struct weft_bytes message, uint32_t number, struct weft_bytes field)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;

	weft_buffer_append(&out, message.data, message.len);
	weft_wire_append_bytes(&out, number, field.data, field.len);
	message.data = weft_arena_memdup(arena, out.data, out.len);
	message.len = out.len;
	weft_buffer_fini(&out);
	return message;
}

static struct weft_bytes named(const char *name)
{
	return with((struct weft_bytes) { 0 }, 1, text(name));
}

static struct weft_bytes extension(const char *name, const char *extendee, uint8_t number)
{
	const uint8_t field[] = { 3 << 3, number };
	struct weft_bytes descriptor = with(named(name), 2, text(extendee));
	uint8_t *bytes = weft_arena_alloc(arena, descriptor.len + sizeof(field));

	memcpy(bytes, descriptor.data, descriptor.len);
	memcpy(bytes + descriptor.len, field, sizeof(field));
	return (struct weft_bytes) { bytes, descriptor.len + sizeof(field) };
}

/* ---- a server that has them */

struct rig {
	struct weft_worker *worker;
	struct weft_server *server;
};

static int rig_setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	arena = weft_arena_new();
	assert_int_equal(weft_worker_new(0, &rig->worker), 0);
	assert_int_equal(weft_server_new(rig->worker, NULL, &rig->server), 0);
	*state = rig;
	return 0;
}

static int rig_teardown(void **state)
{
	struct rig *rig = *state;

	weft_server_free(rig->server);
	weft_worker_free(rig->worker);
	weft_arena_free(arena);
	free(rig);
	return 0;
}

static const struct weft_file *const nothing[] = { NULL };

static const char *declared_in(const struct reflection_index *index, const char *symbol)
{
	const struct reflection_file *file = reflection_index_symbol(index, symbol);

	return file ? file->file->name : "";
}

static struct weft_bytes everything(void)
{
	struct weft_bytes choice = with(named("Choice"), 2, named("FIRST"));
	struct weft_bytes inner = with(named("Inner"), 2, named("x"));
	struct weft_bytes outer = named("Outer");
	struct weft_bytes file = with(named("a.proto"), 2, text("some.where"));

	outer = with(with(with(outer, 2, named("field")), 3, inner), 4, choice);
	outer = with(with(outer, 8, named("either")), 6, extension("more", ".some.where.Outer", 9));
	file = with(with(file, 4, outer), 5, with(named("Colour"), 2, named("RED")));
	file = with(file, 6, with(named("Service"), 2, named("Method")));
	return with(file, 7, extension("extra", ".some.where.Outer", 7));
}

static void names_of_every_kind_are_found(void **state)
{
	static const char *const known[] = {
		"some.where.Outer",         "some.where.Outer.field",  "some.where.Outer.Inner",
		"some.where.Outer.Inner.x", "some.where.Outer.Choice", "some.where.Outer.FIRST",
		"some.where.Outer.either",  "some.where.Outer.more",   "some.where.Colour",
		"some.where.RED",           "some.where.Service",      "some.where.Service.Method",
		"some.where.extra",
	};
	static const char *const unknown[] = {
		"",
		"some",
		"some.where",
		"Outer",
		".some.where.Outer",
		"some.where.Outer.",
		"some.where.Outer.Choice.FIRST",
		"a.proto",
	};
	const struct weft_file file = { "a.proto", everything(), nothing };
	const struct weft_service service = { .name = "some.where.Service", .file = &file };
	struct rig *rig = *state;
	struct reflection_index *index;

	assert_int_equal(weft_server_add(rig->server, &service, NULL, NULL), 0);
	assert_ptr_equal(weft_server_service_at(rig->server, 0), &service);
	assert_null(weft_server_service_at(rig->server, 1));
	index = reflection_index_new(rig->server);
	for (size_t i = 0; i < WEFT_COUNT(known); i++)
		if (strcmp(declared_in(index, known[i]), "a.proto") != 0)
			fail_msg("%s is not found", known[i]);
	for (size_t i = 0; i < WEFT_COUNT(unknown); i++)
		if (strcmp(declared_in(index, unknown[i]), "") != 0)
			fail_msg("%s is found", unknown[i]);
}

/* Two files import a third, of which there are two copies, as of a contract compiled twice. */
static void a_file_counts_once(void **state)
{
	const struct weft_bytes bytes = with(named("base.proto"), 4, named("Base"));
	const struct weft_file base = { "base.proto", bytes, nothing };
	const struct weft_file copy = { "base.proto", bytes, nothing };
	const struct weft_file *const left_imports[] = { &base, NULL };
	const struct weft_file *const right_imports[] = { &copy, NULL };
	const struct weft_file left = { "left.proto", named("left.proto"), left_imports };
	const struct weft_file right = { "right.proto", named("right.proto"), right_imports };
	const struct weft_file *const imports[] = { &left, &right, NULL };
	const struct weft_file top = { "top.proto", named("top.proto"), imports };
	const struct weft_service services[] = { { .name = "A", .file = &top },
						 { .name = "B", .file = &right },
						 { .name = "C" } };
	const struct reflection_file *file;
	struct rig *rig = *state;
	struct reflection_index *index;

	for (size_t i = 0; i < WEFT_COUNT(services); i++)
		assert_int_equal(weft_server_add(rig->server, &services[i], NULL, NULL), 0);
	index = reflection_index_new(rig->server);
	assert_int_equal(reflection_index_size(index), 4);
	file = reflection_index_file(index, "right.proto");
	assert_non_null(file);
	assert_int_equal(file->n_imports, 1);
	assert_ptr_equal(file->imports[0], reflection_index_file(index, "base.proto"));
	assert_string_equal(declared_in(index, "Base"), "base.proto");
	assert_null(reflection_index_file(index, "base"));
}

/* Of a message that comes later in the file, and of one that never comes. */
static struct weft_bytes late(void)
{
	struct weft_bytes bytes = named("a.proto");

	bytes = with(bytes, 7, extension("c", ".Late", 30));
	bytes = with(bytes, 7, extension("a", ".Late", 10));
	bytes = with(bytes, 7, extension("b", ".Late", 20));
	bytes = with(bytes, 7, extension("d", ".Never", 1));
	return with(bytes, 4, named("Late"));
}

static void extensions_stand_in_order(void **state)
{
	const struct weft_file file = { "a.proto", late(), nothing };
	const struct weft_service service = { .name = "S", .file = &file };
	const struct reflection_extension *first = NULL;
	struct rig *rig = *state;
	struct reflection_index *index;

	assert_int_equal(weft_server_add(rig->server, &service, NULL, NULL), 0);
	index = reflection_index_new(rig->server);
	assert_true(reflection_index_extensions(index, "Late", &first));
	for (int32_t number = 10; number <= 30; number += 10, first = first->next)
		assert_int_equal(first->number, number);
	assert_null(first);
	assert_false(reflection_index_extensions(index, "Never", &first));
	assert_string_equal(declared_in(index, "Never"), "");
	assert_string_equal(declared_in(index, "d"), "a.proto");
	assert_false(reflection_index_extensions(index, "a", &first));
	assert_false(reflection_index_extensions(index, "", &first));
}

static void it_is_added_once(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(weft_reflection_add(rig->server), 0);
	assert_int_equal(weft_reflection_add(rig->server), -EEXIST);
	assert_string_equal(weft_server_service_at(rig->server, 1)->name,
			    "grpc.reflection.v1alpha.ServerReflection");
	assert_null(weft_server_service_at(rig->server, 2));
}

/* ---- a client that does not read */

#define PATH "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"

static unsigned asked;

static void ask(struct outcome *outcome)
{
	static const char question[] = "\x22\x2agrpc.reflection.v1.ServerReflectionRequest";

	while (asked < MANY && weft_rpc_writable(outcome->rpc)) {
		send_text(outcome, question);
		asked++;
	}
	if (asked == MANY)
		weft_rpc_half_close(outcome->rpc);
}

/* Writable no more, for a good while: whoever takes all questions would have taken them by then. */
static bool is_stuck(void *data)
{
	static unsigned still, seen;
	const struct outcome *outcome = data;

	still = asked == seen && asked > 0 && !weft_rpc_writable(outcome->rpc) ? still + 1 : 0;
	seen = asked;
	return still > 100 || asked == MANY;
}

static void a_client_that_does_not_read_is_held(void **state)
{
	struct outcome outcome = { .in_writable = ask };

	start_server(target, NULL);
	assert_int_equal(weft_reflection_add(server), 0);
	open_channel(target, NULL);
	start(&outcome, PATH, NULL, NULL);
	weft_rpc_hold(outcome.rpc);
	run_until(is_stuck, &outcome);
	assert_in_range(asked, 1, MANY - 1);
	assert_int_equal(outcome.messages, 0);

	weft_rpc_resume(outcome.rpc);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(outcome.messages, MANY);
	outcome_fini(&outcome);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_of_every_kind_are_found, rig_setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(a_file_counts_once, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(extensions_stand_in_order, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(it_is_added_once, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_client_that_does_not_read_is_held, peers_setup,
						peers_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
