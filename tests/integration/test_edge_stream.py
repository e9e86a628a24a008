"""A long server stream through the edge to a reader that is slow: what it has not read waits at the
backend, and the edge's memory does not grow. WEFT_STREAM_BYTES is how long; ./dev soak edge sets it
to a GiB."""

import os
import signal
import subprocess
import time

import pytest
from edge_fixtures import start  # noqa: F401

TOTAL = int(os.environ.get("WEFT_STREAM_BYTES", 100 << 20))  # of payload; JSON has a third more
MESSAGE = 64 << 10
COUNT = TOTAL // MESSAGE
PAUSES = 10
GROWTH = 4 << 20

# A part of grpc.testing.TestService, as REST.
CONTRACT = """
syntax = "proto3";
package grpc.testing;
import "google/api/annotations.proto";
service TestService {
  rpc StreamingOutputCall(Request) returns (stream Response) {
    option (google.api.http) = {post: "/v1/stream" body: "*"};
  }
}
message Parameters { int32 size = 1; }
message Request { repeated Parameters sizes = 2; }
message Payload { bytes body = 2; }
message Response { Payload payload = 1; }
"""


@pytest.fixture(scope="module")
def edge(start, build, root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stream")
    (folder / "stream.proto").write_text(CONTRACT)
    subprocess.run(["protoc", f"-I{folder}", f"-I{root}/proto", "-I/usr/include",
                    "--include_imports", f"--descriptor_set_out={folder}/stream.binpb",
                    "stream.proto"], check=True)
    server = subprocess.Popen([build / "tests/interop/weft-interop-server", "--port=0",
                               "--host=127.0.0.1"], stdout=subprocess.PIPE, text=True)
    address = server.stdout.readline().split()[-1]
    (folder / "edge.yaml").write_text(f"""
backends:
  - packages: [grpc.testing]
    target: ipv4:{address}
    descriptor_file: {folder}/stream.binpb
""")
    try:
        yield start(None, "--config", folder / "edge.yaml", tls=False)
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
        server.stdout.close()


def stream(edge, accept, count):
    """An open connection whose response's head has come, and what came with it."""
    body = '{"sizes":[' + ",".join([f'{{"size":{MESSAGE}}}'] * count) + "]}"
    connection = edge.connect(receive_buffer=65536)
    # HTTP/1.0: what follows the head is the stream, and nothing else.
    connection.sendall((f"POST /v1/stream HTTP/1.0\r\nAccept: {accept}\r\n"
                        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                        + body).encode())
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, rest = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200") and accept.encode() in head, head
    return connection, rest


def read(edge, accept, count):
    """Bytes and newlines of a stream, and how much memory the edge had at most meanwhile."""
    connection, data = stream(edge, accept, count)
    pause_at = [count * MESSAGE * i // PAUSES for i in range(PAUSES)]
    length = lines = most = 0
    with connection:
        while data:
            length += len(data)
            lines += data.count(b"\n")
            if pause_at and length >= pause_at[0]:
                del pause_at[0]
                time.sleep(0.2)  # the reader is slow
                most = max(most, edge.rss())
            data = connection.recv(1 << 20)
    return length, lines, most


@pytest.mark.timeout(600)
@pytest.mark.parametrize("accept, newlines, more", [
    ("application/x-ndjson", 1, 0), ("text/event-stream", 2, len("data: "))],
    ids=["ndjson", "events"])
def test_a_long_stream(edge, accept, newlines, more, record_property):
    read(edge, accept, 16)  # what it keeps of its first request is none of the stream's
    before = edge.rss()
    began = time.monotonic()
    length, lines, most = read(edge, accept, COUNT)
    figures = (f"{accept}: {length / 1e6:.0f} MB in {time.monotonic() - began:.1f} s, resident "
               f"{before / 1e6:.2f} MB before, at most {most / 1e6:.2f} MB meanwhile")
    print(figures)
    record_property("figures", figures)
    assert lines == newlines * COUNT
    line = len('{"payload":{"body":""}}') + 4 * ((MESSAGE + 2) // 3) + newlines + more
    assert length == COUNT * line
    assert most - before < GROWTH
