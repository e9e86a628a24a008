"""What a channel makes of replicas that are killed, frozen, slow or all gone at once.

Replicas of chaos.v1.Replica (replica.c) stand in our registry; chaos_load (load.c) calls them by
name, at a fixed rate that waits for nobody. Each scenario is a function, which does what its name
says and returns what it has counted. ./dev chaos channel runs them on a release build and prints
the numbers beside their bounds; tests/integration/test_chaos.py runs them in small.
"""

import argparse
import collections
import contextlib
import copy
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import grpc

HOME = pathlib.Path(__file__).resolve().parent
ROOT = HOME.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import python_contracts  # noqa: E402
from registry_processes import Client, Registry, Stream, rpc  # noqa: E402
from shop_processes import Stub  # noqa: E402

NAME = "chaos/replica"
LEASE_SECONDS = 10
BOUND = 60  # seconds, for whatever is waited for
SLOW_EVERY = 90  # 1.1%, so that the 99th percentile lies among them
KINDS = ("read", "write")
ALLOWED = {"OK", "UNAVAILABLE", "DEADLINE_EXCEEDED"}  # what becomes of a write
CONTRACT = HOME / "chaos.proto"
CONFIG = json.loads((HOME / "service_config.json").read_text())


def until(condition, what):
    end = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < end, f"gave up waiting for {what}"
        time.sleep(0.01)


def config(balancing=None, **hedging):
    """The service config, with another policy, or with other words on hedging; delay=None: no
    method is hedged or retried."""
    result = copy.deepcopy(CONFIG)
    outlier = result["loadBalancingConfig"][0]["outlier_detection_experimental"]
    if balancing:
        outlier["childPolicy"] = [{balancing: {}}]
    if hedging and hedging["delay"] is None:
        del result["methodConfig"]
    elif hedging:
        result["methodConfig"][0]["hedgingPolicy"]["hedgingDelay"] = hedging["delay"]
    return result


class Process:
    """One whose standard error goes into a file, where no sanitizer may have complained."""

    def __init__(self, command, log, **more):
        self.log = log
        with open(log, "ab") as errors:
            self.process = subprocess.Popen(list(map(str, command)), stderr=errors, text=True,
                                            stdout=subprocess.PIPE, **more)

    def check(self):
        text = self.log.read_text(errors="replace")
        assert self.process.returncode in (0, -signal.SIGKILL), text[-4000:]
        assert not re.search(r"(AddressSanitizer|LeakSanitizer|runtime error:)", text), text


class Replica(Process):
    def __init__(self, stage, number, *address):
        self.stage, self.number = stage, number
        self.ledger = stage.folder / f"ledger{number}"
        super().__init__([stage.build / "tests/chaos/chaos_replica", self.ledger, *address],
                         stage.folder / f"replica{number}.log")
        self.address = self.process.stdout.readline().strip()
        assert self.address, self.log.read_text()
        self.key = f"{NAME}/{number}".encode()
        self.lease = 0
        self.read_to = self.seen = 0  # of the ledger: bytes, lines

    def register(self):
        """Under a lease, as a service does it."""
        value = json.dumps({"Op": 0, "Addr": self.address, "Metadata": None}).encode()
        with self.stage.asking() as client:
            self.lease = client.grant(LEASE_SECONDS).ID
            client.put(self.key, value, lease=self.lease)
        return self

    def withdraw(self):
        with self.stage.asking() as client:
            client.revoke(self.lease)
        self.lease = 0

    def drain(self):
        """Withdrawn first; it takes calls until nobody has any more."""
        self.withdraw()
        self.process.terminate()
        self.process.wait(BOUND)
        self.check()

    def kill(self):
        self.lease = 0  # nobody renews it
        self.process.kill()
        self.process.wait(BOUND)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)
        self.frozen_lease, self.lease = self.lease, 0

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)
        self.register()

    def behave(self, **how):
        from chaos_pb2 import DESCRIPTOR, Behaviour
        with grpc.insecure_channel(self.address, [("grpc.enable_http_proxy", 0)]) as channel:
            stub = Stub(channel, DESCRIPTOR.services_by_name["Replica"])
            stub.Behave(Behaviour(**how), timeout=BOUND)

    def lives(self):
        return self.process.poll() is None


