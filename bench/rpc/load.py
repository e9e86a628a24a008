"""What a server's calls and messages cost, under h2load: the same load for each of them."""

import re
import statistics
import subprocess

import grpc

import wire
from peers import LOAD_CORE, TICK, UNARY

BODY = 32


class Unary:
    """UnaryCall: 32 bytes there, 32 bytes back."""

    method = UNARY
    per_call = 1
    unit = "call"

    def __init__(self, name, connections, streams):
        self.name, self.connections, self.streams = name, connections, streams
        self.message = wire.field(2, BODY) + wire.payload(3, BODY)
        self.request = wire.frame(self.message)
        self.answers = [wire.payload(1, BODY)]

    def check(self, channel):
        return [channel.unary_unary(self.method)(self.message, timeout=20)]


class Stream:
    """Many messages of a size, in 8 connections with 4 streams each."""

    connections, streams = 8, 4
    unit = "message"

    def __init__(self, name, size, per_call):
        self.name, self.size, self.per_call = name, size, per_call
        self.messages = self.make_messages()
        self.request = b"".join(map(wire.frame, self.messages))
        self.answers = self.make_answers()

    def make_answers(self):
        return [wire.payload(1, self.size)] * self.per_call


class ServerStream(Stream):
    method = wire.SERVICE + "StreamingOutputCall"

    def make_messages(self):
        return [wire.field(2, wire.field(1, self.size)) * self.per_call]

    def check(self, channel):
        return list(channel.unary_stream(self.method)(self.messages[0], timeout=20))


class ClientStream(Stream):
    method = wire.SERVICE + "StreamingInputCall"

    def make_messages(self):
        return [wire.payload(1, self.size)] * self.per_call

    def make_answers(self):
        return [wire.field(1, self.size * self.per_call)]

    def check(self, channel):
        return [channel.stream_unary(self.method)(iter(self.messages), timeout=20)]


class Duplex(Stream):
    method = wire.SERVICE + "FullDuplexCall"

    def make_messages(self):
        one = wire.field(2, wire.field(1, self.size)) + wire.payload(3, self.size)
        return [one] * self.per_call

    def check(self, channel):
        return list(channel.stream_stream(self.method)(iter(self.messages), timeout=20))


SCENARIOS = [
    Unary("unary 8×32", 8, 32),
    Unary("unary 32×1", 32, 1),
    ServerStream("stream 1 KiB", 1024, 500),
    ServerStream("stream 64 KiB", 65536, 20),
    ClientStream("client stream 1 KiB", 1024, 500),
    Duplex("bidirectional 1 KiB", 1024, 500),
]


def h2load(peer, scenario, calls, request, core=LOAD_CORE, more=()):
    """Runs it, and holds the answers against what is due."""
    scheme = "https" if peer.tls else "http"
    out = subprocess.run(
        ["taskset", "-c", core, "h2load", "-n", str(calls), "-t", "1",
         "-c", str(scenario.connections), "-m", str(scenario.streams), "-d", request,
         "-H", "content-type: application/grpc", "-H", "te: trailers", *more,
         f"{scheme}://{peer.address}{scenario.method}"],
        check=True, text=True, stdout=subprocess.PIPE, timeout=600).stdout
    succeeded = int(re.search(r"(\d+) succeeded", out).group(1))
    data = int(re.search(r"headers.*?, [\d.]+\w+ \((\d+)\) data", out).group(1))
    due = calls * sum(len(wire.frame(answer)) for answer in scenario.answers)
    if succeeded != calls or data != due:
        raise SystemExit(f"{peer.name}, {scenario.name}: {succeeded} of {calls} calls, "
                         f"{data} of {due} bytes\n{out}")


def cpu_seconds(peer, scenario, calls, request):
    before = peer.cpu_ticks()
    h2load(peer, scenario, calls, request)
    return (peer.cpu_ticks() - before) / TICK


def check(peer, scenario, ca):
    """By a foreign client, before anything is measured."""
    if not peer.grpc:
        return
    options = [("grpc.ssl_target_name_override", "localhost")]
    channel = (grpc.secure_channel(peer.address,
                                   grpc.ssl_channel_credentials(ca.read_bytes()), options)
               if peer.tls else grpc.insecure_channel(peer.address))
    with channel:
        if scenario.check(channel) != scenario.answers:
            raise SystemExit(f"{peer.name} answers {scenario.name} wrongly")


def measure(peers, scenario, rounds, seconds, request):
    """Microseconds per call or message, round by round, of each peer; the rounds interleaved."""
    request.write_bytes(scenario.request)
    calls = {}
    for peer in peers:  # warm up, and find out how many calls make a measurement
        probe = max(20000 // scenario.per_call, scenario.connections)
        per_call = max(cpu_seconds(peer, scenario, probe, request), 1 / TICK) / probe
        calls[peer] = max(int(seconds / per_call), scenario.connections)
    costs = {peer.name: [] for peer in peers}
    for _ in range(rounds):
        for peer in peers:
            spent = cpu_seconds(peer, scenario, calls[peer], request)
            costs[peer.name].append(spent / calls[peer] / scenario.per_call * 1e6)
    return costs


def medians(costs):
    return {name: statistics.median(rounds) for name, rounds in costs.items()}
