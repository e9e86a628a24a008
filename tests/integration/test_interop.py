"""gRPC's interop cases: our client and server with each other, and each with foreign ones."""

import subprocess

import pytest

import interop
from interop import CASES, MISBEHAVING, OWN, TRANSPORTS, WAIT

PEERS = ["grpcio", "grpc-js"]
PAIRS = [(OWN, OWN)] + [pair for peer in PEERS for pair in [(OWN, peer), (peer, OWN)]]


@pytest.fixture(scope="module")
def players(build, root, contracts):
    if not (root / "tests/interop/node/node_modules/@grpc/grpc-js").is_dir():
        pytest.fail("grpc-js is not there: run npm ci in tests/interop/node, or ./dev test")
    known = [interop.own(build), interop.grpcio(root, contracts), interop.grpc_js(root)]
    return {player.name: player for player in known}


@pytest.fixture(scope="module")
def credentials(root, tmp_path_factory):
    return interop.own_credentials(root, tmp_path_factory.mktemp("interop"))


@pytest.fixture(scope="module")
def servers(players, credentials):
    """servers(name, transport): one of each kind, started when it is first wanted."""
    running = {}

    def get(name, transport):
        if (name, transport) not in running:
            tls = credentials if transport == "tls" else None
            running[name, transport] = interop.start(players[name], tls)
        return running[name, transport]

    yield get
    for server in running.values():  # what a sanitizer has to say makes a status one
        assert server.stop() == 0, "".join(server.log)


@pytest.fixture
def play(players, credentials, servers):
    def play(client, server, transport, case, *flags):
        return interop.play(players[client], servers(server, transport).port, case, *flags,
                            credentials=credentials if transport == "tls" else None)

    return play


def playable():
    for client, server in PAIRS:
        for case in CASES:
            if not interop.why_not(client, server, case):
                yield client, server, case


@pytest.mark.parametrize("client, server, case", playable())
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_case(play, client, server, transport, case):
    played = play(client, server, transport, case)
    assert played.returncode == 0, played.stderr + played.stdout
    assert f"{case}: passed" in played.stdout


@pytest.mark.parametrize("case", MISBEHAVING)
def test_misbehaving_server(players, root, case):
    server = interop.misbehave(root, case)
    try:
        played = interop.play(players[OWN], server.port, case)
    finally:
        status = server.stop()
    assert played.returncode == 0, played.stderr + played.stdout
    assert f"{case}: passed" in played.stdout
    assert status == 0, "".join(server.log)


def test_misbehaving_servers_look_at_the_client(players, root):
    """Their part of the verdict can fail: here it does, because another case is played."""
    server = interop.misbehave(root, "goaway")
    try:
        assert interop.play(players[OWN], server.port, "large_unary").returncode == 0
    finally:
        status = server.stop()
    assert status == 1 and "1 connections instead of two" in "".join(server.log)


def test_every_case_is_played(players):
    words = [*players[OWN].client, "--test_case=list"]
    listed = subprocess.run(words, capture_output=True, text=True, timeout=WAIT, check=True)
    assert listed.stdout.split() == CASES + MISBEHAVING


def test_a_case_can_fail(play):
    """A call to a server that does not do what is asked for is no pass."""
    played = play(OWN, OWN, "plaintext", "rpc_soak", "--soak_response_size=-1")
    assert played.returncode == 2
    played = play(OWN, OWN, "plaintext", "rpc_soak",
                  "--soak_per_iteration_max_acceptable_latency_ms=0")
    assert played.returncode == 1 and "failures" in played.stdout
