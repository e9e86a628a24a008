"""An edge in front of a grpcio backend, for the tests that need one: import the fixtures you use.

The backend is foreign (Python's grpcio) so that what crosses between them is gRPC and not a habit
of ours. The edge runs with sanitizers; it must end with exit code 0 and without a word of theirs.
"""

import collections
import concurrent.futures
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import grpc
import h2.connection
import h2.events
import pytest

# --- The backend ---------------------------------------------------------------------------------


class Backend:
    """catalog.v1.Catalog: what it does is asked for by the product's name."""

    def __init__(self, certificates):
        from catalog.v1 import catalog_pb2
        from google.rpc import error_details_pb2, status_pb2

        self.pb = catalog_pb2
        self.details = error_details_pb2
        self.status = status_pb2
        self.cancelled = threading.Event()
        self.imported = []
        self.import_gate = threading.Event()
        self.import_gate.set()
        self.exported = 0
        self.export_count = 3
        self.export_error = None
        self.pause_export = None

        unary, serve = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
        handlers = {
            "GetProduct": self.handler(unary, self.get, "GetProductRequest"),
            "ListProducts": self.handler(unary, self.list, "ListProductsRequest"),
            "CreateProduct": self.handler(unary, self.create, "CreateProductRequest"),
            "ImportProducts": self.handler(grpc.stream_unary_rpc_method_handler, self.imports,
                                           "ImportProductsRequest"),
            "ExportProducts": self.handler(serve, self.export, "ExportProductsRequest"),
        }
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(16))
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("catalog.v1.Catalog", handlers),))
        tls = certificates / "tls"
        credentials = grpc.ssl_server_credentials(
            [((tls / "server.key").read_bytes(), (tls / "server.pem").read_bytes())])
        self.port = self.server.add_secure_port("127.0.0.1:0", credentials)
        self.server.start()

    def handler(self, kind, function, request):
        return kind(function, request_deserializer=getattr(self.pb, request).FromString,
                    response_serializer=lambda message: message.SerializeToString())

    def fail(self, context, code, message, *details):
        from google.protobuf import any_pb2

        status = self.status.Status(code=code.value[0], message=message)
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(code, message)

    def get(self, request, context):
        name = request.name
        if name == "products/missing":
            self.fail(context, grpc.StatusCode.NOT_FOUND, "no product \"missing\": 100 % gone",
                      self.details.ErrorInfo(reason="PRODUCT_NOT_FOUND",
                                             domain="catalog.weft.example"))
        if name == "products/busy":
            retry = self.details.RetryInfo()
            retry.retry_delay.FromMilliseconds(2500)
            self.fail(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "busy", retry)
        if name == "products/private":
            self.fail(context, grpc.StatusCode.UNAUTHENTICATED, "who are you?")
        if name == "products/slow":
            context.add_callback(self.cancelled.set)
            self.cancelled.wait(30)
            context.abort(grpc.StatusCode.CANCELLED, "never mind")
        if name == "products/metadata":
            pairs = {key: value for key, value in context.invocation_metadata()
                     if isinstance(value, str)}
            pairs["deadline"] = str(context.time_remaining())
            return self.pb.Product(name=name, title=json.dumps(pairs))
        return self.pb.Product(name=name, title="A thing", weight_grams=7)

    def list(self, request, context):
        products = [self.pb.Product(name=f"products/{i}") for i in range(request.page_size or 2)]
        return self.pb.ListProductsResponse(products=products, next_page_token=request.page_token)

    def create(self, request, context):
        if request.product_id == "wrong":
            wrong = self.details.BadRequest()
            for field, words in [("product.unit_price.currency_code", "GBP"), ("name", "no"),
                                 ("lines[2].unit_price", "of no contract here")]:
                wrong.field_violations.add(field=field, description=words)
            self.fail(context, grpc.StatusCode.INVALID_ARGUMENT, "wrong", wrong)
        request.product.name = "products/" + request.product_id
        return request.product

    def imports(self, requests, context):
        context.add_callback(self.cancelled.set)
        for request in requests:
            self.import_gate.wait(30)
            self.imported.append(request.product.name)
        return self.pb.ImportProductsResponse(created=len(self.imported))

    def export(self, request, context):
        context.add_callback(self.cancelled.set)
        for i in range(self.export_count):
            if not context.is_active():
                return
            self.exported = i + 1
            yield self.pb.ExportProductsResponse(
                product=self.pb.Product(name=f"products/{i}", title="x" * 1000))
        if self.pause_export:
            self.pause_export.wait(30)
        if self.export_error:
            self.fail(context, self.export_error, "the export broke off")


@pytest.fixture(scope="module")
def backend(certificates, contracts):
    backend = Backend(certificates)
    yield backend
    backend.cancelled.set()
    backend.import_gate.set()
    backend.server.stop(0)


# --- The edge ------------------------------------------------------------------------------------


