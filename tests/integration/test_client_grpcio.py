"""Our client against Google's server: grpcio with generic handlers, plaintext and TLS."""

import concurrent.futures
import subprocess
import threading
import time

import grpc
import pytest


class Handlers(grpc.GenericRpcHandler):
    """Bytes in, bytes out; `cancelled` is set when a handler learns that its call is over."""

    def __init__(self):
        self.begun = threading.Event()
        self.cancelled = threading.Event()
        self.seen = {}

    def service(self, details):
        name = details.method.rsplit("/", 1)[1]
        self.seen[name] = dict(details.invocation_metadata)
        makers = {
            "Echo": (grpc.unary_unary_rpc_method_handler, self.echo),
            "Large": (grpc.unary_unary_rpc_method_handler,
                      lambda request, context: b"x" * int(request)),
            "Count": (grpc.unary_stream_rpc_method_handler, self.count),
            "Sum": (grpc.stream_unary_rpc_method_handler, self.sum),
            "Chat": (grpc.stream_stream_rpc_method_handler, self.chat),
            "Details": (grpc.unary_unary_rpc_method_handler, self.fail_in_detail),
            "Fail": (grpc.unary_unary_rpc_method_handler, self.fail),
            "Raise": (grpc.unary_unary_rpc_method_handler, self.throw),
            "Hang": (grpc.unary_unary_rpc_method_handler, self.hang),
            "Endless": (grpc.unary_stream_rpc_method_handler, self.endless),
        }
        if name not in makers:
            return None
        make, handler = makers[name]
        return make(handler)

    def echo(self, request, context):
        back = [pair for pair in context.invocation_metadata() if pair.key.startswith("x-")]
        context.send_initial_metadata(back)
        context.set_trailing_metadata(back)
        return request

    def count(self, request, context):
        for i in range(int(request)):
            yield b"message %d" % i

    def sum(self, requests, context):
        total = n = 0
        for request in requests:
            total += len(request)
            n += 1
        return b"%d messages, %d bytes" % (n, total)

    def chat(self, requests, context):
        for request in requests:
            yield request.upper()

    def fail(self, request, context):
        # google.rpc.Status { code: 9 details: Any<google.rpc.ErrorInfo { reason: "STALE" }> }
        info = b"\x0a\x05STALE"
        url = b"type.googleapis.com/google.rpc.ErrorInfo"
        detail = b"\x0a" + bytes([len(url)]) + url + b"\x12" + bytes([len(info)]) + info
        status = b"\x08\x09\x1a" + bytes([len(detail)]) + detail
        context.set_trailing_metadata([("grpc-status-details-bin", status)])
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "weiß nicht: 100 % \N{SNOWMAN}")

    @staticmethod
    def details():
        """(full name, bytes), with the generated code of our contracts."""
        from google.rpc import error_details_pb2 as details

        messages = [
            details.ErrorInfo(reason="R", domain="test", metadata={"k": "v"}),
            details.RetryInfo(retry_delay={"seconds": 7, "nanos": 5}),
            details.DebugInfo(stack_entries=["a", "b"], detail="d"),
            details.QuotaFailure(violations=[{"subject": "s", "description": "d"}]),
            details.PreconditionFailure(violations=[{"type": "t", "subject": "s"}]),
            details.BadRequest(field_violations=[{"field": "f"}, {"description": "d"}]),
            details.RequestInfo(request_id="i", serving_data="s"),
            details.ResourceInfo(resource_type="t", resource_name="n", owner="o"),
            details.Help(links=[{"description": "d", "url": "u"}]),
            details.LocalizedMessage(locale="de-CH", message="weiß nicht"),
        ]
        return [(m.DESCRIPTOR.full_name, m.SerializeToString()) for m in messages] + [
            ("test.Unknown", b"\xff\x00")]

    def fail_in_detail(self, request, context):
        from google.rpc import status_pb2

        status = status_pb2.Status(code=9, message="all at once")
        for name, value in self.details():
            status.details.add(type_url="type.googleapis.com/" + name, value=value)
        context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "all at once")

    def throw(self, request, context):
        raise RuntimeError("on purpose")

    def hang(self, request, context):
        context.add_callback(self.cancelled.set)
        self.begun.set()
        self.cancelled.wait(60)
        return b""

    def endless(self, request, context):
        context.add_callback(self.cancelled.set)
        while not self.cancelled.is_set():
            yield b"more"


