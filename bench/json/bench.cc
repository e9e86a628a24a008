/*
 * What it costs to turn JSON into wire bytes and back: Weft's codec beside protobuf C++'s JsonUtil,
 * in one process, in turns. Both work from descriptors and bytes; before they are measured, each has
 * to read what the other writes.
 *
 *	bench-json ROUNDS SET …
 *
 * prints a line of JSON for each message and direction: CPU time for one conversion, in
 * nanoseconds, round by round.
 */
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <weft/json.h>

namespace pb = google::protobuf;

static const char product[] = R"(
	name: "products/85123A" title: "WHITE HANGING HEART T-LIGHT HOLDER"
	unit_price { currency_code: "GBP" units: 2 nanos: 550000000 }
	weight_grams: 200 etag: "d41d8cd98f00b204e9800998ecf8427e"
	create_time { seconds: 1291191960 } update_time { seconds: 1323443340 nanos: 123000000 })";

static const char prefix[] = "type.googleapis.com"; /* JsonUtil knows the well-known types by it */

[[noreturn]] static void die(const std::string &what)
{
	fprintf(stderr, "bench-json: %s\n", what.c_str());
	exit(1);
}

/* A value in every field; submessages to a bounded depth. */
class Filler {
public:
	void fill(pb::Message *message, int depth)
	{
		const pb::Descriptor *type = message->GetDescriptor();

		if (type->full_name() == "google.protobuf.Any")
			return;
		for (int i = 0; i < type->field_count(); i++) {
			const pb::FieldDescriptor *field = type->field(i);

			if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE && depth == 0)
				continue;
			if (field->containing_oneof() && field->index_in_oneof() != 3)
				continue;
			for (int n = field->is_repeated() && !field->is_map() ? 3 : 1; n > 0; n--)
				set(message, field, depth);
		}
	}

private:
	unsigned next = 0;

	void set(pb::Message *message, const pb::FieldDescriptor *field, int depth)
	{
		const pb::Reflection *at = message->GetReflection();
		bool list = field->is_repeated();

		next = next * 1664525 + 1013904223;
#define SET(Kind, value)                                                                           \
	(list ? at->Add##Kind(message, field, value) : at->Set##Kind(message, field, value))
		switch (field->cpp_type()) {
		case pb::FieldDescriptor::CPPTYPE_INT32: return SET(Int32, next >> 8 & 0xfffff);
		case pb::FieldDescriptor::CPPTYPE_INT64: return SET(Int64, next & 0xfffff);
		case pb::FieldDescriptor::CPPTYPE_UINT32: return SET(UInt32, next);
		case pb::FieldDescriptor::CPPTYPE_UINT64: return SET(UInt64, next * 12345ull);
		case pb::FieldDescriptor::CPPTYPE_DOUBLE: return SET(Double, next / 1000.0);
		case pb::FieldDescriptor::CPPTYPE_FLOAT: return SET(Float, (next >> 8) / 64.0f);
		case pb::FieldDescriptor::CPPTYPE_BOOL: return SET(Bool, true);
		case pb::FieldDescriptor::CPPTYPE_ENUM:
			return SET(EnumValue, field->enum_type()->value_count() - 1);
		case pb::FieldDescriptor::CPPTYPE_STRING:
			return SET(String, field->name() == "paths" ? "display_name"
							      : "some text of a usual length");
		case pb::FieldDescriptor::CPPTYPE_MESSAGE:
			fill(list ? at->AddMessage(message, field) : at->MutableMessage(message, field),
			     depth - 1);
		}
#undef SET
	}
};

struct Case {
	std::string name, type, wire;
};

static std::vector<Case> make_cases(const pb::DescriptorPool &pool)
{
	pb::DynamicMessageFactory factory;
	const auto make = [&](const char *type) {
		const pb::Descriptor *found = pool.FindMessageTypeByName(type);

		if (!found)
			die(std::string("no ") + type + " in the sets");
		return std::unique_ptr<pb::Message>(factory.GetPrototype(found)->New());
	};
	std::unique_ptr<pb::Message> one = make("catalog.v1.Product");
	std::unique_ptr<pb::Message> page = make("catalog.v1.ListProductsResponse");
	const char *all_types = "protobuf_test_messages.proto3.TestAllTypesProto3";
	std::unique_ptr<pb::Message> small = make(all_types), full = make(all_types);
	const pb::Reflection *at = page->GetReflection();

	if (!pb::TextFormat::ParseFromString(product, one.get()))
		die("the product");
	for (int i = 0; i < 100; i++)
		at->AddMessage(page.get(), page->GetDescriptor()->field(0))->CopyFrom(*one);
	if (!pb::TextFormat::ParseFromString(
		    "optional_int32: 5 optional_string: 'text' repeated_double: [0.5, 1e100]"
		    " map_string_string: {key: 'a' value: 'b'} optional_nested_enum: BAZ",
		    small.get()))
		die("the small message");
	Filler().fill(full.get(), 1);
	return {
		{ "a product", "catalog.v1.Product", one->SerializeAsString() },
		{ "100 products", "catalog.v1.ListProductsResponse", page->SerializeAsString() },
		{ "TestAllTypes, five fields", all_types, small->SerializeAsString() },
		{ "TestAllTypes, every field", all_types, full->SerializeAsString() },
	};
}

