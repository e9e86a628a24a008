"""Our server against grpcio, the reference client: semantics of gRPC, back-pressure, drain."""

import queue
import signal
import subprocess
import threading
import time

import grpc
import pytest
from google.protobuf import wrappers_pb2

WAIT = 30  # seconds; a bound, never a measure


class Server:
    """A running rpc_server, and what is called on it."""

    def __init__(self, build, *args):
        self.process = subprocess.Popen([build / "tests/support/rpc_server", "127.0.0.1:0", *args],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        self.draining = False
        self.lines = []
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()

    def read_log(self):
        for line in self.process.stderr:
            self.lines.append(line)

    def log(self):
        return "".join(self.lines)

    def drain(self):
        if not self.draining:
            self.process.send_signal(signal.SIGTERM)
        self.draining = True

    def stop(self):
        """Drains it; a sanitizer's complaint is a failure."""
        self.drain()
        try:
            assert self.process.wait(WAIT) == 0, self.log()
        finally:
            self.process.kill()
            self.process.wait()
            self.reader.join(WAIT)
            self.process.stdout.close()
            self.process.stderr.close()
        assert "ERROR: " not in self.log() and "runtime error" not in self.log(), self.log()


@pytest.fixture(scope="module")
def server(build):
    server = Server(build)
    yield server
    server.stop()


OPTIONS = [("grpc.max_receive_message_length", 64 << 20),
           ("grpc.max_send_message_length", 64 << 20),
           ("grpc.use_local_subchannel_pool", 1)]


@pytest.fixture
def channel(server):
    with grpc.insecure_channel(server.address, options=OPTIONS) as channel:
        yield channel


def unary(channel, method, message=b"", **kwargs):
    kwargs.setdefault("timeout", WAIT)
    return channel.unary_unary("/test.Raw/" + method)(message, **kwargs)


def stats(channel):
    cancelled, sent, live = unary(channel, "Stats").split(b":")
    return int(cancelled), int(sent), int(live)


def failure(call, *args, **kwargs):
    with pytest.raises(grpc.RpcError) as caught:
        result = call(*args, **kwargs)
        if not isinstance(result, bytes):
            list(result)
    return caught.value


def string_echo(channel, method="Echo"):
    return channel.unary_unary(f"/test.Typed/{method}",
                               request_serializer=wrappers_pb2.StringValue.SerializeToString,
                               response_deserializer=wrappers_pb2.StringValue.FromString)


# --- The four kinds -------------------------------------------------------------------------------


def test_unary(channel):
    assert unary(channel, "Echo", b"hello") == b"hello"
    assert unary(channel, "Echo", b"") == b""
    for i in range(100):
        assert unary(channel, "Echo", b"%d" % i) == b"%d" % i


def test_unary_many_at_once(channel):
    echo = channel.unary_unary("/test.Raw/Echo")
    futures = [echo.future(b"%d" % i, timeout=WAIT) for i in range(500)]
    assert [f.result() for f in futures] == [b"%d" % i for i in range(500)]


def test_server_stream(channel):
    messages = list(channel.unary_stream("/test.Raw/Count")(b"1000:100", timeout=WAIT))
    assert len(messages) == 1000 and {len(m) for m in messages} == {100}
    assert list(channel.unary_stream("/test.Raw/Count")(b"0:0", timeout=WAIT)) == []


def test_client_stream(channel):
    call = channel.stream_unary("/test.Raw/Sum")
    assert call(iter([b"a" * 10] * 1000), timeout=WAIT) == b"1000:10000"
    assert call(iter([]), timeout=WAIT) == b"0:0"


def test_bidirectional(channel):
    sent = queue.Queue()
    replies = channel.stream_stream("/test.Raw/Chat")(iter(sent.get, None), timeout=WAIT)
    for i in range(100):
        sent.put(b"%d" % i)
        assert next(replies) == b"%d" % i
    sent.put(None)
    assert list(replies) == []


def test_typed(channel):
    value = wrappers_pb2.StringValue(value="grün")
    assert string_echo(channel)(value, timeout=WAIT) == value
    join = channel.stream_unary("/test.Typed/Join",
                                request_serializer=wrappers_pb2.StringValue.SerializeToString,
                                response_deserializer=wrappers_pb2.StringValue.FromString)
    assert join(iter([value] * 50), timeout=WAIT).value == "50:250"


# --- Metadata and status --------------------------------------------------------------------------


def test_metadata_keeps_order_duplicates_and_bytes(channel):
    sent = [("x-header-a", "1"), ("x-header-a", "2"), ("x-header-b-bin", bytes(range(256))),
            ("x-header-b-bin", b""), ("x-trailer-a", "3"), ("x-trailer-b-bin", b"\0\1"),
            ("x-trailer-a", "4")]
    _, call = channel.unary_unary("/test.Raw/Echo").with_call(b"", metadata=sent, timeout=WAIT)
    headers = [(k, v) for k, v in call.initial_metadata() if k.startswith("x-")]
    trailers = [(k, v) for k, v in call.trailing_metadata() if k.startswith("x-")]
    of = lambda pairs, name: [v for k, v in pairs if k == name]
    assert of(headers, "x-header-a") == ["1", "2"]
    assert of(headers, "x-header-b-bin") == [bytes(range(256)), b""]
    assert of(trailers, "x-trailer-a") == ["3", "4"]
    assert of(trailers, "x-trailer-b-bin") == [b"\0\1"]


def test_headers_above_the_limit_are_refused(channel):
    error = failure(unary, channel, "Echo", metadata=[("x-large", "x" * 20000)])
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.details() == ("too much metadata: above 8192 bytes it may be refused, "
                               "above 16384 it is")
    assert unary(channel, "Echo", b"still here") == b"still here"


@pytest.mark.parametrize("code", [c for c in grpc.StatusCode if c is not grpc.StatusCode.OK])
def test_status_with_words_and_details(channel, code):
    words = "Grüße, 100% \t\nsehr ☺"
    error = failure(unary, channel, "Fail", f"{code.value[0]}:{words}".encode())
    assert error.code() == code
    assert error.details() == words
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    assert b"TESTED" in details and b"google.rpc.ErrorInfo" in details


def test_details_of_every_type(channel, contracts):
    from google.rpc import error_details_pb2 as types
    from google.rpc import status_pb2

    error = failure(unary, channel, "Details", b"\xff?")
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    trailers = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    assert (status.code, status.message) == (9, "all at once")
    *known, unknown = status.details
    expected = [
        types.ErrorInfo(reason="reason", domain="domain"),
        types.DebugInfo(detail="detail"),
        types.RequestInfo(request_id="request_id", serving_data="serving_data"),
        types.ResourceInfo(resource_type="resource_type", resource_name="resource_name",
                           owner="owner", description="description"),
        types.LocalizedMessage(locale="locale", message="message"),
        types.QuotaFailure(violations=[{"subject": "subject"}]),
        types.PreconditionFailure(violations=[{"type": "type"}]),
        types.Help(links=[{"url": "url"}]),
        types.BadRequest(field_violations=[{"field": "field", "description": "description"}]),
        types.RetryInfo(retry_delay={"seconds": 7}),
    ]
    for detail, message in zip(known, expected):
        got = type(message)()
        assert detail.Unpack(got) and got == message, detail
    assert len(known) == 10
    assert (unknown.type_url, unknown.value) == ("type.googleapis.com/test.Unknown", b"\xff?")


@pytest.mark.parametrize("errno, code", [(-12, "RESOURCE_EXHAUSTED"), (-28, "RESOURCE_EXHAUSTED"),
                                         (-110, "DEADLINE_EXCEEDED"), (-125, "CANCELLED"),
                                         (-5, "INTERNAL")])
def test_errno_of_a_handler(channel, errno, code):
    error = failure(unary, channel, "Errno", str(errno).encode())
    assert error.code().name == code
    assert "nput" not in error.details()  # strerror(EIO) is for the log


def test_unknown_methods(channel):
    for path in ["/test.Raw/Unheard", "/test.Unheard/Echo", "/x"]:
        error = failure(channel.unary_unary(path), b"", timeout=WAIT)
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED
    value = wrappers_pb2.StringValue()
    assert failure(string_echo(channel, "Missing"), value).code() == grpc.StatusCode.UNIMPLEMENTED


def test_what_a_call_knows(server, channel):
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    about = unary(channel, "About", metadata=[("traceparent", parent)]).decode()
    path, peer, authority, trace = about.split("|")
    assert path == "/test.Raw/About" and authority == server.address
    assert peer.startswith("127.0.0.1:")
    assert trace[:36] == parent[:36] and trace[36:52] != parent[36:52] and trace[52:] == "-01"
    traces = {unary(channel, "About").decode().split("|")[3] for _ in range(3)}
    assert len(traces) == 3


def test_compressed_requests_are_taken(server):
    with grpc.insecure_channel(server.address, compression=grpc.Compression.Gzip) as channel:
        assert unary(channel, "Echo", b"x" * 1000) == b"x" * 1000


# --- Cardinality and bad messages -----------------------------------------------------------------


def test_a_unary_method_takes_exactly_one_message(channel):
    value = wrappers_pb2.StringValue(value="x").SerializeToString()
    call = channel.stream_unary("/test.Typed/Echo")
    assert failure(call, iter([]), timeout=WAIT).code() == grpc.StatusCode.UNIMPLEMENTED
    assert failure(call, iter([value] * 2), timeout=WAIT).code() == grpc.StatusCode.UNIMPLEMENTED
    assert call(iter([value]), timeout=WAIT) == value


def test_bytes_that_are_no_message(channel):
    call = channel.unary_unary("/test.Typed/Echo")
    for junk in [b"\xff" * 10, b"\x0a\x05abc", b"\x0a\x02\xc3\x28"]:
        assert failure(call, junk, timeout=WAIT).code() == grpc.StatusCode.INTERNAL


# --- Deadlines and cancellation -------------------------------------------------------------------


def test_deadline(channel, wait_until):
    before = stats(channel)[0]
    error = failure(unary, channel, "Never", timeout=0.2)
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    wait_until(lambda: stats(channel)[0] == before + 1, WAIT, "the handler to see the deadline")


def test_the_server_itself_keeps_the_deadline(channel):
    # grpcio has no deadline here: the header is ours.
    call = channel.unary_unary("/test.Raw/Never")
    error = failure(call, b"", metadata=[("grpc-timeout", "50m")], timeout=None)
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert error.details() == "the deadline has passed"


@pytest.mark.parametrize("method", ["Never", "Mute"])
def test_cancellation_reaches_the_handler(channel, wait_until, method):
    before = stats(channel)
    future = channel.unary_unary("/test.Raw/" + method).future(b"")
    time.sleep(0.05)  # on its way; a call that is cancelled at home proves nothing
    future.cancel()
    assert future.code() == grpc.StatusCode.CANCELLED
    wait_until(lambda: stats(channel)[0] == before[0] + 1, WAIT, "on_cancel")
    assert stats(channel)[2] == before[2]


def test_a_lost_connection_cancels(server, channel, wait_until):
    before = stats(channel)[0]
    other = grpc.insecure_channel(server.address, options=OPTIONS)
    futures = [other.unary_unary("/test.Raw/Never").future(b"") for _ in range(10)]
    assert unary(other, "Echo", b"x") == b"x"
    other.close()
    wait_until(lambda: stats(channel)[0] == before + 10, WAIT, "on_cancel of ten calls")
    assert all(f.code() == grpc.StatusCode.CANCELLED for f in futures)


# --- Size and back-pressure -----------------------------------------------------------------------


def test_large_messages(channel):
    message = bytes(range(256)) * 4096 * 4  # 4 MiB, the limit
    assert unary(channel, "Echo", message[:-100]) == message[:-100]
    assert unary(channel, "Echo", message) == message
    error = failure(unary, channel, "Echo", message + b"x")
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    chat = channel.stream_stream("/test.Raw/Chat")
    replies = chat(iter([message[: 1 << 20]] * 10), timeout=WAIT)
    assert [len(m) for m in replies] == [1 << 20] * 10
    total = channel.stream_unary("/test.Raw/Sum")(iter([message] * 5), timeout=WAIT)
    assert total == b"5:%d" % (5 * len(message))


def test_a_slow_reader_bounds_what_the_server_queues(channel, wait_until):
    total, size = 1 << 28, 10000
    before = stats(channel)[1]
    call = channel.unary_stream("/test.Raw/Count")(b"%d:%d" % (total // size, size))
    next(call)
    seen = []

    def stalled():
        seen.append(stats(channel)[1] - before)
        return len(seen) > 10 and len(set(seen[-10:])) == 1

    wait_until(stalled, WAIT, "the server to stop producing")
    assert seen[-1] < 32 << 20  # windows and socket buffers, not the stream's length
    call.cancel()


def test_a_handler_that_holds_stops_its_client(channel, wait_until):
    produced = []

    def requests():
        for _ in range(5000):
            produced.append(1)
            yield b"x" * 10000

    future = channel.stream_unary("/test.Raw/Held").future(requests(), timeout=2 * WAIT)
    seen = []

    def stalled():
        seen.append(len(produced))
        time.sleep(0.01)
        return len(seen) > 20 and seen[-1] and len(set(seen[-20:])) == 1

    wait_until(stalled, WAIT, "the client to stop")
    assert len(produced) < 1000  # of 5000: what windows and buffers hold
    unary(channel, "Release")
    assert future.result() == b"5000:50000000"


# --- The end --------------------------------------------------------------------------------------


def test_drain_fails_no_call(build):
    server = Server(build)
    with grpc.insecure_channel(server.address, options=OPTIONS) as channel:
        later = channel.unary_unary("/test.Raw/Later")
        sent = queue.Queue()
        chat = channel.stream_stream("/test.Raw/Chat")(iter(sent.get, None), timeout=WAIT)
        sent.put(b"before")
        assert next(chat) == b"before"
        futures = [later.future(b"1000", timeout=WAIT) for _ in range(20)]
        assert unary(channel, "Echo", b"all are there") == b"all are there"
        server.drain()
        assert [f.result() for f in futures] == [b"late"] * 20
        sent.put(b"after")
        assert next(chat) == b"after"
        sent.put(None)
        assert list(chat) == []
        server.stop()


def test_drain_cuts_after_its_grace(build):
    server = Server(build)
    with grpc.insecure_channel(server.address, options=OPTIONS) as channel:
        never = channel.unary_unary("/test.Raw/Never").future(b"")
        assert unary(channel, "Echo", b"there") == b"there"
        server.stop()
        assert failure(never.result).code() == grpc.StatusCode.UNAVAILABLE


def test_calls_are_logged(server, channel, wait_until):
    failure(unary, channel, "Fail", b"5:nothing here")
    find = lambda: next((line for line in server.lines if "NOT_FOUND" in line), None)
    line = wait_until(find, WAIT, "the line")
    for word in ['"method":"/test.Raw/Fail"', '"duration_ms":', '"peer":"127.', '"trace_id":']:
        assert word in line


def test_both_workers_serve(server):
    channels = [grpc.insecure_channel(server.address, options=OPTIONS) for _ in range(8)]
    for channel in channels:
        assert unary(channel, "Echo", b"x") == b"x"
    for channel in channels:
        channel.close()


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key_and_certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / "key.pem",
                    "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)
    return folder / "key.pem", folder / "cert.pem"


def test_tls(build, key_and_certificate):
    key, certificate = key_and_certificate
    server = Server(build, certificate, key)
    credentials = grpc.ssl_channel_credentials(certificate.read_bytes())
    with grpc.secure_channel(server.address, credentials, options=OPTIONS) as channel:
        assert unary(channel, "Echo", b"hello") == b"hello"
        message = b"x" * (4 << 20)
        assert unary(channel, "Echo", message) == message
        messages = channel.unary_stream("/test.Raw/Count")(b"1000:1000", timeout=WAIT)
        assert len(list(messages)) == 1000
        error = failure(unary, channel, "Never", timeout=0.2)
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    server.stop()
