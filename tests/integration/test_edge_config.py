"""The edge's file: what it configures, what --check says; and CORS, which only it can switch on."""

import concurrent.futures
import functools
import http.server
import json
import signal
import subprocess
import sys
import threading

import grpc
import pytest
from edge_fixtures import backend, fresh, start  # noqa: F401

ORIGIN = "https://shop.example"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The URL of a page that is not the edge's."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text("<!doctype html><title>A shop</title>")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def edge(start, backend, page, certificates, tmp_path_factory):
    """All that it knows it has from a file."""
    file = tmp_path_factory.mktemp("config") / "edge.yaml"
    file.write_text(f"""
tls:
  cert_file: {certificates}/tls/server.pem
  key_file: {certificates}/tls/server.key
upstream_ca_file: {certificates}/ca.pem
limits:
  max_body: 1000
backends:
  - packages: [catalog.v1]
    target: ipv4:127.0.0.1:{backend.port}
cors:
  allowed_origins: [{ORIGIN}, '{page}']
  max_age: 90s
""")
    return start(None, "--config", file)


def test_the_file_is_followed(edge):
    assert edge.curl("/v1/products/7").json()["title"] == "A thing"
    assert edge.curl("/v1/products", "-H", "content-type: application/json", "-d",
                     "x" * 1001).status == 413


PREFLIGHT = ["-X", "OPTIONS", "-H", "access-control-request-method: POST"]


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_preflight(edge, version):
    answer = edge.curl("/v1/products", *PREFLIGHT, "-H", f"origin: {ORIGIN}", version=version)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in answer.headers["access-control-allow-methods"].split(", ")
    assert "content-type" in answer.headers["access-control-allow-headers"].split(", ")
    assert answer.headers["access-control-max-age"] == "90"
    assert answer.headers["vary"] == "origin"


def test_an_origin_that_is_not_allowed(edge):
    answer = edge.curl("/v1/products", *PREFLIGHT, "-H", "origin: https://evil.example")
    assert answer.status == 403
    assert "https://evil.example" in answer.json()["message"]
    assert "access-control-allow-origin" not in answer.headers
    answer = edge.curl("/v1/products/7", "-H", "origin: https://evil.example")
    assert answer.status == 200 and "access-control-allow-origin" not in answer.headers


def test_an_answer_to_a_page(edge):
    answer = edge.curl("/v1/products/missing", "-H", f"origin: {ORIGIN}")
    assert answer.status == 404
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "x-request-id" in answer.headers["access-control-expose-headers"].split(", ")


def test_without_cors_nothing_is_said(start, backend):
    plain = start(f"ipv4:127.0.0.1:{backend.port}")
    answer = plain.curl("/v1/products/7", "-H", f"origin: {ORIGIN}")
    assert answer.status == 200
    assert not any(name.startswith("access-control") for name in answer.headers)
    assert plain.curl("/v1/products", *PREFLIGHT, "-H", f"origin: {ORIGIN}").headers["allow"]


