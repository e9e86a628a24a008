"""The services as a test's processes, over Unix sockets and TLS, and their methods in grpcio."""

import os
import re
import signal
import socket
import subprocess
import time

import grpc
from google.protobuf import descriptor_pb2

# Sanitizers make a start slow on a busy machine.
START_SECONDS = 60


class Service:
    """A process that can be stopped, killed and started again; its store stays."""

    def __init__(self, name, build, folder, certificates, targets=()):
        self.name, self.folder = name, folder / name
        self.folder.mkdir()
        self.program = build / "services" / name / f"weft-{name}"
        self.socket = self.folder / "rpc"
        self.address_file = self.folder / "address"
        self.log = self.folder / "log"
        self.database = self.folder / "data" / f"{name}.db"
        self.env = os.environ | {
            "WEFT_LISTEN": f"unix:{self.socket}",
            "WEFT_HEALTH_LISTEN": f"unix:{self.folder / 'health'}",
            "WEFT_ADDRESS_FILE": str(self.address_file),
            "WEFT_DATA": str(self.folder / "data"),
            "WEFT_TLS_CERT": str(certificates / "tls" / "server.pem"),
            "WEFT_TLS_KEY": str(certificates / "tls" / "server.key"),
            "WEFT_TLS_CA": str(certificates / "ca.pem"),
        }
        for target in targets:
            self.env[f"WEFT_TARGET_{target.name.upper()}"] = f"file://{target.address_file}"
        self.process = None

    def start(self):
        self.address_file.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.program], env=self.env, stderr=log, stdout=log,
                                            cwd=self.folder)
        end = time.monotonic() + START_SECONDS
        while not (self.address_file.exists() and self.answers()):
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < end, self.text()
            time.sleep(0.02)

    def answers(self):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """An orderly end: nothing is left behind, and no sanitizer has complained."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            assert self.process.wait(60) == 0, self.text()
        found = re.search(r"(AddressSanitizer|LeakSanitizer|runtime error:)", self.text())
        assert not found, self.text()

    def text(self):
        return self.log.read_text(errors="replace")[-8000:]


def channel(service, certificates):
    """A channel of its own connection: grpcio shares those with equal options."""
    credentials = grpc.ssl_channel_credentials((certificates / "ca.pem").read_bytes())
    return grpc.secure_channel(f"unix:{service.socket}", credentials, [
        ("grpc.ssl_target_name_override", "localhost"),
        ("grpc.default_authority", "localhost"),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_receive_message_length", 16 << 20),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 500),
    ])


class Stub:
    """A method for each of a service's, from its descriptor: stub.GetProduct(request, timeout=…).
    A raw one answers with the bytes."""

    def __init__(self, on, descriptor, raw=False):
        file = descriptor_pb2.FileDescriptorProto.FromString(descriptor.file.serialized_pb)
        service, = (each for each in file.service if each.name == descriptor.name)
        for method in service.method:
            kind = "_".join("stream" if streams else "unary"
                            for streams in (method.client_streaming, method.server_streaming))
            response = descriptor.methods_by_name[method.name].output_type._concrete_class
            setattr(self, method.name, getattr(on, kind)(
                f"/{descriptor.full_name}/{method.name}",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=bytes if raw else response.FromString))


class Failure:
    """What a call failed with, its details unpacked."""

    def __init__(self, error):
        from google.rpc import error_details_pb2, status_pb2
        self.code, self.message = error.code(), error.details()
        self.violations, self.reason, self.domain = {}, "", ""
        for key, value in error.trailing_metadata() or ():
            if key != "grpc-status-details-bin":
                continue
            status = status_pb2.Status.FromString(value)
            assert (status.code, status.message) == (self.code.value[0], self.message)
            for detail in status.details:
                bad, info = error_details_pb2.BadRequest(), error_details_pb2.ErrorInfo()
                if detail.Unpack(bad):
                    self.violations.update(
                        (found.field, found.description) for found in bad.field_violations)
                elif detail.Unpack(info):
                    self.reason, self.domain = info.reason, info.domain


def failure(call, *args, **kwargs):
    """The Failure of a call that must fail."""
    kwargs.setdefault("timeout", 30)
    try:
        answer = call(*args, **kwargs)
        answer = list(answer) if hasattr(answer, "__next__") else answer
    except grpc.RpcError as error:
        return Failure(error)
    raise AssertionError(f"it was answered: {answer}")
