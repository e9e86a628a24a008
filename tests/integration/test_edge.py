"""The edge in front of a grpcio backend: REST in and out, bad input, limits, streams, drain."""

import concurrent.futures
import json
import re
import signal
import socket
import threading
import time

import grpc
import pytest
from edge_fixtures import backend, edge, fresh, shared, start  # noqa: F401

HTTP = ["--http1.1", "--http2"]
MAX_BODY = 4194304
POST = ["-X", "POST", "-H", "content-type: application/json"]


# --- What works ----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", HTTP)
def test_unary(edge, version):
    answer = edge.curl("/v1/products/85123A", version=version)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.json()["name"] == "products/85123A"
    assert answer.json()["weightGrams"] == 7

    answer = edge.curl("/v1/products?page_size=3&page_token=next", version=version)
    names = [product["name"] for product in answer.json()["products"]]
    assert names == [f"products/{i}" for i in range(3)]
    assert answer.json()["nextPageToken"] == "next"

    answer = edge.curl("/v1/products?product_id=new", *POST, "-d",
                       '{"title": "New", "weightGrams": 5}', version=version)
    assert answer.json()["name"] == "products/new" and answer.json()["title"] == "New"


@pytest.mark.parametrize("version", HTTP)
def test_head_and_options(edge, version):
    full = edge.curl("/v1/products/1", version=version)
    head = edge.curl("/v1/products/1", "--head", version=version)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(full.body))
    options = edge.curl("/v1/products", "-X", "OPTIONS", version=version)
    assert options.status == 204
    assert set(options.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}
    assert edge.curl("/v1/products:export", "--head", version=version).status == 200


def test_request_id_trace_and_metadata(edge):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = ("x-request-id: abc-1", f"traceparent: {trace}", "authorization: Bearer t",
               "cookie: c=1", "accept-language: de", "grpc-metadata-shop: north",
               "x-request-timeout: 2.5")
    answer = edge.curl("/v1/products/metadata",
                       *(word for header in headers for word in ("-H", header)))
    assert answer.headers["x-request-id"] == "abc-1"
    seen = json.loads(answer.json()["title"])
    assert seen["x-request-id"] == "abc-1"
    assert seen["authorization"] == "Bearer t"
    assert seen["accept-language"] == "de"
    assert seen["shop"] == "north"
    assert "cookie" not in seen
    assert seen["traceparent"].split("-")[1] == trace.split("-")[1]
    assert seen["traceparent"] != trace
    assert 0 < float(seen["deadline"]) <= 2.5
    line = [line for line in edge.requests() if line["request_id"] == "abc-1"][0]
    assert (line["status"], line["rpc"]) == (200, "/catalog.v1.Catalog/GetProduct")
    assert line["trace_id"] == trace.split("-")[1]

    made = edge.curl("/v1/products/metadata", "-H", "x-request-id: a b\"")
    assert re.fullmatch("[0-9a-f]{32}", made.headers["x-request-id"])
    assert 5 < float(json.loads(made.json()["title"])["deadline"]) <= 15


# --- Errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", HTTP)
def test_a_status_keeps_its_details(edge, version):
    answer = edge.curl("/v1/products/missing", version=version)
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "code": 5,
        "message": "no product \"missing\": 100 % gone",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo",
                     "reason": "PRODUCT_NOT_FOUND", "domain": "catalog.weft.example"}],
    }
    busy = edge.curl("/v1/products/busy", version=version)
    assert (busy.status, busy.headers["retry-after"]) == (429, "3")
    private = edge.curl("/v1/products/private", version=version)
    assert (private.status, private.headers["www-authenticate"]) == (401, "Bearer")


CREATE = "/v1/products?product_id=a"