def test_fetch_in_a_browser(root, edge, page):
    done = subprocess.run(["node", root / "tests/browser/fetch.mjs", page, edge.url], timeout=100,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["get"]["status"] == 200 and seen["get"]["id"]
    assert json.loads(seen["get"]["text"])["name"] == "products/7"
    assert seen["missing"]["status"] == 404
    assert json.loads(seen["missing"]["text"])["details"][0]["reason"] == "PRODUCT_NOT_FOUND"
    assert seen["post"]["status"] == 200
    assert json.loads(seen["post"]["text"])["name"] == "products/new"
    assert "refused" in seen["header"]


def check(build, *arguments):
    return subprocess.run([build / "gateway/weft-gateway", *arguments], capture_output=True,
                          text=True, timeout=30, check=False)


def test_check(build, tmp_path):
    file = tmp_path / "edge.yaml"
    file.write_text("workers: 2\n")
    done = check(build, "--check", file)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{file}: well\n", "")

    file.write_text("timeouts:\n  cal: 1s\n")
    done = check(build, "--check", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"weft-gateway: {file}: line 2, column 3: timeouts.cal: no field \"cal\" in "
        "gateway.v1.Timeouts; did you mean \"call\"?\n")

    file.write_text("tls: {cert_file: /nowhere/cert.pem, key_file: /nowhere/key.pem}\n")
    done = check(build, "--check", file)
    assert done.returncode == 1 and "/nowhere/cert.pem" in done.stderr


# --- Changes while it runs -----------------------------------------------------------------------


class Configured:
    """An edge whose file changes."""

    def __init__(self, start, folder, text):
        self.file = folder / "edge.yaml"
        self.file.write_text(text)
        self.edge = start(None, "--config", self.file, tls=False)

    def write(self, text):
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.rename(self.file)

    def logged(self, words):
        return words in self.edge.log.read_text()


def catalog(port, more=""):
    return (f"backends: [{{packages: [catalog.v1], target: 'ipv4:127.0.0.1:{port}'}}]\n"
            f"upstream_ca_file: {{ca}}\n{more}")


@pytest.fixture
def changing(start, backend, certificates, tmp_path):
    text = catalog(backend.port).replace("{ca}", str(certificates / "ca.pem"))
    return Configured(start, tmp_path, text), text


def test_a_changed_file_is_taken_up(changing, wait_until):
    configured, text = changing
    edge = configured.edge
    body = ["-H", "content-type: application/json", "-d", '{"title": "0123456789"}']
    path = "/v1/products?product_id=x"
    assert edge.curl(path, *body).status == 200
    configured.write(text + "limits: {max_body: 10}\n")
    wait_until(lambda: edge.curl(path, *body).status == 413, 20, "the new limit")
    configured.write(text)
    wait_until(lambda: edge.curl(path, *body).status == 200, 20, "the old limit")


def test_a_wrong_file_changes_nothing(changing, wait_until):
    configured, text = changing
    configured.write(text + "limits: {max_bodies: 10}\n")
    wait_until(lambda: configured.logged("the configuration stays as it was"), 20, "a word")
    assert configured.logged("did you mean")
    assert configured.edge.curl("/v1/products/7").status == 200
    configured.write(text + "workers: 3\n")
    wait_until(lambda: configured.logged("how many workers it has cannot change"), 20, "a word")
    assert configured.edge.curl("/v1/products/7").status == 200


def test_sighup(changing, wait_until):
    configured, _ = changing
    configured.edge.process.send_signal(signal.SIGHUP)
    wait_until(lambda: configured.logged("the configuration was loaded anew"), 20, "a word")
    assert configured.edge.curl("/v1/products/7").status == 200


def test_what_is_under_way_ends_as_it_began(changing, backend, wait_until):
    configured, text = changing
    backend.pause_export = threading.Event()
    seen = []
    reader = threading.Thread(target=lambda: seen.append(
        configured.edge.curl("/v1/products:export", "-N")))
    reader.start()
    try:
        wait_until(lambda: backend.exported == 3, 20, "the stream")
        configured.write(text.replace("catalog.v1", "none.v1"))
        wait_until(lambda: configured.edge.curl("/v1/products/7").status == 503, 20, "the change")
    finally:
        backend.pause_export.set()
        reader.join(30)
    assert (seen[0].status, seen[0].code, len(seen[0].body.splitlines())) == (200, 0, 3)


# --- Contracts that the edge was not built with --------------------------------------------------

SHELF = """
syntax = "proto3";
package shelf.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
service Shelf {
  // Gives a book.
  rpc GetBook(Book) returns (Book) { option (google.api.http) = {get: "/v1/books/{name}"}; }
  rpc PutCover(Cover) returns (google.api.HttpBody) {
    option (google.api.http) = {put: "/v1/covers/{name}" body: "image"};
  }
  rpc Pages(Book) returns (stream google.api.HttpBody) {
    option (google.api.http) = {get: "/v1/books/{name}/pages"};
  }
  rpc Watch(WatchRequest) returns (stream Event) {
    option (google.api.http) = {get: "/v1/events"};
  }
}
message Book { string name = 1; int32 pages = 2; }
message Cover { string name = 1; google.api.HttpBody image = 2; }
message WatchRequest { int64 after_sequence = 1; }
message Event { int64 sequence = 1; string text = 2; }
"""


@pytest.fixture(scope="module")
def shelf(contracts, tmp_path_factory, root):
    """(port, descriptor file): a service whose contract nobody built into the edge."""
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "shelf.proto").write_text(SHELF)
    subprocess.run(["protoc", f"-I{folder}", f"-I{root}/proto", "-I/usr/include",
                    "--include_imports", "--include_source_info",
                    f"--descriptor_set_out={folder}/shelf.binpb", f"--python_out={folder}",
                    "shelf.proto"], check=True)
    sys.path.insert(0, str(folder))
    import shelf_pb2
    from google.api import httpbody_pb2

    def put_cover(request, context):
        assert request.image.content_type == "image/png"
        return httpbody_pb2.HttpBody(content_type="image/x-test",
                                     data=request.name.encode() + request.image.data)

    def pages(request, context):
        yield httpbody_pb2.HttpBody(content_type="text/plain; charset=utf-8", data=b"one, ")
        yield httpbody_pb2.HttpBody(data=b"two")

    def watch(request, context):
        for number in range(request.after_sequence + 1, 4):
            yield shelf_pb2.Event(sequence=number, text=f"event {number}")

    def handler(kind, function, request):
        return kind(function, request_deserializer=request.FromString,
                    response_serializer=lambda message: message.SerializeToString())

    unary, streamed = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shelf.v1.Shelf", {
        "GetBook": handler(unary, lambda request, _: shelf_pb2.Book(name=request.name, pages=7),
                           shelf_pb2.Book),
        "PutCover": handler(unary, put_cover, shelf_pb2.Cover),
        "Pages": handler(streamed, pages, shelf_pb2.Book),
        "Watch": handler(streamed, watch, shelf_pb2.WatchRequest),
    }),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port, folder / "shelf.binpb"
    server.stop(0)


