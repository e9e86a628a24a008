#!/usr/bin/python3
"""What protoc-gen-weft makes of a contract, held against what it made of it when somebody last looked.

Each contract here has its .weft.h and .weft.c in expected/; each one in bad/ has the words it is
refused with in a .txt. What is generated must also compile, as C and its headers as C++, without a
warning.

    golden.py PROTOC_GEN_WEFT [--update]

--update writes the files anew: read the difference before you commit it.
"""

import argparse
import difflib
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-missing-braces"]
IMPORTED = [
    "google/api/annotations",
    "google/api/field_behavior",
    "google/api/http",
    "google/protobuf/descriptor",
    "google/protobuf/empty",
    "google/protobuf/timestamp",
    "google/type/money",
    "weft/options",
]


def include_dir(package):
    command = ["pkg-config", "--variable=includedir", package]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def protoc(plugin, out, names):
    command = ["protoc", f"--plugin=protoc-gen-weft={plugin}", f"--weft_out={out}", f"-I{HERE}"]
    command += [f"-I{SOURCE / 'proto'}", f"-I{include_dir('protobuf')}"]
    return subprocess.run(command + names, capture_output=True, text=True, timeout=60)


class Check:
    def __init__(self, plugin, update):
        self.plugin = plugin
        self.update = update
        self.failures = 0

    def fail(self, words):
        self.failures += 1
        print(words, file=sys.stderr)

    def compare(self, path, actual):
        if self.update:
            path.write_text(actual, encoding="utf-8")
            return
        expected = path.read_text(encoding="utf-8") if path.exists() else ""
        if actual != expected:
            lines = difflib.unified_diff(
                expected.splitlines(True), actual.splitlines(True), str(path), "generated"
            )
            self.fail("".join(lines))

    def compile(self, out, name):
        flags = WARNINGS + [f"-I{out}", f"-I{SOURCE / 'runtime/include'}"]
        flags += [f"-I{include_dir('libprotobuf-c')}", "-fsyntax-only"]
        include = f'#include "{name}.weft.h"\n'
        for command, text in [
            (["cc", "-std=gnu11", str(out / f"{name}.weft.c")], None),
            (["cc", "-std=gnu11", str(out / f"{name}.pb-c.c")], None),
            (["c++", "-std=c++17", "-x", "c++", "-"], include * 2),
        ]:
            command += flags
            done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
            if done.returncode != 0:
                self.fail(f"{' '.join(command)}\n{done.stderr}")

    def good(self, name, out):
        done = protoc(self.plugin, out, [f"{name}.proto"])
        if done.returncode != 0 or done.stderr:
            self.fail(f"{name}.proto is refused:\n{done.stderr}")
            return
        for ending in [".weft.h", ".weft.c"]:
            actual = (out / f"{name}{ending}").read_text(encoding="utf-8")
            self.compare(HERE / "expected" / f"{name}{ending}", actual)
        self.compile(out, name)

    def bad(self, name, out):
        done = protoc(self.plugin, out, [f"bad/{name}.proto"])
        if done.returncode == 0:
            self.fail(f"bad/{name}.proto is accepted")
        self.compare(HERE / "bad" / f"{name}.txt", done.stderr)
        if os.listdir(out):
            self.fail(f"bad/{name}.proto is refused, and yet gives {os.listdir(out)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("plugin")
    parser.add_argument("--update", action="store_true")
    args = parser.parse_args()
    check = Check(args.plugin, args.update)

    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder)
        done = protoc(args.plugin, out, [f"{name}.proto" for name in IMPORTED])
        if done.returncode != 0:
            sys.exit(done.stderr)
        for contract in sorted(HERE.glob("*.proto")):
            check.good(contract.stem, out)
    for contract in sorted((HERE / "bad").glob("*.proto")):
        if contract.stem.endswith("_imported"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            check.bad(contract.stem, pathlib.Path(folder))
    sys.exit(1 if check.failures else 0)


if __name__ == "__main__":
    main()
