"""What the chassis gives every service, from outside: a small one is started, asked and stopped."""

import json
import os
import resource
import select
import signal
import socket
import ssl
import subprocess

import grpc
import pytest

PATIENCE = 60


class Service:
    """One process. Its log is read line by line; its address comes from where clients read it."""

    def __init__(self, program, folder, *flags, **environment):
        self.folder = folder
        self.address_file = folder / "parrot.address"
        env = {name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}
        self.process = subprocess.Popen(
            [program, "--address-file", self.address_file, "--data", folder / "data", *flags],
            stderr=subprocess.PIPE, env={**env, **environment},
            preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN))
        self.text = b""
        self.lines = []

    def read_log(self):
        """What has come so far. A line that is not JSON, as from a sanitizer, fails the test."""
        while select.select([self.process.stderr], [], [], 0)[0]:
            more = os.read(self.process.stderr.fileno(), 65536)
            if not more:
                break
            self.text += more
        *whole, self.text = self.text.split(b"\n")
        self.lines += [json.loads(line) for line in whole]
        return self.lines

    def log(self, message):
        return next((line for line in self.read_log() if line["message"] == message), None)

    @property
    def address(self):
        return self.address_file.read_text().strip()

    def call(self, channel, method, message, timeout=PATIENCE):
        return channel.unary_unary("/parrot/" + method)(message, timeout=timeout)

    def health(self, contracts, channel, service=""):
        from grpc.health.v1 import health_pb2

        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString)
        response = check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE)
        return health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)

    def end(self):
        """The exit code, once it is there."""
        code = self.process.wait(PATIENCE)
        self.read_log()
        return code


@pytest.fixture
def start(build, tmp_path):
    """start(flags…, environment…): a process, which the test's end ends."""
    services = []

    def start(*flags, folder=tmp_path, **environment):
        service = Service(build / "tests/support/parrot", folder, *flags, **environment)
        services.append(service)
        return service

    yield start
    for service in services:
        if service.process.poll() is None:
            service.process.kill()
        service.process.wait()
        service.process.stderr.close()


@pytest.fixture
def serve(start, wait_until):
    """Like start(), and it listens."""

    def serve(*flags, **environment):
        service = start(*flags, **environment)
        wait_until(lambda: service.log("listening") or service.process.poll() is not None,
                   PATIENCE, "the service to listen")
        assert service.process.poll() is None, service.read_log()
        return service

    return serve


def insecure(address):
    return grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])


def test_it_answers_where_it_says(serve):
    service = serve()
    line = service.log("listening")
    assert line["service"] == "parrot"
    assert line["address"] == service.address
    assert line["workers"] == 2 and line["tls"] is False
    assert not service.address.endswith(":0")
    with insecure(service.address) as channel:
        assert service.call(channel, "Say", b"hello") == b"hello"
        assert [service.call(channel, "Write", b"x") for _ in range(3)] == [b"1", b"2", b"3"]
        with pytest.raises(grpc.RpcError) as caught:
            service.call(channel, "Fly", b"")
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert (service.folder / "data/parrot.db").is_file()


def test_health_on_both_ports(serve, contracts):
    service = serve()
    for address in service.address, service.log("listening")["health"]:
        with insecure(address) as channel:
            assert service.health(contracts, channel) == "SERVING"
            with pytest.raises(grpc.RpcError) as caught:
                service.health(contracts, channel, "no.such.Service")
            assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    with insecure(service.log("listening")["health"]) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            service.call(channel, "Say", b"hello")
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_health_of_the_store(serve, contracts, wait_until):
    """The file cannot grow any more, and then it can again: health follows."""
    service = serve()
    with insecure(service.address) as channel:
        assert service.call(channel, "Write", b"x") == b"1"
        unlimited = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (4096, unlimited[1]))
        with pytest.raises(grpc.RpcError):
            service.call(channel, "Write", b"y")
        wait_until(lambda: service.health(contracts, channel) == "NOT_SERVING", PATIENCE,
                   "health to say NOT_SERVING")
        assert service.call(channel, "Say", b"still here") == b"still here"

        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, unlimited)
        wait_until(lambda: service.health(contracts, channel) == "SERVING", PATIENCE,
                   "health to say SERVING")
        assert service.call(channel, "Write", b"z") == b"2"


def test_tls_and_plaintext_health(serve, contracts, certificates):
    service = serve("--tls-cert", certificates / "tls/server.pem",
                    "--tls-key", certificates / "tls/server.key")
    assert service.log("listening")["tls"] is True
    credentials = grpc.ssl_channel_credentials((certificates / "ca.pem").read_bytes())
    options = [("grpc.ssl_target_name_override", "localhost"), ("grpc.enable_http_proxy", 0)]
    with grpc.secure_channel(service.address, credentials, options) as channel:
        assert service.call(channel, "Say", b"hush") == b"hush"
    with insecure(service.log("listening")["health"]) as channel:
        assert service.health(contracts, channel) == "SERVING"


