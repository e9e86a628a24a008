"""weft, the command line, against grpcio: the kinds of calls, TLS, errors, exit codes."""

import json
import os
import subprocess
import threading
from concurrent import futures

import grpc
import pytest

WAIT = 60  # seconds; a bound, never a measure
USAGE, CODE = 2, 64


class Catalog:
    """catalog.v1.Catalog as the tests need it."""

    def __init__(self, messages, error_details, status):
        self.messages, self.error_details, self.status = messages, error_details, status
        self.metadata = {}
        self.imported = []
        self.first = threading.Event()
        self.remaining = None

    def get_product(self, request, context):
        self.metadata = dict(context.invocation_metadata())
        self.remaining = context.time_remaining()
        context.send_initial_metadata((("x-head", "h"),))
        context.set_trailing_metadata((("x-tail-bin", b"\x00\x01"),))
        if request.name == "products/none":
            self.fail(context)
        if request.name == "products/slow":
            self.wait_for_the_end(context)
        return self.messages.Product(name=request.name, title="Mug ☕", weight_grams=250)

    @staticmethod
    def wait_for_the_end(context):
        ended = threading.Event()
        if context.add_callback(ended.set):
            ended.wait(WAIT)

    def fail(self, context):
        status = self.status.Status(code=5, message="there is none")
        status.details.add().Pack(self.error_details.ErrorInfo(
            reason="NO_SUCH_PRODUCT", domain="test"))
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.NOT_FOUND, "there is none")

    def export_products(self, request, context):
        for number in range(3):
            yield self.messages.ExportProductsResponse(
                product=self.messages.Product(name=f"products/{number}"))

    def import_products(self, requests, context):
        for request in requests:
            self.imported.append(request.product.name)
            self.first.set()
        return self.messages.ImportProductsResponse()

    def handler(self):
        messages = self.messages

        def kind(make, function, request, response):
            return make(function, request_deserializer=request.FromString,
                        response_serializer=response.SerializeToString)

        return grpc.method_handlers_generic_handler("catalog.v1.Catalog", {
            "GetProduct": kind(grpc.unary_unary_rpc_method_handler, self.get_product,
                               messages.GetProductRequest, messages.Product),
            "ExportProducts": kind(grpc.unary_stream_rpc_method_handler, self.export_products,
                                   messages.ExportProductsRequest, messages.ExportProductsResponse),
            "ImportProducts": kind(grpc.stream_unary_rpc_method_handler, self.import_products,
                                   messages.ImportProductsRequest, messages.ImportProductsResponse),
        })


def health_handler(health):
    def check(request, context):
        if request.service == "nobody":
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return health.HealthCheckResponse(status=2 if request.service == "ill" else 1)

    return grpc.method_handlers_generic_handler("grpc.health.v1.Health", {
        "Check": grpc.unary_unary_rpc_method_handler(
            check, request_deserializer=health.HealthCheckRequest.FromString,
            response_serializer=health.HealthCheckResponse.SerializeToString),
    })


@pytest.fixture(scope="module")
def catalog(contracts):
    from catalog.v1 import catalog_pb2
    from google.rpc import error_details_pb2, status_pb2

    return Catalog(catalog_pb2, error_details_pb2, status_pb2)


@pytest.fixture(scope="module")
def server(contracts, catalog, certificates, tmp_path_factory):
    """Serves plaintext on a Unix socket and TLS on a port."""
    from grpc.health.v1 import health_pb2

    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((catalog.handler(), health_handler(health_pb2)))
    tls = certificates / "tls"
    credentials = grpc.ssl_server_credentials(
        [((tls / "server.key").read_bytes(), (tls / "server.pem").read_bytes())])
    server.port = server.add_secure_port("127.0.0.1:0", credentials)
    server.socket = f"unix:{tmp_path_factory.mktemp('cli')}/s"
    server.add_insecure_port(server.socket)
    server.start()
    yield server
    server.stop(None).wait(WAIT)


