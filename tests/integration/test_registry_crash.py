"""Our registry when it is killed, stopped, or has much to tell; and our client's load on it and on
a real etcd."""

import os
import sqlite3
import subprocess
import threading

import grpc
import pytest
from registry_processes import Client, Etcd, Registry, Stream, Watching, rpc

DELETE = 1  # mvccpb.Event.EventType
OPERATIONS = os.environ.get("WEFT_REGISTRY_OPERATIONS", "3000")
HOME, HOME_END = b"/k/", b"/k0"


@pytest.fixture
def ours(build, contracts, tmp_path):
    registry = Registry(tmp_path / "registry", build).start()
    yield registry
    registry.stop()


def write_until_gone(channel, writer, acknowledged):
    """Puts, each of which says which it is, until the server is gone."""
    client = Client(channel)
    for i in range(100000):
        key, value = HOME + b"%d" % (writer * 10 + i % 10), b"%d" % i
        try:
            acknowledged.append((client.put(key, value).header.revision, key, value))
        except grpc.RpcError:
            return


def watch_until_gone(channel, start, seen):
    with Watching(Client(channel), 60) as watching:
        try:
            watching.create(HOME, HOME_END, start_revision=start)
            while True:
                seen.extend(watching.next().events)
        except grpc.RpcError:
            return


def lived(ours, start, wait_until):
    """One life that ends with kill -9 amid writes: what was acknowledged, what a watch has seen."""
    acknowledged, seen = [], []
    with ours.channel() as writing, ours.channel() as looking:
        threads = [threading.Thread(target=write_until_gone, args=(writing, i, acknowledged))
                   for i in range(4)]
        threads.append(threading.Thread(target=watch_until_gone, args=(looking, start, seen)))
        for thread in threads:
            thread.start()
        wait_until(lambda: len(acknowledged) > 100 and len(seen) > 50, 30, "a hundred puts")
        ours.kill()
        for thread in threads:
            thread.join()
    return acknowledged, seen


def test_kill(ours, wait_until):
    """What was acknowledged is there, revisions go on, and a watch that goes on from the last one
    it has seen misses nothing and sees nothing twice."""
    acknowledged, seen, last = [], [], 1
    for _ in range(3):
        more = lived(ours, last + 1, wait_until)
        assert min(more[0])[0] > max(acknowledged, default=(1,))[0]
        acknowledged += more[0]
        seen += more[1]
        last = seen[-1].kv.mod_revision
        ours.start()
        with ours.channel() as channel:
            assert Client(channel).revision() >= max(acknowledged)[0]
    with ours.channel() as channel, Watching(Client(channel)) as watching:
        client = Client(channel)
        end = client.put(HOME, b"end").header.revision
        watching.create(HOME, HOME_END, start_revision=last + 1)
        while seen[-1].kv.mod_revision < end:
            seen.extend(watching.next().events)
        now = {kv.key: kv.value for kv in client.get(HOME, HOME_END).kvs}
    revisions = [event.kv.mod_revision for event in seen]
    assert revisions == list(range(2, end + 1))
    shown = {event.kv.mod_revision: (event.kv.key, event.kv.value) for event in seen}
    assert all(shown[revision] == (key, value) for revision, key, value in acknowledged)
    assert now == {event.kv.key: event.kv.value for event in seen}


def test_kill_leases(ours):
    """A lease goes on with its whole time, and still ends."""
    with ours.channel() as channel:
        client = Client(channel)
        client.grant(1, 11)
        client.grant(100, 12)
        client.grant(100, 13)
        for lease in (11, 12, 13):
            client.put(HOME + b"%d" % lease, lease=lease)
        revision = client.revoke(13).header.revision
        ids = client.revision(), client.get(HOME).header.cluster_id
    ours.kill()
    ours.start()
    with ours.channel() as channel, Watching(Client(channel)) as watching:
        client = Client(channel)
        assert (client.revision(), client.get(HOME).header.cluster_id) >= ids
        watching.create(HOME, HOME_END, start_revision=revision + 1)
        event, = watching.events(1)
        assert (event.type, event.kv.key) == (DELETE, HOME + b"11")
        with Stream(client.lease.LeaseKeepAlive) as stream:
            answers = {}
            for lease in (11, 12, 13):
                stream.send(rpc().LeaseKeepAliveRequest(ID=lease))
                answers[lease] = stream.next().TTL
        assert answers == {11: 0, 12: 100, 13: 0}
        left = client.left(12, keys=True)
        assert (left.grantedTTL, list(left.keys)) == (100, [HOME + b"12"])


def rows(registry):
    """How many changes its file holds."""
    with sqlite3.connect(f"file:{registry.folder / 'data/registry.db'}?mode=ro", uri=True) as db:
        return db.execute("SELECT count(*) FROM revisions").fetchone()[0]


