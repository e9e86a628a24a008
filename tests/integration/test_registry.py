"""How a registry behaves: one suite, unchanged against ours and against Debian's etcd."""

import grpc
import pytest
from registry_processes import Client, Etcd, Registry, Stream, Watching, prefix_end, rpc

PUT, DELETE = 0, 1  # mvccpb.Event.EventType
Code = grpc.StatusCode


@pytest.fixture(scope="module", params=["ours", "etcd"])
def server(request, build, tools, contracts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    made = Registry(folder, build) if request.param == "ours" else Etcd(folder, tools)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def client(server):
    with server.channel() as channel:
        yield Client(channel)


@pytest.fixture
def home(request, client):
    """A prefix of this test's own."""
    prefix = f"/{request.node.originalname}/".encode()
    client.delete(prefix, prefix_end(prefix))
    return prefix


def refused(call, code, words, *args, **kwargs):
    with pytest.raises(grpc.RpcError) as error:
        call(*args, **kwargs)
    assert (error.value.code(), error.value.details()) == (code, words)


def keys(response):
    return [kv.key for kv in response.kvs]


def fill(client, home, names, value=b"v"):
    return [client.put(home + name, value).header.revision for name in names]


# ---- keys


def test_put(client, home):
    one = client.put(home + b"a", b"1")
    two = client.put(home + b"a", b"2", prev_kv=True)
    assert two.header.revision == one.header.revision + 1
    assert two.header.cluster_id == one.header.cluster_id != 0
    assert two.header.member_id == one.header.member_id != 0
    assert two.header.raft_term == one.header.raft_term > 0
    assert (two.prev_kv.key, two.prev_kv.value, two.prev_kv.version) == (home + b"a", b"1", 1)
    assert not one.HasField("prev_kv")
    kv, = client.get(home + b"a").kvs
    assert (kv.value, kv.version, kv.lease) == (b"2", 2, 0)
    assert (kv.create_revision, kv.mod_revision) == (one.header.revision, two.header.revision)


def test_put_empty(client, home):
    """Bytes of any kind are keys and values, and no bytes are a value."""
    client.put(home + b"\0\xff", b"")
    kv, = client.get(home + b"\0\xff").kvs
    assert (kv.key, kv.value) == (home + b"\0\xff", b"")


def test_put_ignore(client, home):
    lease = client.grant(60).ID
    client.put(home + b"a", b"1", lease=lease)
    client.put(home + b"a", b"", ignore_value=True)
    kv, = client.get(home + b"a").kvs
    assert (kv.value, kv.lease, kv.version) == (b"1", 0, 2)
    client.put(home + b"a", b"", ignore_value=True, lease=lease)
    client.put(home + b"a", b"2", ignore_lease=True)
    kv, = client.get(home + b"a").kvs
    assert (kv.value, kv.lease, kv.version) == (b"2", lease, 4)
    client.revoke(lease)


def test_put_refused(client, home):
    before = client.revision()
    bad = Code.INVALID_ARGUMENT
    refused(client.put, bad, "etcdserver: key is not provided", b"", b"x")
    refused(client.put, bad, "etcdserver: value is provided", home, b"x", ignore_value=True)
    refused(client.put, bad, "etcdserver: lease is provided", home, b"x", ignore_lease=True,
            lease=7)
    refused(client.put, bad, "etcdserver: key not found", home, b"", ignore_value=True)
    refused(client.put, bad, "etcdserver: key not found", home, b"x", ignore_lease=True)
    refused(client.put, Code.NOT_FOUND, "etcdserver: requested lease not found", home, b"x",
            lease=12345)
    refused(client.put, bad, "etcdserver: request is too large", home, bytes(1600 << 10))
    assert client.revision() == before


def test_range_intervals(client, home):
    fill(client, home, [b"a", b"b", b"ba", b"c"])
    assert keys(client.get(home + b"b")) == [home + b"b"]
    assert keys(client.get(home + b"b", home + b"c")) == [home + b"b", home + b"ba"]
    assert keys(client.get(home + b"c", home + b"b")) == []
    assert len(keys(client.get(home, prefix_end(home)))) == 4
    client.put(b"\xff\xff last")
    assert keys(client.get(home + b"c", b"\0"))[0] == home + b"c"
    assert keys(client.get(home + b"c", b"\0"))[-1] == b"\xff\xff last"
    everything = keys(client.get(b"\0", b"\0"))
    assert everything == sorted(everything) and home + b"a" in everything
    client.delete(b"\xff\xff last")
    refused(client.get, Code.INVALID_ARGUMENT, "etcdserver: key is not provided", b"")


def test_range_limit(client, home):
    fill(client, home, [b"a", b"b", b"c"])
    page = client.get(home, prefix_end(home), limit=2)
    assert (keys(page), page.more, page.count) == ([home + b"a", home + b"b"], True, 3)
    page = client.get(home, prefix_end(home), limit=3)
    assert (len(page.kvs), page.more, page.count) == (3, False, 3)
    page = client.get(home, prefix_end(home), count_only=True)
    assert (len(page.kvs), page.more, page.count) == (0, False, 3)
    page = client.get(home, prefix_end(home), keys_only=True)
    assert [(kv.value, kv.version) for kv in page.kvs] == [(b"", 1)] * 3


@pytest.mark.parametrize("target", ["KEY", "VERSION", "CREATE", "MOD", "VALUE"])
def test_range_sort(client, home, target):
    order = rpc().RangeRequest
    for name, value in [(b"b", b"9"), (b"a", b"5"), (b"c", b"7"), (b"b", b"6"), (b"b", b"8"),
                        (b"c", b"1")]:
        client.put(home + name, value)
    kvs = client.get(home, prefix_end(home)).kvs
    field = {"KEY": "key", "VERSION": "version", "CREATE": "create_revision",
             "MOD": "mod_revision", "VALUE": "value"}[target]
    rising = [kv.key for kv in sorted(kvs, key=lambda kv: getattr(kv, field))]
    ask = {"sort_target": order.SortTarget.Value(target)}
    up = client.get(home, prefix_end(home), sort_order=order.ASCEND, **ask)
    down = client.get(home, prefix_end(home), sort_order=order.DESCEND, **ask)
    assert (keys(up), keys(down)) == (rising, rising[::-1])
    assert keys(client.get(home, prefix_end(home), **ask)) == rising
    first = client.get(home, prefix_end(home), sort_order=order.DESCEND, limit=1, **ask)
    assert (keys(first), first.more, first.count) == (rising[-1:], True, 3)


def test_range_bounds(client, home):
    a, b, c = fill(client, home, [b"a", b"b", b"c"])
    client.put(home + b"a", b"2")
    ask = lambda **more: keys(client.get(home, prefix_end(home), **more))
    assert ask(min_mod_revision=c) == [home + b"a", home + b"c"]
    assert ask(max_mod_revision=b) == [home + b"b"]
    assert ask(min_create_revision=b) == [home + b"b", home + b"c"]
    assert ask(max_create_revision=a) == [home + b"a"]
    bounded = client.get(home, prefix_end(home), min_create_revision=a, limit=1)
    assert (keys(bounded), bounded.more, bounded.count) == ([home + b"a"], True, 3)


def test_range_then(client, home):
    one, two = fill(client, home, [b"a", b"a"], b"1")[-1], client.put(home + b"b").header.revision
    client.delete(home + b"a")
    client.put(home + b"a", b"new")
    past = lambda revision: [(kv.key, kv.version) for kv in client.get(
        home, prefix_end(home), revision=revision, serializable=True).kvs]
    assert past(one - 1) == [(home + b"a", 1)]
    assert past(one) == [(home + b"a", 2)]
    assert past(two) == [(home + b"a", 2), (home + b"b", 1)]
    assert past(two + 1) == [(home + b"b", 1)]
    assert past(two + 2) == past(0) == [(home + b"a", 1), (home + b"b", 1)]
    assert client.get(home, prefix_end(home), revision=one, count_only=True).count == 1
    assert client.get(home, revision=one).header.revision == client.revision()
    refused(client.get, Code.OUT_OF_RANGE,
            "etcdserver: mvcc: required revision is a future revision", home, revision=two + 100)


def test_delete(client, home):
    last = fill(client, home, [b"a", b"b", b"c"])[-1]
    gone = client.delete(home + b"a", home + b"c", prev_kv=True)
    assert (gone.deleted, gone.header.revision) == (2, last + 1)
    assert [(kv.key, kv.value) for kv in gone.prev_kvs] == [(home + b"a", b"v"),
                                                            (home + b"b", b"v")]
    nothing = client.delete(home + b"a", home + b"c", prev_kv=True)
    assert (nothing.deleted, len(nothing.prev_kvs)) == (0, 0)
    assert nothing.header.revision == client.revision() == last + 1
    assert client.delete(home + b"c").deleted == 1
    again = client.put(home + b"a").header.revision
    kv, = client.get(home + b"a").kvs
    assert (kv.version, kv.create_revision) == (1, again)
    refused(client.delete, Code.INVALID_ARGUMENT, "etcdserver: key is not provided", b"")


# ---- txn


def do(**op):
    return rpc().RequestOp(**op)


def do_put(key, value=b"v", **more):
    return do(request_put=rpc().PutRequest(key=key, value=value, **more))


def do_get(key, end=b"", **more):
    return do(request_range=rpc().RangeRequest(key=key, range_end=end, **more))


def do_delete(key, end=b"", **more):
    return do(request_delete_range=rpc().DeleteRangeRequest(key=key, range_end=end, **more))


def do_txn(compare=(), success=(), failure=()):
    return do(request_txn=rpc().TxnRequest(compare=compare, success=success, failure=failure))


def when(key, target, result, end=b"", **value):
    compare = rpc().Compare
    return compare(key=key, range_end=end, target=compare.CompareTarget.Value(target),
                   result=compare.CompareResult.Value(result), **value)


def test_txn_plain(client, home):
    """Without comparisons: how etcd's own resolver registers."""
    before = client.revision()
    done = client.txn(success=[do_put(home + b"a", b"1"), do_put(home + b"b", b"2"),
                               do_get(home, prefix_end(home)), do_delete(home + b"b2")])
    assert done.succeeded and done.header.revision == before + 1
    assert done.header.cluster_id and done.header.member_id
    assert [op.WhichOneof("response") for op in done.responses] == [
        "response_put", "response_put", "response_range", "response_delete_range"]
    seen = done.responses[2].response_range
    assert [(kv.key, kv.mod_revision) for kv in seen.kvs] == [(home + b"a", before + 1),
                                                              (home + b"b", before + 1)]
    assert seen.header.revision == before + 1
    assert client.revision() == before + 1


def test_txn_empty(client):
    before = client.revision()
    done = client.txn()
    assert done.succeeded and not done.responses and done.header.revision == before


@pytest.mark.parametrize("target", ["VERSION", "CREATE", "MOD", "LEASE"])
def test_txn_compare(client, home, target):
    lease = client.grant(60).ID
    client.put(home + b"a", b"1")
    client.put(home + b"a", b"1", lease=lease)
    kv, = client.get(home + b"a").kvs
    field = {"VERSION": "version", "CREATE": "create_revision", "MOD": "mod_revision",
             "LEASE": "lease"}[target]
    now = getattr(kv, field)
    holds = lambda result, value, key=home + b"a": client.txn(
        [when(key, target, result, **{field: value})]).succeeded
    assert holds("EQUAL", now) and not holds("EQUAL", now + 1)
    assert holds("GREATER", now - 1) and not holds("GREATER", now)
    assert holds("LESS", now + 1) and not holds("LESS", now)
    assert holds("NOT_EQUAL", now + 1) and not holds("NOT_EQUAL", now)
    # What is not there counts as 0.
    assert holds("EQUAL", 0, home + b"none") and not holds("GREATER", 0, home + b"none")
    client.revoke(lease)


def test_txn_compare_value(client, home):
    client.put(home + b"a", b"mm")
    holds = lambda result, value, key=home + b"a": client.txn(
        [when(key, "VALUE", result, value=value)]).succeeded
    assert holds("EQUAL", b"mm") and not holds("EQUAL", b"m")
    assert holds("GREATER", b"m") and holds("LESS", b"mma") and holds("NOT_EQUAL", b"")
    assert not holds("NOT_EQUAL", b"x", home + b"none")
    assert not holds("EQUAL", b"", home + b"none")


def test_txn_compare_range(client, home):
    fill(client, home, [b"a", b"b"])
    client.put(home + b"b")
    ask = lambda n: client.txn([when(home, "VERSION", "LESS", prefix_end(home), version=n)])
    assert ask(3).succeeded and not ask(2).succeeded
    both = [when(home + b"a", "VERSION", "EQUAL", version=1),
            when(home + b"b", "VERSION", "EQUAL", version=1)]
    assert not client.txn(both).succeeded


def test_txn_failure(client, home):
    before = client.revision()
    done = client.txn([when(home, "VERSION", "GREATER", version=0)],
                      [do_put(home, b"then")], [do_put(home, b"else", prev_kv=True)])
    assert (done.succeeded, done.header.revision) == (False, before + 1)
    assert client.get(home).kvs[0].value == b"else"
    # A list that only reads makes no revision.
    done = client.txn([], [do_get(home)], [do_put(home)])
    assert (done.succeeded, done.header.revision) == (True, before + 1)
    assert done.responses[0].response_range.kvs[0].value == b"else"


def test_txn_nested(client, home):
    """Comparisons see the state before the txn, operations what the ones before them did."""
    client.put(home + b"a", b"old")
    done = client.txn(success=[
        do_delete(home + b"b", prev_kv=True),
        do_txn([when(home + b"a", "VALUE", "EQUAL", value=b"old")],
               [do_put(home + b"c"), do_txn([when(home + b"c", "VERSION", "EQUAL", version=0)],
                                            [do_put(home + b"d")], [do_put(home + b"e")])]),
        do_put(home + b"a", b"new"),
        do_get(home, prefix_end(home)),
    ])
    inner = done.responses[1].response_txn
    assert inner.succeeded and inner.responses[1].response_txn.succeeded
    assert keys(done.responses[3].response_range) == [home + b"a", home + b"c", home + b"d"]
    assert {kv.mod_revision for kv in client.get(home, prefix_end(home)).kvs} == {
        done.header.revision}


def test_txn_duplicate(client, home):
    a = home + b"a"
    twice = (Code.INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request")
    before = client.revision()
    for ops in ([do_put(a), do_put(a)],
                [do_put(a), do_delete(a)],
                [do_delete(home, prefix_end(home)), do_put(a)],
                [do_put(a), do_txn(success=[do_put(a)])],
                [do_put(a), do_txn(failure=[do_put(a)])],
                [do_put(a), do_txn(success=[do_delete(a)])],
                [do_txn(success=[do_put(a)]), do_txn(success=[do_put(a)])],
                [do_txn(success=[do_put(a)]), do_delete(a)]):
        refused(client.txn, *twice, success=ops)
        refused(client.txn, *twice, failure=ops)
    assert client.revision() == before
    # Of a nested txn one list is done or the other; deletions may overlap.
    client.txn(success=[do_txn(success=[do_put(a)], failure=[do_put(a)]),
                        do_delete(home + b"x"), do_delete(home + b"w", home + b"z")])
    assert keys(client.get(a)) == [a]


def test_txn_overlap(client, home):
    """What etcd lets pass is done in its order, in one revision."""
    a = home + b"a"
    with Watching(client) as watching:
        watching.create(home, prefix_end(home))
        done = client.txn(success=[do_txn(success=[do_put(a)]), do_txn(success=[do_delete(a)])])
        assert seen(watching.events(2)) == [(PUT, a, b"v"), (DELETE, a, b"")]
    assert not client.get(a).kvs
    client.put(home + b"b")
    assert client.txn(success=[do_put(a), do_delete(a, b"\0")]).header.revision == (
        done.header.revision + 2)
    assert not client.get(home, prefix_end(home)).kvs


def test_txn_refused(client, home):
    bad = Code.INVALID_ARGUMENT
    before = client.revision()
    many = "etcdserver: too many operations in txn request"
    puts = [do_put(home + b"%d" % i) for i in range(129)]
    refused(client.txn, bad, many, success=puts)
    refused(client.txn, bad, many, success=puts[:64] + [do_txn(failure=puts[64:])])
    refused(client.txn, bad, "etcdserver: key is not provided", success=[do_put(b"")])
    refused(client.txn, bad, "etcdserver: key is not provided",
            [when(b"", "VERSION", "EQUAL", version=1)])
    refused(client.txn, bad, "etcdserver: key not found", success=[rpc().RequestOp()])
    refused(client.txn, bad, "etcdserver: key not found",
            success=[do_put(home + b"a"), do_put(home + b"b", b"", ignore_value=True)])
    refused(client.txn, Code.NOT_FOUND, "etcdserver: requested lease not found",
            success=[do_put(home + b"a"), do_put(home + b"b", lease=999)])
    refused(client.txn, Code.OUT_OF_RANGE,
            "etcdserver: mvcc: required revision is a future revision",
            success=[do_put(home + b"a"), do_get(home, revision=before + 1)])
    assert client.revision() == before and not client.get(home + b"a").kvs
    # What is not done is not looked at so closely.
    assert client.txn(success=[do_put(home)], failure=[do_put(home, lease=999)]).succeeded


def test_txn_longest(client, home):
    done = client.txn(success=[do_put(home + b"%03d" % i) for i in range(128)])
    assert len(done.responses) == 128
    assert client.get(home, prefix_end(home), count_only=True).count == 128


# ---- compaction


def test_compact(client, home):
    gone = (Code.OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted")
    one, two, three = fill(client, home, [b"a", b"a", b"a"])
    client.put(home + b"b")
    client.delete(home + b"b")
    assert client.compact(three, physical=True).header.revision == client.revision()
    refused(client.get, *gone, home + b"a", revision=two)
    refused(client.txn, *gone, success=[do_get(home + b"a", revision=one)])
    assert client.get(home + b"a", revision=three).kvs[0].version == 3
    assert keys(client.get(home, prefix_end(home), revision=three + 1)) == [home + b"a",
                                                                             home + b"b"]
    assert keys(client.get(home, prefix_end(home))) == [home + b"a"]
    refused(client.compact, *gone, three)
    refused(client.compact, *gone, one)
    refused(client.compact, Code.OUT_OF_RANGE,
            "etcdserver: mvcc: required revision is a future revision", client.revision() + 1)
    last = client.revision()
    client.compact(last)
    kv, = client.get(home + b"a", revision=last).kvs
    assert (kv.version, kv.create_revision, kv.mod_revision) == (3, one, three)
    assert client.put(home + b"a").header.revision == last + 1


# ---- leases


def test_lease_grant(client):
    given = client.grant(100)
    assert given.ID > 0 and given.TTL == 100 and not given.error
    assert given.header.revision == client.revision() and given.header.member_id
    chosen = client.grant(60, 4711)
    assert chosen.ID == 4711
    refused(client.grant, Code.FAILED_PRECONDITION, "etcdserver: lease already exists", 60, 4711)
    refused(client.grant, Code.OUT_OF_RANGE, "etcdserver: too large lease TTL", 9000000001)
    assert client.grant(1, 4712).TTL == 2  # never less than the server can keep
    everything = {lease.ID for lease in client.lease.LeaseLeases(
        rpc().LeaseLeasesRequest(), timeout=30).leases}
    assert {given.ID, 4711} <= everything
    for lease in (given.ID, 4711):
        client.revoke(lease)
    refused(client.revoke, Code.NOT_FOUND, "etcdserver: requested lease not found", 4711)


def test_lease_revoke(client, home):
    lease = client.grant(100).ID
    client.put(home + b"b", lease=lease)
    client.put(home + b"a", lease=lease)
    client.put(home + b"c", lease=lease)
    client.put(home + b"c")  # no more of the lease
    client.put(home + b"d", lease=lease)
    client.delete(home + b"d")
    client.put(home + b"d")
    left = client.left(lease, keys=True)
    assert (left.ID, left.grantedTTL, sorted(left.keys)) == (lease, 100,
                                                             [home + b"a", home + b"b"])
    assert 90 <= left.TTL <= 100
    assert not client.left(lease).keys
    before = client.revision()
    assert client.revoke(lease).header.revision == before + 1
    assert keys(client.get(home, prefix_end(home))) == [home + b"c", home + b"d"]
    left = client.left(lease, keys=True)
    assert (left.ID, left.TTL, left.grantedTTL, len(left.keys)) == (lease, -1, 0, 0)


def test_lease_expires(client, home):
    with Watching(client) as watching:
        watching.create(home, prefix_end(home))
        lease = client.grant(1).ID
        for name in (b"b", b"a"):
            client.put(home + name, lease=lease)
        events = watching.events(4)
    assert [(event.type, event.kv.key) for event in events[2:]] == [(DELETE, home + b"a"),
                                                                    (DELETE, home + b"b")]
    # Both in one revision, and nothing of a key but that it is gone.
    assert events[2].kv.mod_revision == events[3].kv.mod_revision > events[1].kv.mod_revision
    assert (events[2].kv.value, events[2].kv.lease, events[2].kv.create_revision) == (b"", 0, 0)
    assert client.left(lease).TTL == -1


def test_lease_keep_alive(client, wait_until):
    lease = client.grant(30).ID
    wait_until(lambda: client.left(lease).TTL < 29, 10, "a second of the lease to pass")
    with Stream(client.lease.LeaseKeepAlive) as stream:
        stream.send(rpc().LeaseKeepAliveRequest(ID=lease))
        answer = stream.next()
        assert (answer.ID, answer.TTL) == (lease, 30) and answer.header.member_id
        assert client.left(lease).TTL >= 29
        # One that is not there is no error, and ends nothing.
        for each in (12345, lease, lease):
            stream.send(rpc().LeaseKeepAliveRequest(ID=each))
        assert [(answer.ID, answer.TTL) for answer in (stream.next() for _ in range(3))] == [
            (12345, 0), (lease, 30), (lease, 30)]
        stream.half_close()
        with pytest.raises(StopIteration):
            stream.next()
        assert stream.call.code() == Code.OK
    client.revoke(lease)


# ---- watches


def seen(events):
    return [(event.type, event.kv.key, event.kv.value) for event in events]


def test_watch(client, home):
    with Watching(client) as watching:
        made = watching.create(home, prefix_end(home))
        assert (made.watch_id, made.canceled, len(made.events)) == (0, False, 0)
        assert made.header.revision == client.revision() and made.header.cluster_id
        client.put(home + b"a", b"1")
        client.put(b"elsewhere")
        last = client.delete(home + b"a").header.revision
        first, second = watching.next(), watching.next()
    assert seen([*first.events, *second.events]) == [(PUT, home + b"a", b"1"),
                                                     (DELETE, home + b"a", b"")]
    put, = first.events
    assert (put.kv.version, put.kv.mod_revision, put.kv.create_revision) == (1, last - 2, last - 2)
    assert second.events[0].kv.mod_revision == second.header.revision == last
    assert first.watch_id == second.watch_id == 0


def test_watch_many(client, home):
    """Several watches of a stream, each told of its own; ids in the order of the requests."""
    with Watching(client) as watching:
        made = [watching.create(home + b"a"), watching.create(home + b"b", home + b"d"),
                watching.create(home + b"c", b"\0"), watching.create(home + b"z", watch_id=7),
                watching.create(home + b"y")]
        assert [answer.watch_id for answer in made] == [0, 1, 2, 7, 3]
        fill(client, home, [b"a", b"b", b"c"])
        found = {}
        while sum(map(len, found.values())) < 4:
            answer = watching.next()
            found.setdefault(answer.watch_id, []).extend(event.kv.key for event in answer.events)
    assert found == {0: [home + b"a"], 1: [home + b"b", home + b"c"], 2: [home + b"c"]}


def test_watch_txn(client, home):
    """What one revision has changed comes together, in its order."""
    with Watching(client) as watching:
        watching.create(home, prefix_end(home))
        client.put(home + b"x")
        watching.events(1)
        client.txn(success=[do_put(home + b"b"), do_put(home + b"a"), do_delete(home + b"x")])
        answer = watching.next()
    assert seen(answer.events) == [(PUT, home + b"b", b"v"), (PUT, home + b"a", b"v"),
                                   (DELETE, home + b"x", b"")]
    assert {event.kv.mod_revision for event in answer.events} == {answer.header.revision}


def test_watch_past(client, home):
    first = fill(client, home, [b"a", b"b"], b"old")[0]
    client.delete(home + b"a")
    with Watching(client) as watching:
        watching.create(home, prefix_end(home), start_revision=first)
        past = watching.events(3)
        client.put(home + b"c", b"new")
        now = watching.events(1)
        watching.create(home, prefix_end(home), start_revision=first + 1)
        assert seen(watching.events(3)) == seen([*past[1:], *now])
    assert seen(past) == [(PUT, home + b"a", b"old"), (PUT, home + b"b", b"old"),
                          (DELETE, home + b"a", b"")]
    assert [event.kv.mod_revision for event in past] == [first, first + 1, first + 2]


def test_watch_future(client, home):
    with Watching(client) as watching:
        watching.create(home, prefix_end(home), start_revision=client.revision() + 2)
        fill(client, home, [b"a", b"b"])
        assert seen(watching.events(1)) == [(PUT, home + b"b", b"v")]


def test_watch_prev(client, home):
    first = client.put(home + b"a", b"1").header.revision
    with Watching(client) as watching:
        watching.create(home + b"a", prev_kv=True)
        watching.create(home + b"a", start_revision=first, prev_kv=True)
        assert not watching.events(1)[0].HasField("prev_kv")
        client.put(home + b"a", b"2")
        client.delete(home + b"a")
        client.put(home + b"a", b"3")
        found = {0: [], 1: []}
        while sum(map(len, found.values())) < 6:
            answer = watching.next()
            found[answer.watch_id].extend(answer.events)
    for events in found.values():
        assert [(event.prev_kv.value, event.prev_kv.version) for event in events] == [
            (b"1", 1), (b"2", 2), (b"", 0)]
        assert [event.HasField("prev_kv") for event in events] == [True, True, False]


def test_watch_filters(client, home):
    filters = rpc().WatchCreateRequest
    start = client.revision() + 1
    with Watching(client) as watching:
        watching.create(home + b"a", filters=[filters.NOPUT])
        watching.create(home + b"a", filters=[filters.NODELETE])
        client.put(home + b"a")
        client.delete(home + b"a")
        found = {}
        for _ in range(2):
            answer = watching.next()
            found[answer.watch_id] = [event.type for event in answer.events]
        assert found == {0: [DELETE], 1: [PUT]}
        watching.create(home + b"a", start_revision=start, filters=[filters.NOPUT])
        assert [event.type for event in watching.events(1)] == [DELETE]


def test_watch_cancel(client, home):
    with Watching(client) as watching:
        watching.create(home + b"a")
        watching.create(home + b"b")
        watching.cancel(99)  # not there: passed over
        watching.cancel(0)
        answer = watching.next()
        assert (answer.watch_id, answer.canceled, answer.created) == (0, True, False)
        assert (answer.compact_revision, answer.header.revision) == (0, client.revision())
        fill(client, home, [b"a", b"b"])
        assert seen(watching.events(1)) == [(PUT, home + b"b", b"v")]


def test_watch_refused(client, home):
    with Watching(client) as watching:
        answer = watching.create(home + b"b", home + b"a")
        assert (answer.watch_id, answer.canceled) == (-1, True)
        assert answer.cancel_reason == "mvcc: watcher range is empty"
        assert watching.create(home, watch_id=5).watch_id == 5
        answer = watching.create(home, watch_id=5)
        assert (answer.watch_id, answer.canceled) == (-1, True)
        assert "duplicate watch ID" in answer.cancel_reason
        assert watching.create(home).watch_id == 0


def test_watch_compacted(client, home):
    one, two, three = fill(client, home, [b"a", b"a", b"a"])
    client.compact(three)
    with Watching(client) as watching:
        made = watching.create(home + b"a", start_revision=two)
        assert not made.canceled
        answer = watching.next()
        assert (answer.watch_id, answer.canceled, answer.compact_revision) == (
            made.watch_id, True, three)
        watching.create(home + b"a", start_revision=three)
        event, = watching.events(1)
        assert (event.kv.mod_revision, event.kv.version) == (three, 3)


def test_watch_progress(client, home):
    """An answer to the request comes after what has happened until then."""
    with Watching(client) as watching:
        watching.create(home, prefix_end(home))
        last = fill(client, home, [b"a", b"b"])[-1]
        watching.events(2)
        watching.progress()
        answer = watching.next()
    assert (answer.watch_id, answer.header.revision, len(answer.events)) == (-1, last, 0)
    assert not answer.created and not answer.canceled


def test_watch_notify(client, home):
    with Watching(client) as watching:
        watching.create(home, progress_notify=True)
        last = client.put(b"elsewhere").header.revision
        answer = watching.next()
        while answer.header.revision < last:
            answer = watching.next()
    assert (answer.watch_id, answer.header.revision, len(answer.events)) == (0, last, 0)


def test_watch_fragments(client, home):
    """A revision of 3 MiB in pieces, to one that takes them."""
    first = client.put(home + b"first").header.revision
    for i in range(3):
        client.put(home + b"%d" % i, bytes(1 << 20))
    client.txn(success=[do_put(home + b"4", bytes(100)), do_delete(home + b"0", home + b"3")])
    with Watching(client) as watching:
        watching.create(home, prefix_end(home), start_revision=first, fragment=True)
        answers = [watching.next()]
        while sum(len(answer.events) for answer in answers) < 8:
            answers.append(watching.next())
    assert max(answer.ByteSize() for answer in answers) < 4 << 20
    assert not answers[-1].fragment
    events = [event for answer in answers for event in answer.events]
    assert [event.type for event in events] == [PUT] * 5 + [DELETE] * 3


# ---- the member


def test_member(client, server):
    status = client.maintenance.Status(rpc().StatusRequest(), timeout=30)
    assert status.version.startswith("3.4.") and status.leader == status.header.member_id
    assert status.dbSize >= status.dbSizeInUse > 0
    assert status.raftTerm == status.header.raft_term and status.raftIndex > 0
    member, = client.cluster.MemberList(rpc().MemberListRequest(), timeout=30).members
    assert member.ID == status.leader and member.name and len(member.clientURLs) == 1
    assert not client.maintenance.Alarm(rpc().AlarmRequest(), timeout=30).alarms
    refused(client.auth.Authenticate, Code.FAILED_PRECONDITION,
            "etcdserver: authentication is not enabled",
            rpc().AuthenticateRequest(name="a", password="b"), timeout=30)
