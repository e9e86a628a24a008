/* See model.h. */
#include "model.h"

#include "check.h"
#include "memory.h"
#include "names.h"
#include "options.h"

#include <string.h>

/* Every C name that a method or service brings into the world; the static ones too, for a name
 * of another header must not meet them. */
static const struct {
	unsigned kinds;
	const char *before;
	const char *after;
} method_symbols[] = {
	{ MODEL_ALL, "", "" },
	{ MODEL_ALL, "invoke_", "" },
	{ MODEL_UNARY, "", "_cb" },
	{ MODEL_UNARY, "", "_wait" },
	{ MODEL_UNARY, "on_", "_reply" },
	{ MODEL_UNARY | MODEL_CLIENT_STREAM, "", "_reply" },
	{ MODEL_STREAMS, "", "_events" },
	{ MODEL_STREAMS, "", "_send" },
	{ MODEL_STREAMS, "", "_thunks" },
	{ MODEL_STREAMS, "on_", "_end" },
	{ MODEL_SERVER_STREAMS, "on_", "_message" },
	{ MODEL_CLIENT_STREAMS, "on_", "_writable" },
	{ MODEL_CLIENT_STREAMS, "on_", "_request" },
	{ MODEL_CLIENT_STREAMS, "", "_receive" },
	{ MODEL_CLIENT_STREAMS, "", "_message_cb" },
	{ MODEL_BIDIRECTIONAL, "", "_send_request" },
	{ MODEL_BIDIRECTIONAL, "", "_send_response" },
};
static const char *const service_symbols[] = { "_handlers", "_service", "_methods", "_add" };

/* What is being built, and the first error. A builder that has one goes no further. */
struct builder {
	const Request *request;
	struct names names;
	const char *error;
};

static const char rename_method[] =
	"rename one of them, or give it another C name by option (weft.name), (weft.prefix) or "
	"(weft.package_prefix)";
static const char rename_only[] = "rename one of them";

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The first clash is the builder's error; after one nothing is claimed any more. */
static void claim(struct builder *builder, const char *name, const char *what, const char *advice,
		  struct place place)
{
	if (!builder->error)
		builder->error = names_claim(&builder->names, name, what, advice, place);
}

static void claim_method(struct builder *builder, const struct model_method *method,
			 struct place place)
{
	const char *what = memory_printf("method %s", method->path + 1);

	for (size_t i = 0; i < COUNT(method_symbols); i++)
		if (method_symbols[i].kinds & method->kind)
			claim(builder,
			      memory_printf("%s%s%s", method_symbols[i].before, method->symbol,
					    method_symbols[i].after),
			      what, rename_method, place);
}

static void claim_service(struct builder *builder, const struct model_service *service,
			  struct place place)
{
	const char *what = memory_printf("service %s", service->name);

	for (size_t i = 0; i < COUNT(service_symbols); i++)
		claim(builder, memory_printf("%s%s", service->prefix, service_symbols[i]), what,
		      rename_method, place);
}

static void claim_type(struct builder *builder, const char *kind, const char *name,
		       struct place place)
{
	claim(builder, names_message_type(name), memory_printf("%s %s", kind, name), rename_only,
	      place);
}

/* protobuf-c's names: Foo_Bar and FooBar are the same struct to it. */
static void claim_message(struct builder *builder, const MessageProto *message, const char *name,
			  struct place place)
{
	int32_t *path = memory_new_array(int32_t, place.len + 2);
	struct place inner = { place.file, path, place.len + 2 };
	const char *oneof;

	claim_type(builder, "message", name, place);
	memcpy(path, place.path, place.len * sizeof(*path));
	path[place.len] = MESSAGE_ENUM;
	for (size_t i = 0; i < message->n_enum_type; i++) {
		path[place.len + 1] = (int32_t)i;
		claim_type(builder, "enum",
			   memory_printf("%s.%s", name, message->enum_type[i]->name), inner);
	}
	path[place.len] = MESSAGE_ONEOF;
	for (size_t i = 0; i < message->n_oneof_decl; i++) {
		path[place.len + 1] = (int32_t)i;
		oneof = memory_printf("%s.%s", name, message->oneof_decl[i]->name);
		claim(builder, names_message_type(memory_printf("%s_case", oneof)),
		      memory_printf("oneof %s", oneof), rename_only, inner);
	}
	path[place.len] = MESSAGE_NESTED;
	for (size_t i = 0; i < message->n_nested_type; i++) {
		path[place.len + 1] = (int32_t)i;
		claim_message(builder, message->nested_type[i],
			      memory_printf("%s.%s", name, message->nested_type[i]->name), inner);
	}
}