def test_unix_sockets(serve, tmp_path):
    service = serve("--listen", f"unix:{tmp_path}/calls", "--health-listen",
                    f"unix:{tmp_path}/health")
    assert service.address == f"unix:{tmp_path}/calls"
    with insecure(service.address) as channel:
        assert service.call(channel, "Say", b"hello") == b"hello"
    service.process.terminate()
    assert service.end() == 0
    assert not (tmp_path / "calls").exists() and not (tmp_path / "health").exists()


def channelz(channel, method, **fields):
    from grpc.channelz.v1 import channelz_pb2

    request = getattr(channelz_pb2, method + "Request")
    call = channel.unary_unary(f"/grpc.channelz.v1.Channelz/{method}", request.SerializeToString,
                               getattr(channelz_pb2, method + "Response").FromString)
    return call(request(**fields), timeout=PATIENCE)


def test_the_health_port_shows_the_process(serve, contracts, certificates, tmp_path):
    """All servers of the process, and the certificate that a client of theirs has shown."""
    tls = certificates / "tls"
    service = serve("--workers", "2", "--health-listen", f"unix:{tmp_path}/health",
                    "--tls-cert", tls / "server.pem", "--tls-key", tls / "server.key",
                    "--tls-client-ca", certificates / "ca.pem")
    credentials = grpc.ssl_channel_credentials(
        (certificates / "ca.pem").read_bytes(), (tls / "client.key").read_bytes(),
        (tls / "client.pem").read_bytes())
    options = [("grpc.ssl_target_name_override", "localhost")]
    with insecure(f"unix:{tmp_path}/health") as asking, \
            grpc.secure_channel(service.address, credentials, options) as channel:
        assert service.call(channel, "Say", b"hello") == b"hello"
        servers = channelz(asking, "GetServers").server
        listens = [[ref.name for ref in server.listen_socket] for server in servers]
        assert sorted(listens) == sorted([[service.address]] * 2 + [[f"unix:{tmp_path}/health"]])
        [ref] = [ref for server in servers if server.listen_socket[0].name == service.address
                 for ref in channelz(asking, "GetServerSockets",
                                     server_id=server.ref.server_id).socket_ref]
        shown = channelz(asking, "GetSocket", socket_id=ref.socket_id).socket.security.tls
    assert shown.standard_name.startswith("TLS_")
    assert ssl.DER_cert_to_PEM_cert(shown.remote_certificate) == (tls / "client.pem").read_text()


def test_nobody_waits_for_it_so_it_is_not_written(serve, tmp_path):
    """Writes whose calls end while they wait: one is cancelled, one too late, one was patient."""
    service = serve("--workers", "1")
    with insecure(service.address) as channel:
        write = channel.unary_unary("/parrot/Write")
        assert service.call(channel, "Freeze", str(tmp_path / "thaw").encode()) == b"brr"
        cancelled = write.future(b"cancelled", timeout=PATIENCE)
        late = write.future(b"late", timeout=0.2)
        patient = write.future(b"patient", timeout=PATIENCE)
        assert late.exception(PATIENCE).code() == grpc.StatusCode.DEADLINE_EXCEEDED
        cancelled.cancel()
        assert service.call(channel, "Say", b"behind the cancellation")
        (tmp_path / "thaw").touch()
        assert patient.result(PATIENCE) == b"1"
        assert service.call(channel, "Write", b"and another") == b"2"


def refuses(address):
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_drain_lets_calls_finish(serve, contracts, tmp_path, wait_until, signal_number):
    service = serve("--drain", "60s")
    address, health_address = service.address, service.log("listening")["health"]
    with insecure(address) as channel, insecure(health_address) as health:
        service.call(channel, "Write", b"before")
        under_way = channel.unary_unary("/parrot/Hold").future(
            str(tmp_path / "go").encode(), timeout=PATIENCE)
        service.call(channel, "Say", b"behind it")
        assert service.health(contracts, health) == "SERVING"

        service.process.send_signal(signal_number)
        wait_until(lambda: service.health(contracts, health) == "NOT_SERVING", PATIENCE,
                   "health to say NOT_SERVING")
        wait_until(lambda: refuses(address), PATIENCE, "the port to close")
        assert not service.address_file.exists()
        assert service.process.poll() is None and not under_way.done()

        (tmp_path / "go").touch()
        assert under_way.result(PATIENCE) == b"at last"
        assert service.end() == 0
    assert service.log("stopping")["signal"] == signal_number
    assert service.log("stopped")
    # The store was closed in order: its log has been moved into the file.
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == \
        ["parrot.db", "parrot.db.lock"]


def test_drain_does_not_wait_for_watches_of_health(serve, contracts):
    from grpc.health.v1 import health_pb2

    service = serve("--drain", "1000s")
    with insecure(service.address) as channel, \
            insecure(service.log("listening")["health"]) as health_channel:
        watches = [at.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )(health_pb2.HealthCheckRequest(), timeout=PATIENCE) for at in (channel, health_channel)]
        for watch in watches:
            assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        service.process.terminate()
        for watch in watches:
            assert [response.status for response in watch] == \
                [health_pb2.HealthCheckResponse.NOT_SERVING]
            assert watch.code() == grpc.StatusCode.OK
        assert service.end() == 0


