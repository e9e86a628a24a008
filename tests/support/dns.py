"""A name server for tests: A, AAAA and SRV records with a time to live, over UDP, on a free port.

	with Server() as server:
		server.records["shop.test"] = {"A": ["127.0.0.1"]}
		… f"dns://127.0.0.1:{server.port}/shop.test:50051" …
		server.queries  # {("shop.test", "A"): 1, …}
"""

import collections
import ipaddress
import socket
import struct
import threading

TYPES = {1: "A", 28: "AAAA", 33: "SRV"}
NXDOMAIN = 3


def name_of(packet, at):
    labels = []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii"))
        at += 1 + packet[at]
    return ".".join(labels), at + 1


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def data_of(kind, value):
    """An address, or (priority, weight, port, host) of SRV."""
    if kind == "SRV":
        priority, weight, port, host = value
        return struct.pack(">HHH", priority, weight, port) + wire_name(host)
    return ipaddress.ip_address(value).packed


class Server:
    def __init__(self, ttl=0):
        self.ttl = ttl
        self.records = {}  # by name, then by type
        self.queries = collections.Counter()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def answer(self, packet):
        name, at = name_of(packet, 12)
        number, = struct.unpack_from(">H", packet, at)
        kind = TYPES.get(number, str(number))
        self.queries[name.lower(), kind] += 1
        known = self.records.get(name.lower())
        values = (known or {}).get(kind, [])
        flags = 0x8580 | (NXDOMAIN if known is None else 0)
        reply = packet[:2] + struct.pack(">HHHHH", flags, 1, len(values), 0, 0)
        reply += packet[12:at + 4]
        for value in values:
            data = data_of(kind, value)
            reply += struct.pack(">HHHIH", 0xC00C, number, 1, self.ttl, len(data)) + data
        return reply

    def serve(self):
        while True:
            packet, peer = self.socket.recvfrom(1500)
            if not packet:  # our own: the end
                return
            self.socket.sendto(self.answer(packet), peer)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join(10)
        self.socket.close()
