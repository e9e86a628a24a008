"""Call credentials of our client, as grpcio's server sees them: it opens only to the right ones."""

import concurrent.futures
import subprocess

import grpc
import pytest


class Vault(grpc.GenericRpcHandler):
    def __init__(self):
        self.asked = 0

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self.open)

    def open(self, request, context):
        self.asked += 1
        metadata = dict(context.invocation_metadata())
        if metadata.get("authorization") != "Bearer gold":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
        return metadata.get("x-call-token", "nobody").encode()


@pytest.fixture(scope="module")
def vault(build, certificates, tmp_path_factory):
    """ask(address, options…): what the client prints. The server is there over TLS, TCP, Unix."""
    handler = Vault()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), handlers=[handler])
    pair = [(certificates / f"tls/server.{kind}").read_bytes() for kind in ("key", "pem")]
    path = tmp_path_factory.mktemp("vault") / "socket"
    tls = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    tcp = server.add_insecure_port("127.0.0.1:0")
    server.add_insecure_port(f"unix:{path}")
    server.start()
    addresses = {"tls": f"127.0.0.1:{tls}", "tcp": f"127.0.0.1:{tcp}", "unix": f"unix:{path}"}

    def ask(where, *options):
        trust = ["--ca", certificates / "ca.pem", "--authority", "localhost"]
        done = subprocess.run(
            [build / "tests/support/rpc_client", *(trust if where == "tls" else []), *options,
             addresses[where], "/test.Vault/Open", "x"],
            capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return done.stdout.splitlines()

    ask.handler = handler
    yield ask
    server.stop(None).wait()


@pytest.mark.parametrize("where", ["tls", "unix"])
def test_they_open(vault, where):
    assert vault(where, "--bearer", "gold") == ["message 6 nobody", "status OK "]
    assert vault(where, "--bearer", "gold", "--call-bearer", "Ada") == [
        "message 3 Ada", "status OK "]
    assert vault(where, "--bearer", "lead") == ["status UNAUTHENTICATED who are you?"]
    assert vault(where) == ["status UNAUTHENTICATED who are you?"]


def test_they_do_not_travel_in_the_open(vault):
    before = vault.handler.asked
    for options in (["--bearer", "gold"], ["--call-bearer", "Ada"]):
        (line,) = vault("tcp", *options)
        assert line.startswith("status UNAUTHENTICATED credentials are sent over TLS or a Unix")
    assert vault.handler.asked == before
