"""Everything but the cost under load: waiting, memory, starting, many connections, the stubs."""

import contextlib
import pathlib
import resource
import statistics
import subprocess
import tempfile
import time

import load
import wire
from peers import LOAD_CORE, SERVER_CORE, UNARY, spawn

IDLE = 500
MANY = (1, 100, 10000)


def medians_of(rounds):
    """Of each name the median of each figure, from a list of {name: {figure: value}}."""
    return {name: {figure: statistics.median(one[name][figure] for one in rounds)
                   for figure in rounds[0][name]} for name in rounds[0]}


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def latency(peers, rounds, folder):
    """One call at a time, server and client on one core; microseconds."""
    one = load.Unary("latency", 1, 1)
    request, log = folder / "request", folder / "log"
    request.write_bytes(one.request)
    results = []
    for _ in range(rounds):
        results.append({})
        for peer in peers:
            load.h2load(peer, one, 500, request, SERVER_CORE)
            log.unlink(missing_ok=True)
            load.h2load(peer, one, 4000, request, SERVER_CORE, [f"--log-file={log}"])
            took = [int(line.split()[2]) for line in log.read_text().splitlines()]
            results[-1][peer.name] = {"p50": percentile(took, 0.5), "p99": percentile(took, 0.99)}
    return medians_of(results)


def open_connections(peer, context, n):
    return [wire.Connection(peer.address, context) for _ in range(n)]


def idle_kib(peer, context):
    """The server's memory for one connection on which nothing happens."""
    first = open_connections(peer, context, 50)
    time.sleep(0.3)  # what a server does when a connection is new
    before = peer.resident_kib()
    others = open_connections(peer, context, IDLE)
    time.sleep(0.3)
    grown = peer.resident_kib() - before
    for connection in first + others:
        connection.close()
    return grown / IDLE


def start(peers, name, tls, context):
    """Milliseconds from exec to the first answered call, and the KiB it then holds."""
    begun = time.perf_counter()
    with peers.start(name, tls) as peer:
        connection = wire.Connection(peer.address, context if tls else None)
        answer = connection.call(UNARY, wire.field(2, 32) + wire.payload(3, 32))
        took = (time.perf_counter() - begun) * 1e3
        connection.close()
        if answer != wire.frame(wire.payload(1, 32)):
            raise SystemExit(f"{name} answers wrongly")
        return {"ms": took, "kib": peer.resident_kib()}


def starts(peers, tls, context, rounds):
    return medians_of([{name: start(peers, name, tls, context) for name in peers.names()}
                       for _ in range(rounds)])


def may_open(n):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] > n + 100


def connections(peer, rounds, folder):
    """Microseconds of the server per call, by how many connections take turns. What it costs to
    open them goes out with the difference of two runs. None: not so many descriptors here."""
    request = folder / "request"
    costs = {}
    for n in MANY:
        many = load.Unary(f"{n} connections", n, 1)
        request.write_bytes(many.request)
        few = max(n, 2000)
        calls = few + 40000
        costs[n] = may_open(n) and statistics.median(
            (load.cpu_seconds(peer, many, calls, request) -
             load.cpu_seconds(peer, many, few, request)) / (calls - few) * 1e6
            for _ in range(rounds)) or None
    return costs


def stub(program, peer, ca, calls):
    arguments = [peer.address, ca if peer.tls else "-", calls]
    process = spawn([*program, *arguments], LOAD_CORE)
    out, _ = process.communicate(timeout=600)
    if process.returncode:
        raise SystemExit(f"{program[0]} ends with {process.returncode}")
    return float(out)


def stubs(programs, peer, rounds, ca):
    """Microseconds of the client's CPU time for a unary call, 32 at a time on one channel."""
    results = [{name: {"us": stub(program, peer, ca, 20000)} for name, program in programs.items()}
               for _ in range(rounds)]
    return {name: figures["us"] for name, figures in medians_of(results).items()}


def library_kib(build):
    with tempfile.TemporaryDirectory() as folder:
        stripped = pathlib.Path(folder) / "libweft.so"
        subprocess.run(["strip", "-o", stripped, build / "runtime/lib/libweft.so"], check=True)
        return stripped.stat().st_size / 1024
