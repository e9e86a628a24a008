#!/usr/bin/python3
"""A server that misbehaves in one of the ways of gRPC's doc/http2-interop-test-descriptions.md.

    misbehaving.py --test_case=goaway [--host=127.0.0.1] [--port=0]

It answers every call with what the cases ask for, a payload of 314159 zeros, and does on the way
what its case says, frame by frame (python3-h2). A thread serves each connection. On SIGTERM it says
what a client did wrong that only a server sees, and ends with 1, or with 0 when there is nothing.
"""

import argparse
import collections
import signal
import socket
import struct
import sys
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

RESPONSE_SIZE = 314159  # what all the cases ask for
FRAME = 16384
# The padding has to outweigh the data, so that a client that forgets to give its window back for
# padding gets stuck: 256 bytes with every 20 are thirteen times the message's length.
SMALL_FRAME = 20
PADDING = 255
HEADERS = [(":status", "200"), ("content-type", "application/grpc")]
TRAILERS = [("grpc-status", "0")]


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def response():
    """A SimpleResponse in its gRPC frame: field 1 is a Payload, whose field 2 is the zeros."""
    payload = b"\x12" + varint(RESPONSE_SIZE) + bytes(RESPONSE_SIZE)
    message = b"\x0a" + varint(len(payload)) + payload
    return struct.pack(">BI", 0, len(message)) + message


class Connection:
    """Behaves well; the cases override what they do differently."""

    frame = FRAME
    padding = None

    def __init__(self, sock):
        self.socket = sock
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.requests = collections.deque()  # streams whose request is complete
        self.open = set()
        self.faults = []
        self.closed = False

    def serve(self):
        self.begin()
        while not self.closed:
            if self.requests:
                stream = self.requests.popleft()
                self.answer(stream)
                self.open.discard(stream)
            else:
                self.read()
        self.end()
        self.socket.close()

    def begin(self):
        self.h2.initiate_connection()
        self.flush()

    def end(self):
        pass

    def flush(self):
        try:
            self.socket.sendall(self.h2.data_to_send())
        except OSError:
            self.closed = True

    def read(self):
        try:
            data = self.socket.recv(65536)
            events = self.h2.receive_data(data)
        except (OSError, h2.exceptions.ProtocolError) as error:
            if isinstance(error, h2.exceptions.ProtocolError):
                self.faults.append(f"the client broke HTTP/2: {error!r}")
            data, events = b"", []
        self.closed = self.closed or not data
        for event in events:
            self.handle(event)
        self.flush()

    def handle(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.open.add(event.stream_id)
        elif isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.requests.append(event.stream_id)

    def answer(self, stream):
        self.headers(stream)
        self.body(stream, response())
        self.trailers(stream)

    def headers(self, stream):
        self.h2.send_headers(stream, HEADERS)
        self.flush()

    def body(self, stream, data):
        """In frames as large as the case wants them, as the client's windows allow."""
        over = 0 if self.padding is None else self.padding + 1
        while data and not self.closed:
            room = self.h2.local_flow_control_window(stream) - over
            chunk = data[:min(self.frame, room)] if room > 0 else b""
            if not chunk:
                self.flush()
                self.read()
                continue
            self.h2.send_data(stream, chunk, pad_length=self.padding)
            data = data[len(chunk):]
        self.flush()

    def trailers(self, stream):
        if self.closed:
            return
        self.h2.send_headers(stream, TRAILERS, end_stream=True)
        self.flush()

    def reset(self, stream):
        if not self.closed:
            self.h2.reset_stream(stream, h2.errors.ErrorCodes.NO_ERROR)
            self.flush()


class Goaway(Connection):
    def answer(self, stream):
        super().answer(stream)
        self.h2.close_connection(last_stream_id=stream)
        self.flush()
        while not self.closed:  # h2 takes nothing more in after its GOAWAY
            try:
                self.closed = not self.socket.recv(65536)
            except OSError:
                self.closed = True


class RstAfterHeader(Connection):
    """At once: the client is still busy with its request."""

    def handle(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.headers(event.stream_id)
            self.reset(event.stream_id)


class RstDuringData(Connection):
    def answer(self, stream):
        self.headers(stream)
        data = response()
        self.body(stream, data[:len(data) // 2])
        self.reset(stream)


class RstAfterData(Connection):
    def answer(self, stream):
        self.headers(stream)
        self.body(stream, response())
        self.reset(stream)


class Ping(Connection):
    outstanding = 0

    def ping(self):
        self.outstanding += 1
        self.h2.ping(b"interop!")
        self.flush()

    def handle(self, event):
        if isinstance(event, h2.events.PingAckReceived):
            self.outstanding -= 1
        super().handle(event)

    def answer(self, stream):
        self.ping()
        self.headers(stream)
        self.ping()
        self.ping()
        self.body(stream, response())
        self.ping()
        self.trailers(stream)

    def end(self):
        if self.outstanding:
            self.faults.append(f"{self.outstanding} PINGs without an answer")


class MaxStreams(Connection):
    def begin(self):
        self.h2.initiate_connection()
        self.h2.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 1})
        self.flush()

    def handle(self, event):
        super().handle(event)
        if len(self.open) > 1:
            self.faults.append(f"{len(self.open)} streams at once")


class DataFramePadding(Connection):
    frame = SMALL_FRAME
    padding = PADDING


class NoDataFramePadding(Connection):
    frame = SMALL_FRAME


CASES = {
    "goaway": Goaway,
    "rst_after_header": RstAfterHeader,
    "rst_during_data": RstDuringData,
    "rst_after_data": RstAfterData,
    "ping": Ping,
    "max_streams": MaxStreams,
    "data_frame_padding": DataFramePadding,
    "no_df_padding": NoDataFramePadding,
    "no_df_padding_sanity_test": NoDataFramePadding,
}


def accept(listener, case, threads, connections):
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connections.append(CASES[case](sock))
        threads.append(threading.Thread(target=connections[-1].serve, daemon=True))
        threads[-1].start()


def verdict(case, connections):
    faults = [fault for connection in connections for fault in connection.faults]
    if case == "goaway" and len(connections) != 2:
        faults.append(f"{len(connections)} connections instead of two")
    if not connections:
        faults.append("no client came")
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--test_case", choices=sorted(CASES), required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    flags = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    listener = socket.create_server((flags.host, flags.port))
    print(f"listening at {flags.host}:{listener.getsockname()[1]}", flush=True)
    threads, connections = [], []
    threading.Thread(target=accept, args=(listener, flags.test_case, threads, connections),
                     daemon=True).start()
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    listener.close()
    for thread in threads:
        thread.join(10)
    faults = verdict(flags.test_case, connections)
    if any(thread.is_alive() for thread in threads):
        faults.append("a client has kept its connection")
    for fault in faults:
        print(f"{flags.test_case}: {fault}", file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
