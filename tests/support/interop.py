"""gRPC's interop cases: which there are, what a peer cannot play, and how a pair plays one.

tests/integration/test_interop.py does so with the peers of Debian and npm, and ./dev interop
(tests/interop/matrix.py) with the current releases of more.
"""

import dataclasses
import os
import socket
import subprocess
import sys
import threading
import time

NAME = "foo.test.google.fr"  # what the interop suite calls its server
WAIT = 170  # seconds for a case; a bound, never a measure

OWN = "weft"
TRANSPORTS = ["plaintext", "tls"]

CASES = ["empty_unary", "large_unary", "client_compressed_unary", "server_compressed_unary",
         "client_streaming", "client_compressed_streaming", "server_streaming",
         "server_compressed_streaming", "ping_pong", "empty_stream", "half_duplex",
         "cancel_after_begin", "cancel_after_first_response", "timeout_on_sleeping_server",
         "custom_metadata", "status_code_and_message", "special_status_message",
         "unimplemented_method", "unimplemented_service", "slow_consumer", "rpc_soak",
         "channel_soak", "concurrent_large_unary", "long_lived_channel", "orca_per_rpc", "orca_oob"]

# Our client's alone, against tests/interop/misbehaving.py. The last one is what the description
# calls the one before it.
MISBEHAVING = ["goaway", "rst_after_header", "rst_during_data", "rst_after_data", "ping",
               "max_streams", "data_frame_padding", "no_df_padding", "no_df_padding_sanity_test"]

ORCA = ["orca_per_rpc", "orca_oob"]
COMPRESSED = [case for case in CASES if "compressed" in case]
CLIENT_COMPRESSED = [case for case in COMPRESSED if case.startswith("client")]

NO_REPORTS = dict.fromkeys(ORCA, "shows its users no load reports")
BLIND = dict.fromkeys(CLIENT_COMPRESSED, "does not see whether a message came compressed")
ALL_OR_NONE = {"client_compressed_streaming": "cannot send one message of a call uncompressed"}


def not_in_program(*cases):
    return dict.fromkeys(cases, "has no such case")


# What a peer cannot play in a role, and why. Some clients play the server_compressed cases without
# a look at the flag, which they are not shown.
CLIENT_CANNOT = {
    "grpcio": ALL_OR_NONE | NO_REPORTS,
    "grpc-js": ALL_OR_NONE | NO_REPORTS,  # on Debian's node 18
    "tonic": ALL_OR_NONE | NO_REPORTS | {
        "timeout_on_sleeping_server": "says CANCELLED when its own timer is before the server's",
    },
    "grpc-go": not_in_program(*COMPRESSED, "half_duplex", "slow_consumer",
                              "concurrent_large_unary", "long_lived_channel"),
    "grpc-java": not_in_program("half_duplex", "slow_consumer", "concurrent_large_unary",
                                "long_lived_channel"),
}
SERVER_CANNOT = {
    "grpcio": BLIND | NO_REPORTS,
    "grpc-js": dict.fromkeys(COMPRESSED, "compresses nothing") | BLIND | NO_REPORTS,
    "tonic": BLIND | NO_REPORTS | {
        "server_compressed_streaming": "compresses all messages of a response or none",
        "custom_metadata": "has no trailers of a handler's choice in a call that succeeds",
    },
    "grpc-go": dict.fromkeys(COMPRESSED, "neither compresses nor looks whether a message is"),
    # Its own client fails the first two with it, and passes the third because it does not look.
    "grpc-java": {
        "client_compressed_unary": "does not look whether a message came compressed",
        "client_compressed_streaming": "does not look whether a message came compressed",
        "server_compressed_streaming": "compresses no stream of responses",
    },
}


def why_not(client, server, case):
    """What keeps the pair from playing the case, or None."""
    return CLIENT_CANNOT.get(client, {}).get(case) or SERVER_CANNOT.get(server, {}).get(case)


@dataclasses.dataclass
class Credentials:
    ca: os.PathLike
    cert: os.PathLike
    key: os.PathLike


def own_credentials(root, state):
    """A development CA in `state`, and a certificate for NAME."""
    subprocess.run([root / "deploy/local/certificates", state, NAME], check=True)
    return Credentials(state / "ca.pem", state / f"tls/{NAME}.pem", state / f"tls/{NAME}.key")


@dataclasses.dataclass
class Player:
    """One implementation: the words that start its programs. `foreign` ones are not written for
    this suite: their servers take no --host and do not say where they listen, and the status alone
    tells how a case went. `credentials` are the only ones that it uses, if it has such."""

    name: str
    client: list
    server: list
    foreign: bool = False
    credentials: Credentials = None


def own(build):
    home = build / "tests/interop"
    return Player(OWN, [home / "weft-interop-client"], [home / "weft-interop-server"])


def grpcio(root, messages, python=sys.executable):
    words = [python, root / "tests/interop/peer_grpcio.py"]
    return Player("grpcio", [*words, "client", f"--messages={messages}"],
                  [*words, "server", f"--messages={messages}"])


def grpc_js(root):
    words = ["node", root / "tests/interop/node/peer.js"]
    flag = f"--protos={root / 'proto'}"
    return Player("grpc-js", [*words, "client", flag], [*words, "server", flag])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server; `port` is where. With `port` given it need not say so."""

    def __init__(self, words, port=None):
        self.log = []
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.readers = [threading.Thread(target=self.log.extend, args=[self.process.stderr])]
        self.port = port or self.read_port()
        self.readers.append(threading.Thread(target=self.log.extend, args=[self.process.stdout]))
        for reader in self.readers:
            reader.start()
        if port:
            self.await_port()

    def read_port(self):
        line = self.process.stdout.readline()
        if not line.startswith("listening at "):
            raise AssertionError(f"no server: {line}{self.process.stderr.read()}")
        return int(line.strip().rsplit(":", 1)[1])

    def await_port(self):
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=WAIT).close()
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, "".join(self.log)
                time.sleep(0.05)

    def stop(self):
        """Ends it; its status."""
        self.process.terminate()
        try:
            return self.process.wait(WAIT)
        finally:
            self.process.kill()
            self.process.wait()
            for reader in self.readers:
                reader.join(WAIT)
            self.process.stdout.close()
            self.process.stderr.close()


def start(player, credentials=None):
    """A running server of the player's; with credentials it speaks TLS."""
    port = free_port() if player.foreign else 0
    words = [*player.server, f"--port={port}"]
    if not player.foreign:
        words.append("--host=127.0.0.1")
    words.append(f"--use_tls={'true' if credentials else 'false'}")
    if credentials and not player.credentials:
        words += [f"--tls_cert_file={credentials.cert}", f"--tls_key_file={credentials.key}"]
    return Server(words, port)


def play(player, port, case, *flags, credentials=None):
    """How the player's client does in the case: the completed process."""
    words = [*player.client, "--server_host=127.0.0.1", f"--server_port={port}",
             f"--test_case={case}", "--soak_iterations=3",
             "--soak_per_iteration_max_acceptable_latency_ms=60000", *flags]
    if credentials:
        words += ["--use_tls=true", "--use_test_ca=true", f"--server_host_override={NAME}"]
        if not player.credentials:
            words.append(f"--ca_file={credentials.ca}")
    else:
        words.append("--use_tls=false")
    return subprocess.run(words, capture_output=True, text=True, timeout=WAIT, check=False)


def misbehave(root, case):
    """A running server that misbehaves; its stop() is not 0 when the client did."""
    return Server([sys.executable, root / "tests/interop/misbehaving.py", "--port=0",
                   "--host=127.0.0.1", f"--test_case={case}"])