# name: (path, curl's arguments, status, what the message must name)
BAD = {
    "malformed": (CREATE, [*POST, "-d", '{"title":\n  nope}'], 400, "line 2"),
    "cut off": (CREATE, [*POST, "-d", '{"title": "a"'], 400, "line 1"),
    "unknown field": (CREATE, [*POST, "-d", '{"colour": "red"}'], 400, "colour"),
    "wrong type": (CREATE, [*POST, "-d", '{"weightGrams": "heavy"}'], 400, "eight"),
    "out of range": (CREATE, [*POST, "-d", '{"weightGrams": 3000000000}'], 400, "eight"),
    "not UTF-8": (CREATE, [*POST, "--data-binary", b'{"title": "\xff"}'], 400, "title"),
    "nested deep": (CREATE, [*POST, "-d", "[" * 20000], 400, ""),
    "unknown parameter": ("/v1/products?colour=red", [], 400, "colour"),
    "parameter out of range": ("/v1/products?page_size=3000000000", [], 400, "page"),
    "parameter of wrong type": ("/v1/products?page_size=two", [], 400, "page"),
    "broken escape": ("/v1/products/%zz", [], 400, ""),
    "unknown path": ("/v2/products", [], 404, "/v2/products"),
    "the root": ("/", [], 404, "/"),
    "wrong method": ("/v1/products", ["-X", "DELETE"], 405, "DELETE"),
    "no content-type": (CREATE, ["-X", "POST", "-H", "content-type:", "-d", "{}"], 415,
                        "application/json"),
    "a form": (CREATE, ["-X", "POST", "-d", "a=b"], 415, "application/json"),
    "timeout": ("/v1/products/1", ["-H", "x-request-timeout: soon"], 400, "X-Request-Timeout"),
    "grpc-timeout": ("/v1/products/1", ["-H", "grpc-timeout: 5"], 400, "grpc-timeout"),
}


# The same, for programs.
VIOLATED = {
    "unknown field": "product.colour",
    "wrong type": "product.weightGrams",
    "out of range": "product.weightGrams",
    "unknown parameter": "colour",
    "parameter out of range": "page_size",
    "parameter of wrong type": "page_size",
}


@pytest.mark.parametrize("version", HTTP)
@pytest.mark.parametrize("name", BAD)
def test_bad_input(edge, name, version):
    path, arguments, status, named = BAD[name]
    answer = edge.curl(path, *arguments, version=version)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) <= {"code", "message", "details"} and body["code"] > 0
    assert named in body["message"], body
    if name in VIOLATED:
        assert [violation["field"] for detail in body["details"]
                for violation in detail["fieldViolations"]] == [VIOLATED[name]]
    if status == 405:
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}


@pytest.mark.parametrize("version", HTTP)
def test_body_over_the_limit(edge, version, tmp_path):
    big = tmp_path / "big.json"
    big.write_bytes(b'{"title": "' + b"x" * MAX_BODY + b'"}')
    unannounced = "transfer-encoding: chunked" if version == "--http1.1" else "expect:"
    for arguments in ([], ["-H", unannounced]):
        answer = edge.curl(CREATE, *POST, *arguments, "--data-binary", f"@{big}", version=version,
                           check=False)
        assert answer.status == 413
        assert str(MAX_BODY) in answer.json()["message"]


def test_headers_over_the_limit(edge):
    answer = edge.curl("/v1/products/1", "-H", "x-long: " + "a" * 17000, version="--http1.1")
    assert answer.status == 431
    assert "16384" in answer.json()["message"]
    answer = edge.curl("/v1/products/1", "-H", "x-long: " + "a" * 17000)
    assert answer.status == 431
    assert "16384" in answer.json()["message"]
    assert edge.curl("/v1/" + "a" * 17000, version="--http1.1").status == 414


def test_what_no_parser_should_take(edge):
    for request in (b"GET /healthz HTTP/1.1\nHost: h\n\n",
                    b"GET /healthz HTTP/1.1\r\nHost : h\r\n\r\n",
                    b"GET /healthz HTTP/1.1\r\n\r\n",
                    b"\x16\x03\x01\x02\x00\x01\r\n",
                    b"POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n"):
        answer = edge.talk(request, until=lambda received: received.endswith(b"}"))
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n"), request
        assert b"\r\nconnection: close\r\n" in answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["message"].startswith("line ")


# --- HTTP/1.1 as such ----------------------------------------------------------------------------

