#!/usr/bin/python3
"""./dev interop: our interop programs against the current releases of other gRPCs, in both roles,
plaintext and TLS; a health check and reflection through grpcurl; h2spec; and the servers that
misbehave. Prints the matrix, and with --write makes it docs/interop.md.

Peers come from their own registries, as their newest releases, and are built into --home; a peer
whose toolchain is not here is skipped, and the matrix says so. Ends with 1 when something failed;
what a failed case printed is in HOME/failures/.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

import interop  # noqa: E402
from interop import CASES, MISBEHAVING, OWN, TRANSPORTS, Credentials, Player  # noqa: E402

NICE = ["nice"]
GRPC_GO = "google.golang.org/grpc"
# gRPC's own clients look at load reports in a balancing policy that their programs bring along.
ORCA_CONFIG = '{"loadBalancingConfig":[{"test_backend_metrics_load_balancer":{}}]}'


class Missing(Exception):
    """A peer cannot be had, and why."""


def build(words, **kwargs):
    """Runs a step of a build; its output."""
    if not shutil.which(words[0]):
        raise Missing(f"there is no {words[0]} here")
    done = subprocess.run([*NICE, *words], capture_output=True, text=True, check=False, **kwargs)
    if done.returncode:
        raise Missing(f"{words[0]} failed: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


# --- Peers: each function builds one into `home`; the player and its version ----------------------


def go_install(home, package):
    build(["go", "install", "-p=1", f"{package}@latest"], env=os.environ | {"GOBIN": str(home)})
    program = home / package.rsplit("/", 1)[1]
    module = re.search(r"\tmod\t\S+\t(\S+)", build(["go", "version", "-m", str(program)]))
    return program, module[1]


def grpc_go(home):
    client, _ = go_install(home, f"{GRPC_GO}/interop/client")
    server, version = go_install(home, f"{GRPC_GO}/interop/server")
    return Player("grpc-go", [client], [server], foreign=True), version


POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>weft</groupId>
  <artifactId>peer</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>io.grpc</groupId>
      <artifactId>grpc-interop-testing</artifactId>
      <version>RELEASE</version>
    </dependency>
  </dependencies>
</project>
"""


def grpc_java(home):
    """Its programs know no other certificates than those in its own jar."""
    jars = home / "jars"
    (home / "pom.xml").write_text(POM)
    shutil.rmtree(jars, ignore_errors=True)
    build(["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={jars}"],
          cwd=home)
    [testing] = jars.glob("grpc-testing-[0-9]*.jar")
    with zipfile.ZipFile(testing) as jar:
        files = [jar.extract(f"certs/{name}", home) for name in
                 ("ca.pem", "server1.pem", "server1.key")]
    words = ["java", "-cp", f"{jars}/*"]
    package = "io.grpc.testing.integration"
    player = Player("grpc-java", [*words, f"{package}.TestServiceClient"],
                    [*words, f"{package}.TestServiceServer"], foreign=True,
                    credentials=Credentials(*files))
    [program] = jars.glob("grpc-interop-testing-*.jar")
    return player, program.stem.rsplit("-", 1)[1]


def tonic(home):
    shutil.copytree(ROOT / "tests/interop/tonic", home, dirs_exist_ok=True)
    (home / "Cargo.lock").unlink(missing_ok=True)  # the newest of everything
    build(["cargo", "build", "-q", "--release", "-j1"], cwd=home,
          env=os.environ | {"WEFT_PROTO": str(ROOT / "proto")})
    lock = (home / "Cargo.lock").read_text()
    version = re.search(r'name = "tonic"\nversion = "([^"]+)"', lock)[1]
    program = home / "target/release/peer"
    return Player("tonic", [program, "client"], [program, "server"]), version


def grpcio(home):
    python = home / "venv/bin/python"
    if not python.exists():
        build(["python3", "-m", "venv", str(home / "venv")])
    build([str(python), "-m", "pip", "install", "-q", "-U", "grpcio", "protobuf"])
    version = build([str(python), "-c", "import grpc; print(grpc.__version__)"]).strip()
    messages = home / "messages"
    messages.mkdir(exist_ok=True)
    folder = ROOT / "proto/grpc/testing"
    build(["protoc", f"-I{ROOT / 'proto'}", f"--python_out={messages}",
           *(str(proto) for proto in sorted(folder.glob("*.proto")))])
    return interop.grpcio(ROOT, messages, python), version


PEERS = {"grpc-go": grpc_go, "grpc-java": grpc_java, "tonic": tonic, "grpcio": grpcio}

# --- What is played -------------------------------------------------------------------------------

PASS, FAIL = "pass", "FAIL"


