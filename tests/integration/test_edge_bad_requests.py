"""Bad requests, a table of them (tests/data/bad_requests.txt): each is answered with its status and
its words, over HTTP/1.1 and over HTTP/2, by one edge that is as well afterwards as before."""

import concurrent.futures
import json
import pathlib
import subprocess

import grpc
import h2.config
import h2.connection
import h2.events
import pytest
from edge_fixtures import start  # noqa: F401

DATA = pathlib.Path(__file__).parent.parent / "data"
MADE = {  # what is too long for a line
    "(empty)": "",
    "(nested 200)": '{"value": ' + "[" * 200 + "]" * 200 + "}",
    "(nested 20000)": '{"value": ' + "[" * 20000,
    "(nested child 200)": '{"child": ' * 200 + "{}" + "}" * 200,
}
CHUNKS = ("POST /v1/all HTTP/1.1\\r\\nHost: h\\r\\nContent-Type: application/json\\r\\n"
          "Transfer-Encoding: chunked\\r\\n\\r\\n")
GET = ":method: GET | :path: /healthz | :scheme: http | :authority: h"


def table():
    """(section, line number, request, status, words), in the order of the file."""
    section = None
    for number, line in enumerate((DATA / "bad_requests.txt").read_text().splitlines(), 1):
        if line.startswith("[") and line.endswith("]") and " => " not in line:
            section = line[1:-1]
        elif line and not line.startswith("# "):
            request, _, answer = line.rpartition(" => ")
            status, _, words = answer.partition(" ")
            yield section, number, request, status, words


def bytes_of(text):
    """What is written with Python's escapes."""
    text = text.replace("(chunks)", CHUNKS)
    return text.encode().decode("unicode_escape").encode("latin-1")


JSON = {"content-type": "application/json"}


def parse(section, request):
    """(method, path, headers, body)"""
    if section == "json":
        return "POST", "/v1/all", JSON, MADE.get(request, request).encode()
    if section == "json bytes":
        return "POST", "/v1/all", JSON, bytes_of(request)
    if section == "ndjson":
        return ("POST", "/v1/all:upload", {"content-type": "application/x-ndjson"},
                bytes_of(request))
    if section == "target":
        method, _, path = request.partition(" ")
        return method, path, {}, None
    if section == "header":
        name, _, value = request.partition(": ")
        return "GET", "/v1/all", {name: value}, None
    assert section == "content-type"
    return "POST", "/v1/all", {} if request == "(none)" else {"content-type": request}, b"{}"


# --- The service behind it -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def edge(start, root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    subprocess.run(["protoc", f"-I{DATA}", f"-I{root}/proto", "-I/usr/include", "--include_imports",
                    f"--descriptor_set_out={folder}/bad.binpb", "bad_requests.proto"], check=True)
    same = grpc.unary_unary_rpc_method_handler(lambda request, context: request)
    last = grpc.stream_unary_rpc_method_handler(lambda requests, context: [*requests][-1])
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
        "bad.v1.Bad", {"Take": same, "Upload": last}),))
    server.add_insecure_port(f"unix:{folder}/bad")
    server.start()
    (folder / "edge.yaml").write_text(f"""
backends:
  - packages: [bad.v1]
    target: unix:{folder}/bad
    descriptor_file: {folder}/bad.binpb
""")
    edge = start(None, "--config", folder / "edge.yaml", tls=False)
    yield edge
    good = edge.curl("/v1/all?int32=7&kind=GOOD", version="--http1.1")
    assert (good.json()["int32"], good.json()["kind"]) == (7, "GOOD")
    server.stop(None)


# --- HTTP/1.1 ------------------------------------------------------------------------------------


def talk(edge, request):
    """Status, headers, body. The edge closes, or has said how long its answer is."""
    with edge.connect() as connection:
        connection.sendall(request)
        received = b""
        while True:
            head, separator, body = received.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").lower().split("\r\n")[1:]
            headers = dict(line.split(": ", 1) for line in lines)
            if separator and (len(body) >= int(headers.get("content-length", 1 << 30)) or
                              request.startswith(b"HEAD ")):
                return head[9:12].decode(), headers, body
            data = connection.recv(65536)
            assert data, received
            received += data


