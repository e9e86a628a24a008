"""channelz of a server by a foreign client: grpcio, with messages from our contract."""

import socket
import subprocess
import time

import grpc
import pytest

WAIT = 30  # seconds; a bound, never a measure


def start(build, *args):
    process = subprocess.Popen([build / "tests/support/rpc_server", "127.0.0.1:0", *args],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return process, process.stdout.readline().strip()


def stop(process):
    process.terminate()
    assert process.wait(WAIT) == 0
    process.stdout.close()


@pytest.fixture(scope="module")
def address(build):
    """Two workers, plaintext."""
    process, address = start(build)
    yield address
    stop(process)


class Channelz:
    """The service on a channel of its own; a method returns the response."""

    def __init__(self, channel):
        from grpc.channelz.v1 import channelz_pb2

        self.messages = channelz_pb2
        self.channel = channel

    def __getattr__(self, name):
        request = getattr(self.messages, name + "Request")
        response = getattr(self.messages, name + "Response")
        call = self.channel.unary_unary(f"/grpc.channelz.v1.Channelz/{name}",
                                        request.SerializeToString, response.FromString)
        return lambda **fields: call(request(**fields), timeout=WAIT)

    def sockets(self):
        """All connections of all servers, by the client's port."""
        found = {}
        for server in self.GetServers().server:
            for ref in self.GetServerSockets(server_id=server.ref.server_id).socket_ref:
                one = self.GetSocket(socket_id=ref.socket_id).socket
                found[one.remote.tcpip_address.port] = server, one
        return found


@pytest.fixture
def channelz(address, contracts):
    with grpc.insecure_channel(address) as channel:
        yield Channelz(channel)


@pytest.fixture
def other(address):
    """A channel with a connection that nobody else uses, and the port that it comes from."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(address, options) as channel:
        about = channel.unary_unary("/test.Raw/About")(b"", timeout=WAIT).decode()
        yield channel, int(about.split("|")[1].rsplit(":", 1)[1])


def is_recent(timestamp):
    return abs(time.time() - timestamp.ToNanoseconds() / 1e9) < WAIT


def test_servers(channelz, address):
    got = channelz.GetServers()
    assert got.end and [server.ref.name for server in got.server] == ["worker-0", "worker-1"]
    for server in got.server:
        [listens] = server.listen_socket  # the same one: both are behind one port
        assert listens.name == address
        trace = server.data.trace
        assert is_recent(trace.creation_timestamp)
        assert [event.description for event in trace.events] == [f"listens at {address}"]
        assert trace.num_events_logged == 1 and is_recent(trace.events[0].timestamp)
        one = channelz.GetServer(server_id=server.ref.server_id).server
        assert one.ref == server.ref and one.listen_socket == server.listen_socket
    assert got.server[0].listen_socket == got.server[1].listen_socket


def test_listener(channelz, address):
    [ref] = channelz.GetServers().server[0].listen_socket
    one = channelz.GetSocket(socket_id=ref.socket_id).socket
    host, port = address.rsplit(":", 1)
    assert one.local.tcpip_address.ip_address == socket.inet_aton(host)
    assert one.local.tcpip_address.port == int(port) and not one.HasField("remote")


def test_a_connection_counts(channelz, other, address):
    channel, port = other
    before, _ = channelz.sockets()[port]
    for _ in range(3):
        assert channel.unary_unary("/test.Raw/Echo")(b"x", timeout=WAIT) == b"x"
    with pytest.raises(grpc.RpcError):
        channel.unary_unary("/test.Raw/Fail")(b"5:no", timeout=WAIT)
    answers = channel.unary_stream("/test.Raw/Count")(b"10:100", timeout=WAIT)
    assert len(list(answers)) == 10

    server, one = channelz.sockets()[port]
    assert server.data.calls_failed == before.data.calls_failed + 1
    assert server.data.calls_succeeded >= before.data.calls_succeeded + 4
    assert server.data.calls_started >= server.data.calls_succeeded + server.data.calls_failed
    assert is_recent(server.data.last_call_started_timestamp)

    data = one.data
    assert (data.streams_started, data.streams_succeeded, data.streams_failed) == (6, 6, 0)
    assert (data.messages_received, data.messages_sent) == (6, 1 + 3 + 10)
    for timestamp in [data.last_remote_stream_created_timestamp, data.last_message_sent_timestamp,
                      data.last_message_received_timestamp]:
        assert is_recent(timestamp)
    assert not data.HasField("last_local_stream_created_timestamp")
    assert data.local_flow_control_window.value > 0
    assert data.remote_flow_control_window.value > 0 and data.keep_alives_sent == 0

    assert one.local.tcpip_address.port == int(address.rsplit(":", 1)[1])
    assert one.remote.tcpip_address.ip_address == socket.inet_aton("127.0.0.1")
    assert one.ref.name == f"127.0.0.1:{port}" and not one.HasField("security")


def test_a_cancelled_stream_failed(channelz, other, wait_until):
    channel, port = other
    call = channel.unary_unary("/test.Raw/Never").future(b"")
    wait_until(lambda: channelz.sockets()[port][1].data.streams_started == 2)
    call.cancel()
    wait_until(lambda: channelz.sockets()[port][1].data.streams_failed == 1)


def test_pages(channelz, other):
    names = []
    start = 0
    while True:
        page = channelz.GetServers(start_server_id=start, max_results=1)
        names += [server.ref.name for server in page.server]
        if page.end:
            break
        [server] = page.server
        start = server.ref.server_id + 1
    assert names == ["worker-0", "worker-1"]

    server, mine = channelz.sockets()[other[1]]
    seen, start, end = [], 0, False
    while not end:
        page = channelz.GetServerSockets(server_id=server.ref.server_id, max_results=1,
                                         start_socket_id=start)
        assert page.end or len(page.socket_ref) == 1
        seen += [ref.socket_id for ref in page.socket_ref]
        start, end = seen[-1] + 1, page.end
    assert mine.ref.socket_id in seen and seen == sorted(set(seen))


def test_what_is_gone_is_not_found(channelz, address, wait_until):
    with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        about = channel.unary_unary("/test.Raw/About")(b"", timeout=WAIT).decode()
        port = int(about.split("|")[1].rsplit(":", 1)[1])
        _, one = channelz.sockets()[port]
    wait_until(lambda: port not in channelz.sockets())
    with pytest.raises(grpc.RpcError) as error:
        channelz.GetSocket(socket_id=one.ref.socket_id)
    assert error.value.code() == grpc.StatusCode.NOT_FOUND
    assert error.value.details() == f"there is no socket {one.ref.socket_id}"


@pytest.mark.parametrize("method, fields, code, words", [
    ("GetServer", {"server_id": 1 << 60}, "NOT_FOUND", "there is no server"),
    ("GetServerSockets", {"server_id": 0}, "NOT_FOUND", "there is no server 0"),
    ("GetChannel", {"channel_id": -1}, "NOT_FOUND", "there is no channel -1"),
    ("GetSubchannel", {"subchannel_id": 1}, "NOT_FOUND", "there is no subchannel 1"),
    ("GetServers", {"max_results": -1}, "INVALID_ARGUMENT", "neither is below 0"),
    ("GetTopChannels", {"start_channel_id": -2}, "INVALID_ARGUMENT", "neither is below 0"),
])
def test_bad_questions(channelz, method, fields, code, words):
    with pytest.raises(grpc.RpcError) as error:
        getattr(channelz, method)(**fields)
    assert error.value.code().name == code and words in error.value.details()


def test_no_channels(channelz):
    got = channelz.GetTopChannels()
    assert got.end and not got.channel


def test_tls(build, certificates, contracts):
    tls = certificates / "tls"
    process, address = start(build, tls / "server.pem", tls / "server.key")
    credentials = grpc.ssl_channel_credentials((certificates / "ca.pem").read_bytes())
    with grpc.secure_channel(address, credentials) as channel:
        [(_, one)] = Channelz(channel).sockets().values()
        assert one.security.tls.standard_name.startswith("TLS_")
        assert not one.security.tls.remote_certificate  # nobody has asked for one
    stop(process)
