"""The servers that are measured, and the programs that drive a stub."""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import time

import wire

SERVER_CORE, LOAD_CORE = "0", "1"
TICK = os.sysconf("SC_CLK_TCK")
UNARY = wire.SERVICE + "UnaryCall"
ORDER = ["weft", "nghttpd", "grpc-go", "grpc C++ queue", "grpc C++ callback"]


class Peer:
    def __init__(self, name, process, address, tls):
        self.name, self.process, self.address, self.tls = name, process, address, tls
        self.grpc = name != "nghttpd"

    def cpu_ticks(self):
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        values = stat.rsplit(")", 1)[1].split()
        return int(values[11]) + int(values[12])

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])


class Peers:
    """What can be started: `servers` by name, `stubs` by name."""

    def __init__(self, build, folder, files):
        self.files = files
        self.certificate = [files / "tls/server.pem", files / "tls/server.key"]
        self.servers = built({
            "weft": build / "bench/rpc/weft-bench-server",
            "grpc-go": folder / "peer-go",
            "grpc C++ queue": folder / "peer-grpc-queue",
            "grpc C++ callback": folder / "peer-grpc",
        })
        self.servers["nghttpd"] = None
        self.stubs = built({
            "weft": [build / "bench/rpc/weft-bench-client"],
            "grpc-go": [folder / "client-go"],
            "grpc C++ queue": [folder / "client-grpc", "queue"],
            "grpc C++ callback": [folder / "client-grpc", "callback"],
        })

    def names(self):
        return [name for name in ORDER if name in self.servers]

    @contextlib.contextmanager
    def start(self, name, tls):
        """Yields a Peer that answers."""
        if name == "nghttpd":
            process, address = self.start_nghttpd(tls)
        else:
            process = spawn([self.servers[name], *(self.certificate if tls else [])])
            address = process.stdout.readline().strip()
        try:
            yield Peer(name, process, address, tls)
        finally:
            process.kill()
            process.wait(timeout=20)
            process.stdout.close()

    def start_nghttpd(self, tls):
        """nghttp2's own server gives a file: the bytes of a unary answer."""
        port = free_port()
        end = [port, *reversed(self.certificate)] if tls else ["--no-tls", port]
        process = spawn(["nghttpd", "-a", "127.0.0.1", "-d", self.files / "answers", *end])
        for _ in range(20000):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.0005)
        return process, f"127.0.0.1:{port}"

    def serve_file(self, method, answer):
        path = self.files / "answers" / method[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(answer)


def built(programs):
    there = {}
    for name, program in programs.items():
        if (program[0] if isinstance(program, list) else program).exists():
            there[name] = program
        else:
            print(f"{name}: not built, left out", file=sys.stderr)
    return there


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def spawn(arguments, core=SERVER_CORE):
    return subprocess.Popen(["taskset", "-c", core, *map(str, arguments)], text=True,
                            stdout=subprocess.PIPE)