class Stage:
    """A registry, replicas and a client, in a folder."""

    def __init__(self, folder, build, replicas=3):
        self.folder, self.build = folder, build
        self.folder.mkdir(parents=True, exist_ok=True)
        self.registry = Registry(folder / "registry", build).start()
        self.replicas, self.load = [], None
        self.over = threading.Event()
        self.renewing = threading.Thread(target=self.renew, daemon=True)
        self.renewing.start()
        for _ in range(replicas):
            self.add()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        self.renewing.join(BOUND)
        if self.load:
            self.load.process.kill()
        for replica in self.replicas:
            if replica.lives():
                replica.process.send_signal(signal.SIGCONT)
                replica.process.terminate() if kind is None else replica.process.kill()
            replica.process.wait(BOUND)
            replica.process.stdout.close()
        self.registry.stop()
        if kind is None:
            for replica in self.replicas:
                replica.check()

    @contextlib.contextmanager
    def asking(self):
        """A client of the registry, on a connection of its own."""
        with self.registry.channel() as channel:
            yield Client(channel)

    def renew(self):
        while not self.over.wait(LEASE_SECONDS / 4):
            leases = [replica.lease for replica in self.replicas if replica.lease]
            with contextlib.suppress(grpc.RpcError), self.asking() as client, \
                    Stream(client.lease.LeaseKeepAlive) as stream:
                for lease in leases:
                    stream.send(rpc().LeaseKeepAliveRequest(ID=lease))
                    stream.next()

    def add(self):
        self.replicas.append(Replica(self, len(self.replicas)).register())
        return self.replicas[-1]

    def bring_back(self):
        """All of them, where they were."""
        for old in self.replicas:
            old.process.stdout.close()
        self.replicas = [Replica(self, old.number, old.address).register()
                         for old in self.replicas]

    def alive(self):
        return [replica for replica in self.replicas if replica.lives()]

    def behave(self, **how):
        for replica in self.alive():
            replica.behave(**how)

    def received(self):
        """The calls that replicas have seen since the beginning, by replica."""
        for replica in self.replicas:
            with open(replica.ledger) as ledger:
                ledger.seek(replica.read_to)
                text = ledger.read()
            whole = text[:text.rfind("\n") + 1]
            replica.read_to += len(whole)
            replica.seen += whole.count("\n")
        return {replica.address: replica.seen for replica in self.replicas}

    def total(self):
        return sum(self.received().values())

    def writes(self):
        """How often each write was seen that was not refused."""
        times = collections.Counter()
        for replica in self.replicas:
            for line in replica.ledger.read_text().splitlines():
                words = line.split()
                if words[0] == "write" and len(words) == 2:
                    times[words[1]] += 1
        return times


class Load(Process):
    """chaos_load; the phases' reports, in `phases` by name, once it is closed."""

    def __init__(self, stage, settings, rate, timeout_ms):
        stage.load, self.stage, self.rate = self, stage, rate
        path = stage.folder / "config.json"
        path.write_text(json.dumps(settings))
        super().__init__([stage.build / "tests/chaos/chaos_load", f"etcd:///{NAME}", path,
                          timeout_ms], stage.folder / "load.log", stdin=subprocess.PIPE,
                         env=os.environ | {"WEFT_REGISTRY": stage.registry.target})

    def phase(self, name, kinds="both"):
        self.process.stdin.write(f"{name} {self.rate} {kinds}\n")
        self.process.stdin.flush()

    def calls(self, seconds):
        """Goes on until replicas have seen the calls of so many seconds."""
        wanted = self.stage.total() + max(1, int(self.rate * seconds))
        until(lambda: self.stage.total() >= wanted or self.process.poll() is not None, "calls")
        assert self.process.poll() is None, self.log.read_text()

    def meet(self, kinds="both"):
        """Until each replica that lives is called."""
        self.phase("meet", kinds)
        for replica in self.stage.alive():
            until(lambda: self.stage.received()[replica.address], "the first call")

    def close(self):
        out, _ = self.process.communicate(timeout=BOUND)
        self.check()
        self.phases = {line["phase"]: line for line in map(json.loads, out.splitlines())}
        return self.phases


# ---- the scenarios