@dataclasses.dataclass
class Results:
    versions: dict = dataclasses.field(default_factory=dict)
    skipped: dict = dataclasses.field(default_factory=dict)  # peer or tool: why
    cells: dict = dataclasses.field(default_factory=dict)  # (peer, role, case, transport)
    tools: list = dataclasses.field(default_factory=list)  # (tool, what, transport, result, words)

    def failures(self):
        for (peer, role, case, transport), cell in self.cells.items():
            if cell == FAIL:
                yield f"{peer} as {role}: {case}, {transport}"
        for tool, what, transport, result, _ in self.tools:
            if result == FAIL:
                yield f"{tool}: {what}, {transport}"


class Stage:
    """Where it all happens: our player, the credentials, a place for what failures print."""

    def __init__(self, build_folder, home):
        self.own = interop.own(build_folder)
        self.home = home
        self.credentials = interop.own_credentials(ROOT, home)
        self.failures = home / "failures"
        shutil.rmtree(self.failures, ignore_errors=True)
        self.failures.mkdir()

    def note(self, name, *words):
        (self.failures / name.replace("/", "-")).write_text("\n".join(words))

    def credentials_of(self, peer, transport):
        if transport == "plaintext":
            return None
        return peer and peer.credentials or self.credentials


def case_flags(client, case):
    if client.foreign and case in interop.ORCA:
        return [f"--service_config_json={ORCA_CONFIG}"]
    return []


def play_pair(stage, results, peer, role, transport):
    """The peer in its role, with us as the other; all the cases that it can play."""
    client, server = (peer, stage.own) if role == "client" else (stage.own, peer)
    credentials = stage.credentials_of(peer, transport)
    running = None
    for case in CASES:
        if interop.why_not(client.name, server.name, case):
            continue
        try:
            running = running or interop.start(server, credentials)
            played = interop.play(client, running.port, case, *case_flags(client, case),
                                  credentials=credentials)
            good, words = played.returncode == 0, played.stdout + played.stderr
        except (subprocess.TimeoutExpired, AssertionError) as error:
            good, words = False, str(error)
        results.cells[peer.name, role, case, transport] = PASS if good else FAIL
        print(f"{peer.name:10} {role:7} {transport:10} {case:32} {PASS if good else FAIL}",
              flush=True)
        if not good:
            stage.note(f"{peer.name}-{role}-{transport}-{case}", words, *running.log[-200:])
    if running and running.stop() != 0 and server is stage.own:
        stage.note(f"{peer.name}-{role}-{transport}-end", *running.log)
        tool_row(results, OWN, f"its server's end, after {peer.name}", transport, False, "")


def tool_row(results, tool, what, transport, good, words):
    results.tools.append((tool, what, transport, PASS if good else FAIL, words))
    print(f"{tool:10} {what:40} {transport:10} {PASS if good else FAIL} {words}", flush=True)


def ask_grpcurl(program, port, credentials, *words):
    flags = ["-plaintext"]
    if credentials:
        flags = ["-cacert", credentials.ca, "-authority", interop.NAME]
    at = max(i for i, word in enumerate(words) if word == "@")
    line = [program, *flags, *words[:at], f"127.0.0.1:{port}", *words[at + 1:]]
    return subprocess.run(line, capture_output=True, text=True, timeout=interop.WAIT, check=False)


# What grpcurl is asked ("@" is the address), and what its answer has to say.
QUESTIONS = [
    ("reflection: list", ["@", "list"], "grpc.testing.TestService\n"),
    ("reflection: describe", ["@", "describe", "grpc.testing.SimpleRequest"],
     "int32 response_size = 2;"),
    ("health: Check", ["-d", '{"service": "grpc.testing.TestService"}', "@",
                       "grpc.health.v1.Health/Check"], '"SERVING"'),
    ("health: List", ["@", "grpc.health.v1.Health/List"], '"SERVING"'),
    ("a call by reflection", ["-d", '{"response_size": 3}', "@",
                              "grpc.testing.TestService/UnaryCall"], '"AAAA"'),
]


def run_grpcurl(stage, results, program, transport):
    credentials = stage.credentials_of(None, transport)
    server = interop.start(stage.own, credentials)
    for what, words, expected in QUESTIONS:
        done = ask_grpcurl(program, server.port, credentials, *words)
        good = done.returncode == 0 and expected in done.stdout
        if not good:
            stage.note(f"grpcurl-{transport}-{what}", done.stdout, done.stderr)
        tool_row(results, "grpcurl", what, transport, good, "")
    server.stop()


