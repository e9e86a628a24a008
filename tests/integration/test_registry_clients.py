"""etcd's own command line and npm's etcd3 work against our registry."""

import json
import os
import queue
import re
import subprocess
import threading

import pytest
from registry_processes import Registry

SECONDS = 60


@pytest.fixture(scope="module")
def ours(build, contracts, tmp_path_factory):
    registry = Registry(tmp_path_factory.mktemp("registry"), build, "127.0.0.1:0").start()
    yield registry
    registry.stop()


@pytest.fixture(scope="module")
def command(ours, tools):
    """The beginning of an etcdctl command, and its environment."""
    program = tools / "etcd-client/usr/bin/etcdctl"
    assert program.exists(), f"no {program}: ./dev test unpacks it"
    env = {name: value for name, value in os.environ.items() if not name.startswith("ETCD")}
    return [str(program), f"--endpoints={ours.target}"], env | {"ETCDCTL_API": "3"}


@pytest.fixture(scope="module")
def ctl(command):
    def run(*words, text="", status=0, both=False):
        words, env = [*command[0], *words], command[1]
        done = subprocess.run(words, env=env, input=text, capture_output=True, text=True,
                              timeout=SECONDS, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        if both:
            return done.stdout + done.stderr
        return done.stdout if status == 0 else done.stderr

    return run


class Running:
    """An etcdctl that goes on, and what it says."""

    def __init__(self, command, *words):
        self.process = subprocess.Popen([*command[0], *words], env=command[1], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.said = queue.SimpleQueue()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.said.put(line.rstrip("\n"))

    def lines(self, n):
        return [self.said.get(timeout=SECONDS) for _ in range(n)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


def test_ctl_keys(ctl):
    assert ctl("put", "k/a", "1") == "OK\n"
    assert ctl("put", "--prev-kv", "k/a", "2") == "OK\nk/a\n1\n"
    ctl("put", "k/b", "3")
    assert ctl("get", "--prefix", "k/") == "k/a\n2\nk/b\n3\n"
    assert ctl("get", "--prefix", "k/", "--sort-by=VALUE", "--order=DESCEND", "--limit=1",
               "--print-value-only") == "3\n"
    found = json.loads(ctl("get", "--prefix", "k/", "-w", "json"))
    assert found["count"] == 2
    revision = found["header"]["revision"]
    assert ctl("del", "--prefix", "--prev-kv", "k/") == "2\nk/a\n2\nk/b\n3\n"
    assert ctl("get", "--prefix", "k/", f"--rev={revision}", "--keys-only").split() == [
        "k/a", "k/b"]
    assert "future revision" in ctl("get", "k/a", "--rev=99999", status=1)


def test_ctl_txn(ctl):
    ctl("put", "t", "1")
    ask = 'value("t") = "1"\nversion("t") > "0"\n\nput t 2\nget t\n\nput t 3\n\n'
    assert ctl("txn", text=ask).split() == ["SUCCESS", "OK", "t", "2"]
    assert ctl("txn", text=ask).split() == ["FAILURE", "OK"]
    assert ctl("get", "t", "--print-value-only") == "3\n"


def test_ctl_lease(ctl, command):
    lease, = re.findall(r"^lease (\w+) granted with TTL\(100s\)$", ctl("lease", "grant", "100"))
    ctl("put", "l/a", "x", f"--lease={lease}")
    assert re.search(rf"^lease {lease} granted with TTL\(100s\), remaining\((99|100|9\d)s\), "
                     r"attached keys\(\[l/a\]\)$", ctl("lease", "timetolive", lease, "--keys"))
    assert lease in ctl("lease", "list")
    with Running(command, "lease", "keep-alive", lease) as running:
        assert running.lines(1) == [f"lease {lease} keepalived with TTL(100)"]
    assert ctl("lease", "revoke", lease) == f"lease {lease} revoked\n"
    assert ctl("get", "l/a") == ""
    assert "requested lease not found" in ctl("lease", "revoke", lease, status=1)
    assert "already expired" in ctl("lease", "timetolive", lease)


def test_ctl_watch(ctl, command):
    ctl("put", "w/a", "1")
    revision = json.loads(ctl("get", "w/a", "-w", "json"))["header"]["revision"]
    with Running(command, "watch", "--prefix", "w/", f"--rev={revision}", "--prev-kv") as running:
        assert running.lines(3) == ["PUT", "w/a", "1"]
        ctl("del", "w/a")
        assert running.lines(5) == ["DELETE", "w/a", "1", "w/a", ""]


def test_ctl_compaction(ctl):
    for value in "123":
        ctl("put", "c", value)
    revision = json.loads(ctl("get", "c", "-w", "json"))["header"]["revision"]
    assert ctl("compaction", "--physical", str(revision)) == f"compacted revision {revision}\n"
    assert ctl("get", "c", f"--rev={revision}") == "c\n3\n"
    assert "has been compacted" in ctl("get", "c", f"--rev={revision - 1}", status=1)
    assert "has been compacted" in ctl("compaction", str(revision), status=1)
    assert "has been compacted" in ctl("watch", "c", f"--rev={revision - 1}", status=5)


def test_ctl_member(ctl, ours):
    status, = json.loads(ctl("endpoint", "status", "-w", "json"))
    assert status["Status"]["leader"] == status["Status"]["header"]["member_id"]
    health, = json.loads(ctl("endpoint", "health", "-w", "json"))
    assert health["health"] is True
    member, = json.loads(ctl("member", "list", "-w", "json"))["members"]
    assert member["clientURLs"] == [f"http://{ours.target}"]
    # It goes where the member says that it is.
    assert f"http://{ours.target} is healthy" in ctl("endpoint", "health", "--cluster", both=True)
    assert ctl("--user=a:b", "get", "nothing") == ""  # told that there is no authentication


def test_ctl_lock(ctl, command):
    with Running(command, "lock", "mutex") as held:
        key, = held.lines(1)
        assert key.startswith("mutex/")
        with Running(command, "lock", "mutex", "echo", "mine") as waiting:
            held.process.terminate()
            assert waiting.lines(1) == ["mine"]
            assert waiting.process.wait(SECONDS) == 0  # it has unlocked
    assert ctl("lock", "mutex", "echo", "free") == "free\n"


def test_ctl_elect(ctl, command):
    with Running(command, "elect", "leader", "me") as running:
        key, value = running.lines(2)
        assert key.startswith("leader/") and value == "me"
        with Running(command, "elect", "-l", "leader") as listening:
            assert listening.lines(2) == [key, value]


def test_etcd3(ours, root):
    folder = root / "tests/interop/node"
    if not (folder / "node_modules/etcd3").is_dir():
        pytest.fail("etcd3 is not there: run npm ci in tests/interop/node, or ./dev test")
    done = subprocess.run(["node", "etcd3.js", ours.target], cwd=folder, capture_output=True,
                          text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["keys", "txn", "stm", "lease", "watch", "lock", "election"]