def churn(stage, rate, seconds, timeout_ms=1000):
    """All that can happen to one replica, and to the registry, one after the other."""
    load = Load(stage, config(), rate, timeout_ms)
    load.meet()
    load.phase("even")
    load.calls(seconds)
    load.phase("kill")
    stage.replicas[0].kill()
    load.calls(seconds)
    load.phase("add")
    added = stage.add()
    load.calls(seconds)
    load.phase("drain")
    stage.replicas[1].drain()
    load.calls(seconds)
    load.phase("registry")
    stage.registry.kill()
    load.calls(seconds)
    stage.registry.start()
    load.phase("ports")
    for replica in stage.alive():
        replica.drain()
        stage.add()
        load.calls(seconds / 2)
    load.phase("freeze")
    stage.alive()[0].freeze()
    load.calls(seconds)
    load.phase("thaw")
    stage.alive()[0].thaw()
    load.calls(seconds)
    phases = load.close()
    return phases, {"added": phases["add"]["peers"].get(added.address, 0),
                    "last": sorted(replica.address for replica in stage.alive()),
                    "twice": sum(n > 1 for n in stage.writes().values())}


def spread(peers):
    """How far the farthest is from even, as a share of it."""
    even = sum(peers.values()) / len(peers)
    return max(abs(n - even) for n in peers.values()) / even