static const char *full_name(const FileProto *file, const char *name)
{
	return file->package && file->package[0] ? memory_printf("%s.%s", file->package, name)
						 : name;
}

static void claim_types(struct builder *builder, const FileProto *file)
{
	for (size_t i = 0; i < file->n_message_type; i++)
		claim_message(builder, file->message_type[i],
			      full_name(file, file->message_type[i]->name),
			      PLACE(file, FILE_MESSAGE, (int32_t)i));
	for (size_t i = 0; i < file->n_enum_type; i++)
		claim_type(builder, "enum", full_name(file, file->enum_type[i]->name),
			   PLACE(file, FILE_ENUM, (int32_t)i));
}

static const char *stem_of(const char *file)
{
	size_t len = strlen(file);

	if (len > 6 && strcmp(file + len - 6, ".proto") == 0)
		len -= 6;
	return memory_strndup(file, len);
}

static void build_type(struct builder *builder, struct model_type *type, const char *name,
		       struct place place)
{
	const FileProto *file = request_file_of_type(builder->request, name);

	if (!file || !names_is_qualified_name(name + 1)) {
		builder->error = place_error(place, "%s is defined in no imported file", name + 1);
		return;
	}
	type->name = name + 1;
	type->c_type = names_message_type(name + 1);
	type->descriptor = names_message_descriptor(name + 1);
	type->header = memory_printf("%s.pb-c.h", stem_of(file->name));
}

static enum model_kind kind_of(const MethodProto *method)
{
	if (method->client_streaming)
		return method->server_streaming ? MODEL_BIDIRECTIONAL : MODEL_CLIENT_STREAM;
	return method->server_streaming ? MODEL_SERVER_STREAM : MODEL_UNARY;
}

static void build_method(struct builder *builder, struct model_method *method,
			 const struct model_service *service, const MethodProto *proto,
			 struct place place)
{
	const char *name = proto->options ? options_string(&proto->options->base) : NULL;

	if (name && !names_is_identifier(name)) {
		builder->error = place_error(place,
					     "(weft.name) = \"%s\" is no C name: it begins with a "
					     "letter, letters, digits and underscores follow",
					     name);
		return;
	}
	if (!name)
		name = names_snake(proto->name);
	if (!name[0]) {
		builder->error = place_error(
			place, "method \"%s\" needs a letter or digit in its name", proto->name);
		return;
	}

	method->name = proto->name;
	method->path = memory_printf("/%s/%s", service->name, proto->name);
	method->symbol = memory_printf("%s_%s", service->prefix, name);
	method->member = names_member(name);
	method->comment = place_comment(place);
	method->kind = kind_of(proto);
	if (proto->options && proto->options->has_idempotency_level)
		method->idempotency = (int)proto->options->idempotency_level;
	build_type(builder, &method->request, proto->input_type, place);
	if (!builder->error)
		build_type(builder, &method->response, proto->output_type, place);
	if (!builder->error)
		claim_method(builder, method, place);
}

/* "catalog.v1" and "Catalog" are catalog_v1; "shop.v1" and "Cart" are shop_v1_cart. */
static const char *prefix_of(const FileProto *file, const ServiceProto *service)
{
	const char *override = service->options ? options_string(&service->options->base) : NULL;
	const char *package = file->options ? options_string(&file->options->base) : NULL;

	if (override)
		return override;
	if (!package && file->package)
		package = names_snake(file->package);
	if (!package || !package[0])
		return names_snake(service->name);
	if (file->package && names_repeats(file->package, service->name))
		return package;
	return memory_printf("%s_%s", package, names_snake(service->name));
}

