"""./dev bench edge: what a request costs a proxy, our edge beside others, before one backend.

User and system CPU time of the proxy's processes, from /proc, for the same load by h2load; a worker
each, access logs off, the proxy on one core and load and backend on the other. The rounds of the
peers are interleaved and the median counts, so that what else the machine does meets all of them.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TICK = os.sysconf("SC_CLK_TCK")
PROXY_CORE, LOAD_CORE = "0", "1"
REST = "/v1/goods/85123A"
GRPC = "/bench.v1.Bench/GetProduct"
PAGE = ROOT / "docs/performance-edge.md"

# name: (h2load's protocol, the request, connections, streams each)
SCENARIOS = {
    "REST, HTTP/1.1": ("--h1", REST, 32, 1),
    "REST, h2c": ("", REST, 8, 32),
    "gRPC, h2c": ("", GRPC, 8, 32),
}
PEERS = {
    "REST, HTTP/1.1": ["weft", "grpc-gateway"],
    "REST, h2c": ["weft", "grpc-gateway"],
    "gRPC, h2c": ["weft", "nginx", "nghttpx"],
}
TARGETS = [("REST, HTTP/1.1", "grpc-gateway", 0.2), ("REST, h2c", "grpc-gateway", 0.2),
           ("gRPC, h2c", "nghttpx", 1.0), ("gRPC, h2c", "nginx", 0.25)]
CONNECTIONS = [10, 1000, 10000]
GROWTH = 1.5


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def spawn(arguments, core, folder, **more):
    return subprocess.Popen(["taskset", "-c", core, *map(str, arguments)], text=True,
                            stdout=subprocess.PIPE, stderr=open(folder / "stderr", "a"), **more)


def wait_for(process, port, log):
    end = time.monotonic() + 30
    while process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        if time.monotonic() > end:
            break
        time.sleep(0.02)
    raise SystemExit(f"a proxy does not listen\n{log.read_text()}")


class Proxy:
    """A process, its children, and where it listens."""

    def __init__(self, name, process, port, log):
        self.name, self.process, self.port = name, process, port
        wait_for(process, port, log)

    def pids(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [self.process.pid, *children.read_text().split()]

    def cpu_seconds(self):
        ticks = 0
        for pid in self.pids():
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(stat[11]) + int(stat[12])
        return ticks / TICK


def start_weft(arguments, folder, backend):
    port = free_port()
    (folder / "edge.yaml").write_text(f"""
listen: 127.0.0.1:{port}
workers: 1
log_level: WARNING
limits: {{max_connections: 20000}}
backends:
  - packages: [bench.v1]
    target: ipv4:{backend}
    descriptor_file: {arguments.peers}/edge/bench.binpb
""")
    return spawn([arguments.build / "gateway/weft-gateway", "--config", folder / "edge.yaml"],
                 PROXY_CORE, folder), port


def start_nginx(arguments, folder, backend):
    port = free_port()
    (folder / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 20000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 100000000;
  upstream backend {{ server {backend}; keepalive 32; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port} http2; location / {{ grpc_pass grpc://backend; }} }}
}}
""")
    return spawn([arguments.tools / "nginx/usr/sbin/nginx", "-p", folder, "-c",
                  folder / "nginx.conf"], PROXY_CORE, folder), port


def start_nghttpx(arguments, folder, backend):
    port = free_port()
    host, _, backend_port = backend.rpartition(":")
    return spawn([arguments.tools / "nghttp2-proxy/usr/sbin/nghttpx", "--conf=/dev/null",
                  "--workers=1", "--single-process", "--accesslog-file=/dev/null",
                  f"--frontend=127.0.0.1,{port};no-tls",
                  f"--backend={host},{backend_port};;proto=h2"], PROXY_CORE, folder), port


def start_grpc_gateway(arguments, folder, backend):
    process = spawn([arguments.peers / "edge/peer-grpc-gateway", backend], PROXY_CORE, folder,
                    env={**os.environ, "GOMAXPROCS": "1"})
    return process, int(process.stdout.readline().rsplit(":", 1)[1])


STARTS = {"weft": start_weft, "nginx": start_nginx, "nghttpx": start_nghttpx,
          "grpc-gateway": start_grpc_gateway}


def h2load(proxy, protocol, path, connections, streams, requests, data):
    """Runs it; every request must have been answered well. Bytes of the bodies."""
    more = ["-d", data, "-H", "content-type: application/grpc", "-H", "te: trailers"]
    out = subprocess.run(
        ["taskset", "-c", LOAD_CORE, "h2load", "-n", str(requests), "-t", "1", "-c",
         str(connections), "-m", str(streams), *([protocol] if protocol else []),
         *(more if path == GRPC else []), f"http://127.0.0.1:{proxy.port}{path}"],
        check=True, text=True, stdout=subprocess.PIPE, timeout=600).stdout
    good = int(re.search(r"status codes: (\d+) 2xx", out).group(1))
    if good != requests:
        raise SystemExit(f"{proxy.name}: {good} of {requests} requests\n{out}")
    return int(re.search(r"headers.*?, [\d.]+\w+ \((\d+)\) data", out).group(1)) // requests


def cost(proxy, scenario, requests, data):
    """Microseconds of the proxy's CPU for a request, and the bytes of an answer's body."""
    before = proxy.cpu_seconds()
    size = h2load(proxy, *scenario, requests, data)
    return (proxy.cpu_seconds() - before) / requests * 1e6, size


