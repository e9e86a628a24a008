"""What a server's options do to its connections: keepalive, age, idleness, handshakes, number, and
what uploads may take. The peers are grpcio, and python3-h2 where a client must misbehave."""

import socket
import threading
import time

import grpc
import h2.events
import pytest
from test_server_grpcio import OPTIONS, WAIT, Server, failure, unary
from test_server_wire import Client


@pytest.fixture
def serve(build):
    """Starts servers with options, and sees that they end well."""
    servers = []

    def start(*options):
        servers.append(Server(build, *options))
        return servers[-1]
    yield start
    for server in servers:
        server.stop()


def address_of(server):
    host, port = server.address.rsplit(":", 1)
    return host, int(port)


def goaways(client):
    return [event for event in client.events if isinstance(event, h2.events.ConnectionTerminated)]


# --- Silence --------------------------------------------------------------------------------------


def test_keepalive_of_a_live_client(serve):
    """A client that answers is asked again and again, and nothing else happens to it."""
    with Client(address_of(serve("keepalive=20", "keepalive_timeout=5000"))) as client:
        while len([e for e in client.events if isinstance(e, h2.events.PingReceived)]) < 5:
            client.read()
        assert not client.closed
        assert client.answer(client.request())[0]["grpc-status"] == "0"


def test_keepalive_of_a_dead_client(serve):
    with Client(address_of(serve("keepalive=20", "keepalive_timeout=50"))) as client:
        while client.socket.recv(65536):  # the PING is read, and never answered
            pass


def test_too_many_pings(serve):
    with Client(address_of(serve())) as client:
        for _ in range(4):
            client.h2.ping(b"hastily!")
            client.flush()
        client.until_closed()
    goaway = goaways(client)[-1]
    assert goaway.error_code == 11  # ENHANCE_YOUR_CALM
    assert b"too_many_pings" in [event.additional_data for event in goaways(client)]


def test_permitted_pings(serve):
    with Client(address_of(serve("permit_keepalive=1"))) as client:
        stream = client.request("/test.Raw/Never")
        for i in range(6):
            client.h2.ping(i.to_bytes(8, "big"))
            client.flush()
            client.until(h2.events.PingAckReceived)
            client.events.clear()
            time.sleep(0.002)  # the distance that is tried; a millisecond is the least
        client.h2.reset_stream(stream)
        client.flush()
        assert client.answer(client.request())[0]["grpc-status"] == "0"


def test_idle_timeout(serve):
    """Told, and then closed; a call in the meantime would have kept it."""
    with Client(address_of(serve("idle_timeout=50"))) as client:
        stream = client.request("/test.Raw/Later", b"\0\0\0\0\x03200")
        assert client.answer(stream)[0]["grpc-status"] == "0"
        assert not goaways(client)
        client.until_closed()
    assert [event.error_code for event in goaways(client)] == [0, 0]
    assert goaways(client)[-1].last_stream_id == stream


@pytest.mark.parametrize("greeting", [b"", b"PRI * HTTP/2.0\r\n", b"\x16\x03\x01"],
                         ids=["silent", "half", "tls"])
def test_handshake_timeout(serve, greeting):
    server = serve("handshake_timeout=50")
    with socket.create_connection(address_of(server), timeout=WAIT) as peer:
        peer.sendall(greeting)
        try:
            while peer.recv(65536):
                pass
        except ConnectionResetError:
            pass
    with Client(address_of(server)) as client:
        assert client.answer(client.request())[0]["grpc-status"] == "0"


# --- Age ------------------------------------------------------------------------------------------


def test_age_fails_no_call(serve):
    """Connections come of age under grpcio's calls, which never see it."""
    server = serve("max_age=60", "max_age_grace=5000")
    with grpc.insecure_channel(server.address, options=OPTIONS) as channel:
        echo = channel.unary_unary("/test.Raw/Echo")
        about = channel.unary_unary("/test.Raw/About")
        peers = set()
        while len(peers) < 4:
            futures = [echo.future(b"x", timeout=WAIT) for _ in range(20)]
            assert [future.result() for future in futures] == [b"x"] * 20
            peers.add(about(b"", timeout=WAIT).split(b"|")[1])


def test_age_has_a_grace(serve):
    server = serve("max_age=30", "max_age_grace=60")
    with grpc.insecure_channel(server.address, options=OPTIONS) as channel:
        error = failure(unary, channel, "Never")
        assert error.code() == grpc.StatusCode.UNAVAILABLE


def test_age_varies(serve):
    """Each connection has its own, a tenth to either side."""
    server = serve("max_age=500")
    ages = []

    def measure():
        with Client(address_of(server)) as client:
            client.until(h2.events.RemoteSettingsChanged)
            begun = time.monotonic()
            client.until(h2.events.ConnectionTerminated)
            ages.append(time.monotonic() - begun)
    threads = [threading.Thread(target=measure) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert len(ages) == 8
    assert min(ages) > 0.44  # the jitter takes no more than 50 ms; 10 for what we measured late
    assert max(ages) - min(ages) > 0.002


# --- Number and size ------------------------------------------------------------------------------


def test_connection_limit(serve):
    """Per worker, of which there are two."""
    server = serve("max_connections=1")
    with Client(address_of(server)) as one, Client(address_of(server)) as other:
        for client in one, other:
            assert client.answer(client.request())[0]["grpc-status"] == "0"
        with Client(address_of(server), handshake=False) as third:
            third.until_closed()
        for client in one, other:
            assert client.answer(client.request())[0]["grpc-status"] == "0"


def test_uploads_share_a_budget(serve):
    """Far more at once than the budget holds, over one connection; a small call passes."""
    server = serve("message_budget=2000000")
    with grpc.insecure_channel(server.address, options=OPTIONS) as channel:
        echo = channel.unary_unary("/test.Raw/Echo")
        message = b"x" * 1000000
        futures = [echo.future(message, timeout=WAIT) for _ in range(24)]
        assert unary(channel, "Echo", b"small") == b"small"
        assert all(future.result() == message for future in futures)
