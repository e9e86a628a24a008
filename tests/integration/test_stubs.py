"""A foreign client against generated stubs and health: tests/unit/rpcgen/stub_server by grpcio."""

import contextlib
import queue
import subprocess
import sys
import threading

import grpc
import pytest

CODES = grpc.StatusCode


@pytest.fixture(scope="module")
def messages(root, contracts, tmp_path_factory):
    """Makes echo_pb2 importable; health's messages are among the contracts."""
    out = tmp_path_factory.mktemp("messages")
    command = ["protoc", f"-I{root / 'tests/unit/rpcgen'}", f"--python_out={out}", "echo.proto"]
    subprocess.run(command, check=True, timeout=60)
    sys.path.insert(0, str(out))
    yield
    sys.path.remove(str(out))


def method(channel, kind, path, request, response):
    start = getattr(channel, kind)
    return start(path, request.SerializeToString, response.FromString)


class Echo:
    def __init__(self, channel):
        from echo_pb2 import RepeatRequest, Text

        path = "/test.echo.v1.Echo/"
        self.Say = method(channel, "unary_unary", path + "Say", Text, Text)
        self.Repeat = method(channel, "unary_stream", path + "Repeat", RepeatRequest, Text)
        self.Join = method(channel, "stream_unary", path + "Join", Text, Text)
        self.Shout = method(channel, "stream_stream", path + "Shout", Text, Text)
        self.Register = method(channel, "unary_unary", path + "Register", Text, Text)


class Health:
    def __init__(self, channel):
        from grpc.health.v1 import health_pb2

        types = health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
        path = "/grpc.health.v1.Health/"
        self.Check = method(channel, "unary_unary", path + "Check", *types)
        lists = health_pb2.HealthListRequest, health_pb2.HealthListResponse
        self.List = method(channel, "unary_unary", path + "List", *lists)
        self.Watch = method(channel, "unary_stream", path + "Watch", *types)


class Server:
    def __init__(self, program):
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.address = self.process.stdout.readline().strip()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        assert self.process.stdout.readline() == "ok\n"

    @contextlib.contextmanager
    def channel(self):
        """A connection of its own: grpcio would share one between equal channels."""
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(self.address, options) as channel:
            yield channel

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=30) == 0
        self.process.stdout.close()


@pytest.fixture
def server(build, messages):
    server = Server(build / "tests/unit/rpcgen/stub_server")
    yield server
    server.end()


@pytest.fixture
def echo(server):
    with server.channel() as channel:
        yield Echo(channel)


def text(words, **fields):
    import echo_pb2

    return echo_pb2.Text(text=words, **fields)


def test_unary(echo):
    sent = text("hello", number=0, tags={"a": "1", "b": "2"})
    got = echo.Say(sent, timeout=10)
    assert got == sent
    assert got.HasField("number")
    assert not echo.Say(text("no number"), timeout=10).HasField("number")


def test_failures(echo):
    for words, code in [("missing", CODES.NOT_FOUND), ("negative", CODES.INTERNAL)]:
        with pytest.raises(grpc.RpcError) as failure:
            echo.Say(text(words), timeout=10)
        assert failure.value.code() == code
    with pytest.raises(grpc.RpcError) as failure:
        echo.Say(text("a\0b"), timeout=10)  # no C string
    assert failure.value.code() == CODES.INVALID_ARGUMENT
    assert failure.value.details() == "text holds a NUL byte"
    with pytest.raises(grpc.RpcError) as failure:
        echo.Register(text("nobody"), timeout=10)
    assert failure.value.code() == CODES.UNIMPLEMENTED


def test_server_stream(echo):
    import echo_pb2

    long = "x" * 1000  # 3 MB in all: the pump has to wait for its client
    got = list(echo.Repeat(echo_pb2.RepeatRequest(text=long, times=3000), timeout=30))
    assert [message.number for message in got] == list(range(3000))
    assert all(message.text == long for message in got)
    assert not list(echo.Repeat(echo_pb2.RepeatRequest(times=0), timeout=10))


def test_client_stream(echo):
    got = echo.Join((text(str(number)) for number in range(100)), timeout=10)
    assert got.text == "".join(map(str, range(100)))
    assert got.number == 100
    assert echo.Join(iter([]), timeout=10).number == 0


def test_bidirectional(echo):
    outgoing = queue.Queue()
    call = echo.Shout(iter(outgoing.get, None), timeout=30)
    for words in ["one", "two", "three"]:  # each answered before the next is asked
        outgoing.put(text(words))
        assert next(call).text == words.upper()
    outgoing.put(None)
    assert list(call) == []
    assert call.code() == CODES.OK