def slow_replica(stage, rate, seconds, answer_ms, timeout_ms):
    """One of three takes 20 times as long, which is beyond the deadline; what share of a fair
    share it gets."""
    settings = config("least_request_experimental", delay=None)
    outlier = settings["loadBalancingConfig"][0]["outlier_detection_experimental"]
    outlier["failurePercentageEjection"]["requestVolume"] = max(2, rate // 200)
    stage.behave(answer_ms=answer_ms)
    load = Load(stage, settings, rate, timeout_ms)
    load.meet("read")
    load.phase("slow", "read")
    slow = stage.replicas[0]
    slow.behave(answer_ms=20 * answer_ms)
    before = stage.received()
    load.calls(seconds)
    after = stage.received()
    load.close()
    got = {address: after[address] - before[address] for address in after}
    return got[slow.address] / (sum(got.values()) / len(got))


def recover(load, recovery):
    """They are back: what fails within so many seconds is one phase, and what fails later."""
    load.phase("recovering")
    time.sleep(recovery)  # it is the time that is asked for
    load.phase("recovered")
    load.calls(recovery)


def outage(stage, rate, seconds, recovery=2):
    """All fail for a while; how much more was sent than offered, and what fails afterwards."""
    load = Load(stage, config(), rate, 1000)
    load.meet()
    load.phase("outage")
    before = stage.total()
    stage.behave(failing=True)
    load.calls(seconds)
    sent = stage.total() - before
    stage.behave(failing=False)
    recover(load, recovery)
    phases = load.close()
    return phases, {"sent": sent / sum(phases["outage"][kind]["calls"] for kind in KINDS)}


def gone(stage, rate, seconds, recovery=2):
    """The same when none is there, and then all are again, at their old addresses."""
    load = Load(stage, config(), rate, 1000)
    load.meet()
    before = stage.total()
    load.phase("gone")
    for replica in stage.replicas:
        replica.kill()
    time.sleep(seconds)
    stage.bring_back()
    recover(load, recovery)
    phases = load.close()
    offered = sum(phase[kind]["calls"] for name, phase in phases.items() for kind in KINDS
                  if name != "meet")
    return phases, {"sent": (stage.total() - before) / offered}


def hedge(stage, rate, seconds, slow_ms, delay):
    """The reads of a method with 1% slow answers, and how many more calls were made of them."""
    load = Load(stage, config(delay=delay), rate, 10 * slow_ms)
    load.meet("read")
    stage.behave(answer_ms=2, slow_every=SLOW_EVERY, slow_ms=slow_ms)
    before = stage.total()
    load.phase("reads", "read")
    load.calls(seconds)
    phases = load.close()
    reads = phases["reads"]["read"]
    sent = stage.total() - before
    return reads, {"more": sent / reads["calls"] - 1}


# ---- the table

class Table:
    def __init__(self):
        self.ok = True

    def row(self, what, value, bound, holds):
        self.ok &= holds
        print(f"  {what:44} {value:>12}  {bound:18} {'ok' if holds else 'NOT MET'}", flush=True)

    def phases(self, phases):
        print(f"  {'phase':12}{'reads':>8}{'failed':>8}{'p99 ms':>9}{'max ms':>9}"
              f"{'writes':>9}{'failed':>8}{'max ms':>9}  how")
        for name, phase in phases.items():
            read, write = phase["read"], phase["write"]
            codes = {code: n for code, n in write["codes"].items() if code != "OK"}
            why = f": {read['failure']}" if failed(read) else ""
            print(f"  {name:12}{read['calls']:8}{failed(read):8}{read['p99_ms']:9.1f}"
                  f"{read['max_ms']:9.1f}{write['calls']:9}{failed(write):8}"
                  f"{write['max_ms']:9.1f}  {codes or ''}{why}", flush=True)


def failed(method):
    return method["calls"] - method["codes"].get("OK", 0)


def show_churn(table, new_stage, rate, seconds):
    print(f"churn: three replicas, {rate} calls/s, a thing every {seconds} s")
    with new_stage("churn") as stage:
        phases, counts = churn(stage, rate, seconds)
    table.phases(phases)
    reads = sum(failed(phase["read"]) for phase in phases.values())
    codes = {code for phase in phases.values() for code in phase["write"]["codes"]}
    late = max(phase["write"]["late_ms"] for phase in phases.values())
    off = spread(phases["even"]["peers"])
    table.row("reads that failed", reads, "0", reads == 0)
    table.row("writes done twice", counts["twice"], "0", counts["twice"] == 0)
    table.row("other codes of writes", len(codes - ALLOWED), "0", codes <= ALLOWED)
    table.row("end of a write behind its deadline", f"{late:.1f} ms", "50 ms", late <= 50)
    table.row("round_robin, off even", f"{off:.2%}", "5%", off <= 0.05)


def show_slow(table, new_stage, rate, seconds):
    print(f"slow replica: 5 ms and 100 ms, least_request, {rate} calls/s")
    with new_stage("slow") as stage:
        share = slow_replica(stage, rate, 2 * seconds, 5, 80)
    table.row("share of its fair share", f"{share:.1%}", "10%", share <= 0.1)


def show_outage(table, new_stage, rate, seconds):
    for scenario, words in ((outage, "fail"), (gone, "are gone")):
        print(f"outage: all replicas {words} for 10 s, {rate} calls/s")
        with new_stage(scenario.__name__) as stage:
            phases, counts = scenario(stage, rate, 10)
        table.phases(phases)
        after = sum(failed(phases["recovered"][kind]) for kind in KINDS)
        table.row("sent, of what was offered", f"{counts['sent']:.3f}", "1.2",
                  counts["sent"] <= 1.2)
        table.row("failures from 2 s after their return", after, "0", after == 0)


def show_hedge(table, new_stage, rate, seconds):
    print(f"hedging: one answer of {SLOW_EVERY} takes 1 s, hedged after 100 ms, {rate} calls/s")
    with new_stage("plain") as stage:
        plain, _ = hedge(stage, rate, 2 * seconds, 1000, None)
    with new_stage("hedged") as stage:
        hedged, counts = hedge(stage, rate, 2 * seconds, 1000, "0.1s")
    ratio = plain["p99_ms"] / hedged["p99_ms"]
    table.row("p99", f"{plain['p99_ms']:.0f} → {hedged['p99_ms']:.0f} ms", "÷ 5", ratio >= 5)
    table.row("more calls", f"{counts['more']:.2%}", "5%", counts["more"] < 0.05)


def main():
    parser = argparse.ArgumentParser(prog="./dev chaos channel", description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=5, help="of each thing that happens")
    parser.add_argument("--rate", type=int, default=2000, help="calls a second")
    options = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory(prefix="weft-chaos-") as home:
        home = pathlib.Path(home)
        (home / "contracts").mkdir()
        python_contracts.make(ROOT, home / "contracts", CONTRACT)
        for show in (show_churn, show_slow, show_outage, show_hedge):
            show(table, lambda name: Stage(home / name, options.build.resolve()), options.rate,
                 options.seconds)
    return 0 if table.ok else 1


if __name__ == "__main__":
    sys.exit(main())
