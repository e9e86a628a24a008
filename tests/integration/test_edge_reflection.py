"""Backends that say their contracts themselves: a grpcio service becomes REST with no build of
ours, also when it comes up after the edge, or comes back with another contract."""

import concurrent.futures
import json
import signal
import subprocess

import grpc
import pytest
from edge_fixtures import start  # noqa: F401
from google.protobuf import descriptor_pb2

SHELF = """
syntax = "proto3";
package shelf.v1;
import "google/api/annotations.proto";
import "words.proto";
service Shelf {
  rpc GetBook(words.Book) returns (words.Book) {
    option (google.api.http) = {get: "/v1/books/{name}"%s};
  }
}
"""
MORE = ' additional_bindings {get: "/v2/books/{name}"}'
WORDS = 'syntax = "proto3"; package words; message Book { string name = 1; int32 pages = 2; }'
PLAIN = {"shelf.proto": SHELF % "", "words.proto": WORDS}


class Foreign:
    """A grpcio server whose one method gives back what it gets, and that reflects."""

    def __init__(self, root, folder):
        self.root = root
        self.folder = folder
        self.address = f"unix:{folder}/foreign"
        self.server = None

    def compile(self, sources):
        for path, text in sources.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)
        subprocess.run(["protoc", f"-I{self.folder}", f"-I{self.root}/proto", "-I/usr/include",
                        "--include_imports", f"--descriptor_set_out={self.folder}/set.binpb",
                        *sources], check=True, timeout=60)
        files = descriptor_pb2.FileDescriptorSet.FromString(
            (self.folder / "set.binpb").read_bytes()).file
        self.files = {file.name: file.SerializeToString() for file in files}
        self.services = {f"{file.package}.{service.name}": file.name
                         for file in files for service in file.service}
        self.methods = {f"{file.package}.{service.name}": [method.name for method in service.method]
                        for file in files for service in file.service}

    def answer(self, request):
        if request.list_services:
            return {"list_services_response": {
                "service": [{"name": name} for name in [*self.services, "other.v1.Service"]]}}
        name = self.services.get(request.file_containing_symbol, request.file_by_filename)
        if name not in self.files:
            return {"error_response": {"error_code": 5, "error_message": "no such thing"}}
        return {"file_descriptor_response": {"file_descriptor_proto": [self.files[name]]}}

    def start(self, sources, version="v1"):
        from grpc.reflection.v1 import reflection_pb2 as messages

        def info(requests, context):
            for request in requests:
                yield messages.ServerReflectionResponse(**self.answer(request))

        self.stop()
        self.compile(sources)
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        same = grpc.unary_unary_rpc_method_handler(lambda request, context: request)
        handlers = [grpc.method_handlers_generic_handler(service, dict.fromkeys(methods, same))
                    for service, methods in self.methods.items()]
        if version:
            handlers.append(grpc.method_handlers_generic_handler(
                f"grpc.reflection.{version}.ServerReflection",
                {"ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(
                    info, messages.ServerReflectionRequest.FromString,
                    messages.ServerReflectionResponse.SerializeToString)}))
        self.server.add_generic_rpc_handlers(tuple(handlers))
        self.server.add_insecure_port(self.address)
        self.server.start()

    def stop(self):
        if self.server:
            self.server.stop(None).wait(30)
        self.server = None


@pytest.fixture
def foreign(contracts, root, tmp_path):
    foreign = Foreign(root, tmp_path)
    yield foreign
    foreign.stop()


@pytest.fixture
def front(start, foreign, tmp_path):
    """front(interval, package): an edge before the foreign server."""

    def front(interval="100s", package="shelf.v1"):
        file = tmp_path / "edge.yaml"
        file.write_text(f"""
reflection_interval: {interval}
backends:
  - packages: [{package}]
    target: {foreign.address}
    reflection: true
""")
        return start(None, "--config", file, tls=False)

    return front


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_a_foreign_service_appears(foreign, front, version):
    foreign.start(PLAIN, version)
    edge = front()
    assert edge.curl("/v1/books/x?pages=7").json() == {"name": "x", "pages": 7}
    assert "/v1/books/{name}" in edge.curl("/openapi.json").json()["paths"]
    assert edge.curl("/v2/books/x").status == 404