@pytest.fixture
def weft(build, server):
    """weft(arguments …) against the Unix socket, unless -t says something else."""

    def run(*arguments, input=None, environment=None):
        environment = {"WEFT_TARGET": server.socket, **(environment or {})}
        inherited = {name: value for name, value in os.environ.items()
                     if not name.startswith("WEFT_")}
        result = subprocess.run([build / "cli/weft", *map(str, arguments)], input=input, text=True,
                                timeout=WAIT, capture_output=True,
                                env={**inherited, **environment}, check=False)
        for word in ("Sanitizer", "runtime error"):
            assert word not in result.stderr, result.stderr
        return result

    return run


GET = "catalog.v1.Catalog/GetProduct"


def test_unary(weft):
    result = weft("call", GET, "-d", '{"name": "products/1"}')
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {"name": "products/1", "title": "Mug ☕", "weightGrams": 250}
    assert result.stdout.startswith('{\n  "name"')


def test_tls_with_our_authority(weft, server, certificates):
    target = f"https://127.0.0.1:{server.port}"
    arguments = ["call", GET, "-t", target, "-d", '{"name": "products/1"}']
    assert weft(*arguments, "--ca", certificates / "ca.pem").returncode == 0
    assert weft(*arguments, environment={"WEFT_CA": str(certificates / "ca.pem")}).returncode == 0
    assert weft(*arguments, "--insecure").returncode == 0
    refused = weft(*arguments)
    assert refused.returncode == CODE + 14
    assert "certificate" in refused.stderr
    wrong = weft(*arguments, "--ca", certificates / "ca.pem", "--authority", "elsewhere")
    assert wrong.returncode == CODE + 14


def test_file_targets(weft, server, certificates, tmp_path):
    address = tmp_path / "address"
    address.write_text(f"127.0.0.1:{server.port}\n")
    asked = weft("health", "-t", f"file://{address}", "--ca", certificates / "ca.pem")
    assert asked.returncode == 0


def test_server_stream_is_a_message_a_line(weft):
    result = weft("call", "catalog.v1.Catalog/ExportProducts")
    assert result.returncode == 0, result.stderr
    assert [json.loads(line)["product"]["name"] for line in result.stdout.splitlines()] == [
        f"products/{number}" for number in range(3)]


def test_client_stream_from_a_pipe_and_a_file(weft, catalog, tmp_path):
    lines = "".join(json.dumps({"product": {"name": f"products/{n}", "title": "x" * 200}}) + "\n"
                    for n in range(5000))
    file = tmp_path / "products.ndjson"
    file.write_text(lines)
    for data, text in (("@-", lines), (f"@{file}", None)):
        catalog.imported.clear()
        result = weft("call", "catalog.v1.Catalog/ImportProducts", "-d", data, input=text)
        assert result.returncode == 0, result.stderr
        assert catalog.imported == [f"products/{n}" for n in range(5000)]


