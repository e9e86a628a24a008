"""Reflection by a foreign client: grpcio, with messages from our contracts, asks two services."""

import subprocess

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from shop_processes import Service, channel

WAIT = 60  # seconds; a bound, never a measure
VERSIONS = ["v1", "v1alpha"]
HTTP = 72295728  # google.api.http


@pytest.fixture(scope="module")
def catalog(build, certificates, contracts, tmp_path_factory):
    """A service of the chassis: TLS, two workers."""
    service = Service("catalog", build, tmp_path_factory.mktemp("reflection"), certificates)
    service.env["WEFT_WORKERS"] = "2"
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def echo(build):
    """The generated stubs of a test, without the chassis: plaintext, two workers."""
    process = subprocess.Popen([build / "tests/unit/rpcgen/stub_server"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    yield process.stdout.readline().strip()
    process.stdin.close()
    assert process.wait(WAIT) == 0
    process.stdout.close()


class Reflection:
    """One version of the service on one channel."""

    def __init__(self, on, version):
        if version == "v1":
            from grpc.reflection.v1 import reflection_pb2 as messages
        else:
            from grpc.reflection.v1alpha import reflection_pb2 as messages
        self.messages = messages
        self.stream = on.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            messages.ServerReflectionRequest.SerializeToString,
            messages.ServerReflectionResponse.FromString)

    def request(self, **question):
        return self.messages.ServerReflectionRequest(host="host", **question)

    def ask(self, *questions):
        """A stream that asks all of them: the responses."""
        requests = [self.request(**question) for question in questions]
        responses = list(self.stream(iter(requests), timeout=WAIT))
        assert [response.original_request for response in responses] == requests
        assert all(response.valid_host == "host" for response in responses)
        return responses

    def names(self):
        response, = self.ask({"list_services": "*"})
        return [service.name for service in response.list_services_response.service]


def files(response):
    assert response.WhichOneof("message_response") == "file_descriptor_response", response
    return [descriptor_pb2.FileDescriptorProto.FromString(file)
            for file in response.file_descriptor_response.file_descriptor_proto]


def error(response):
    assert response.WhichOneof("message_response") == "error_response", response
    return response.error_response.error_code, response.error_response.error_message


@pytest.fixture(params=VERSIONS)
def reflection(request, catalog, certificates):
    with channel(catalog, certificates) as on:
        yield Reflection(on, request.param)


def test_services_are_listed(reflection):
    assert sorted(reflection.names()) == [
        "catalog.v1.Catalog", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection"]


def test_a_client_can_build_every_service_from_what_it_is_told(reflection):
    """As grpcurl does: a pool of nothing but the answers."""
    pool = descriptor_pool.DescriptorPool()
    names = reflection.names()
    questions = [{"file_containing_symbol": name} for name in names]
    for name, response in zip(names, reflection.ask(*questions)):
        for file in reversed(files(response)):
            pool.Add(file)
        assert pool.FindServiceByName(name).methods
    product = pool.FindMessageTypeByName("catalog.v1.Product")
    created = product.fields_by_name["create_time"].message_type
    assert created.full_name == "google.protobuf.Timestamp"


@pytest.mark.parametrize("symbol", [
    "catalog.v1.Catalog", "catalog.v1.Catalog.GetProduct", "catalog.v1.Product",
    "catalog.v1.Product.title"])
def test_a_name_leads_to_its_file(reflection, symbol):
    response, = reflection.ask({"file_containing_symbol": symbol})
    first, *imports = files(response)
    assert first.name == "catalog/v1/catalog.proto"
    assert [service.name for service in first.service] == ["Catalog"]
    assert "google/protobuf/timestamp.proto" in [file.name for file in imports]


def test_names_of_imports_lead_to_their_files(reflection):
    of_fields = "google.protobuf.FieldDescriptorProto"
    for symbol, name in [("google.protobuf.Timestamp", "google/protobuf/timestamp.proto"),
                         (of_fields + ".TYPE_BOOL", "google/protobuf/descriptor.proto"),
                         (of_fields + ".Type", "google/protobuf/descriptor.proto"),
                         ("google.api.HttpRule.pattern", "google/api/http.proto"),
                         ("google.api.http", "google/api/annotations.proto"),
                         # No service imports it, and any call may end with it.
                         ("google.rpc.ErrorInfo", "google/rpc/error_details.proto")]:
        response, = reflection.ask({"file_containing_symbol": symbol})
        assert files(response)[0].name == name


def test_files_come_once_with_all_that_they_import(reflection):
    first, second, again = reflection.ask(
        {"file_by_filename": "google/api/annotations.proto"},
        {"file_by_filename": "catalog/v1/catalog.proto"},
        {"file_by_filename": "google/api/annotations.proto"})
    assert sorted(file.name for file in files(first)) == [
        "google/api/annotations.proto", "google/api/http.proto", "google/protobuf/descriptor.proto"]
    assert files(first)[0].name == "google/api/annotations.proto"
    names = [file.name for file in files(second)]
    assert len(set(names)) == len(names) and names[0] == "catalog/v1/catalog.proto"
    assert not set(names) & {file.name for file in files(first)}
    have = set(names) | {file.name for file in files(first)}
    assert all(name in have for file in files(second) for name in file.dependency)
    # What is asked for by itself comes again.
    assert [file.name for file in files(again)] == ["google/api/annotations.proto"]


def test_a_file_is_as_protoc_made_it(reflection, root, tmp_path):
    path = "google/type/money.proto"
    subprocess.run(["protoc", "-I", root / "proto", "-I/usr/include",
                    f"--descriptor_set_out={tmp_path}/set", path], check=True, timeout=WAIT)
    expected = descriptor_pb2.FileDescriptorSet.FromString((tmp_path / "set").read_bytes()).file[0]
    response, = reflection.ask({"file_by_filename": path})
    got, = files(response)
    got.ClearField("source_code_info")
    assert got == expected


def test_extensions(reflection):
    request, options = reflection.messages.ExtensionRequest, "google.protobuf.MethodOptions"

    def numbered(number):
        return request(containing_type=options, extension_number=number)

    one, all_of_it, none, of_plain, missing = reflection.ask(
        {"file_containing_extension": numbered(HTTP)},
        {"all_extension_numbers_of_type": options},
        {"file_containing_extension": numbered(1)},
        {"all_extension_numbers_of_type": "catalog.v1.Product"},
        {"all_extension_numbers_of_type": "catalog.v1.Nothing"})
    assert files(one)[0].name == "google/api/annotations.proto"
    numbers = all_of_it.all_extension_numbers_response
    assert numbers.base_type_name == options
    assert HTTP in numbers.extension_number
    assert list(numbers.extension_number) == sorted(numbers.extension_number)
    assert error(none)[0] == 5
    assert of_plain.WhichOneof("message_response") == "all_extension_numbers_response"
    assert not of_plain.all_extension_numbers_response.extension_number
    assert error(missing)[0] == 5


@pytest.mark.parametrize("symbol", [
    "", ".", "catalog", "catalog.v1", "catalog.v1.", ".catalog.v1.Catalog", "catalog.v1.catalog",
    "catalog.v1.Catalog.", "catalog.v1.Catalog/GetProduct", "catalog.v1..Catalog", "%s%n%s",
    "../../etc/passwd", "\r\n\x1b[2J", "\u202e☃" * 99, "a." * 100_000, "é" * 500_000])
def test_names_that_nobody_declares(reflection, symbol):
    responses = reflection.ask(
        {"file_containing_symbol": symbol}, {"file_by_filename": symbol},
        {"all_extension_numbers_of_type": symbol}, {"list_services": symbol})
    for response in responses[:3]:
        code, message = error(response)
        assert code == 5
        assert len(message.encode()) < 300  # a long name is not said twice
    assert responses[3].list_services_response.service


def test_a_question_that_is_none(reflection):
    response, after = reflection.ask({}, {"list_services": ""})
    assert error(response)[0] == 12
    assert after.list_services_response.service


@pytest.mark.parametrize("hostile,code", [
    (b"\x22\x05a\x00b.c", "INVALID_ARGUMENT"), (b"\x22\x02\xff\xfe", "INTERNAL"),
    (b"\x22\x7f", "INTERNAL"), (b"\xff" * 11, "INTERNAL")], ids=["NUL", "UTF-8", "short", "tag"])
def test_what_is_no_request_ends_its_stream_alone(reflection, catalog, certificates, hostile,
                                                  code):
    with channel(catalog, certificates) as on:
        raw = on.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        with pytest.raises(grpc.RpcError) as failure:
            list(raw(iter([hostile]), timeout=WAIT))
        assert failure.value.code() == grpc.StatusCode[code]
        assert Reflection(on, "v1").names()


def test_more_answers_than_a_connection_holds(reflection):
    """Tens of KiB for a question of 40 bytes: the stream is held and goes on, and none is lost."""
    questions = [{"file_by_filename": f"google/protobuf/{name}.proto"}
                 for name in ("descriptor", "timestamp")] * 500
    for question, response in zip(questions, reflection.ask(*questions)):
        assert [file.name for file in files(response)] == [question["file_by_filename"]]


def test_each_worker_answers(echo, contracts):
    """Connections are dealt out: of four, each of two workers has some."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.insecure_channel(echo, options) for _ in range(4)]
    streams = []
    for number, on in enumerate(channels):
        reflection = Reflection(on, VERSIONS[number % 2])
        streams.append(reflection.ask({"file_containing_symbol": "test.echo.v1.Echo.Say"}))
        assert "test.echo.v1.Echo" in reflection.names()
    for response, in streams:
        assert [file.name for file in files(response)] == ["echo.proto"]
    for on in channels:
        on.close()