def test_health_check(server):
    from grpc.health.v1 import health_pb2

    with server.channel() as channel:
        stub = Health(channel)

        def check(service):
            request = health_pb2.HealthCheckRequest(service=service)
            return stub.Check(request, timeout=10).status

        assert check("") == health_pb2.HealthCheckResponse.NOT_SERVING
        server.say("serving ")
        server.say("serving test.echo.v1.Echo")
        assert check("") == health_pb2.HealthCheckResponse.SERVING
        assert check("test.echo.v1.Echo") == health_pb2.HealthCheckResponse.SERVING
        server.say("unknown test.echo.v1.Echo")
        assert check("test.echo.v1.Echo") == health_pb2.HealthCheckResponse.UNKNOWN
        with pytest.raises(grpc.RpcError) as failure:
            check("no.Such")
        assert failure.value.code() == CODES.NOT_FOUND


def test_health_list(server):
    from grpc.health.v1 import health_pb2

    states = health_pb2.HealthCheckResponse
    with server.channel() as channel:
        stub = Health(channel)

        def listed():
            answer = stub.List(health_pb2.HealthListRequest(), timeout=10)
            return {name: state.status for name, state in answer.statuses.items()}

        assert listed() == {"": states.NOT_SERVING}
        server.say("serving ")
        server.say("not_serving a.Service")
        server.say("unknown b.Service")
        assert listed() == {"": states.SERVING, "a.Service": states.NOT_SERVING,
                            "b.Service": states.UNKNOWN}
        for number in range(97):
            server.say(f"serving c{number}.Service")
        assert len(listed()) == 100
        server.say("serving one.TooMany")
        with pytest.raises(grpc.RpcError) as failure:
            listed()
        assert failure.value.code() == CODES.RESOURCE_EXHAUSTED
        server.say("shutdown")
        assert stub.Check(health_pb2.HealthCheckRequest(), timeout=10).status == states.NOT_SERVING


def test_health_watch_on_every_worker(server):
    """Four connections are two on each worker: all hear of a change, a service may come later."""
    from grpc.health.v1 import health_pb2

    states = health_pb2.HealthCheckResponse
    request = health_pb2.HealthCheckRequest(service="late.Service")
    with contextlib.ExitStack() as stack:
        watches = []
        for _ in range(4):
            stub = Health(stack.enter_context(server.channel()))
            watches.append(stub.Watch(request, timeout=60))
        assert [next(watch).status for watch in watches] == [states.SERVICE_UNKNOWN] * 4
        server.say("serving late.Service")
        assert [next(watch).status for watch in watches] == [states.SERVING] * 4
        server.say("serving late.Service")  # no change, no message
        server.say("serving other.Service")
        server.say("not_serving late.Service")
        assert [next(watch).status for watch in watches] == [states.NOT_SERVING] * 4

        watches[0].cancel()
        server.say("serving late.Service")
        assert [next(watch).status for watch in watches[1:]] == [states.SERVING] * 3


def test_health_shutdown(server):
    """Every watch hears NOT_SERVING once and ends; what is set or asked later finds it so."""
    from grpc.health.v1 import health_pb2

    states = health_pb2.HealthCheckResponse
    server.say("serving a.Service")
    server.say("not_serving b.Service")
    with contextlib.ExitStack() as stack:
        stubs = [Health(stack.enter_context(server.channel())) for _ in range(4)]
        names = ["a.Service", "a.Service", "b.Service", "b.Service"]
        requests = [health_pb2.HealthCheckRequest(service=name) for name in names]
        watches = [stub.Watch(request, timeout=60) for stub, request in zip(stubs, requests)]
        first = [next(watch).status for watch in watches]
        assert first == [states.SERVING] * 2 + [states.NOT_SERVING] * 2
        server.say("shutdown")
        rest = [[message.status for message in watch] for watch in watches]
        assert rest == [[states.NOT_SERVING], [states.NOT_SERVING], [], []]
        assert [watch.code() for watch in watches] == [CODES.OK] * 4
        server.say("serving a.Service")
        assert stubs[0].Check(requests[0], timeout=10).status == states.NOT_SERVING
        late = stubs[0].Watch(requests[0], timeout=60)
        assert [message.status for message in late] == [states.NOT_SERVING]


def test_health_under_changes(server):
    """Thousands of changes under watches that come and go: each hears the last state in the end."""
    from grpc.health.v1 import health_pb2

    request = health_pb2.HealthCheckRequest(service="busy.Service")
    done = threading.Event()

    def come_and_go():
        with server.channel() as channel:
            stub = Health(channel)
            while not done.is_set():
                watch = stub.Watch(request, timeout=60)
                next(watch)
                watch.cancel()

    def hear_the_last():
        with server.channel() as channel:
            watch = Health(channel).Watch(request, timeout=60)
            for message in watch:
                if done.is_set() and message.status == health_pb2.HealthCheckResponse.UNKNOWN:
                    return

    threads = [threading.Thread(target=target) for target in [come_and_go, hear_the_last] * 2]
    for thread in threads:
        thread.start()
    for _ in range(500):
        server.say("serving busy.Service")
        server.say("not_serving busy.Service")
    done.set()
    server.say("unknown busy.Service")
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