@pytest.fixture(scope="module")
def library(start, shelf, tmp_path_factory):
    port, descriptors = shelf
    return Configured(start, tmp_path_factory.mktemp("library"), f"""
backends:
  - packages: [shelf.v1]
    target: ipv4:127.0.0.1:{port}
    descriptor_file: {descriptors}
""").edge


def test_a_descriptor_file(library):
    assert library.curl("/v1/books/x").json() == {"name": "x", "pages": 7}
    document = library.curl("/openapi.json").json()
    assert document["paths"]["/v1/books/{name}"]["get"]["summary"] == "Gives a book"


def test_bytes_as_they_are(library, tmp_path):
    image = tmp_path / "image"
    image.write_bytes(b"\x89PNG\0{")
    answer = library.curl("/v1/covers/7", "-X", "PUT", "-H", "content-type: image/png",
                          "--data-binary", f"@{image}")
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/x-test"
    assert answer.body == b"7\x89PNG\0{"
    streamed = library.curl("/v1/books/7/pages")
    assert streamed.headers["content-type"] == "text/plain; charset=utf-8"
    assert streamed.body == b"one, two"


def test_events_are_numbered_and_taken_up_again(library):
    events = ["-H", "accept: text/event-stream"]
    whole = library.curl("/v1/events", *events).body.decode()
    assert whole == "".join(
        f'id: {n}\ndata: {{"sequence":"{n}","text":"event {n}"}}\n\n' for n in (1, 2, 3))
    rest = library.curl("/v1/events", *events, "-H", "last-event-id: 2").body.decode()
    assert rest.startswith("id: 3\n") and rest.count("id:") == 1
    wrong = library.curl("/v1/events", *events, "-H", "last-event-id: x")
    assert wrong.status == 400 and "Last-Event-ID" in wrong.json()["message"]


def test_check_reads_the_descriptors(build, tmp_path):
    file = tmp_path / "edge.yaml"
    file.write_text("backends: [{packages: [a.v1], target: 'unix:/a', descriptor_file: /no.binpb}]")
    done = check(build, "--check", file)
    assert done.returncode == 1 and "/no.binpb: No such file" in done.stderr
