"""weft asks a server for what it does not know: ours, and foreign ones that are less obliging."""

import os
import subprocess
from concurrent import futures

import grpc
import pytest
from google.protobuf import descriptor_pb2

WAIT = 60  # seconds; a bound, never a measure
USAGE, CODE = 2, 64
UNIMPLEMENTED, UNAVAILABLE = 12, 14

BASE = descriptor_pb2.FileDescriptorProto(
    name="base.proto", package="far", syntax="proto3",
    message_type=[{"name": "Word", "field": [
        {"name": "text", "number": 1, "type": 9, "label": 1, "json_name": "text"}]}])
FAR = descriptor_pb2.FileDescriptorProto(
    name="far.proto", package="far", syntax="proto3", dependency=["base.proto"],
    service=[{"name": "Away", "method": [
        {"name": "Say", "input_type": ".far.Word", "output_type": ".far.Word"}]}])


@pytest.fixture
def weft(build):
    """weft(arguments …), without an environment."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("WEFT_")}

    def run(*arguments, **extra):
        result = subprocess.run([build / "cli/weft", *map(str, arguments)], text=True, timeout=WAIT,
                                capture_output=True, env={**environment, **extra}, check=False)
        assert "Sanitizer" not in result.stderr, result.stderr
        assert "runtime error" not in result.stderr, result.stderr
        return result

    return run


@pytest.fixture(scope="module")
def echo(build):
    """A server of ours whose contract weft does not have."""
    process = subprocess.Popen([build / "tests/unit/rpcgen/stub_server"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    yield ["-t", "http://" + process.stdout.readline().strip()]
    process.stdin.close()
    assert process.wait(WAIT) == 0
    process.stdout.close()


@pytest.fixture
def foreign(contracts, tmp_path):
    """foreign(answer, version): the flags for a grpcio server whose reflection is answer(request),
    a list of dicts for responses. Without an answer it has none."""
    servers = []

    def serve(answer=None, version="v1"):
        from grpc.reflection.v1 import reflection_pb2 as messages

        def info(requests, context):
            for request in requests:
                for response in answer(request):
                    yield messages.ServerReflectionResponse(original_request=request, **response)

        server = grpc.server(futures.ThreadPoolExecutor(4))
        say = grpc.unary_unary_rpc_method_handler(lambda request, context: request)
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("far.Away", {"Say": say}),))
        if answer:
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
                f"grpc.reflection.{version}.ServerReflection",
                {"ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(
                    info, messages.ServerReflectionRequest.FromString,
                    messages.ServerReflectionResponse.SerializeToString)}),))
        address = f"unix:{tmp_path}/{len(servers)}"
        server.add_insecure_port(address)
        server.start()
        servers.append(server)
        return ["-t", address]

    yield serve
    for server in servers:
        server.stop(None).wait(WAIT)


def files(*protos):
    return {"file_descriptor_response": {"file_descriptor_proto": [
        proto if isinstance(proto, bytes) else proto.SerializeToString() for proto in protos]}}


def failed(code):
    return {"error_response": {"error_code": code, "error_message": "words"}}


def one_by_one(request):
    """Sends a file alone, as old servers do."""
    known = {"far.Away": FAR, "base.proto": BASE}
    found = known.get(request.file_containing_symbol or request.file_by_filename)
    return [files(found) if found else failed(5)]


def test_list_asks_the_server(weft, echo):
    assert weft("list", *echo).stdout.split() == [
        "test.echo.v1.Echo", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection"]
    assert "test.echo.v1.Echo/Repeat\n" in weft("list", "test.echo.v1.Echo", *echo).stdout
    result = weft("list", "catalog.v1.Catalog", *echo)  # built in, but not there
    assert (result.returncode, result.stdout) == (USAGE, "")
    assert "the server knows no service" in result.stderr


def test_list_without_the_flag_is_of_the_contracts(weft, echo):
    result = weft("list", WEFT_TARGET=echo[1])
    assert "catalog.v1.Catalog\n" in result.stdout and "test.echo" not in result.stdout


def test_describe(weft, echo):
    assert "optional int32 number = 2;" in weft("describe", "test.echo.v1.Text", *echo).stdout
    assert "rpc Shout(" in weft("describe", "test.echo.v1.Echo", *echo).stdout
    assert "rpc Shout(" in weft("describe", "test.echo.v1.Echo/Shout", *echo).stdout
    # What is built in needs no server.
    assert "weight_grams" in weft("describe", "catalog.v1.Product", "-t", "unix:/nowhere").stdout
    for name in "test.echo.v1.Nothing", "", "/", "\x1b[2J", "%s%n", "a." * 1000:
        result = weft("describe", name, *echo)
        assert result.returncode == USAGE and "in the contracts" in result.stderr


def test_call(weft, echo):
    result = weft("call", "test.echo.v1.Echo/Say", "-d", '{"text": "hi", "number": 0}', *echo)
    assert result.stdout == '{\n  "text": "hi",\n  "number": 0\n}\n'
    result = weft("call", "/test.echo.v1.Echo/Say", "-d", '{"text": "hi"}', WEFT_TARGET=echo[1])
    assert result.returncode == 0
    result = weft("call", "test.echo.v1.Echo/Sing", *echo)
    assert result.returncode == USAGE and "it has Say, Repeat" in result.stderr


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_imports_that_do_not_come_by_themselves(weft, foreign, version):
    target = foreign(one_by_one, version)
    result = weft("call", "far.Away/Say", "-d", '{"text": "ho"}', *target)
    assert result.stdout == '{\n  "text": "ho"\n}\n', result.stderr


def test_a_server_without_reflection(weft, foreign):
    target = foreign()
    result = weft("list", *target)
    assert result.returncode == CODE + UNIMPLEMENTED and "no reflection" in result.stderr
    result = weft("call", "far.Away/Say", *target)
    assert result.returncode == USAGE
    assert "no reflection" in result.stderr and 'no service "far.Away"' in result.stderr


def test_no_server(weft, tmp_path):
    result = weft("list", "-t", f"unix:{tmp_path}/none")
    assert result.returncode == CODE + UNAVAILABLE


@pytest.mark.parametrize("answer, words", [
    (lambda request: [files(FAR), files(BASE), files(BASE)], "what nobody asked"),
    (lambda request: [files(b"\xff\xff\xff")], "the server's reflection: "),
    (lambda request: [files(FAR)], "the server's reflection: "),
    (lambda request: [failed(13)], "INTERNAL (13): words"),
    (lambda request: [failed(-1)], "UNKNOWN (2): words"),
    (lambda request: [{}], 'no service "far.Away"'),
    # A file that imports another, and that one another, and so on.
    (lambda request: [files(descriptor_pb2.FileDescriptorProto(
        name=request.file_by_filename, dependency=[request.file_by_filename + "x"]))],
     "the server's reflection: "),
])
def test_answers_that_are_of_no_use(weft, foreign, answer, words):
    result = weft("call", "far.Away/Say", "--deadline", "50s", *foreign(answer))
    assert result.returncode not in (0, -6, -11) and words in result.stderr
    assert not result.stdout


def test_a_terminal_is_shown_names_alone(weft, foreign):
    target = foreign(lambda request: [
        {"list_services_response": {"service": [{"name": "a.B"}, {"name": "\x1b[2J"}]}}])
    result = weft("list", *target)
    assert result.returncode == 1 and result.stdout == "a.B\n" and "\x1b" not in result.stderr
