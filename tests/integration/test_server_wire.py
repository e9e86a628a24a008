"""Our server against frames written by hand (python3-h2): what no gRPC library would ever send."""

import gzip
import socket
import struct
import subprocess
import zlib

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import pytest

WAIT = 20


@pytest.fixture(scope="module")
def address(build):
    process = subprocess.Popen([build / "tests/support/rpc_server", "127.0.0.1:0"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    host, port = process.stdout.readline().strip().rsplit(":", 1)
    yield host, int(port)
    process.terminate()
    assert process.wait(WAIT) == 0
    process.stdout.close()


class Client:
    """An HTTP/2 connection that notes what it is told."""

    def __init__(self, address, handshake=True):
        self.socket = socket.create_connection(address, timeout=WAIT)
        config = h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False,
                                           normalize_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        self.events = []
        self.closed = False
        if handshake:
            self.h2.initiate_connection()
            self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def raw(self, type, flags, stream, payload=b""):
        self.socket.sendall(struct.pack(">I", len(payload))[1:] + bytes([type, flags]) +
                            struct.pack(">I", stream) + payload)

    def request(self, path="/test.Raw/Echo", body=b"\0\0\0\0\0", end=True, **headers):
        fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost",
                  "content-type": "application/grpc", "te": "trailers"}
        fields.update({name.replace("pseudo_", ":").replace("_", "-"): value
                       for name, value in headers.items()})
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, [(k, v) for k, v in fields.items() if v is not None],
                             end_stream=end and not body)
        if body:
            self.h2.send_data(stream, body, end_stream=end)
        self.flush()
        return stream

    def send_all(self, stream, body):
        """As the windows allow, and no more once the answer is there."""
        while body and not any(isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset))
                               and event.stream_id == stream for event in self.events):
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room <= 0:  # below: the server's SETTINGS came after we had begun
                self.read()
                continue
            self.h2.send_data(stream, body[:room], end_stream=room >= len(body))
            body = body[room:]
            self.flush_answers()

    def read(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.closed = True
            return
        self.events += self.h2.receive_data(data)
        self.flush_answers()

    def flush_answers(self):
        try:
            self.flush()
        except (BrokenPipeError, ConnectionResetError):
            pass

    def until(self, kind, stream=None):
        while True:
            for event in self.events:
                if isinstance(event, kind) and (stream is None or event.stream_id == stream):
                    return event
            assert not self.closed, f"closed before {kind.__name__}: {self.events}"
            assert not any(isinstance(event, h2.events.StreamReset) and event.stream_id == stream
                           for event in self.events), f"reset before {kind.__name__}"
            self.read()

    def until_closed(self):
        while not self.closed:
            self.read()

    def answer(self, stream):
        """All header fields of the response, trailers included, and its body."""
        self.until(h2.events.StreamEnded, stream)
        fields, body = {}, b""
        for event in self.events:
            if getattr(event, "stream_id", None) != stream:
                continue
            if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                fields.update(event.headers)
            if isinstance(event, h2.events.DataReceived):
                body += event.data
        return fields, body


@pytest.fixture
def client(address):
    with Client(address) as client:
        yield client


def test_a_plain_exchange(client):
    fields, body = client.answer(client.request(body=b"\0\0\0\0\3abc"))
    assert fields[":status"] == "200" and fields["content-type"] == "application/grpc"
    assert fields["grpc-status"] == "0" and body == b"\0\0\0\0\3abc"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_only_post(client, method):
    fields, body = client.answer(client.request(pseudo_method=method))
    assert fields[":status"] == "405" and fields["allow"] == "POST" and "grpc-status" not in fields
    assert b"gRPC server" in body


def test_a_head_has_no_body(client):
    fields, body = client.answer(client.request(pseudo_method="HEAD", body=b""))
    assert fields[":status"] == "405" and body == b""


def test_a_stray_upload_is_read_to_its_end(client):
    stream = client.request(pseudo_method="PUT", body=b"x" * 16000, end=False)
    for _ in range(9):
        while client.h2.local_flow_control_window(stream) < 16000:
            client.read()
        client.h2.send_data(stream, b"x" * 16000)
        client.flush()
    client.h2.end_stream(stream)
    client.flush()
    assert client.answer(stream)[0][":status"] == "405"


@pytest.mark.parametrize("type", [None, "application/json", "application/grpcx", "text/html", ""])
def test_only_grpc(client, type):
    fields, _ = client.answer(client.request(content_type=type))
    assert fields[":status"] == "415" and "grpc-status" not in fields


@pytest.mark.parametrize("type", ["application/grpc+proto", "application/grpc;charset=utf-8"])
def test_grpc_with_a_suffix(client, type):
    assert client.answer(client.request(content_type=type))[0]["grpc-status"] == "0"


@pytest.mark.parametrize("headers, status, word", [
    (dict(te=None), "13", "te: trailers"),
    (dict(grpc_timeout="1"), "13", "grpc-timeout"),
    (dict(grpc_timeout="123456789S"), "13", "grpc-timeout"),
    (dict(grpc_timeout="-1S"), "13", "grpc-timeout"),
    (dict(x_thing_bin="!!!"), "13", "metadata"),
    (dict(grpc_encoding="br"), "12", "br"),
    (dict(pseudo_path="/nobody/here"), "12", "/nobody/here"),
    (dict(pseudo_path="/"), "12", "no method"),
])
def test_trailers_only(client, headers, status, word):
    stream = client.request(**headers)
    fields, body = client.answer(stream)
    assert fields[":status"] == "200" and fields["grpc-status"] == status
    assert word in fields["grpc-message"] and body == b""
    assert not any(isinstance(event, h2.events.TrailersReceived) for event in client.events)
    if status == "12" and "grpc_encoding" in headers:
        assert fields["grpc-accept-encoding"] == "identity,deflate,gzip"
    assert client.answer(client.request())[0]["grpc-status"] == "0"


@pytest.mark.parametrize("timeout", ["20000000n", "20000u", "20m", "1S", "0M", "0H"])
def test_the_timeout_is_kept(client, timeout):
    fields, _ = client.answer(client.request("/test.Raw/Never", grpc_timeout=timeout))
    assert fields["grpc-status"] == "4"


@pytest.mark.parametrize("timeout", ["99999999u", "99999m", "99S", "9M", "99999999H"])
def test_the_timeout_does_not_come_early(client, timeout):
    fields, _ = client.answer(client.request("/test.Raw/Later", b"\0\0\0\0\x0220",
                                             grpc_timeout=timeout))
    assert fields["grpc-status"] == "0"


@pytest.mark.parametrize("body, status", [
    (b"\1\0\0\0\0", "13"),             # compressed, with no encoding
    (b"\2\0\0\0\0", "13"),             # no such flag
    (b"\0\0\0\0\5abc", "13"),          # cut short
    (b"\0\0", "13"),                   # within the prefix
    (b"\0\0\x40\0\1", "8"),            # 4 MiB and a byte
    (b"\0\xff\xff\xff\xff", "8"),
])
def test_bad_frames(client, body, status):
    fields, _ = client.answer(client.request("/test.Raw/Sum", body=body))
    assert fields["grpc-status"] == status


def frame(message, compressed=0):
    return struct.pack(">BI", compressed, len(message)) + message


ENCODERS = {"gzip": gzip.compress, "deflate": zlib.compress}


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_requests(client, encoding):
    """Some messages of a call are compressed, others are not; all arrive."""
    encode = ENCODERS[encoding]
    body = frame(encode(bytes(5000)), 1) + frame(b"abc") + frame(encode(b""), 1)
    stream = client.request("/test.Raw/Sum", body=body, grpc_encoding=encoding)
    fields, answer = client.answer(stream)
    assert fields["grpc-status"] == "0" and answer == frame(b"3:5003")


@pytest.mark.parametrize("message, status", [
    (gzip.compress(bytes(4 << 20)), "0"),
    (gzip.compress(bytes((4 << 20) + 1)), "8"),
    (gzip.compress(bytes(1 << 30), 1)[:1 << 20], "8"),  # the limit ends it, not the cut
    (gzip.compress(b"abc", mtime=0)[:-1], "13"),
    (gzip.compress(b"abc", mtime=0) + b"x", "13"),
    (gzip.compress(b"abc", mtime=0) * 2, "13"),
    (zlib.compress(b"abc"), "13"),
    (b"abc", "13"),
    (b"", "13"),
], ids=["most", "a byte more", "bomb", "cut", "a byte behind", "two", "zlib", "none", "empty"])
def test_compressed_limits(client, message, status):
    body = frame(message, 1)
    stream = client.request("/test.Raw/Sum", body=None, end=False, grpc_encoding="gzip")
    client.send_all(stream, body)
    assert client.answer(stream)[0]["grpc-status"] == status


@pytest.mark.parametrize("number, name, decode", [(2, "deflate", zlib.decompress),
                                                  (3, "gzip", gzip.decompress)])
def test_compressed_answers(client, number, name, decode):
    """A compressed message and a plain one, if the client takes the encoding at all."""
    ask = frame(b"%d:10000" % number)
    accepted = f"br, {name}"
    stream = client.request("/test.Raw/Zip", body=ask, grpc_accept_encoding=accepted)
    fields, body = client.answer(stream)
    assert fields["grpc-encoding"] == name and fields["grpc-status"] == "0"
    flag, length = struct.unpack(">BI", body[:5])
    assert flag == 1 and decode(body[5:5 + length]) == bytes(10000)
    assert body[5 + length:] == frame(bytes(10000))

    for accepted in [None, "identity", "br"]:
        stream = client.request("/test.Raw/Zip", body=ask, grpc_accept_encoding=accepted)
        fields, body = client.answer(stream)
        assert "grpc-encoding" not in fields and body == ask


def test_a_short_message_is_not_compressed(client):
    stream = client.request("/test.Raw/Zip", body=frame(b"3:1"), grpc_accept_encoding="gzip")
    fields, body = client.answer(stream)
    assert fields["grpc-encoding"] == "gzip" and body == frame(b"\0") * 2


def test_a_message_byte_by_byte(client):
    stream = client.request(body=None, end=False)
    for byte in b"\0\0\0\0\3abc":
        client.h2.send_data(stream, bytes([byte]))
        client.flush()
    client.h2.end_stream(stream)
    client.flush()
    assert client.answer(stream)[1] == b"\0\0\0\0\3abc"


def test_an_early_error_stops_the_request(client):
    stream = client.request("/nobody", body=b"\0\0\0\0\1", end=False)
    fields, _ = client.answer(stream)
    assert fields["grpc-status"] == "12"
    assert client.until(h2.events.StreamReset, stream).error_code == 0  # RFC 9113, 8.1


def test_headers_above_the_limit(client):
    for _ in range(3):
        fields, body = client.answer(client.request(x_large="x" * 17000))
        assert (fields[":status"], fields["grpc-status"], body) == ("200", "8", b"")
    fields, _ = client.answer(client.request(content_type="text/plain", x_large="x" * 17000))
    assert fields[":status"] == "431"
    assert client.answer(client.request())[0]["grpc-status"] == "0"


def test_header_limit_is_announced(client):
    assert client.answer(client.request())[0]["grpc-status"] == "0"
    assert client.h2.remote_settings.max_header_list_size == 16384


def test_headers_between_the_limits(client):
    """Refused by chance, never at 8 KiB; how often is for the unit test of the session."""
    statuses = [client.answer(client.request(x_large="x" * 12000))[0]["grpc-status"]
                for _ in range(5)]
    assert set(statuses) <= {"0", "8"}
    assert client.answer(client.request(x_large="x" * 7600))[0]["grpc-status"] == "0"


def test_the_stream_limit_is_announced_and_kept(client):
    client.until(h2.events.RemoteSettingsChanged)
    assert client.h2.remote_settings.max_concurrent_streams == 256


# --- Attacks: this connection ends, the server goes on --------------------------------------------


@pytest.fixture
def still_serving(address):
    yield
    with Client(address) as other:
        assert other.answer(other.request())[0]["grpc-status"] == "0"


def test_no_preface(address, still_serving):
    with Client(address, handshake=False) as client:
        client.socket.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.until_closed()


def test_rapid_reset(address, still_serving):
    """CVE-2023-44487"""
    with Client(address) as client:
        try:
            for _ in range(5000):
                stream = client.request("/test.Raw/Never", end=False)
                client.h2.reset_stream(stream, 8)
            client.flush()
            client.until_closed()
        except (BrokenPipeError, ConnectionResetError, h2.exceptions.ProtocolError):
            pass  # cut while it went on


def test_nothing_beyond_a_goaway_is_executed(build, tmp_path):
    """What the GOAWAY says was not looked at, the peer may send again: it must not have run."""
    log = tmp_path / "log"
    with open(log, "wb") as stderr:
        process = subprocess.Popen([build / "tests/support/rpc_server", "127.0.0.1:0"],
                                   stdout=subprocess.PIPE, stderr=stderr, text=True)
    host, port = process.stdout.readline().strip().rsplit(":", 1)
    with Client((host, int(port))) as client:
        client.flush = lambda: None  # all at once, so that much of it waits behind the limit
        for _ in range(1500):
            client.h2.reset_stream(client.request(), 8)
        client.socket.sendall(client.h2.data_to_send())
        ended = client.until(h2.events.ConnectionTerminated)
    process.terminate()
    assert process.wait(WAIT) == 0
    process.stdout.close()
    executed = log.read_text().count('"message":"call"')
    assert ended.error_code == 11  # ENHANCE_YOUR_CALM
    assert 0 < executed <= (ended.last_stream_id + 1) // 2 < 1500


def test_resets_that_are_provoked(address, still_serving):
    """CVE-2025-8671: windows that overflow make the server reset its own streams."""
    with Client(address) as client:
        sent = 0
        try:
            for sent in range(5000):
                stream = client.request("/test.Raw/Never", end=False)
                client.raw(8, 0, stream, struct.pack(">I", 0x7FFFFFFF))
        except (BrokenPipeError, ConnectionResetError, h2.exceptions.ProtocolError):
            pass
        assert 900 < sent < 4999 or client.until(h2.events.ConnectionTerminated)


def test_ping_flood(address, still_serving):
    with Client(address) as client:
        try:
            for _ in range(300):
                client.socket.sendall((b"\0\0\x08\6\0\0\0\0\0" + b"x" * 8) * 100)
                client.socket.setblocking(False)
                try:
                    while client.socket.recv(65536):
                        pass
                except BlockingIOError:
                    pass
                client.socket.settimeout(WAIT)
            client.until_closed()
        except (BrokenPipeError, ConnectionResetError):
            pass


def test_continuation_flood(address, still_serving):
    """CVE-2024-27316"""
    with Client(address) as client:
        try:
            client.raw(1, 0, 1, b"\x83")
            for _ in range(1000):
                client.raw(9, 0, 1, b"\x40\1a\1b" * 100)
            client.until_closed()
        except (BrokenPipeError, ConnectionResetError):
            pass


def test_malformed_frames(address, still_serving):
    for frame in [(0, 0, 0, b"data without a stream"), (1, 4, 2, b"\x83"), (4, 0, 0, b"odd"),
                  (6, 0, 0, b"short"), (1, 4, 1, b"\xff\xff\xff\xff\xff\xff"),
                  (8, 0, 0, b"\0\0\0\0"), (0, 0, 99, b"idle stream")]:
        with Client(address) as client:
            client.raw(*frame)
            client.until_closed()
            told = [event for event in client.events
                    if isinstance(event, h2.events.ConnectionTerminated)]
            assert told and told[0].error_code, frame
