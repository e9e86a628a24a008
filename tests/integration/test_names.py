"""Names that change: DNS and etcd's layout, as a channel follows them."""

import json
import os
import re
import subprocess
import threading
from concurrent import futures

import dns
import grpc
import pytest
from registry_processes import Client, Registry


class Replica:
    """Answers every call with nothing."""

    def __init__(self, host="127.0.0.1", port=0):
        self.server = grpc.server(futures.ThreadPoolExecutor(2))
        handler = grpc.unary_unary_rpc_method_handler(lambda request, context: b"")
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("test.Test", {"Call": handler}),))
        self.port = self.server.add_insecure_port(f"{host}:{port}")
        self.address = f"{host}:{self.port}"
        self.server.start()

    def stop(self):
        self.server.stop(None).wait(20)


@pytest.fixture
def replica():
    """replica(host, port): one more server, gone with the test."""
    made = []

    def make(*args, **kwargs):
        made.append(Replica(*args, **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.stop()


class Channel:
    def __init__(self, program, target, wait_until, *options, **environment):
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
        self.process = subprocess.Popen([program, *options, target], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**inherited, **environment})
        self.wait_until = wait_until
        self.views, self.calls = [], []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            (self.calls if line.startswith("call ") else self.views).append(line.rstrip("\n"))

    def call(self):
        n = len(self.calls)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.wait_until(lambda: len(self.calls) > n, what="the end of the call")
        return self.calls[n].split(" ", 3)[1:]

    def until(self, view):
        """The latest view is this one, but for the order of the addresses."""
        self.wait_until(lambda: self.views and sorted(self.views[-1].split()) ==
                        sorted(view.split()), what=f"{view}, after {self.views[-3:]}")

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0, self.process.stderr.read()
        self.reader.join(10)
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def channel(build, wait_until):
    """channel(target, options …): a channel_client."""
    made = []

    def make(*args, **environment):
        made.append(Channel(build / "tests/support/channel_client", *args[:1], wait_until,
                            *args[1:], **environment))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def names():
    with dns.Server() as server:
        yield server


def test_dns_all_records(names, replica, channel):
    one = replica()
    two = replica("127.0.0.2", one.port)
    names.records["shop.test"] = {"A": ["127.0.0.1", "127.0.0.2"]}
    client = channel(f"dns://127.0.0.1:{names.port}/shop.test:{one.port}", "--balancing",
                     "round_robin")
    client.until(f"READY {one.address}=READY {two.address}=READY")
    peers = [client.call() for _ in range(6)]
    assert sorted(peer for _, peer, _ in peers) == [one.address] * 3 + [two.address] * 3
    assert {code for code, _, _ in peers} == {"OK"}
    assert names.queries == {("shop.test", "A"): 1, ("shop.test", "AAAA"): 1}


def test_dns_follows(names, replica, channel):
    """A connection that is lost has the name asked again."""
    one, two = replica(), replica("127.0.0.2")
    names.records["shop.test"] = {"A": ["127.0.0.1"]}
    client = channel(f"dns://127.0.0.1:{names.port}/shop.test:{one.port}", "--interval-ms", "100",
                     "--balancing", "round_robin")
    client.until(f"READY {one.address}=READY")
    three = replica("127.0.0.3", one.port)
    names.records["shop.test"] = {"A": ["127.0.0.3"]}
    one.stop()
    client.until(f"READY {three.address}=READY")
    assert client.call()[:2] == ["OK", three.address]
    assert two.address not in str(client.views)


def test_dns_interval(names, replica, channel):
    """Not more often than the interval, however often a connection fails in between."""
    one = replica()
    names.records["shop.test"] = {"A": ["127.0.0.1"]}
    client = channel(f"dns://127.0.0.1:{names.port}/shop.test:{one.port}", "--balancing",
                     "round_robin")
    client.until(f"READY {one.address}=READY")
    one.stop()
    client.wait_until(lambda: len([v for v in client.views if "=CONNECTING" in v]) > 4,
                      what="some attempts")
    assert names.queries["shop.test", "A"] == 1


def test_dns_unknown(names, channel):
    client = channel(f"dns://127.0.0.1:{names.port}/nobody.test:1")
    code, _, words = client.call()
    assert code == "UNAVAILABLE"
    assert "nobody.test" in words
    assert names.queries["nobody.test", "A"] >= 1


@pytest.fixture(scope="module")
def registry(build, contracts, tmp_path_factory):
    made = Registry(tmp_path_factory.mktemp("names"), build)
    made.start()
    yield made
    made.stop()


def endpoint(replica, **metadata):
    return json.dumps({"Op": 0, "Addr": replica.address, "Metadata": metadata or None}).encode()


def test_etcd(registry, replica, channel):
    one, two = replica(), replica()
    with registry.channel() as connection:
        etcd = Client(connection)
        etcd.put(b"shop/one", endpoint(one, weight=3, version="1.2.0"))
        etcd.put(b"shop/none", b"nonsense")
        etcd.put(b"shopping/other", endpoint(two))
        client = channel("etcd:///shop", "--balancing", "round_robin",
                         WEFT_REGISTRY=registry.target)
        known = one.address + r"=READY,3,{\"weight\":3,\"version\":\"1.2.0\"}"
        client.until(f"READY {known}".replace("\\", ""))
        etcd.put(b"shop/two", endpoint(two))
        client.wait_until(lambda: f"{two.address}=READY" in client.views[-1], what="the new one")
        assert sorted(client.call()[1] for _ in range(4)) == sorted(
            [one.address, one.address, two.address, two.address])
        etcd.delete(b"shop/one")
        client.until(f"READY {two.address}=READY")
        etcd.delete(b"shop/two")
        client.until("TRANSIENT_FAILURE")
        assert client.call()[0] == "UNAVAILABLE"
        etcd.put(b"shop/one", endpoint(one))
        client.until(f"READY {one.address}=READY")


def test_etcd_version(registry, replica, channel):
    """Only those whose contract is new enough, and of the same major version."""
    old, new, newer, other = (replica() for _ in range(4))
    with registry.channel() as connection:
        etcd = Client(connection)
        etcd.put(b"versions/old", endpoint(old, version="1.1.9"))
        etcd.put(b"versions/other", endpoint(other, version="2.0.0"))
        etcd.put(b"versions/none", endpoint(other))
        client = channel("etcd:///versions?version=1.2", WEFT_REGISTRY=registry.target)
        client.until("TRANSIENT_FAILURE")
        etcd.put(b"versions/new", endpoint(new, version="1.2.0"))
        client.until(f'READY {new.address}=READY,{{"version":"1.2.0"}}')
        etcd.put(b"versions/new", endpoint(newer, version="1.3.0"))
        client.until(f'READY {newer.address}=READY,{{"version":"1.3.0"}}')


@pytest.mark.parametrize("query", ["version=new", "version=", "v=1", "1.2"])
def test_etcd_query_refused(build, query):
    done = subprocess.run([build / "tests/support/channel_client", f"etcd:///shop?{query}"],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2 and "?version=1.2" in done.stderr


@pytest.fixture
def mortal(build, contracts, tmp_path):
    """A registry that a test may kill."""
    made = Registry(tmp_path, build).start()
    yield made
    made.stop()


def test_etcd_restarts(mortal, replica, channel):
    """While it is away what was known is used; what changed meanwhile is known afterwards."""
    one, two = replica(), replica()
    with mortal.channel() as connection:
        Client(connection).put(b"shop/one", endpoint(one))
        client = channel("etcd:///shop", "--balancing", "round_robin", WEFT_REGISTRY=mortal.target)
        client.until(f"READY {one.address}=READY")
        mortal.kill()
        assert client.call()[:2] == ["OK", one.address]
        mortal.start()
        Client(connection).put(b"shop/two", endpoint(two))
        client.until(f"READY {one.address}=READY {two.address}=READY")


def test_etcd_nowhere(channel):
    client = channel("etcd:///shop")
    code, _, words = client.call()
    assert code == "UNAVAILABLE"
    assert re.search("WEFT_REGISTRY", words)


@pytest.fixture
def resolve(build, registry):
    """resolve(name, flags …): weft resolve, as a process."""
    made = []

    def start(*args):
        made.append(subprocess.Popen([build / "cli/weft", "resolve", *args, "--plaintext",
                                      "--registry", registry.target],
                                     stdout=subprocess.PIPE, text=True))
        return made[-1]

    yield start
    for process in made:
        process.kill()
        process.wait()
        process.stdout.close()


def table(lines):
    """Each endpoint's line, by its address."""
    return {line.split()[0]: line.split()[1:] for line in lines if line[:1].isdigit()}


def test_resolve(registry, replica, resolve):
    one = replica()
    with registry.channel() as connection:
        etcd = Client(connection)
        etcd.put(b"seen/one", endpoint(one, weight=3, version="1.2.0"))
        etcd.put(b"seen/gone", b'{"Addr":"127.0.0.1:1"}')
        process = resolve("seen")
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert out.startswith("etcd:///seen: READY\nADDRESS")
    rows = table(out.splitlines())
    assert rows.keys() == {one.address, "127.0.0.1:1"}
    assert rows[one.address] == ["READY", "SERVING", "1.2.0", "3", "-"]
    assert rows["127.0.0.1:1"][:4] == ["TRANSIENT_FAILURE", "-", "-", "-"]
    assert "refused" in " ".join(rows["127.0.0.1:1"][4:])


def test_resolve_nobody(resolve):
    process = resolve("etcd:///nobody")
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out.count("\n")) == (64 + 14, 1)
    assert out.startswith("etcd:///nobody: TRANSIENT_FAILURE: nobody")


def test_resolve_watch(registry, replica, resolve):
    one, two = replica(), replica()
    with registry.channel() as connection:
        etcd = Client(connection)
        etcd.put(b"watched/one", endpoint(one))
        process = resolve("watched", "--watch")
        ready = lambda of, line: line.split()[:2] == [of.address, "READY"]
        assert any(ready(one, line) for line in process.stdout)
        etcd.put(b"watched/two", endpoint(two))
        assert any(ready(two, line) for line in process.stdout)
        etcd.delete(b"watched/one")
        etcd.delete(b"watched/two")
        assert any("nobody" in line for line in process.stdout)
