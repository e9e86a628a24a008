"""How a service is found: its entry in the registry, ours and Debian's etcd, and its neighbours."""

import json
import signal

import grpc
import pytest
from registry_processes import Client, Etcd, Registry, Stream, Watching, prefix_end, rpc
from test_chassis import PATIENCE, insecure, refuses, serve, start, why_not  # noqa: F401

HOME = b"parrot/"
LEASE_SECONDS = 5


def made(kind, folder, build, tools):
    return Registry(folder, build) if kind == "ours" else Etcd(folder, tools)


@pytest.fixture(scope="module", params=["ours", "etcd"])
def registry(request, build, tools, contracts, tmp_path_factory):
    server = made(request.param, tmp_path_factory.mktemp("registry"), build, tools).start()
    yield server
    server.stop()


@pytest.fixture
def client(registry):
    with registry.channel() as channel:
        client = Client(channel)
        client.delete(HOME, prefix_end(HOME))
        yield client


@pytest.fixture
def mortal(build, contracts, tmp_path):
    """Ours, and a test may do with it what it wants."""
    server = Registry(tmp_path / "registry", build)
    yield server
    if server.process and server.process.poll() is None:
        server.process.send_signal(signal.SIGCONT)
        server.stop()


def entries(client):
    return client.get(HOME, prefix_end(HOME)).kvs


def entry(client, wait_until):
    """The only one, once it is there."""
    found, = wait_until(lambda: entries(client), PATIENCE, "the entry")
    return found


def count(service, message):
    return sum(line["message"] == message for line in service.read_log())


def register(registry, *flags):
    return "--registry", registry.target, *flags


def test_entry(serve, registry, client, wait_until):
    service = serve(*register(registry, "--replica", "one", "--weight", "3"))
    kv = entry(client, wait_until)
    assert kv.key == b"parrot/one"
    assert json.loads(kv.value) == {"Op": 0, "Addr": service.address, "Metadata": {"weight": 3}}
    assert 0 < client.left(kv.lease).TTL <= LEASE_SECONDS
    # It is kept: several times the lease's third go by, and it is as fresh as before.
    renewed = client.left(kv.lease).TTL
    wait_until(lambda: client.left(kv.lease).TTL < renewed, 10, "a second of the lease to pass")
    wait_until(lambda: client.left(kv.lease).TTL >= renewed, 10, "the lease to be renewed")
    service.process.terminate()
    assert service.end() == 0
    assert not entries(client) and client.left(kv.lease).TTL == -1


def test_lease_lost(serve, registry, client, wait_until):
    service = serve(*register(registry))
    kv = entry(client, wait_until)
    client.revoke(kv.lease)
    again = entry(client, wait_until)
    assert (again.key, again.value) == (kv.key, kv.value)
    assert again.lease not in (0, kv.lease)
    wait_until(lambda: count(service, "registered") == 2, PATIENCE, "it to say so")
    assert "lease" in service.log("not registered")["error"]


def test_replaced(serve, registry, client, wait_until, tmp_path):
    """Killed, and started again elsewhere: the entry of that id is the new one's; an old process
    that ends late takes away its own entry alone."""
    def one(name):
        (tmp_path / name).mkdir()
        return serve(*register(registry, "--replica", "one"), folder=tmp_path / name)

    def address():
        found = entries(client)
        return json.loads(found[0].value)["Addr"] if len(found) == 1 else None

    killed = one("a")
    wait_until(lambda: address() == killed.address, PATIENCE, "the first")
    killed.process.kill()
    old = one("b")
    wait_until(lambda: address() == old.address, PATIENCE, "the second")
    new = one("c")
    wait_until(lambda: address() == new.address, PATIENCE, "the third")
    old.process.terminate()
    assert old.end() == 0
    assert address() == new.address


def test_withdrawn_first(serve, mortal, wait_until):
    """While the registry does not take the entry back, calls are still let in."""
    mortal.start()
    service = serve(*register(mortal))
    address = service.address
    with mortal.channel() as channel:
        client = Client(channel)
        key = entry(client, wait_until).key
        with Watching(client) as watching:
            watching.create(key)
            mortal.process.send_signal(signal.SIGSTOP)
            service.process.terminate()
            wait_until(lambda: service.log("stopping"), PATIENCE, "the drain")
            assert not refuses(address)
            mortal.process.send_signal(signal.SIGCONT)
            gone, = watching.events(1)
            assert (gone.type, gone.kv.key) == (1, key)
    assert service.end() == 0
    assert not service.log("not withdrawn: the lease has to run out")