def test_messages_leave_as_they_are_typed(build, server, catalog):
    catalog.imported.clear()
    catalog.first.clear()
    process = subprocess.Popen([build / "cli/weft", "call", "-t", server.socket,
                                "catalog.v1.Catalog/ImportProducts",
                                "-d", "@-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(b'{"product": {"name": "products/first"}}\n')
    process.stdin.flush()
    assert catalog.first.wait(WAIT)  # while standard input is still open
    process.communicate(timeout=WAIT)
    assert process.returncode == 0


def test_a_failed_call(weft):
    result = weft("call", GET, "-d", '{"name": "products/none"}')
    assert result.returncode == CODE + 5
    assert result.stdout == ""
    first, rest = result.stderr.split("\n", 1)
    assert first == "weft: NOT_FOUND (5): there is none"
    assert json.loads(rest) == {"@type": "type.googleapis.com/google.rpc.ErrorInfo",
                                "reason": "NO_SUCH_PRODUCT",
                                "domain": "test"}


def test_deadline(weft, catalog):
    result = weft("call", GET, "-d", '{"name": "products/slow"}', "--deadline", "300ms")
    assert result.returncode == CODE + 4
    assert weft("call", GET, "--deadline", "1m").returncode == 0
    assert 1 < catalog.remaining <= 60


def test_metadata_both_ways(weft, catalog):
    result = weft("call", GET, "-H", "x-one: 1", "-H", "x-two-bin:AAE=", "-v")
    assert result.returncode == 0
    assert catalog.metadata["x-one"] == "1" and catalog.metadata["x-two-bin"] == b"\x00\x01"
    assert "header x-head: h\n" in result.stderr
    assert "trailer x-tail-bin: (2 bytes)\n" in result.stderr


@pytest.mark.parametrize("arguments, words", [
    ([], "which command?"),
    (["nothing"], 'no command "nothing"'),
    (["call"], "call needs SERVICE/METHOD"),
    (["call", "x"], "not of the form SERVICE/METHOD"),
    (["call", "no.Such/Thing"], 'no service "no.Such"'),
    (["call", "catalog.v1.Catalog/Get"], "it has GetProduct, ListProducts"),
    (["call", GET, "-d", '{"nam": 1}'],
     '-d, line 1, column 2: nam: no field "nam" in catalog.v1.GetProductRequest; did you mean '
     '"name"?'),
    (["call", GET, "-d", '{}\n{}'], "GetProduct takes one message, here are more"),
    (["call", GET, "-d", "}"], "-d, line 1, column 1: expected a JSON value"),
    (["call", GET, "-d", "@/nowhere"], "/nowhere: No such file"),
    (["call", GET, "-H", "grpc-x: 1"], "cannot be sent as metadata"),
    (["call", GET, "-t", "dns:"], "is no target"),
    (["call", GET, "--ca", "/nowhere"], "/nowhere"),
    (["describe", "no.Such"], 'no "no.Such" in the contracts'),
    (["list", "no.Such"], 'no service "no.Such"'),
    (["list", "--protoset", "/nowhere"], "/nowhere: No such file"),
])
def test_usage_errors(weft, arguments, words):
    result = weft(*arguments)
    assert (result.returncode, result.stdout) == (USAGE, "")
    assert words in result.stderr


def test_a_broken_line_in_a_stream_names_its_place(weft, catalog):
    result = weft("call", "catalog.v1.Catalog/ImportProducts", "-d", "@-",
                  input='{"product": {}}\n\n{"product": {"weightGrams": "heavy"}}\n')
    assert result.returncode == USAGE
    assert ('standard input, line 3, column 29: product.weight_grams: "heavy" is not an int32'
            in result.stderr)


def test_health(weft):
    assert (weft("health").returncode, weft("health").stdout) == (0, "SERVING\n")
    ill = weft("health", "ill")
    assert (ill.returncode, ill.stdout) == (CODE + 14, "NOT_SERVING\n")
    assert weft("health", "nobody").returncode == CODE + 5
    assert weft("health", "-t", "unix:/nowhere").returncode == CODE + 14


def test_contracts_built_in_and_from_a_file(weft, build, tmp_path):
    assert "catalog.v1.Catalog\n" in weft("list").stdout
    assert f"{GET}\n" in weft("list", "catalog.v1.Catalog").stdout
    method = weft("describe", GET).stdout
    assert "rpc GetProduct(catalog.v1.GetProductRequest) returns (catalog.v1.Product)" in method
    assert 'get: "/v1/{name=products/*}"' in method and "// Gives one product." in method
    protoset = build / "tests/unit/json/json_test.binpb"
    assert weft("list", "--protoset", protoset).stdout == "weft.test.Answers\n"
    described = weft("describe", "weft.test.Everything", "--protoset", protoset)
    assert "map<string, int32> by_string = 41;" in described.stdout


def test_a_full_disk_is_a_failure(build, server):
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run([build / "cli/weft", "call", "-t", server.socket, GET], stdout=full,
                                stderr=subprocess.PIPE, text=True, timeout=WAIT, check=False)
    assert result.returncode == 1
    assert "standard output: " in result.stderr
