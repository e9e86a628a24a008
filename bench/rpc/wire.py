"""Bytes that the benchmark speaks itself: a few messages of grpc.testing, small enough to write by
hand, and as much HTTP/2 as one call or an idle connection needs."""

import socket
import ssl
import struct

SERVICE = "/grpc.testing.TestService/"
HEADERS, DATA, SETTINGS = 1, 0, 4
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def frame(message):
    """A gRPC message behind its prefix."""
    return b"\0" + struct.pack(">I", len(message)) + message


def payload(number, size):
    return field(number, field(2, bytes(size)))


def trusting(ca):
    context = ssl.create_default_context(cafile=ca)
    context.set_alpn_protocols(["h2"])
    return context


def h2_frame(kind, flags, stream, body=b""):
    return struct.pack(">I", len(body))[1:] + struct.pack(">BBI", kind, flags, stream) + body


def literal(name, value):
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


class Connection:
    """One HTTP/2 connection; with the peer's SETTINGS it is open."""

    def __init__(self, address, context):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.received = b""
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_frame(SETTINGS, 0, 0))
        while self.read_frame()[0] != SETTINGS:
            pass
        self.socket.sendall(h2_frame(SETTINGS, ACK, 0))

    def read(self, n):
        while len(self.received) < n:
            more = self.socket.recv(65536)
            if not more:
                raise SystemExit("a server closes the connection")
            self.received += more
        out, self.received = self.received[:n], self.received[n:]
        return out

    def read_frame(self):
        head = self.read(9)
        return head[3], head[4], self.read(int.from_bytes(head[:3], "big"))

    def call(self, path, message):
        """The DATA of the answer."""
        fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost",
                  "content-type": "application/grpc", "te": "trailers"}
        block = b"".join(literal(*pair) for pair in fields.items())
        self.socket.sendall(h2_frame(HEADERS, END_HEADERS, 1, block) +
                            h2_frame(DATA, END_STREAM, 1, frame(message)))
        answer = b""
        while True:
            kind, flags, body = self.read_frame()
            if kind == DATA:
                answer += body
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                return answer

    def close(self):
        self.socket.close()