def test_registry_away(serve, mortal, contracts, wait_until):
    """Started before the registry; then the registry dies, and once more with all that it knew."""
    service = serve("--registry", f"unix:{mortal.folder}/rpc")
    with insecure(service.log("listening")["health"]) as health:
        assert service.health(contracts, health) == "SERVING"
        assert service.health(contracts, health, "registry") == "NOT_SERVING"
        wait_until(lambda: service.log("not registered"), PATIENCE, "it to say so")

        def stands(times):
            with mortal.channel() as channel:
                kv = entry(Client(channel), wait_until)
            wait_until(lambda: count(service, "registered") == times, PATIENCE, "it to say so")
            assert service.health(contracts, health, "registry") == "SERVING"
            return kv.lease

        mortal.start()
        lease = stands(1)
        mortal.kill()
        wait_until(lambda: count(service, "not registered") == 2, PATIENCE, "it to notice")
        assert service.health(contracts, health, "registry") == "NOT_SERVING"
        mortal.start()
        assert stands(2) == lease  # leases outlive the registry
        mortal.kill()
        for file in (mortal.folder / "data").iterdir():
            file.unlink()
        mortal.start()
        stands(3)
        mortal.kill()
        service.process.terminate()
        assert service.end() == 0
    assert service.log("not withdrawn: the lease has to run out")


def test_registry_stops(mortal):
    """Its drain waits for nobody who keeps a lease."""
    mortal.start()
    with mortal.channel() as channel:
        client = Client(channel)
        with Stream(client.lease.LeaseKeepAlive) as stream:
            stream.send(rpc().LeaseKeepAliveRequest(ID=client.grant(60).ID))
            assert stream.next().TTL == 60
            mortal.process.terminate()
            with pytest.raises(grpc.RpcError) as error:
                stream.next()
            assert error.value.details() == "etcdserver: server stopped"
    assert mortal.process.wait(PATIENCE) == 0


def test_neighbour_comes(serve, mortal, contracts, wait_until, tmp_path):
    """Any order of starts; health and log say who is missing, and the service serves without."""
    mortal.start()
    service = serve(*register(mortal), PARROT="social")
    line = wait_until(lambda: service.log("a neighbour is missing"), PATIENCE, "it to say so")
    assert line["name"] == "friend" and line["level"] == "warning"
    with insecure(service.log("listening")["health"]) as health:
        assert service.health(contracts, health, "friend") == "NOT_SERVING"
        assert service.health(contracts, health) == "SERVING"
        (tmp_path / "friend").mkdir()
        friend = serve(folder=tmp_path / "friend")
        with mortal.channel() as channel:
            Client(channel).put(b"friend/1", json.dumps({"Addr": friend.address}).encode())
        wait_until(lambda: service.log("a neighbour is there"), PATIENCE, "it to say so")
        assert service.health(contracts, health, "friend") == "SERVING"
        friend.process.terminate()
        assert friend.end() == 0
        wait_until(lambda: count(service, "a neighbour is missing") == 2, PATIENCE, "it to say so")
        assert service.health(contracts, health, "friend") == "NOT_SERVING"


@pytest.mark.parametrize("said, told", [("127.0.0.1", "127.0.0.1:{}"), ("10.1.2.3:4", "10.1.2.3:4"),
                                        ("[::1]", "[::1]:{}")], ids=["ip", "port", "ip6"])
def test_advertised(serve, mortal, wait_until, said, told):
    mortal.start()
    service = serve(*register(mortal, "--listen", "0.0.0.0:0", "--advertise", said))
    port = service.address.rsplit(":", 1)[1]
    with mortal.channel() as channel:
        kv = entry(Client(channel), wait_until)
    assert json.loads(kv.value)["Addr"] == told.format(port)


@pytest.mark.parametrize("flags, words", [
    (["--registry", "unix:/nowhere", "--listen", "0.0.0.0:0"], '"0.0.0.0:'),
    (["--registry", "unix:/nowhere", "--advertise", "parrot.example"], '"parrot.example" is no IP'),
    (["--registry", "unix:/nowhere", "--advertise", "[::1"], '"[::1" is no IP'),
    (["--registry", "unix:/nowhere", "--advertise", "[::]:80"], '"[::]:80" is no IP'),
    (["--registry", "gopher://x"], "--registry"),
], ids=["any", "name", "bracket", "any6", "target"])
def test_refused(start, flags, words):
    assert words in why_not(start(*flags))


def test_wrong_replica(start):
    assert '"a/b" is not a name without slashes' in why_not(start("--replica", "a/b"), 2)
