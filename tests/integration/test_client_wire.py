"""Our client's bytes, as python's h2 reads them."""

import socket
import subprocess
import threading

import h2.config
import h2.connection
import h2.events
import hpack


def serve_one(listener, headers):
    """Keeps the headers of the first request, and answers it with a status."""
    peer, _ = listener.accept()
    peer.settimeout(30)
    connection = h2.connection.H2Connection(h2.config.H2Configuration(
        client_side=False, header_encoding="utf-8"))
    connection.initiate_connection()
    peer.sendall(connection.data_to_send())
    while data := peer.recv(65536):
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                headers.extend(event.headers)
            if isinstance(event, h2.events.StreamEnded):
                connection.send_headers(event.stream_id, [
                    (":status", "200"), ("content-type", "application/grpc"),
                    ("grpc-status", "0")], end_stream=True)
        peer.sendall(connection.data_to_send())
    peer.close()


def test_a_timeout_is_in_no_table(build):
    headers = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_one, args=(listener, headers))
        thread.start()
        subprocess.run(
            [build / "tests/support/rpc_client", "--timeout-ms", "30000",
             f"127.0.0.1:{listener.getsockname()[1]}", "/test.Wire/Any", "x"],
            capture_output=True, timeout=60, check=True)
        thread.join(30)
    never = {name for name, _ in
             (pair for pair in headers if isinstance(pair, hpack.NeverIndexedHeaderTuple))}
    names = [name for name, _ in headers]
    assert never == {"grpc-timeout"} and "te" in names and "grpc-accept-encoding" in names