def test_kill_compaction(ours, wait_until):
    """What a compaction has not swept when it is killed is swept in the next life."""
    with ours.channel() as channel:
        client = Client(channel)
        puts = [rpc().RequestOp(request_put=rpc().PutRequest(key=HOME + b"%d" % i))
                for i in range(128)]
        for _ in range(10):
            last = client.txn(success=puts).header.revision
        client.compact(last)
    ours.kill()
    ours.start()

    wait_until(lambda: rows(ours) == 128, 30, "the sweep")
    with ours.channel() as channel:
        client = Client(channel)
        with pytest.raises(grpc.RpcError) as error:
            client.get(HOME, HOME_END, revision=last - 1)
        assert error.value.code() == grpc.StatusCode.OUT_OF_RANGE
        kvs = client.get(HOME, HOME_END, revision=last).kvs
        assert [kv.version for kv in kvs] == [10] * 128


def test_compacted_deletion(ours):
    """A deletion at the compacted revision is still shown, from the file too; earlier ones are not,
    and their rows are gone."""
    with ours.channel() as channel:
        client = Client(channel)
        for key in (b"a", b"b"):
            client.put(HOME + key)
            last = client.delete(HOME + key).header.revision
        client.compact(last, physical=True)
    ours.kill()
    ours.start()
    with ours.channel() as channel, Watching(Client(channel)) as watching:
        watching.create(HOME, HOME_END, start_revision=last)
        event, = watching.events(1)
        assert (event.type, event.kv.key, event.kv.mod_revision) == (DELETE, HOME + b"b", last)
        watching.create(HOME, HOME_END, start_revision=last - 1)
        assert watching.next().compact_revision == last
        assert Client(channel).revision() == last
    assert rows(ours) == 1


def test_stop(ours):
    """A watch does not hold up the end, and is told to go elsewhere."""
    with ours.channel() as channel, Watching(Client(channel)) as watching:
        watching.create(HOME)
        ours.stop()
        with pytest.raises(grpc.RpcError) as error:
            watching.next()
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert error.value.details() == "etcdserver: server stopped"


def test_watchers(ours):
    """A thousand on a stream, each told once, also when they are told of the past."""
    n = 1000
    with ours.channel() as channel, Watching(Client(channel), 60) as watching:
        client = Client(channel)
        start = client.revision() + 1
        for i in range(n):
            watching.send(rpc().WatchRequest(create_request=rpc().WatchCreateRequest(
                key=HOME + b"%d" % (i % 2), range_end=HOME_END if i % 4 >= 2 else b"",
                start_revision=start if i % 8 >= 4 else 0)))
        assert [watching.next().watch_id for _ in range(n)] == list(range(n))
        client.put(HOME + b"1")
        found = sorted(answer.watch_id for answer in
                       (watching.next() for _ in range(n - n // 4)) if len(answer.events) == 1)
        assert found == [i for i in range(n) if i % 4]
        watching.progress()
        assert watching.next().watch_id == -1


def test_slow_watch(ours):
    """One that does not read is told all of it later, though the memory holds only the end."""
    n, value = 12, bytes(1 << 20)
    with ours.channel() as channel, Watching(Client(channel), 60) as watching:
        client = Client(channel)
        watching.create(HOME, HOME_END, prev_kv=True)
        for i in range(n):
            client.put(HOME, b"%d" % i + value)
        events = watching.events(n)
        assert [event.kv.value[:2].rstrip(b"\0") for event in events] == [
            b"%d" % i for i in range(n)]
        assert [event.prev_kv.version for event in events] == list(range(n))


@pytest.mark.parametrize("kind", ["ours", "etcd"])
def test_load(kind, build, tools, contracts, tmp_path, monkeypatch):
    """Our generated client, WEFT_REGISTRY_OPERATIONS of it, each answer checked."""
    folder = tmp_path / "registry"
    monkeypatch.setenv("WEFT_LOG", "debug")
    server = Registry(folder, build) if kind == "ours" else Etcd(folder, tools)
    server.start()
    try:
        done = subprocess.run([build / "tests/support/registry_load", server.target, OPERATIONS],
                              capture_output=True, text=True, timeout=1200, check=False)
    finally:
        server.stop()
    assert done.returncode == 0, done.stdout + done.stderr
    words = done.stdout.split()
    counts = dict(zip(words[::2], map(int, words[1::2])))
    print(f"{kind}: {done.stdout}")
    assert sum(counts[of] for of in ("put", "range", "watch", "lease")) >= int(OPERATIONS)
    assert all(counts[of] > 0 for of in ("put", "range", "watch", "lease", "events"))
    # A connection that fails takes no call with it that can be tried again: nobody would see it.
    assert "INTERNAL_ERROR" not in server.log.read_text(errors="replace")