class Edge:
    def __init__(self, build, certificates, folder, target, *flags, tls=True):
        """`target` None: its flags say where everything is."""
        self.ca = certificates / "ca.pem"
        self.tls = tls
        self.log = folder / "edge.log"
        url_file = folder / "edge.url"
        command = [build / "gateway" / "weft-gateway", "--listen", "127.0.0.1:0",
                   "--url-file", url_file, *flags]
        if target:
            command += ["--upstream-ca", self.ca, "--backend", f"catalog.v1={target}"]
        if tls and target:
            command += ["--tls-cert", certificates / "tls/server.pem",
                        "--tls-key", certificates / "tls/server.key"]
        # Freed memory goes back at once, so that a test can see what is held.
        environment = {**os.environ, "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
                       "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stderr=log, env=environment)
        self.url_file = url_file
        end = time.monotonic() + 30
        while not url_file.exists():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, "the edge does not listen"
            time.sleep(0.02)
        self.url = url_file.read_text().strip()
        self.port = int(self.url.rsplit(":", 1)[1])

    def curl(self, path, *arguments, version="--http2", check=True):
        """A response: status, headers (lower case), body, curl's exit code."""
        result = subprocess.run(
            ["curl", "-sS", "-i", "--max-time", "30", version, "--cacert", self.ca, *arguments,
             self.url + path], capture_output=True, check=False)
        assert not check or result.returncode == 0, result.stderr
        head, body = b"", result.stdout
        while body.startswith(b"HTTP/"):
            head, _, body = body.partition(b"\r\n\r\n")
            if not re.match(rb"HTTP/[\d.]+ 1", head):
                break
        lines = head.decode().split("\r\n")
        pairs = (line.partition(":") for line in lines[1:])
        headers = {key.lower(): value.strip() for key, _, value in pairs}
        status = int(lines[0].split()[1]) if len(lines[0].split()) > 1 else 0
        return Response(status, headers, body, result.returncode)

    def connect(self, alpn="http/1.1", receive_buffer=None):
        raw = socket.socket()
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.settimeout(20)
        raw.connect(("127.0.0.1", self.port))
        if not self.tls:
            return raw
        context = ssl.create_default_context(cafile=self.ca)
        context.set_alpn_protocols([alpn])
        return context.wrap_socket(raw, server_hostname="localhost")

    def talk(self, request, until=None):
        """Sends bytes and reads up to the end of the connection, or until `until(received)`."""
        received = b""
        with self.connect() as connection:
            connection.sendall(request)
            while not (until and until(received)):
                try:
                    data = connection.recv(65536)
                except ConnectionResetError:
                    break
                if not data:
                    break
                received += data
        return received

    def http2_get(self, path):
        """Status, body, the code of the reset (None: a clean end). curl drops what it follows."""
        state = h2.connection.H2Connection()
        status, body = 0, b""
        with self.connect("h2") as connection:
            state.initiate_connection()
            state.send_headers(1, [(":method", "GET"), (":path", path), (":scheme", "https"),
                                   (":authority", "localhost")], end_stream=True)
            while True:
                connection.sendall(state.data_to_send())
                for event in state.receive_data(connection.recv(65536)):
                    if isinstance(event, h2.events.ResponseReceived):
                        status = int(dict(event.headers)[b":status"])
                    elif isinstance(event, h2.events.DataReceived):
                        body += event.data
                        state.acknowledge_received_data(event.flow_controlled_length, 1)
                    elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                        return status, body, getattr(event, "error_code", None)

    def rss(self):
        for line in open(f"/proc/{self.process.pid}/status", encoding="ascii"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        return 0

    def requests(self):
        lines = (json.loads(line) for line in self.log.read_text().splitlines() if line[0] == "{")
        return [line for line in lines if line["message"] == "request"]

    def alive(self):
        assert self.curl("/healthz").status == 200
        assert self.curl("/v1/products/alive").json()["name"] == "products/alive"

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        text = self.log.read_text()
        assert "Sanitizer" not in text and "runtime error" not in text, text[-6000:]
        assert code == 0, text[-2000:]


class Response(collections.namedtuple("Response", "status headers body code")):
    def json(self):
        return json.loads(self.body)


@pytest.fixture(scope="module")
def start(build, certificates, tmp_path_factory):
    edges = []

    def start(target, *flags, **options):
        edge = Edge(build, certificates, tmp_path_factory.mktemp("edge"), target, *flags, **options)
        edges.append(edge)
        return edge

    yield start
    for edge in edges:
        edge.stop()


@pytest.fixture(scope="module")
def shared(start, backend, tmp_path_factory):
    address = tmp_path_factory.mktemp("backend") / "catalog.address"
    address.write_text(f"127.0.0.1:{backend.port}\n")
    return start(f"file://{address}")


@pytest.fixture
def edge(shared):
    """The shared edge, which must be well after each test."""
    yield shared
    shared.alive()


@pytest.fixture(autouse=True)
def fresh(backend):
    backend.cancelled.clear()
    backend.import_gate.set()
    backend.imported = []
    backend.exported = 0
    backend.export_count = 3
    backend.export_error = None
    backend.pause_export = None