def test_drain_is_bounded(serve, tmp_path):
    service = serve("--drain", "100ms")
    with insecure(service.address) as channel:
        under_way = channel.unary_unary("/parrot/Hold").future(
            str(tmp_path / "never").encode(), timeout=PATIENCE)
        service.call(channel, "Say", b"behind it")
        service.process.terminate()
        assert service.end() == 0
        assert under_way.exception(PATIENCE).code() in (grpc.StatusCode.UNAVAILABLE,
                                                        grpc.StatusCode.CANCELLED)


def test_second_signal_ends_it_at_once(serve, tmp_path, wait_until):
    service = serve("--drain", "1000s")
    with insecure(service.address) as channel:
        under_way = channel.unary_unary("/parrot/Hold").future(
            str(tmp_path / "never").encode(), timeout=PATIENCE)
        service.call(channel, "Say", b"behind it")
        service.process.terminate()
        wait_until(lambda: service.log("stopping"), PATIENCE, "the drain")
        service.process.terminate()
        assert service.end() == 1
        assert under_way.exception(PATIENCE).code() == grpc.StatusCode.UNAVAILABLE
    assert service.log("stopped at once")["signal"] == signal.SIGTERM


def why_not(service, code=1):
    """The only thing that it says when it does not start."""
    assert service.end() == code
    assert [line["level"] for line in service.lines] == ["error"], service.lines
    assert service.lines[0]["message"] == "cannot start"
    assert not service.address_file.exists()
    return service.lines[0]["error"]


@pytest.mark.parametrize("flags, words", [
    (["--frobnicate"], "there is no flag --frobnicate"),
    (["--workers", "none"], '"none" is not a number from 1 to 256'),
    (["--drain", "soon"], '"soon" is not a duration'),
    (["stray"], '"stray" is no flag'),
    (["--tls-key", "x"], "--tls-cert and --tls-key need each other"),
])
def test_wrong_flags(start, flags, words):
    assert words in why_not(start(*flags), 2)


def test_wrong_variable(start):
    assert 'WEFT_WORKERS: "0" is not' in why_not(start(WEFT_WORKERS="0"), 2)


def test_help(build):
    done = subprocess.run([build / "tests/support/parrot", "--help"], capture_output=True,
                          text=True, timeout=PATIENCE, check=True)
    assert "parrot: repeats what it is told" in done.stdout
    assert "WEFT_LISTEN" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("flag", ["--listen", "--health-listen"])
def test_port_in_use(start, flag):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        why = why_not(start(flag, address))
    assert flag in why and address in why


def test_address_that_is_none(start):
    assert "--listen" in why_not(start("--listen", "nonsense"))


def test_bad_certificate(start, tmp_path):
    (tmp_path / "junk.pem").write_text("junk")
    why = why_not(start("--tls-cert", tmp_path / "junk.pem", "--tls-key", tmp_path / "junk.pem"))
    assert "junk.pem" in why
    assert "nowhere.pem" in why_not(start("--tls-ca", tmp_path / "nowhere.pem"))


def test_data_in_use_by_another_process(serve, start, tmp_path):
    holder = serve()
    (tmp_path / "second").mkdir()
    second = start("--data", tmp_path / "data", folder=tmp_path / "second")
    why = why_not(second)
    assert "parrot.db" in why and f"in use by process {holder.process.pid}" in why
    with insecure(holder.address) as channel:
        assert holder.call(channel, "Write", b"still here") == b"1"


def test_killed_process_leaves_no_lock(serve):
    first = serve()
    with insecure(first.address) as channel:
        assert first.call(channel, "Write", b"kept") == b"1"
    first.process.kill()
    first.end()
    first.address_file.unlink()
    again = serve()
    with insecure(again.address) as channel:
        assert again.call(channel, "Write", b"and more") == b"2"


def test_newer_schema(serve, start):
    service = serve()
    service.process.terminate()
    assert service.end() == 0
    assert "newer than this program" in why_not(start(PARROT="older"))


def test_data_that_is_no_folder(start, tmp_path):
    (tmp_path / "file").touch()
    assert "--data" in why_not(start("--data", tmp_path / "file" / "sub"))


def test_address_file_that_cannot_be(start, tmp_path):
    why = why_not(start("--address-file", tmp_path / "nowhere" / "at" / "all"))
    assert "--address-file" in why and "nowhere" in why


def test_neighbour_that_nobody_names(start):
    assert "--target friend=TARGET" in why_not(start(PARROT="social"))


def test_neighbour_from_the_environment(serve):
    service = serve(PARROT="social", WEFT_TARGET_FRIEND="file:///nowhere")
    service.process.terminate()
    assert service.end() == 0