def measure(proxies, scenario, rounds, seconds, data):
    counts = {}
    for proxy in proxies:  # warm up, and find out how many requests make a measurement
        probe = max(2000, 2 * scenario[2])
        each, _ = cost(proxy, scenario, probe, data)
        # … of each connection enough that its beginning does not count
        counts[proxy] = max(int(seconds / max(each, 1) * 1e6), 10 * scenario[2])
    costs, sizes = {proxy.name: [] for proxy in proxies}, {}
    for _ in range(rounds):
        for proxy in proxies:
            each, sizes[proxy.name] = cost(proxy, scenario, counts[proxy], data)
            costs[proxy.name].append(each)
    return {"median_us": {name: statistics.median(values) for name, values in costs.items()},
            "bytes": sizes, "rounds_us": costs}


def title_of(share):
    return f"{share:.2f}×"


def report(results):
    """The page."""
    lines = ["# What a request costs the edge", "",
             f"Measured {datetime.date.today()} by", "", "```sh",
             f"./dev bench edge --write --rounds {results['rounds']} --seconds "
             f"{results['seconds']:g}", "```", "",
             "The proxy's user and system CPU time for a unary request in µs, in front of one "
             "backend; in brackets Weft's as a share of that peer's. One worker each, access logs "
             "off, medians of interleaved rounds. The answer of REST is "
             f"{results['scenarios']['REST, h2c']['bytes']['weft']} bytes of JSON.", "",
             "| | weft | grpc-gateway | nginx | nghttpx |", "|---|---|---|---|---|"]
    for name, result in results["scenarios"].items():
        medians = result["median_us"]
        cells = [f"{medians['weft']:.1f}"]
        for peer in ("grpc-gateway", "nginx", "nghttpx"):
            cells.append(f"{medians[peer]:.1f} ({title_of(medians['weft'] / medians[peer])})"
                         if peer in medians else "")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "By connections, one request each under way, REST over HTTP/1.1:", "",
              "| " + " | ".join(["", *results["connections"]]) + " |",
              "|---" * (len(results["connections"]) + 1) + "|",
              "| weft | " + " | ".join(f"{value:.1f}" if value else "SKIPPED: too few descriptors"
                                       for value in results["connections"].values()) + " |", ""]
    for words, got, bound in targets(results):
        lines.append(f"- {words}: {title_of(got)}, at most {title_of(bound)} wanted: "
                     f"{'met' if got <= bound else '**missed**'}")
    return "\n".join(lines) + "\n"


def targets(results):
    for name, peer, bound in TARGETS:
        medians = results["scenarios"].get(name, {}).get("median_us", {})
        if peer in medians:
            yield f"{name}, of {peer}'s", medians["weft"] / medians[peer], bound
    known = [value for value in results["connections"].values() if value]
    if len(known) > 1:
        yield "the dearest count of connections, of the cheapest", max(known) / min(known), GROWTH


def read_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--peers", type=pathlib.Path, required=True)
    parser.add_argument("--tools", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--write", action="store_true", help="into docs/performance-edge.md")
    return parser.parse_args()


def start_all(arguments, folder, stack):
    """The proxies by name, in front of one backend; they end with the stack."""
    def keep(process):
        stack.callback(process.wait)
        stack.callback(process.terminate)
        return process

    backend = keep(spawn([arguments.build / "bench/edge/weft-bench-backend",
                          arguments.peers / "edge/answer"], LOAD_CORE, folder))
    address = backend.stdout.readline().strip()
    proxies = {}
    for name, begin in STARTS.items():
        if name == "grpc-gateway" and not (arguments.peers / "edge/peer-grpc-gateway").exists():
            print("grpc-gateway: not built, left out", file=sys.stderr)
            continue
        process, port = begin(arguments, folder, address)
        proxies[name] = Proxy(name, keep(process), port, folder / "stderr")
    return proxies


def measure_all(arguments, proxies, data):
    results = {"rounds": arguments.rounds, "seconds": arguments.seconds,
               "scenarios": {}, "connections": {}}
    for name, scenario in SCENARIOS.items():
        peers = [proxies[peer] for peer in PEERS[name] if peer in proxies]
        results["scenarios"][name] = measure(peers, scenario, arguments.rounds, arguments.seconds,
                                             data)
        print(name, results["scenarios"][name]["median_us"], file=sys.stderr)
    for count in CONNECTIONS:
        value = None
        if count + 1000 < resource.getrlimit(resource.RLIMIT_NOFILE)[0]:
            value = measure([proxies["weft"]], ("--h1", REST, count, 1), arguments.rounds,
                            arguments.seconds, data)["median_us"]["weft"]
        results["connections"][str(count)] = value
        print(count, value, file=sys.stderr)
    return results


def main():
    arguments = read_arguments()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        proxies = start_all(arguments, folder, stack)
        message = b"\x0a\x0cgoods/85123A"  # GetProductRequest.name
        data = folder / "request"
        data.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        results = measure_all(arguments, proxies, data)
    (arguments.peers / "edge.json").write_text(json.dumps(results, indent=1))
    print(report(results))
    if arguments.write:
        PAGE.write_text(report(results))


if __name__ == "__main__":
    main()
