"""Where the instructions of a unary call go, by callgrind. Unlike time they can be counted the same
twice, on a machine that does other things as well."""

import os
import re
import shutil
import subprocess
import time

import load

CALLS = 8000
FUNCTIONS = 24
LINE = re.compile(r"^\s*([\d,]+) \(\s*[\d.]+%\)\s+(.*):(\S+) \[(.*)\]$")


def wait_for_line(path):
    for _ in range(600):
        if path.exists() and path.read_text().endswith("\n"):
            return path.read_text().strip()
        time.sleep(0.1)
    raise SystemExit("the server does not start under callgrind")


class Server:
    """Weft's, under callgrind, which counts between `count` and `stop`. `symbols` is a folder with
    libraries that have their symbols, or None."""

    name, tls, grpc = "weft", False, True

    def __init__(self, program, folder, symbols):
        self.out = folder / "callgrind"
        environment = {**os.environ, **({"LD_LIBRARY_PATH": str(symbols)} if symbols else {})}
        with open(folder / "address", "w") as stdout:
            self.process = subprocess.Popen(
                ["valgrind", "--tool=callgrind", "--instr-atstart=no",
                 f"--callgrind-out-file={self.out}", program],
                stdout=stdout, stderr=subprocess.DEVNULL, env=environment)
        self.address = wait_for_line(folder / "address")

    def count(self, on):
        subprocess.run(["callgrind_control", "-i", "on" if on else "off", str(self.process.pid)],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=60)
        return subprocess.run(["callgrind_annotate", "--auto=no", "--threshold=100", self.out],
                              check=True, text=True, stdout=subprocess.PIPE).stdout


def read(text):
    """[(instructions per call, function, library)], the most first. What has no name is one."""
    unnamed, found = {}, []
    for line in text.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        count = int(match[1].replace(",", "")) / CALLS
        library = re.sub(r"^.*/|\.so.*$", "", match[4])
        library = "weft" if library == "weft-bench-server" else library
        if match[3].startswith("0x"):
            unnamed[library] = unnamed.get(library, 0) + count
        else:
            found.append((count, match[3], library))
    found += [(count, "(its symbols are not there)", library) for library, count in unnamed.items()]
    return sorted(found, reverse=True)


def unary(program, folder, symbols):
    """{"libraries": …, "functions": …} in instructions per call; None without valgrind."""
    if not shutil.which("callgrind_annotate"):
        return None
    scenario = load.SCENARIOS[0]
    request = folder / "request"
    request.write_bytes(scenario.request)
    server = Server(program, folder, symbols)
    load.h2load(server, scenario, CALLS // 4, request)
    server.count(True)
    load.h2load(server, scenario, CALLS, request)
    server.count(False)
    found = read(server.end())
    libraries = {}
    for count, _, library in found:
        libraries[library] = libraries.get(library, 0) + count
    return {"libraries": {name: round(n) for name, n in
                          sorted(libraries.items(), key=lambda item: -item[1]) if n >= 1},
            "functions": [{"name": name, "library": library, "instructions": round(count)}
                          for count, name, library in found[:FUNCTIONS]]}