class Peer:
    def __init__(self, client, certificates):
        self.handlers = Handlers()
        self.client = client
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4),
                                  handlers=[self.handlers])
        if certificates:
            key = (certificates / "tls/server.key").read_bytes()
            cert = (certificates / "tls/server.pem").read_bytes()
            credentials = grpc.ssl_server_credentials([(key, cert)])
            port = self.server.add_secure_port("127.0.0.1:0", credentials)
            self.options = ["--ca", certificates / "ca.pem", "--authority", "localhost"]
        else:
            port = self.server.add_insecure_port("127.0.0.1:0")
            self.options = []
        self.target = f"127.0.0.1:{port}"
        self.server.start()

    def command(self, method, *messages, options=()):
        return [self.client, *self.options, *options, self.target, f"/test.Test/{method}",
                *messages]

    def call(self, method, *messages, options=()):
        """The lines that the client prints."""
        done = subprocess.run(
            self.command(method, *messages, options=options), capture_output=True, text=True,
            timeout=60
        )
        assert done.returncode == 0 and not done.stderr, done.stderr
        return done.stdout.splitlines()


@pytest.fixture(params=["plaintext", "tls"])
def peer(request, build, certificates):
    peer = Peer(build / "tests/support/rpc_client",
                certificates if request.param == "tls" else None)
    yield peer
    peer.handlers.cancelled.set()
    peer.server.stop(None).wait()


def test_unary(peer):
    assert peer.call("Echo", "hello") == ["message 5 hello", "status OK "]
    assert peer.call("Echo", "") == ["message 0 ", "status OK "]


def test_large_messages(peer):
    assert peer.call("Large", "3000000") == ["message 3000000 " + "x" * 40, "status OK "]
    answer = peer.call("Sum", "x" * 100000, options=["--repeat", "100"])[0]
    assert answer == "message 28 100 messages, 10000000 bytes"


def test_too_large_a_response(peer):
    (line,) = peer.call("Large", "5000000")
    assert line.startswith("status RESOURCE_EXHAUSTED ")


def test_server_stream(peer):
    lines = peer.call("Count", "1000")
    assert lines[:1000] == [f"message {len(text)} {text}"
                            for text in (f"message {i}" for i in range(1000))]
    assert lines[1000:] == ["status OK "]


def test_client_stream(peer):
    assert peer.call("Sum", "ab", "c", "", options=["--repeat", "1000"]) == [
        "message 25 3000 messages, 3000 bytes",
        "status OK ",
    ]


def test_bidirectional(peer):
    assert peer.call("Chat", "a", "b") == ["message 1 A", "message 1 B", "status OK "]


def test_metadata(peer):
    options = ["--metadata", "X-Word=some words", "--metadata", "x-data-bin=00ff80"]
    assert peer.call("Echo", "hello", options=options) == [
        "header x-word=some words",
        "header x-data-bin=00ff80",
        "message 5 hello",
        "trailer x-word=some words",
        "trailer x-data-bin=00ff80",
        "status OK ",
    ]
    assert peer.handlers.seen["Echo"]["user-agent"].startswith("grpc-c-weft/")


def test_status_and_details(peer):
    assert peer.call("Fail", "") == [
        "reason STALE",
        "detail google.rpc.ErrorInfo 0a055354414c45",
        "status FAILED_PRECONDITION weiß nicht: 100 % \N{SNOWMAN}",
    ]
    assert peer.call("Raise", "") == ["status UNKNOWN Exception calling application: on purpose"]
    assert peer.call("Nothing", "")[-1].startswith("status UNIMPLEMENTED ")


def test_details_are_read_as_messages(peer, contracts):
    """Each of google/rpc/error_details.proto, and one that nobody knows, as Python packs them."""
    sent = [f"detail {name} {value.hex()}" for name, value in peer.handlers.details()]
    assert len(sent) == 11
    assert peer.call("Details", "") == ["reason R", *sent, "status FAILED_PRECONDITION all at once"]


def test_deadline(peer):
    begin = time.monotonic()
    (line,) = peer.call("Hang", "", options=["--timeout-ms", "300"])
    assert line.startswith("status DEADLINE_EXCEEDED ")
    assert time.monotonic() - begin >= 0.3
    assert peer.handlers.cancelled.wait(30)


def test_cancelling_reaches_the_handler(peer):
    lines = peer.call("Endless", "", options=["--cancel-after", "3"])
    assert lines == ["message 4 more"] * 3 + ["status CANCELLED cancelled by the client"]
    assert peer.handlers.cancelled.wait(30)


def test_a_client_that_dies_cancels(peer):
    process = subprocess.Popen(peer.command("Hang", ""), stdout=subprocess.DEVNULL)
    assert peer.handlers.begun.wait(30)
    process.kill()
    process.wait()
    assert peer.handlers.cancelled.wait(30)


def test_a_server_that_stops(peer):
    process = subprocess.Popen(peer.command("Hang", ""), stdout=subprocess.PIPE, text=True)
    assert peer.handlers.begun.wait(30)
    peer.server.stop(0)
    line, _ = process.communicate(timeout=60)
    assert line.split()[1] in ("UNAVAILABLE", "CANCELLED")