static void build_service(struct builder *builder, struct model_service *service,
			  const FileProto *file, size_t index)
{
	const ServiceProto *proto = file->service[index];
	struct place place = PLACE(file, FILE_SERVICE, (int32_t)index);

	service->name = file->package && file->package[0]
				? memory_printf("%s.%s", file->package, proto->name)
				: proto->name;
	service->prefix = prefix_of(file, proto);
	service->comment = place_comment(place);
	service->methods = memory_new_array(struct model_method, proto->n_method);
	service->n_methods = proto->n_method;
	if (!names_is_identifier(service->prefix)) {
		builder->error = place_error(
			place,
			"service %s gets \"%s\" in front of its C names, which is no C name: "
			"give it one by option (weft.prefix)",
			service->name, service->prefix);
		return;
	}
	claim_service(builder, service, place);
	for (size_t i = 0; i < proto->n_method && !builder->error; i++)
		build_method(builder, &service->methods[i], service, proto->method[i],
			     PLACE(file, FILE_SERVICE, (int32_t)index, SERVICE_METHOD, (int32_t)i));
}

/* The embedded copy is the contract as it was written, for reflection: its comments stay in the
 * source. */
static struct bytes pack_descriptor(const FileProto *file)
{
	FileProto plain = *file;
	uint8_t *data;

	plain.source_code_info = NULL;
	data = memory_alloc(protobuf_c_message_get_packed_size(&plain.base));
	return (struct bytes) { data, protobuf_c_message_pack(&plain.base, data) };
}

static void add_message_header(struct model_file *file, const char *header)
{
	for (size_t i = 0; i < file->n_message_headers; i++)
		if (strcmp(file->message_headers[i], header) == 0)
			return;
	file->message_headers[file->n_message_headers++] = header;
}

static void collect_message_headers(struct model_file *file)
{
	size_t n = 1;

	for (size_t i = 0; i < file->n_services; i++)
		n += 2 * file->services[i].n_methods;
	file->message_headers = memory_new_array(const char *, n);
	add_message_header(file, memory_printf("%s.pb-c.h", file->stem));
	for (size_t i = 0; i < file->n_services; i++) {
		const struct model_service *service = &file->services[i];

		for (size_t j = 0; j < service->n_methods; j++) {
			add_message_header(file, service->methods[j].request.header);
			add_message_header(file, service->methods[j].response.header);
		}
	}
}

static void build_file(struct builder *builder, struct model_file *file, const FileProto *proto)
{
	file->name = proto->name;
	file->stem = stem_of(proto->name);
	file->symbol = names_of_path(proto->name);
	file->guard = names_guard(file->stem);
	file->descriptor = pack_descriptor(proto);

	file->n_imports = proto->n_dependency;
	file->imports = memory_new_array(struct model_import, proto->n_dependency);
	for (size_t i = 0; i < proto->n_dependency; i++) {
		file->imports[i].symbol = names_of_path(proto->dependency[i]);
		file->imports[i].header = memory_printf("%s.weft.h", stem_of(proto->dependency[i]));
	}

	claim(builder, file->symbol, memory_printf("file %s", proto->name), rename_only,
	      (struct place) { .file = proto });
	claim_types(builder, proto);
	file->n_services = proto->n_service;
	file->services = memory_new_array(struct model_service, proto->n_service);
	for (size_t i = 0; i < proto->n_service && !builder->error; i++)
		build_service(builder, &file->services[i], proto, i);
	if (!builder->error)
		collect_message_headers(file);
}

static bool wanted(const Request *request, const FileProto *file)
{
	for (size_t i = 0; i < request->n_file_to_generate; i++)
		if (strcmp(request->file_to_generate[i], file->name) == 0)
			return true;
	return false;
}

/* All files are built, so that a clash with an import is found; those to be generated are
 * checked and kept. */
struct model_file *model_build(const Request *request, size_t *ret_n, const char **ret_error)
{
	struct builder builder = { .request = request };
	struct model_file *files = memory_new_array(struct model_file, request->n_proto_file);
	size_t n = 0;

	for (size_t i = 0; i < request->n_proto_file && !builder.error; i++) {
		const FileProto *proto = request->proto_file[i];
		struct model_file file = { 0 };

		if (wanted(request, proto))
			builder.error = check_file(proto);
		if (!builder.error)
			build_file(&builder, &file, proto);
		if (wanted(request, proto))
			files[n++] = file;
	}
	names_fini(&builder.names);
	if (builder.error) {
		*ret_error = builder.error;
		return NULL;
	}
	*ret_n = n;
	return files;
}
