#!/usr/bin/python3
"""protoc-gen-weft alone with its input: bytes that no protoc has written, and a protoc-gen-c that fails.

    plugin_input.py PROTOC_GEN_WEFT
"""

import os
import pathlib
import random
import stat
import subprocess
import sys
import tempfile
import unittest

from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2

PLUGIN = sys.argv.pop(1)
HERE = pathlib.Path(__file__).resolve().parent
SANITIZER_EXIT = 99  # told apart from the plugin's own 1


def run(data, **environment):
    env = dict(os.environ, **environment)
    for options in ["ASAN_OPTIONS", "UBSAN_OPTIONS"]:
        env[options] = f"{env.get(options, '')}:exitcode={SANITIZER_EXIT}:halt_on_error=1"
    return subprocess.run([PLUGIN], input=data, capture_output=True, timeout=60, env=env)


def contract(name):
    """The request that protoc makes of a contract of this folder."""
    include = subprocess.run(
        ["pkg-config", "--variable=includedir", "protobuf"], capture_output=True, text=True
    ).stdout.strip()
    with tempfile.NamedTemporaryFile() as file:
        command = ["protoc", "--include_imports", "--include_source_info", "-o", file.name]
        command += [f"-I{HERE}", f"-I{HERE.parent.parent / 'proto'}", f"-I{include}", name]
        subprocess.run(command, check=True, timeout=60)
        files = descriptor_pb2.FileDescriptorSet.FromString(file.read())
    request = plugin_pb2.CodeGeneratorRequest(file_to_generate=[name])
    request.proto_file.extend(files.file)
    return request


def nested(depth):
    """DescriptorProto.nested_type within itself, `depth` times, in a file of a request."""
    data = b""
    for field in [3] * depth + [4, 15]:
        length, varint = len(data), b""
        while length > 0x7F:
            varint += bytes([length & 0x7F | 0x80])
            length >>= 7
        data = bytes([field << 3 | 2]) + varint + bytes([length]) + data
    return data