def run_h2spec(stage, results, program, transport):
    credentials = stage.credentials_of(None, transport)
    server = interop.start(stage.own, credentials)
    words = [program, "-S", "-h", "127.0.0.1", "-p", str(server.port),
             *(["-t", "-k"] if credentials else [])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    server.stop()
    sums = re.findall(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", done.stdout)
    total, passed, _, _ = map(int, sums[-1]) if sums else (0, 0, 0, 0)
    good = total > 0 and total - passed <= 1
    if passed < total or not total:
        stage.note(f"h2spec-{transport}", done.stdout, done.stderr)
    tool_row(results, "h2spec", "strict", transport, good, f"{passed} of {total}")


def run_misbehaving(stage, results):
    for case in MISBEHAVING:
        server = interop.misbehave(ROOT, case)
        played = interop.play(stage.own, server.port, case)
        good = server.stop() == 0 and played.returncode == 0
        if not good:
            stage.note(f"misbehaving-{case}", played.stderr, *server.log)
        tool_row(results, "misbehaving server", case, "plaintext", good, "")


TOOLS = {
    "grpcurl": ("github.com/fullstorydev/grpcurl/cmd/grpcurl", run_grpcurl),
    "h2spec": ("github.com/summerwind/h2spec/cmd/h2spec", run_h2spec),
}

# --- The matrix -----------------------------------------------------------------------------------


def cell(results, peer, role, case):
    client, server = (peer, OWN) if role == "client" else (OWN, peer)
    if interop.why_not(client, server, case):
        return "cannot"
    found = [results.cells.get((peer, role, case, transport), "?") for transport in TRANSPORTS]
    return found[0] if found[0] == found[1] else " / ".join(found)


def table(head, rows):
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return ["| " + " | ".join(text.ljust(width) for text, width in zip(line, widths)) + " |"
            for line in lines]


def matrix(results):
    head = ["case"]
    for peer in results.versions:
        if peer in PEERS:
            head += [f"{peer}: its client", "its server"]
    rows = [[case, *(cell(results, peer, role, case)
                     for peer in results.versions if peer in PEERS
                     for role in ("client", "server"))] for case in CASES]
    return table(head, rows)


def reasons(results):
    """A line for each role of each peer and reason: the cases that it keeps from being played."""
    for peer in results.versions:
        for role, cases in [("client", interop.CLIENT_CANNOT), ("server", interop.SERVER_CANNOT)]:
            by_reason = {}
            for case, why in cases.get(peer, {}).items():
                by_reason.setdefault(why, []).append(case)
            for why, names in by_reason.items():
                yield f"- {peer}'s {role} {why}: {', '.join(names)}."


HEAD = """# Interoperability

What `./dev interop --write` found: gRPC's interop cases, played by Weft's programs in
`tests/interop` with the current releases of other gRPCs, in both roles. A cell is the result over
plaintext and over TLS, which differ only where it has two. `./dev test` plays the same cases with
Debian's grpcio and with grpc-js.
"""

TOOLS_HEAD = """
## Tools, and servers that misbehave

grpcurl asks our server; h2spec holds it against HTTP/2's RFC, strictly; our client meets the
servers of gRPC's HTTP/2 interop description (`tests/interop/misbehaving.py`).
"""


def document(results):
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    lines = [HEAD, f"{time.strftime('%Y-%m-%d', time.gmtime())}: {versions}."]
    lines += [f"SKIPPED {name}: {why}." for name, why in results.skipped.items()]
    lines += ["", *matrix(results), "", "What is not played, and why:", "", *reasons(results)]
    rows = [[tool, what, transport, f"{result} {words}".strip()]
            for tool, what, transport, result, words in results.tools]
    lines += [TOOLS_HEAD, *table(["who", "what", "transport", "result"], rows), ""]
    return "\n".join(lines)


# --- All of it ------------------------------------------------------------------------------------


def have(results, home, name, make):
    """The peer or tool, built; None when it cannot be had."""
    folder = home / name
    folder.mkdir(parents=True, exist_ok=True)
    print(f"building {name}", flush=True)
    try:
        made, results.versions[name] = make(folder)
        return made
    except Missing as missing:
        results.skipped[name] = str(missing)
        print(f"{name}: SKIPPED: {missing}", flush=True)
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--home", type=pathlib.Path, required=True)
    parser.add_argument("--only", action="append", choices=[*PEERS, *TOOLS, "misbehaving"],
                        help="this peer or tool alone; may be said again")
    parser.add_argument("--write", action="store_true", help="write docs/interop.md")
    flags = parser.parse_args()
    if flags.write and flags.only:
        parser.error("--write is for the whole matrix, not for --only")
    flags.home = flags.home.resolve()
    flags.home.mkdir(parents=True, exist_ok=True)
    stage = Stage(flags.build, flags.home)
    results = Results()
    wanted = flags.only or [*PEERS, *TOOLS, "misbehaving"]

    for name in [name for name in PEERS if name in wanted]:
        peer = have(results, flags.home, name, PEERS[name])
        for role in ("client", "server") if peer else ():
            for transport in TRANSPORTS:
                play_pair(stage, results, peer, role, transport)
    for name in [name for name in TOOLS if name in wanted]:
        package, run = TOOLS[name]
        program = have(results, flags.home, name, lambda home: go_install(home, package))
        for transport in TRANSPORTS if program else ():
            run(stage, results, program, transport)
    if "misbehaving" in wanted:
        run_misbehaving(stage, results)

    text = document(results)
    print("\n" + text)
    if flags.write:
        (ROOT / "docs/interop.md").write_text(text)
    failures = list(results.failures())
    for failure in failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