GET = b"GET /v1/products/%s HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_keep_alive_and_pipelining(edge):
    count = 50
    requests = b"".join(GET % str(i).encode() for i in range(count))
    answer = edge.talk(requests + b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == count + 1
    names = re.findall(rb'"name":"products/(\d+)"', answer)
    assert names == [str(i).encode() for i in range(count)]
    assert answer.count(b"connection: close") == 1

    # A refusal whose body came along keeps the connection.
    answer = edge.talk(b"POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                       b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"404", b"200"]


def test_http_1_0(edge):
    answer = edge.talk(b"GET /v1/products:export HTTP/1.0\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head and b"connection: close" in head
    assert len(body.splitlines()) == 3


def test_chunked_upload_and_continue(edge):
    head = (b"POST /v1/products?product_id=c HTTP/1.1\r\nHost: h\r\n"
            b"Content-Type: application/json\r\nConnection: close\r\n")
    body = b"5\r\n{\"tit\r\n6;x=y\r\nle\":\"a\r\n2\r\n\"}\r\n0\r\nX: y\r\n\r\n"
    answer = edge.talk(head + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    assert answer.startswith(b"HTTP/1.1 200") and b'"title":"a"' in answer

    with edge.connect() as connection:
        connection.sendall(head + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert connection.recv(10000).startswith(b"HTTP/1.1 200 OK\r\n")

    # Who is refused is not told to go on.
    head = head.replace(b"json", b"xml")
    refused = edge.talk(head + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n",
                        until=lambda received: b"\r\n\r\n" in received)
    assert refused.startswith(b"HTTP/1.1 415")


# --- Streams -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", HTTP)
def test_server_stream(edge, backend, version):
    backend.export_count = 500
    answer = edge.curl("/v1/products:export", version=version)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    names = [json.loads(line)["product"]["name"] for line in answer.body.splitlines()]
    assert names == [f"products/{i}" for i in range(500)]
    backend.export_count = 0
    assert edge.curl("/v1/products:export", version=version).body == b""


EVENTS = ["-H", "accept: text/event-stream"]


@pytest.mark.parametrize("version", HTTP)
def test_server_sent_events(edge, version):
    answer = edge.curl("/v1/products:export", *EVENTS, version=version)
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-store"
    events = answer.body.decode().split("\n\n")
    assert events.pop() == ""
    assert [json.loads(event.removeprefix("data: "))["product"]["name"] for event in events] == [
        "products/0", "products/1", "products/2"]


def test_events_that_break_off(edge, backend):
    backend.export_error = grpc.StatusCode.DATA_LOSS
    cut_off = edge.curl("/v1/products:export", "-N", *EVENTS, version="--http1.1", check=False)
    assert (cut_off.code, cut_off.status) == (18, 200)
    events = cut_off.body.decode().split("\n\n")
    assert len(events) == 5 and events[4] == ""
    kind, data = events[3].split("\n")
    assert kind == "event: error"
    assert json.loads(data.removeprefix("data: "))["message"] == "the export broke off"


def test_the_fields_of_a_violation_have_json_names(edge):
    answer = edge.curl("/v1/products?product_id=wrong", *POST, "-d", "{}")
    assert answer.status == 400
    assert answer.json()["details"] == [{
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [
            {"field": "product.unitPrice.currencyCode", "description": "GBP"},
            {"field": "name", "description": "no"},
            {"field": "lines[2].unit_price", "description": "of no contract here"},
        ]}]


def test_a_stream_that_fails_does_not_end(edge, backend):
    backend.export_error = grpc.StatusCode.DATA_LOSS
    cut_off = edge.curl("/v1/products:export", "-N", version="--http1.1", check=False)
    assert (cut_off.code, cut_off.status) == (18, 200)
    status, body, reset = edge.http2_get("/v1/products:export")
    assert (status, reset) == (200, 2)  # INTERNAL_ERROR
    for lines in (cut_off.body.splitlines(), body.splitlines()):
        assert len(lines) == 4
        assert json.loads(lines[-1])["error"]["code"] == 15
        assert json.loads(lines[-1])["error"]["message"] == "the export broke off"

    # Before anything was sent it is an error like any other.
    backend.export_count = 0
    for version in HTTP:
        answer = edge.curl("/v1/products:export", version=version)
        assert (answer.status, answer.json()["code"]) == (500, 15)


def test_a_slow_reader_holds_the_backend(edge, backend, wait_until):
    backend.export_count = 200000  # 200 MB
    before = edge.rss()
    with edge.connect(receive_buffer=8192) as connection:
        connection.sendall(b"GET /v1/products:export HTTP/1.1\r\nHost: h\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        seen = -1

        def settled():
            nonlocal seen
            last, seen = seen, backend.exported
            time.sleep(0.5)
            return last == seen

        wait_until(settled, 30, "the backend to be held back")
        assert backend.exported < 60000
        assert edge.rss() - before < 30e6
    wait_until(backend.cancelled.is_set, 10, "the backend to hear that the client is gone")


@pytest.mark.parametrize("version", HTTP)
def test_client_stream(edge, backend, version, tmp_path):
    lines = [json.dumps({"product": {"name": f"products/{i}", "title": "x" * 200}})
             for i in range(3000)]
    upload = tmp_path / "products.ndjson"
    upload.write_text("\n".join(lines))
    answer = edge.curl("/v1/products:import", "-X", "POST", "-H",
                       "content-type: application/x-ndjson", "--data-binary", f"@{upload}",
                       version=version)
    assert answer.status == 200, answer.body
    assert answer.json()["created"] == "3000"
    assert backend.imported == [f"products/{i}" for i in range(3000)]


IMPORT = (b"POST /v1/products:import HTTP/1.1\r\nHost: h\r\n"
          b"Content-Type: application/x-ndjson\r\n")


def test_a_bad_line_of_an_upload(edge, backend, wait_until):
    head = IMPORT + b"Transfer-Encoding: chunked\r\n\r\n"
    lines = [b'{"product":{"name":"products/1"}}\n', b'{"product":{"price":1}}\n']
    with edge.connect() as connection:
        connection.sendall(head + b"%x\r\n%s\r\n" % (len(lines[0]), lines[0]))
        wait_until(lambda: backend.imported == ["products/1"], 10, "the first line to be there")
        connection.sendall(b"%x\r\n%s\r\n" % (len(lines[1]), lines[1]))
        answer = connection.recv(10000)
    assert answer.startswith(b"HTTP/1.1 400")
    message = json.loads(answer.partition(b"\r\n\r\n")[2])["message"]
    assert "line 2" in message and "price" in message
    wait_until(backend.cancelled.is_set, 10, "the backend to hear of it")


def test_a_slow_backend_holds_the_upload(edge, backend, wait_until):
    backend.import_gate.clear()
    before = edge.rss()
    line = json.dumps({"product": {"name": "products/1", "title": "x" * 200}}).encode() + b"\n"
    block = line * 4000
    sent = 0
    with edge.connect() as connection:
        connection.sendall(IMPORT + b"Content-Length: 10000000000\r\n\r\n")
        connection.settimeout(1)
        with pytest.raises(TimeoutError):
            while sent < 200e6:
                sent += connection.send(block)
        assert edge.rss() - before < 30e6
    backend.import_gate.set()
    wait_until(backend.cancelled.is_set, 20, "the backend to hear that the client is gone")


# --- gRPC through the edge -----------------------------------------------------------------------


@pytest.fixture
def stub(edge, backend):
    """Python's own client, at the edge's address."""
    credentials = grpc.ssl_channel_credentials(edge.ca.read_bytes())
    pb = backend.pb
    with grpc.secure_channel(f"127.0.0.1:{edge.port}", credentials) as channel:

        def method(kind, name, request, response):
            return getattr(channel, kind)(f"/catalog.v1.Catalog/{name}",
                                          request_serializer=getattr(pb, request).SerializeToString,
                                          response_deserializer=getattr(pb, response).FromString)

        class Stub:
            get = method("unary_unary", "GetProduct", "GetProductRequest", "Product")
            imports = method("stream_unary", "ImportProducts", "ImportProductsRequest",
                             "ImportProductsResponse")
            export = method("unary_stream", "ExportProducts", "ExportProductsRequest",
                            "ExportProductsResponse")
            nobody = channel.unary_unary("/nobody.v1.Nobody/Get")

        yield Stub


def test_grpc_passes_through(stub, backend):
    pb = backend.pb
    answer, call = stub.get.with_call(pb.GetProductRequest(name="products/metadata"), timeout=20,
                                      metadata=(("shop", "north"), ("key-bin", b"\x00\xff")))
    seen = json.loads(answer.title)
    assert seen["shop"] == "north" and 10 < float(seen["deadline"]) <= 20
    assert dict(call.initial_metadata())["x-request-id"] == seen["x-request-id"]

    with pytest.raises(grpc.RpcError) as error:
        stub.get(pb.GetProductRequest(name="products/missing"), timeout=20)
    assert error.value.code() == grpc.StatusCode.NOT_FOUND
    assert error.value.details() == "no product \"missing\": 100 % gone"
    details = dict(error.value.trailing_metadata())["grpc-status-details-bin"]
    status = backend.status.Status.FromString(details)
    assert status.details[0].type_url.endswith("google.rpc.ErrorInfo")

    requests = (pb.ImportProductsRequest(product=pb.Product(name=f"products/{i}", title="x" * 100))
                for i in range(3000))
    assert stub.imports(requests, timeout=30).created == 3000
    backend.export_count = 3000
    names = [answer.product.name for answer in stub.export(pb.ExportProductsRequest(), timeout=30)]
    assert names == [f"products/{i}" for i in range(3000)]


def test_grpc_that_fails(stub, backend, wait_until):
    with pytest.raises(grpc.RpcError) as error:
        stub.nobody(b"", timeout=20)
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED
    big = backend.pb.ImportProductsRequest(product=backend.pb.Product(title="x" * (MAX_BODY + 1)))
    with pytest.raises(grpc.RpcError) as error:
        stub.imports(iter([big]), timeout=20)
    assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    backend.cancelled.clear()
    running = stub.get.future(backend.pb.GetProductRequest(name="products/slow"), timeout=20)
    time.sleep(0.2)
    running.cancel()
    wait_until(backend.cancelled.is_set, 10, "the backend to be cancelled")


# --- Things that go wrong ------------------------------------------------------------------------


@pytest.mark.parametrize("version", HTTP)
def test_deadline(edge, backend, version, wait_until):
    answer = edge.curl("/v1/products/slow", "-H", "x-request-timeout: 0.3", version=version)
    assert (answer.status, answer.json()["code"]) == (504, 4)
    wait_until(backend.cancelled.is_set, 10, "the backend to be cancelled")
    backend.cancelled.clear()
    assert edge.curl("/v1/products/slow", "-H", "grpc-timeout: 300m", version=version).status == 504


@pytest.mark.parametrize("version", HTTP)
def test_the_client_goes(edge, backend, version, wait_until):
    answer = edge.curl("/v1/products/slow", "--max-time", "0.5", version=version, check=False)
    assert answer.code == 28
    wait_until(backend.cancelled.is_set, 10, "the backend to be cancelled")
    wait_until(lambda: any(line["status"] == 499 for line in edge.requests()), 10, "the log line")


def test_backend_down(start, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    edge = start(f"ipv4:127.0.0.1:{port}")
    for version in HTTP:
        answer = edge.curl("/v1/products/1", version=version)
        assert (answer.status, answer.json()["code"]) == (503, 14)
        assert answer.headers["retry-after"] == "1"
        assert str(port) not in answer.json()["message"] and str(port) in edge.log.read_text()
        assert edge.curl("/v1/prices:compute", *POST, "-d", "{}", version=version).status == 503
    assert edge.curl("/healthz").json() == {"status": "ok"}


def test_timers(start, backend):
    edge = start(f"ipv4:127.0.0.1:{backend.port}", "--head-timeout", "300ms",
                 "--body-timeout", "300ms", "--idle-timeout", "300ms")
    assert edge.talk(b"") == b""
    assert edge.talk(b"GET / HT").startswith(b"HTTP/1.1 408")
    cut_off = edge.talk(b"POST /v1/products?product_id=a HTTP/1.1\r\nHost: h\r\n"
                        b"Content-Type: application/json\r\nContent-Length: 5\r\n\r\n{")
    assert cut_off.startswith(b"HTTP/1.1 408")
    answer = edge.talk(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"{\"status\":\"ok\"}\n")


def test_connections_are_capped(start, backend):
    edge = start(f"ipv4:127.0.0.1:{backend.port}", "--max-connections", "2", "--workers", "1",
                 tls=False)
    with edge.connect() as first, edge.connect() as second:
        for connection in (first, second):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        with edge.connect() as third:
            assert third.recv(1000) == b""
    assert "turned away" in edge.log.read_text()


def test_plaintext_speaks_both(start, backend):
    edge = start(f"ipv4:127.0.0.1:{backend.port}", tls=False)
    assert edge.curl("/healthz", version="--http1.1").status == 200
    assert edge.curl("/healthz", version="--http2-prior-knowledge").status == 200


@pytest.mark.parametrize("version", HTTP)
def test_drain(start, backend, version, wait_until):
    edge = start(f"ipv4:127.0.0.1:{backend.port}")
    backend.pause_export = threading.Event()
    backend.export_count = 2
    with concurrent.futures.ThreadPoolExecutor() as pool, edge.connect() as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        assert idle.recv(1000).startswith(b"HTTP/1.1 200")
        running = pool.submit(edge.curl, "/v1/products:export", version=version)
        wait_until(lambda: backend.exported == 2, 10, "the export to run")
        edge.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not edge.url_file.exists(), 10, "the URL to be withdrawn")
        assert idle.recv(1000) == b""
        with pytest.raises(OSError):
            edge.connect().close()
        assert edge.process.poll() is None
        backend.pause_export.set()
        answer = running.result(20)
    assert (answer.status, len(answer.body.splitlines())) == (200, 2)
    assert edge.process.wait(20) == 0
