#!/usr/bin/python3
"""./dev bench rpc: what a call costs Weft's server, beside its peers, all in one run.

The server is pinned to one core and h2load, the same load for each, to the other. A cost is the
server's user and system CPU time from /proc, divided by the calls (or messages) it answered; the
median of the rounds. Rounds are interleaved, so that what else the machine does hits all alike:
the ratios are what counts. Before, a foreign client checks that each peer answers right; after
each measurement, the bytes that h2load received are compared with those that were due.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import re
import statistics
import struct
import subprocess
import sys
import tempfile

import grpc

import report

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVER_CORE, LOAD_CORE = "0", "1"
TICK = os.sysconf("SC_CLK_TCK")
SERVICE = "/grpc.testing.TestService/"
BODY = 32


# --- The messages of grpc.testing that are spoken here, small enough to write by hand. ---

def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def frame(message):
    return b"\0" + struct.pack(">I", len(message)) + message


def payload(size):
    return field(1, field(2, bytes(size)))  # of SimpleResponse and StreamingOutputCallResponse


class Unary:
    """UnaryCall: 32 bytes there, 32 bytes back."""

    method = SERVICE + "UnaryCall"
    per_call = 1
    unit = "call"

    def __init__(self, name, connections, streams):
        self.name, self.connections, self.streams = name, connections, streams
        self.request = field(2, BODY) + field(3, field(2, bytes(BODY)))
        self.answer = payload(BODY)

    def check(self, channel):
        got = [channel.unary_unary(self.method)(self.request, timeout=20)]
        return got == [self.answer]


class Stream:
    """StreamingOutputCall: many messages of a size, for one request."""

    method = SERVICE + "StreamingOutputCall"
    connections, streams = 8, 4
    unit = "message"

    def __init__(self, name, size, per_call):
        self.name, self.per_call = name, per_call
        self.request = field(2, field(1, size)) * per_call
        self.answer = payload(size)

    def check(self, channel):
        got = list(channel.unary_stream(self.method)(self.request, timeout=20))
        return got == [self.answer] * self.per_call


SCENARIOS = [
    Unary("unary 8×32", 8, 32),
    Unary("unary 32×1", 32, 1),
    Stream("stream 1 KiB", 1024, 500),
    Stream("stream 64 KiB", 65536, 20),
]


# --- The servers. ---

class Peer:
    def __init__(self, name, process, address, tls, grpc_peer):
        self.name, self.process, self.address = name, process, address
        self.tls, self.grpc_peer = tls, grpc_peer

    def cpu_ticks(self):
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        values = stat.rsplit(")", 1)[1].split()
        return int(values[11]) + int(values[12])

    def plays(self, scenario):
        return self.grpc_peer or scenario.unit == "call"


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(stack, arguments):
    process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *map(str, arguments)], text=True,
                               stdout=subprocess.PIPE)
    stack.callback(process.wait, timeout=20)
    stack.callback(process.kill)
    return process


def start_grpc(stack, name, program, certificate):
    process = start(stack, [program, *certificate])
    return Peer(name, process, process.stdout.readline().strip(), bool(certificate), True)


def start_nghttpd(stack, folder, certificate):
    """nghttp2's own server gives a file: the bytes of a unary answer."""
    path = folder / Unary.method[1:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(frame(SCENARIOS[0].answer))
    port = free_port()
    end = [port, certificate[1], certificate[0]] if certificate else ["--no-tls", port]
    process = start(stack, ["nghttpd", "-a", "127.0.0.1", "-d", folder, *end])
    return Peer("nghttpd", process, f"127.0.0.1:{port}", bool(certificate), False)


# --- Measuring. ---

class Load:
    """One run of h2load: the CPU time that the server spent on it."""

    def __init__(self, peer, scenario, calls, request_file):
        calls = max(calls, scenario.connections)
        scheme = "https" if peer.tls else "http"
        before = peer.cpu_ticks()
        out = subprocess.run(
            ["taskset", "-c", LOAD_CORE, "h2load", "-n", str(calls), "-t", "1",
             "-c", str(scenario.connections), "-m", str(scenario.streams), "-d", request_file,
             "-H", "content-type: application/grpc", "-H", "te: trailers",
             f"{scheme}://{peer.address}{scenario.method}"],
            check=True, text=True, stdout=subprocess.PIPE, timeout=600).stdout
        self.seconds = (peer.cpu_ticks() - before) / TICK
        self.units = calls * scenario.per_call
        succeeded = int(re.search(r"(\d+) succeeded", out).group(1))
        data = int(re.search(r"headers.*?, [\d.]+\w+ \((\d+)\) data", out).group(1))
        due = self.units * len(frame(scenario.answer))
        if succeeded != calls or data != due:
            raise SystemExit(f"{peer.name}, {scenario.name}: {succeeded} of {calls} calls, "
                             f"{data} of {due} bytes\n{out}")


def check(peer, scenario, ca):
    if not peer.grpc_peer:
        return
    address = peer.address
    options = [("grpc.ssl_target_name_override", "localhost")]
    channel = (grpc.secure_channel(address, grpc.ssl_channel_credentials(ca.read_bytes()), options)
               if peer.tls else grpc.insecure_channel(address))
    with channel:
        if not scenario.check(channel):
            raise SystemExit(f"{peer.name} answers {scenario.name} wrongly")


def measure(peers, scenario, rounds, seconds, folder):
    request = folder / "request"
    request.write_bytes(frame(scenario.request))
    calls = {}
    for peer in peers:  # warm up, and find out how many calls make a measurement
        probe = Load(peer, scenario, 20000 // scenario.per_call, request)
        per_unit = max(probe.seconds, 1 / TICK) / probe.units
        calls[peer] = int(seconds / per_unit / scenario.per_call)
    costs = {peer.name: [] for peer in peers}
    for _ in range(rounds):
        for peer in peers:
            load = Load(peer, scenario, calls[peer], request)
            costs[peer.name].append(load.seconds / load.units * 1e6)
    return costs


def programs(arguments):
    folder = arguments.peers
    yield "weft", arguments.build / "bench/rpc/weft-bench-server"
    for name, program in (("grpc C++", "peer-grpc"), ("grpc-go", "peer-go")):
        if (folder / program).exists():
            yield name, folder / program
        else:
            print(f"{name}: not built, left out", file=sys.stderr)


def start_all(stack, arguments, folder, certificate):
    peers = [start_grpc(stack, name, program, certificate)
             for name, program in programs(arguments)]
    peers.append(start_nghttpd(stack, folder / "files", certificate))
    return peers


def main():
    parser = argparse.ArgumentParser(prog="./dev bench rpc")
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--peers", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.7,
                        help="the server's CPU time that makes one measurement")
    parser.add_argument("--only", default="", help="scenarios whose name holds this")
    parser.add_argument("--plaintext", action="store_true", help="leave TLS out")
    parser.add_argument("--write", action="store_true",
                        help="into docs/performance.md, .json and .svg")
    arguments = parser.parse_args()

    results = []
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        subprocess.run([ROOT / "deploy/local/certificates", folder, "server"], check=True)
        certificate = [folder / "tls/server.pem", folder / "tls/server.key"]
        for tls in ([False] if arguments.plaintext else [False, True]):
            peers = start_all(stack, arguments, folder, certificate if tls else [])
            for scenario in SCENARIOS:
                if arguments.only not in scenario.name:
                    continue
                players = [peer for peer in peers if peer.plays(scenario)]
                for peer in players:
                    check(peer, scenario, folder / "ca.pem")
                costs = measure(players, scenario, arguments.rounds, arguments.seconds, folder)
                results.append({
                    "scenario": scenario.name, "tls": tls, "unit": scenario.unit,
                    "median_us": {name: statistics.median(c) for name, c in costs.items()},
                    "rounds_us": costs,
                })
                print(report.row(results[-1]), flush=True)
    if arguments.write:
        report.write(ROOT / "docs", results, arguments.rounds,
                     datetime.date.today().isoformat(),
                     f"./dev bench rpc --write --rounds {arguments.rounds} "
                     f"--seconds {arguments.seconds:g}")


if __name__ == "__main__":
    main()
