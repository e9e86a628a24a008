#!/usr/bin/python3
"""./dev bench rpc: what a call costs Weft's server and stub, beside its peers, all in one run.

The server is pinned to one core and the load, the same for each, to the other. A cost is user and
system CPU time from /proc, divided by the calls (or messages) that were answered; the median of
the rounds. Rounds are interleaved, so that what else the machine does hits all alike: the ratios
are what counts. Before, a foreign client checks that each peer answers right; after each
measurement, the bytes that h2load received are compared with those that were due.
"""

import argparse
import contextlib
import datetime
import os
import pathlib
import subprocess
import tempfile

import callgrind
import figures
import load
import report
import wire
from peers import Peers

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = ["load", "latency", "idle", "start", "connections", "stub", "profile"]


def parse():
    parser = argparse.ArgumentParser(prog="./dev bench rpc")
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--peers", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.7,
                        help="the server's CPU time that makes one measurement under load")
    parser.add_argument("--parts", default=",".join(PARTS), help="of " + ", ".join(PARTS))
    parser.add_argument("--only", default="", help="scenarios under load whose name holds this")
    parser.add_argument("--plaintext", action="store_true", help="leave TLS out")
    parser.add_argument("--symbols", type=pathlib.Path,
                        help="a folder with libraries that have symbols, for the profile")
    parser.add_argument("--write", action="store_true",
                        help="into docs/performance.md, .json and .svg")
    return parser.parse_args()


class Bench:
    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.peers = Peers(arguments.build, arguments.peers, folder)
        self.peers.serve_file(load.UNARY, wire.frame(load.SCENARIOS[0].answers[0]))
        self.ca = folder / "ca.pem"
        self.context = wire.trusting(self.ca)
        self.modes = [False] if arguments.plaintext else [False, True]

    def start_all(self, stack, tls):
        return [stack.enter_context(self.peers.start(name, tls)) for name in self.peers.names()]

    def load(self):
        results = []
        for tls in self.modes:
            with contextlib.ExitStack() as stack:
                running = self.start_all(stack, tls)
                for scenario in load.SCENARIOS:
                    if self.arguments.only in scenario.name:
                        results.append(self.load_one(scenario, tls, running))
                        print(report.load_line(results[-1]), flush=True)
        return results

    def load_one(self, scenario, tls, running):
        players = [peer for peer in running if peer.grpc or scenario.unit == "call"]
        for peer in players:
            load.check(peer, scenario, self.ca)
        costs = load.measure(players, scenario, self.arguments.rounds, self.arguments.seconds,
                             self.folder / "request")
        return {"scenario": scenario.name, "tls": tls, "unit": scenario.unit,
                "median_us": load.medians(costs), "rounds_us": costs}

    def latency(self):
        results = {}
        for tls in self.modes:
            with contextlib.ExitStack() as stack:
                results[report.mode(tls)] = figures.latency(
                    self.start_all(stack, tls), self.arguments.rounds, self.folder)
        return results

    def idle(self):
        results = {}
        for name in self.peers.names():
            with self.peers.start(name, True) as peer:
                results[name] = figures.idle_kib(peer, self.context)
        return results

    def start(self):
        return {report.mode(tls): figures.starts(self.peers, tls, self.context,
                                                 self.arguments.rounds) for tls in self.modes}

    def connections(self):
        results = {}
        for name in ("weft", "nghttpd"):
            with self.peers.start(name, False) as peer:
                results[name] = figures.connections(peer, self.arguments.rounds, self.folder)
        return results

    def stub(self):
        results = {}
        for tls in self.modes:
            with self.peers.start("weft", tls) as peer:
                results[report.mode(tls)] = figures.stubs(self.peers.stubs, peer,
                                                          self.arguments.rounds, self.ca)
        return results

    def profile(self):
        return callgrind.unary(self.peers.servers["weft"], self.folder, self.arguments.symbols)


def main():
    arguments = parse()
    chosen = arguments.parts.split(",")
    wrong = [part for part in chosen if part not in PARTS]
    if wrong:
        raise SystemExit(f"there is no part \"{wrong[0]}\"; there are {', '.join(PARTS)}")
    figures.may_open(0)  # before the servers start, which inherit it
    results = {"date": datetime.date.today().isoformat(),
               "command": f"./dev bench rpc --write --rounds {arguments.rounds} "
                          f"--seconds {arguments.seconds:g}",
               "rounds": arguments.rounds,
               "load_average": os.getloadavg()[0], "cores": os.cpu_count(),
               "library_kib": figures.library_kib(arguments.build)}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([ROOT / "deploy/local/certificates", folder, "server"], check=True)
        bench = Bench(arguments, folder)
        for part in chosen:
            results[part] = getattr(bench, part)()
            if part != "load":
                print("\n".join(report.section(part, results[part])), flush=True)
    if arguments.write:
        report.write(ROOT / "docs", results)


if __name__ == "__main__":
    main()