class Input(unittest.TestCase):
    def assertRefused(self, data, words):
        done = run(data)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stdout, b"")
        self.assertIn(words, done.stderr.decode())

    def assertError(self, done, *words):
        self.assertEqual(done.returncode, 0, done.stderr)
        response = plugin_pb2.CodeGeneratorResponse.FromString(done.stdout)
        for word in words:
            self.assertIn(word, response.error)
        self.assertEqual(len(response.file), 0)

    def test_everything_in_one_response(self):
        done = run(contract("fields.proto").SerializeToString())
        self.assertEqual(done.returncode, 0, done.stderr)
        response = plugin_pb2.CodeGeneratorResponse.FromString(done.stdout)
        names = sorted(file.name for file in response.file)
        expected = ["fields.pb-c.c", "fields.pb-c.h", "fields.weft.c", "fields.weft.h"]
        self.assertEqual(names, expected)
        self.assertEqual(response.supported_features, response.FEATURE_PROTO3_OPTIONAL)

    def test_no_c_name_begins_with_an_underscore(self):
        done = run(contract("fields.proto").SerializeToString())
        response = plugin_pb2.CodeGeneratorResponse.FromString(done.stdout)
        header = next(file.content for file in response.file if file.name == "fields.pb-c.h")
        self.assertIn("  Golden__Fields__V1__Fields__HasTextCase has_text_case;", header)
        self.assertIn("has_x__case;", header)  # has_x is a field of the contract
        self.assertNotRegex(header, r"[ *]_[a-z]+(_case)?;")

    def test_headers_without_options(self):
        """What only custom options need is not included: neither descriptor.proto nor google.api."""
        done = run(contract("fields.proto").SerializeToString())
        response = plugin_pb2.CodeGeneratorResponse.FromString(done.stdout)
        header = next(file.content for file in response.file if file.name == "fields.pb-c.h")
        includes = [line for line in header.splitlines() if line.startswith('#include "')]
        expected = ["google/protobuf/timestamp.pb-c.h", "google/type/money.pb-c.h"]
        self.assertEqual(includes, [f'#include "{path}"' for path in expected])

    def test_embedded_descriptor(self):
        """The bytes in the source are the contract, with its options and optionals, without comments."""
        request = contract("fields.proto")
        response = plugin_pb2.CodeGeneratorResponse.FromString(
            run(request.SerializeToString()).stdout
        )
        source = next(file.content for file in response.file if file.name == "fields.weft.c")
        array = source.split("descriptor[] = {")[1].split("};")[0]
        data = bytes(int(byte, 16) for byte in array.replace(",", " ").split())
        embedded = descriptor_pb2.FileDescriptorProto.FromString(data)
        original = next(file for file in request.proto_file if file.name == "fields.proto")
        original.ClearField("source_code_info")
        self.assertEqual(embedded, original)

    def test_nothing_to_do(self):
        done = run(b"")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_no_request(self):
        self.assertRefused(b"syntax = \"proto3\";\n", "not a google.protobuf.compiler")

    def test_cut_off(self):
        data = contract("kinds.proto").SerializeToString()
        self.assertRefused(data[:-1], "the bytes are no protobuf message")

    def test_nested_too_deep(self):
        for depth in [200, 100000]:
            self.assertRefused(nested(depth), "nested too deep")

    def test_nested_as_deep_as_a_contract_may(self):
        request = plugin_pb2.CodeGeneratorRequest(file_to_generate=["deep.proto"])
        file = request.proto_file.add(name="deep.proto", package="deep.v1", syntax="proto3")
        message = file.message_type.add(name="L0")
        for level in range(1, 31):
            message = message.nested_type.add(name=f"L{level}")
        method = file.service.add(name="Deep").method.add(name="Dive", output_type=".deep.v1.L0")
        method.input_type = ".deep.v1." + ".".join(f"L{level}" for level in range(31))
        response = plugin_pb2.CodeGeneratorResponse.FromString(
            run(request.SerializeToString()).stdout
        )
        self.assertEqual(response.error, "")
        source = next(file.content for file in response.file if file.name == "deep.weft.c")
        self.assertIn("&deep__v1__l0__l1__", source)

    def test_missing_names(self):
        for spoil in [
            lambda file: file.ClearField("name"),
            lambda file: file.message_type[0].ClearField("name"),
            lambda file: file.message_type[0].field[0].ClearField("name"),
            lambda file: file.service[0].ClearField("name"),
            lambda file: file.service[0].method[0].ClearField("name"),
            lambda file: file.service[0].method[0].ClearField("input_type"),
            lambda file: file.public_dependency.append(99),
            lambda file: setattr(file, "package", "a..b"),
            lambda file: setattr(file, "name", 'x"; system("true"); ".proto'),
            lambda file: setattr(file.message_type[0].field[0], "oneof_index", 3),
        ]:
            request = contract("kinds.proto")
            spoil(request.proto_file[-1])
            self.assertRefused(request.SerializeToString(), "")

    def test_unknown_type(self):
        request = contract("kinds.proto")
        request.proto_file[-1].service[0].method[0].input_type = ".no.Such"
        self.assertError(run(request.SerializeToString()), "kinds.proto:", "no.Such")

    def test_circle_of_public_imports(self):
        request = contract("kinds.proto")
        for file in request.proto_file:
            file.dependency.append("kinds.proto")
            file.public_dependency.append(len(file.dependency) - 1)
        self.assertEqual(run(request.SerializeToString()).returncode, 0)

    def test_unknown_parameter(self):
        request = contract("kinds.proto")
        request.parameter = "color=red"
        self.assertError(run(request.SerializeToString()), '"color=red"')

    def test_flipped_bits(self):
        """No input brings it down: what it takes for a request goes to a protoc-gen-c that says nothing."""
        seed = 20260131
        rng = random.Random(seed)
        good = contract("names.proto").SerializeToString()
        start = len(good) - 1500  # the contract itself; before it stand its imports
        for _ in range(150):
            data = bytearray(good)
            for _ in range(rng.randrange(1, 4)):
                data[rng.randrange(start, len(data))] ^= 1 << rng.randrange(8)
            done = run(bytes(data), PROTOC_GEN_C="true")
            self.assertIn(done.returncode, [0, 1], (seed, done.stderr))


class ProtocGenC(unittest.TestCase):
    def run_with(self, script):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "gen-c"
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
            data = contract("kinds.proto").SerializeToString()
            done = run(data, PROTOC_GEN_C=str(program))
        self.assertEqual(done.returncode, 0, done.stderr)
        response = plugin_pb2.CodeGeneratorResponse.FromString(done.stdout)
        self.assertEqual(len(response.file), 0)
        return response.error

    def test_missing(self):
        data = contract("kinds.proto").SerializeToString()
        done = run(data, PROTOC_GEN_C="/nowhere/protoc-gen-c")
        error = plugin_pb2.CodeGeneratorResponse.FromString(done.stdout).error
        self.assertIn("/nowhere/protoc-gen-c", error)
        self.assertIn("protobuf-c-compiler", error)

    def test_failing(self):
        error = self.run_with("cat > /dev/null; echo cannot do that today >&2; exit 3")
        self.assertIn("failed with exit code 3: cannot do that today", error)

    def test_killed(self):
        self.assertIn("killed by signal 9", self.run_with("kill -9 $$"))

    def test_talking_nonsense(self):
        self.assertIn("not a google.protobuf.compiler", self.run_with("echo hello"))

    def test_refusing(self):
        response = plugin_pb2.CodeGeneratorResponse(error="no such thing")
        escaped = "".join(f"\\{byte:03o}" for byte in response.SerializeToString())
        self.assertIn("no such thing", self.run_with(f"printf '{escaped}'"))


if __name__ == "__main__":
    unittest.main()
