"""Our registry and a real etcd as a test's processes, on Unix sockets; one client for both."""

import os
import pathlib
import queue
import re
import signal
import subprocess
import time

import grpc

from shop_processes import Stub

START_SECONDS = 60
PROGRESS = "200ms"  # how often a watch hears how far it is


class Process:
    """A server in a folder of its own, which outlives it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "log"
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), env=self.env(), stdout=log, stderr=log,
                                            cwd=self.folder)
        end = time.monotonic() + START_SECONDS
        while not self.ready():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < end, self.text()
            time.sleep(0.02)
        return self

    def ready(self):
        """Whether it answers."""
        with self.channel() as channel:
            try:
                Client(channel).maintenance.Status(rpc().StatusRequest(), timeout=5)
            except grpc.RpcError:
                return False
        return True

    def channel(self):
        return grpc.insecure_channel(self.target, [
            ("grpc.default_authority", "localhost"),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.initial_reconnect_backoff_ms", 50),
            ("grpc.max_reconnect_backoff_ms", 200),
            ("grpc.max_receive_message_length", 64 << 20),
        ])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)

    def text(self):
        return self.log.read_text(errors="replace")[-8000:]


class Registry(Process):
    """Ours. Given an address, it listens there instead of at a Unix socket."""

    def __init__(self, folder, build, listen=None):
        super().__init__(folder)
        self.program = build / "services" / "registry" / "weft-registry"
        self.listen = listen or f"unix:{self.folder / 'rpc'}"
        self.target = self.listen

    def command(self):
        return [self.program]

    def env(self):
        return os.environ | {
            "WEFT_LISTEN": self.listen,
            "WEFT_HEALTH_LISTEN": f"unix:{self.folder / 'health'}",
            "WEFT_ADDRESS_FILE": str(self.folder / "address"),
            "WEFT_DATA": str(self.folder / "data"),
            "WEFT_REGISTRY_PROGRESS": PROGRESS,
        }

    def ready(self):
        address = self.folder / "address"
        if not address.exists():
            return False
        if not self.listen.startswith("unix:"):
            self.target = address.read_text().strip()
        return super().ready()

    def start(self):
        (self.folder / "address").unlink(missing_ok=True)
        return super().start()

    def stop(self):
        """An orderly end: exit 0, and no sanitizer has complained."""
        super().stop()
        assert self.process.returncode == 0, self.text()
        found = re.search(r"(AddressSanitizer|LeakSanitizer|runtime error:)", self.text())
        assert not found, self.text()


class Etcd(Process):
    """Debian's, unpacked."""

    # Relative to its folder, and written so that etcd takes it for a socket's name.
    CLIENT, PEER = "unix://localhost:2379", "unix://localhost:2380"

    def __init__(self, folder, tools):
        super().__init__(folder)
        self.program = tools / "etcd-server" / "usr/bin/etcd"
        assert self.program.exists(), f"no {self.program}: ./dev test unpacks it"
        self.target = f"unix:{self.folder / 'localhost:2379'}"

    def command(self):
        return [self.program, "--name", "test", "--data-dir", "data",
                "--listen-client-urls", self.CLIENT, "--advertise-client-urls", self.CLIENT,
                "--listen-peer-urls", self.PEER, "--initial-advertise-peer-urls", self.PEER,
                "--initial-cluster", f"test={self.PEER}",
                "--experimental-watch-progress-notify-interval", PROGRESS,
                "--logger", "zap", "--log-outputs", "stderr"]

    def env(self):
        return {name: value for name, value in os.environ.items() if not name.startswith("ETCD")}

    def ready(self):
        return pathlib.Path(self.target.removeprefix("unix:")).exists() and super().ready()


def rpc():
    from etcdserverpb import rpc_pb2  # made by the fixture `contracts`
    return rpc_pb2


class Client:
    """The services of a channel, and short words for the calls that tests make most."""

    def __init__(self, channel):
        services = rpc().DESCRIPTOR.services_by_name
        self.kv = Stub(channel, services["KV"])
        self.lease = Stub(channel, services["Lease"])
        self.watches = Stub(channel, services["Watch"])
        self.cluster = Stub(channel, services["Cluster"])
        self.maintenance = Stub(channel, services["Maintenance"])
        self.auth = Stub(channel, services["Auth"])

    def put(self, key, value=b"", **more):
        return self.kv.Put(rpc().PutRequest(key=key, value=value, **more), timeout=30)

    def get(self, key, end=b"", **more):
        return self.kv.Range(rpc().RangeRequest(key=key, range_end=end, **more), timeout=30)

    def delete(self, key, end=b"", **more):
        return self.kv.DeleteRange(rpc().DeleteRangeRequest(key=key, range_end=end, **more),
                                   timeout=30)

    def txn(self, compare=(), success=(), failure=()):
        return self.kv.Txn(rpc().TxnRequest(compare=compare, success=success, failure=failure),
                           timeout=30)

    def compact(self, revision, **more):
        return self.kv.Compact(rpc().CompactionRequest(revision=revision, **more), timeout=30)

    def revision(self):
        return self.get(b"no key").header.revision

    def grant(self, ttl, lease=0):
        return self.lease.LeaseGrant(rpc().LeaseGrantRequest(TTL=ttl, ID=lease), timeout=30)

    def revoke(self, lease):
        return self.lease.LeaseRevoke(rpc().LeaseRevokeRequest(ID=lease), timeout=30)

    def left(self, lease, keys=False):
        return self.lease.LeaseTimeToLive(rpc().LeaseTimeToLiveRequest(ID=lease, keys=keys),
                                          timeout=30)


def prefix_end(prefix):
    """Where the keys with a prefix end, as clients reckon it."""
    return prefix[:-1] + bytes([prefix[-1] + 1])


class Stream:
    """A bidirectional call: send() and next(), each bounded."""

    def __init__(self, method, seconds=30):
        self.requests = queue.SimpleQueue()
        self.call = method(iter(self.requests.get, None), timeout=seconds)

    def send(self, message):
        self.requests.put(message)

    def next(self):
        return next(self.call)

    def half_close(self):
        self.requests.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.half_close()
        self.call.cancel()


class Watching(Stream):
    """A Watch stream."""

    def __init__(self, client, seconds=30):
        super().__init__(client.watches.Watch, seconds)

    def create(self, key, end=b"", **more):
        """The answer to a new watch."""
        self.send(rpc().WatchRequest(create_request=rpc().WatchCreateRequest(
            key=key, range_end=end, **more)))
        answer = self.next()
        assert answer.created
        return answer

    def cancel(self, watch):
        self.send(rpc().WatchRequest(
            cancel_request=rpc().WatchCancelRequest(watch_id=watch)))

    def progress(self):
        self.send(rpc().WatchRequest(progress_request=rpc().WatchProgressRequest()))

    def events(self, n):
        """The next n events, of all watches; what says only how far a watch is, is passed over."""
        found = []
        while len(found) < n:
            found.extend(self.next().events)
        assert len(found) == n, found
        return found
