"""gRPC's interop cases: our client and server with each other, and each with foreign ones."""

import subprocess
import sys
import threading

import pytest

NAME = "foo.test.google.fr"  # what the interop suite calls its server
WAIT = 170  # seconds for a case; a bound, never a measure

OWN = "weft"
PEERS = ["grpcio", "grpc-js"]
TRANSPORTS = ["plaintext", "tls"]

CASES = ["empty_unary", "large_unary", "client_compressed_unary", "server_compressed_unary",
         "client_streaming", "client_compressed_streaming", "server_streaming",
         "server_compressed_streaming", "ping_pong", "empty_stream", "half_duplex",
         "cancel_after_begin", "cancel_after_first_response", "timeout_on_sleeping_server",
         "custom_metadata", "status_code_and_message", "special_status_message",
         "unimplemented_method", "unimplemented_service", "slow_consumer", "rpc_soak",
         "channel_soak", "concurrent_large_unary", "long_lived_channel", "orca_per_rpc", "orca_oob"]

# What a pair (client, server) cannot play. A server of grpcio or grpc-js does not see whether a
# message came compressed; grpcio's client cannot send one message of a call uncompressed, and
# grpc-js's cannot on Debian's node 18; grpc-js's server compresses nothing. (Their clients play the
# server_compressed cases without a look at the flag, which they are not shown.)
ORCA = ["orca_per_rpc", "orca_oob"]  # neither has load reports in what it shows its users
CANNOT = {
    (OWN, "grpcio"): ["client_compressed_unary", "client_compressed_streaming", *ORCA],
    (OWN, "grpc-js"): [case for case in CASES if "compressed" in case] + ORCA,
    ("grpcio", OWN): ["client_compressed_streaming", *ORCA],
    ("grpc-js", OWN): ["client_compressed_streaming", *ORCA],
}


def command(build, root, messages, implementation, role):
    if implementation == OWN:
        return [build / f"tests/interop/weft-interop-{role}"]
    if implementation == "grpc-js":
        home = root / "tests/interop/node"
        if not (home / "node_modules/@grpc/grpc-js").is_dir():
            pytest.fail(f"grpc-js is not there: run npm ci in {home}, or ./dev test")
        return ["node", home / "peer.js", role, f"--protos={root / 'proto'}"]
    return [sys.executable, root / "tests/interop/peer_grpcio.py", role, f"--messages={messages}"]


class Server:
    """A running server of the test service; `port` is where."""

    def __init__(self, command):
        self.log = []
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()
        line = self.process.stdout.readline()
        assert line.startswith("listening at "), "".join(self.log)
        self.port = line.strip().rsplit(":", 1)[1]

    def read_log(self):
        self.log.extend(self.process.stderr)

    def stop(self):
        """Drains it; what a sanitizer has to say makes its status one."""
        self.process.terminate()
        try:
            status = self.process.wait(WAIT)
        finally:
            self.process.kill()
            self.process.wait()
            self.reader.join(WAIT)
            self.process.stdout.close()
            self.process.stderr.close()
        assert status == 0, "".join(self.log)


@pytest.fixture(scope="module")
def credentials(root, tmp_path_factory):
    state = tmp_path_factory.mktemp("interop")
    subprocess.run([root / "deploy/local/certificates", state, NAME], check=True)
    return state


@pytest.fixture(scope="module")
def servers(build, root, contracts, credentials):
    """servers(implementation, transport): one of each kind, started when it is first wanted."""
    running = {}

    def get(implementation, transport):
        if (implementation, transport) not in running:
            words = command(build, root, contracts, implementation, "server")
            words += ["--port=0", "--host=127.0.0.1"]
            if transport == "tls":
                words += ["--use_tls=true", f"--tls_cert_file={credentials}/tls/{NAME}.pem",
                          f"--tls_key_file={credentials}/tls/{NAME}.key"]
            running[implementation, transport] = Server(words)
        return running[implementation, transport]

    yield get
    for server in running.values():
        server.stop()


@pytest.fixture
def play(build, root, contracts, credentials, servers):
    def play(client, server, transport, case, *flags):
        words = command(build, root, contracts, client, "client")
        words += ["--server_host=127.0.0.1", f"--server_port={servers(server, transport).port}",
                  f"--test_case={case}", "--soak_iterations=3",
                  "--soak_per_iteration_max_acceptable_latency_ms=60000", *flags]
        if transport == "tls":
            words += ["--use_tls=true", "--use_test_ca=true", f"--ca_file={credentials}/ca.pem",
                      f"--server_host_override={NAME}"]
        return subprocess.run(words, capture_output=True, text=True, timeout=WAIT, check=False)

    return play


PAIRS = [(OWN, OWN)] + [pair for peer in PEERS for pair in [(OWN, peer), (peer, OWN)]]


def playable():
    for client, server in PAIRS:
        for case in CASES:
            if case not in CANNOT.get((client, server), []):
                yield client, server, case


@pytest.mark.parametrize("client, server, case", playable())
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_case(play, client, server, transport, case):
    played = play(client, server, transport, case)
    assert played.returncode == 0, played.stderr + played.stdout
    assert f"{case}: passed" in played.stdout


def test_every_case_is_played(build):
    words = [build / "tests/interop/weft-interop-client", "--test_case=list"]
    listed = subprocess.run(words, capture_output=True, text=True, timeout=WAIT, check=True)
    assert listed.stdout.split() == CASES


def test_a_case_can_fail(play):
    """A call to a server that does not do what is asked for is no pass."""
    played = play(OWN, OWN, "plaintext", "rpc_soak", "--soak_response_size=-1")
    assert played.returncode == 2
    played = play(OWN, OWN, "plaintext", "rpc_soak",
                  "--soak_per_iteration_max_acceptable_latency_ms=0")
    assert played.returncode == 1 and "failures" in played.stdout