def request_bytes(method, path, headers, body):
    fields = {"host": "h", **headers}
    if body is not None:
        fields["content-length"] = len(body)
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b"")


# --- HTTP/2 --------------------------------------------------------------------------------------


class Http2:
    """One connection after the other: a new one when the edge has had enough of it."""

    def __init__(self, edge):
        self.edge = edge
        self.socket = None

    def open(self):
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(
            validate_outbound_headers=False, normalize_outbound_headers=False,
            header_encoding="latin-1"))
        self.socket = self.edge.connect()
        self.state.initiate_connection()
        self.stream = -1

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def ask(self, headers, body):
        """Status, headers, body; the status "reset": the stream was, or its connection."""
        if not self.socket:
            self.open()
        self.stream += 2
        self.state.send_headers(self.stream, headers, end_stream=body is None)
        if body is not None:
            for at in range(0, len(body), 16384):
                self.state.send_data(self.stream, body[at:at + 16384])
            self.state.end_stream(self.stream)
        status, fields, received = "none", {}, b""
        while True:
            self.socket.sendall(self.state.data_to_send())
            data = self.socket.recv(65536)
            for event in self.state.receive_data(data):
                if isinstance(event, h2.events.ConnectionTerminated):
                    self.close()
                    return "reset", {}, b""
                if getattr(event, "stream_id", None) != self.stream:
                    continue
                if isinstance(event, h2.events.ResponseReceived):
                    fields = dict(event.headers)
                    status = fields[":status"]
                elif isinstance(event, h2.events.DataReceived):
                    received += event.data
                elif isinstance(event, h2.events.StreamReset) and status == "none":
                    return "reset", {}, b""
                elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                    return status, fields, received
            if not data:
                self.close()
                return "reset", {}, b""


@pytest.fixture(scope="module")
def http2(edge):
    connection = Http2(edge)
    yield connection
    connection.close()


# --- The table -----------------------------------------------------------------------------------


def check(answer, status, words, head=False):
    got, headers, body = answer
    assert got == status, body
    if status in ("reset", "200") or head:
        return
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"]
    error = json.loads(body)
    assert error["code"] > 0 and words in error["message"], error
    assert words, "the table says no words"


ROWS = [pytest.param(*row, id=f"{row[1]}") for row in table()]
COMMON = [row for row in ROWS if row.values[0] not in ("raw", "http2")]


def test_how_many_there_are():
    rows = list(table())
    assert len({(section, request) for section, _, request, _, _ in rows}) == len(rows) >= 200
    assert all(status == "reset" or 400 <= int(status) < 600 and status != "500"
               for _, _, _, status, _ in rows)


@pytest.mark.parametrize("section, line, request_, status, words",
                         [row for row in ROWS if row.values[0] != "http2"])
def test_http1(edge, section, line, request_, status, words):
    sent = bytes_of(request_) if section == "raw" else request_bytes(*parse(section, request_))
    check(talk(edge, sent), status, words, sent.startswith(b"HEAD "))


@pytest.mark.parametrize("section, line, request_, status, words", COMMON)
def test_http2(edge, http2, section, line, request_, status, words):
    method, path, headers, body = parse(section, request_)
    pairs = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "h"),
             *headers.items()]
    check(http2.ask(pairs, body), status, words, method == "HEAD")


@pytest.mark.parametrize("section, line, request_, status, words",
                         [row for row in ROWS if row.values[0] == "http2"])
def test_http2_heads(edge, http2, section, line, request_, status, words):
    pairs = [tuple(bytes_of(pair).decode("latin-1").split(": ", 1))
             for pair in request_.replace("(get)", GET).split(" | ")]
    check(http2.ask(pairs, None), status, words)