def test_it_comes_up_after_the_edge(foreign, front, wait_until):
    edge = front()
    assert edge.curl("/v1/books/x").status == 404
    assert edge.curl("/healthz").status == 200
    assert "a backend does not say its contracts" in edge.log.read_text()
    foreign.start(PLAIN)
    wait_until(lambda: edge.curl("/v1/books/x").status == 200, 30, "the contract")


def test_it_comes_back_with_another_contract(foreign, front, wait_until):
    foreign.start(PLAIN)
    edge = front()
    foreign.stop()
    edge.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "loaded anew" in edge.log.read_text(), 30, "a word")
    assert edge.curl("/v1/books/x").status == 503  # the route is known from before
    foreign.start({**PLAIN, "shelf.proto": SHELF % MORE})
    wait_until(lambda: edge.curl("/v2/books/x").status == 200, 30, "the new route")
    assert edge.curl("/v1/books/x").status == 200


def test_a_change_is_noticed(foreign, front, wait_until):
    foreign.start(PLAIN)
    edge = front(interval="1s")
    foreign.compile({**PLAIN, "shelf.proto": SHELF % MORE})
    wait_until(lambda: edge.curl("/v2/books/x").status == 200, 30, "the new route")
    said = [json.loads(line)["message"] for line in edge.log.read_text().splitlines()]
    assert said.count("the configuration was loaded anew") == 1


def test_a_contract_that_is_built_in_too(foreign, front):
    """The backend's own counts."""
    foreign.start({"pricing/v1/pricing.proto": """
syntax = "proto3";
package pricing.v1;
import "google/api/annotations.proto";
service Pricing {
  rpc Say(Word) returns (Word) { option (google.api.http) = {get: "/v1/words/{text}"}; }
}
message Word { string text = 1; }
"""})
    edge = front(package="pricing.v1")
    assert edge.curl("/v1/words/x").json() == {"text": "x"}
    paths = edge.curl("/openapi.json").json()["paths"]
    assert not any("pric" in path for path in paths) and "/v1/products" in paths


@pytest.mark.parametrize("answer, words", [
    ({"file_descriptor_response": {"file_descriptor_proto": [b"\xff\xff"]}}, "not taken"),
    ({"error_response": {"error_code": 13, "error_message": "not today"}}, "not today"),
    ({"list_services_response": {"service": [{"name": "a"}] * 2000}}, "too many services"),
    ({"list_services_response": {}}, "no service of these packages"),
], ids=["bytes", "error", "many", "none"])
def test_answers_that_are_of_no_use(foreign, front, answer, words):
    """They are logged, and the edge serves what it has."""
    reasonable = foreign.answer
    foreign.answer = lambda request: (answer if "list_services_response" in answer or
                                      not request.list_services else reasonable(request))
    foreign.start(PLAIN)
    edge = front()
    assert edge.curl("/healthz").status == 200 and edge.curl("/v1/books/x").status == 404
    assert "/v1/products" in edge.curl("/openapi.json").json()["paths"]
    assert words in edge.log.read_text()


def test_a_backend_that_does_not_reflect(foreign, front):
    foreign.start(PLAIN, None)
    edge = front()
    assert edge.curl("/healthz").status == 200
    assert "the server has no reflection" in edge.log.read_text()


def test_a_route_that_another_has(foreign, front):
    """Both of a pair cannot be had: the edge starts with its own."""
    foreign.start({**PLAIN, "shelf.proto": (SHELF % "").replace("books/{name}", "products/{name}")})
    edge = front()
    assert "/v1/products" in edge.curl("/openapi.json").json()["paths"]
    assert "what backends say of their contracts is not taken" in edge.log.read_text()
