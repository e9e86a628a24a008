"""Each kind of address in both roles: our server with grpcio's client, and the other way round."""

import concurrent.futures
import socket
import subprocess
import uuid

import grpc
import pytest


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.fixture(params=["ipv4", "ipv6", "unix", "abstract"])
def address(request, tmp_path):
    if request.param == "ipv6" and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    return {"ipv4": "127.0.0.1:0", "ipv6": "[::1]:0", "unix": f"unix:{tmp_path}/socket",
            "abstract": f"unix-abstract:weft-{uuid.uuid4()}"}[request.param]


def test_our_server(build, address):
    process = subprocess.Popen([build / "tests/support/rpc_server", address], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        at = process.stdout.readline().strip()
        assert at == address or (address.endswith(":0") and at.startswith(address[:-1]))
        with grpc.insecure_channel(at, options=[("grpc.enable_http_proxy", 0)]) as channel:
            assert channel.unary_unary("/test.Raw/Echo")(b"hello", timeout=30) == b"hello"
            about = channel.unary_unary("/test.Raw/About")(b"", timeout=30).decode()
            peer = about.split("|")[1]
            assert peer.startswith("unix" if "unix" in address else address[:-1]), about
    finally:
        process.terminate()
        _, log = process.communicate(timeout=30)
    assert process.returncode == 0 and "ERROR: " not in log, log


def test_our_client(build, address):
    echo = grpc.unary_unary_rpc_method_handler(lambda request, context: request)
    handler = grpc.method_handlers_generic_handler("test.Test", {"Echo": echo})
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1), handlers=[handler])
    port = server.add_insecure_port(address)
    server.start()
    at = address[:-1] + str(port) if address.endswith(":0") else address
    try:
        done = subprocess.run([build / "tests/support/rpc_client", at, "/test.Test/Echo", "hello"],
                              capture_output=True, text=True, timeout=60)
        assert done.stdout.splitlines() == ["message 5 hello", "status OK "], done
    finally:
        server.stop(None).wait()