static double now()
{
	struct timespec at;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
	return at.tv_sec * 1e9 + at.tv_nsec;
}

/* Nanoseconds for one run of `work`, over about 30 ms of them. */
static double measure(const std::function<void()> &work)
{
	double start = now(), spent = 0;
	size_t n = 0;

	do {
		for (int i = 0; i < 10; i++, n++)
			work();
		spent = now() - start;
	} while (spent < 3e7);
	return spent / n;
}

static void report(const Case &one, const char *direction, size_t bytes, int rounds,
		   const std::function<void()> &weft, const std::function<void()> &peer)
{
	std::string ours, theirs;

	measure(weft);
	measure(peer);
	for (int i = 0; i < rounds; i++) {
		ours += (i ? ", " : "") + std::to_string(measure(weft));
		theirs += (i ? ", " : "") + std::to_string(measure(peer));
	}
	printf("{\"message\": \"%s\", \"direction\": \"%s\", \"bytes\": %zu, \"weft_ns\": [%s], "
	       "\"peer_ns\": [%s]}\n",
	       one.name.c_str(), direction, bytes, ours.c_str(), theirs.c_str());
	fflush(stdout);
}

class Bench {
public:
	Bench(const pb::DescriptorPool *pool, const struct weft_schema *schema, int rounds)
		: resolver(pb::util::NewTypeResolverForDescriptorPool(prefix, pool)), schema(schema),
		  rounds(rounds)
	{
		options.size = sizeof(options);
		options.schema = schema;
	}
	~Bench()
	{
		weft_buffer_fini(&out);
	}

	void run(const Case &one)
	{
		const struct weft_schema_message *message =
			weft_schema_message(schema, one.type.c_str());
		const std::string url = std::string(prefix) + "/" + one.type;
		const std::string json = to_json(message, one.wire);
		std::string theirs, again;

		if (!pb::util::BinaryToJsonString(resolver.get(), url, one.wire, &theirs).ok() ||
		    to_json(message, to_wire(message, theirs)) != json)
			die(one.name + ": what protobuf writes is read otherwise");
		if (!pb::util::JsonToBinaryString(resolver.get(), url, json, &again).ok() ||
		    to_json(message, again) != json)
			die(one.name + ": what Weft writes is read otherwise");
		report(
			one, "wire to JSON", json.size(), rounds,
			[&] { to_json_once(message, one.wire); },
			[&] {
				std::string text;

				pb::util::BinaryToJsonString(resolver.get(), url, one.wire, &text);
			});
		report(
			one, "JSON to wire", json.size(), rounds,
			[&] { to_wire_once(message, json); },
			[&] {
				std::string wire;

				pb::util::JsonToBinaryString(resolver.get(), url, json, &wire);
			});
	}

private:
	std::unique_ptr<pb::util::TypeResolver> resolver;
	const struct weft_schema *schema;
	int rounds;
	struct weft_json_options options = {};
	struct weft_buffer out = {};
	struct weft_json_error error = {};

	void to_json_once(const struct weft_schema_message *message, const std::string &wire)
	{
		weft_buffer_clear(&out);
		if (weft_wire_to_json(message, (const uint8_t *)wire.data(), wire.size(), &options,
				      &out, &error) < 0)
			die(error.message);
	}

	void to_wire_once(const struct weft_schema_message *message, const std::string &json)
	{
		weft_buffer_clear(&out);
		if (weft_json_to_wire(message, json.data(), json.size(), &options, &out, &error) < 0)
			die(error.message);
	}

	std::string to_json(const struct weft_schema_message *message, const std::string &wire)
	{
		to_json_once(message, wire);
		return std::string((const char *)out.data, out.len);
	}

	std::string to_wire(const struct weft_schema_message *message, const std::string &json)
	{
		to_wire_once(message, json);
		return std::string((const char *)out.data, out.len);
	}
};

int main(int argc, char **argv)
{
	pb::DescriptorPool pool;
	struct weft_schema *schema;
	char error[256];

	if (argc < 3)
		die("usage: bench-json ROUNDS SET ...");
	weft_schema_new(&schema);
	for (int i = 2; i < argc; i++) {
		std::ifstream file(argv[i], std::ios::binary);
		std::string bytes((std::istreambuf_iterator<char>(file)), {});
		pb::FileDescriptorSet set;

		if (!set.ParseFromString(bytes) ||
		    weft_schema_add_set(schema, { (const uint8_t *)bytes.data(), bytes.size() },
					error) < 0)
			die(std::string(argv[i]) + " is no descriptor set");
		for (const pb::FileDescriptorProto &one : set.file())
			if (!pool.FindFileByName(one.name()) && !pool.BuildFile(one))
				die(one.name() + " cannot be built");
	}
	{
		Bench bench(&pool, schema, atoi(argv[1]));

		for (const Case &one : make_cases(pool))
			bench.run(one);
	}
	weft_schema_free(schema);
	return 0;
}
