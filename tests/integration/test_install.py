"""libweft as others see it: its ABI, its headers one by one, and an example outside the tree."""

import json
import os
import shutil
import subprocess
import sys

import grpc
import pytest

from conftest import BUILD, ROOT

sys.path.insert(0, str(ROOT / "tests" / "house"))
import symbols  # noqa: E402

HEADERS = sorted(symbols.HEADERS.glob("*.h"))
LIBRARY = BUILD / "runtime" / "lib" / "libweft.so"


def test_exports_are_those_recorded():
    """A change is meant, or a mistake: ./dev symbols records it."""
    assert symbols.exported(LIBRARY) == symbols.recorded()


def test_exports_are_the_public_headers_functions():
    functions = set().union(*(symbols.declared(header) for header in HEADERS))
    exports = set(symbols.exported(LIBRARY))
    assert exports == functions


def test_soname_names_the_abi():
    out = subprocess.run(["readelf", "-d", LIBRARY], check=True, text=True, stdout=subprocess.PIPE)
    assert "Library soname: [libweft.so.0]" in out.stdout


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header.name)
@pytest.mark.parametrize("compiler", [["gcc", "-xc", "-std=c11"], ["g++", "-xc++", "-std=c++17"]],
                         ids=["c11", "c++17"])
def test_header_stands_alone(header, compiler):
    command = [*compiler, "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
               f"-I{symbols.HEADERS.parent}", "-"]
    out = subprocess.run(command, input=f"#include <weft/{header.name}>\n", text=True,
                         stderr=subprocess.PIPE, timeout=120)
    assert out.returncode == 0, out.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The environment in which PKG_CONFIG finds a copy in a folder that no one knew of before."""
    target = tmp_path_factory.mktemp("installed")
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir",
                    target], check=True, timeout=300)
    pc = next(target.rglob("weft.pc"))
    prefix = next(target.rglob("bin/protoc-gen-weft")).parent.parent
    return {**os.environ, "PKG_CONFIG": f"pkg-config --define-variable=prefix={prefix}",
            "PKG_CONFIG_PATH": str(pc.parent), "LD_LIBRARY_PATH": str(pc.parent.parent)}


def sanitizers():
    """What the installed copy was built with: who links to it needs the same."""
    out = subprocess.run(["meson", "introspect", "--buildoptions", BUILD], check=True, text=True,
                         stdout=subprocess.PIPE, timeout=120)
    options = {option["name"]: option["value"] for option in json.loads(out.stdout)}
    chosen = options["b_sanitize"]
    return [] if chosen == "none" else [f"LDFLAGS=-fsanitize={chosen}"]


@pytest.fixture(scope="module", params=["shared", "static"])
def greeter(request, installed, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "greeter"
    shutil.copytree(ROOT / "examples" / "greeter", folder)
    static = ["STATIC=1"] if request.param == "static" else []
    out = subprocess.run(["make", *static, *sanitizers(), "CFLAGS=-O1 -g -Werror"], cwd=folder,
                         env=installed, text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, timeout=300)
    assert out.returncode == 0, out.stdout
    return folder, request.param, installed


@pytest.fixture
def server(greeter):
    folder, _, environment = greeter
    process = subprocess.Popen([folder / "greeter-server"], env=environment, text=True,
                               stdout=subprocess.PIPE)
    address = process.stdout.readline().strip()
    yield address
    process.terminate()
    assert process.wait(timeout=30) == 0


def test_example_is_linked_as_it_asked(greeter):
    folder, kind, environment = greeter
    out = subprocess.run(["ldd", folder / "greeter-server"], env=environment, check=True,
                         text=True, stdout=subprocess.PIPE)
    assert ("libweft.so.0" in out.stdout) == (kind == "shared")


def test_example_greets(greeter, server):
    folder, _, environment = greeter
    out = subprocess.run([folder / "greeter-client", server, "Ada"], env=environment, text=True,
                         stdout=subprocess.PIPE, timeout=60)
    assert (out.returncode, out.stdout) == (0, "Hello, Ada\n")


def test_example_fails_in_words(greeter, server):
    folder, _, environment = greeter
    out = subprocess.run([folder / "greeter-client", server, ""], env=environment, text=True,
                         stderr=subprocess.PIPE, timeout=60)
    assert (out.returncode, out.stderr) == (
        1, "greeter-client: INVALID_ARGUMENT: a greeting needs a name\n")


def test_example_streams_to_a_foreign_client(server):
    with grpc.insecure_channel(server) as channel:
        again = channel.unary_stream("/greeter.v1.Greeter/GreetAgain")
        got = list(again(b"\n\x03Ada\x10\x03", timeout=30))
        assert [bytes(message)[2:].decode() for message in got] == [
            f"Hello, Ada, for the {n}th time" for n in (1, 2, 3)]
        health = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert health(b"\n\x12greeter.v1.Greeter", timeout=30) == b"\x08\x01"


def test_example_on_a_loop_of_its_own(greeter):
    """A server beside the program's own timer, on the program's own event loop."""
    folder, _, environment = greeter
    process = subprocess.Popen([folder / "greeter-embedded"], env=environment, text=True,
                               stdout=subprocess.PIPE)
    try:
        address = process.stdout.readline().strip()
        assert process.stdout.readline() == "greeted 0\n"  # it ticks with nobody there
        for name in ("Ada", "Bob"):
            out = subprocess.run([folder / "greeter-client", address, name], env=environment,
                                 text=True, stdout=subprocess.PIPE, timeout=60)
            assert (out.returncode, out.stdout) == (0, f"Hello, {name}\n")
        while (line := process.stdout.readline()) != "greeted 2\n":
            assert line in ("greeted 0\n", "greeted 1\n")
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0
        process.stdout.close()


def test_installed_plugin_and_contracts(installed, tmp_path):
    """A contract with routes is compiled with what was installed, and nothing else."""
    pkg_config = installed["PKG_CONFIG"].split()
    variable = {name: subprocess.run([*pkg_config, f"--variable={name}", "weft"], env=installed,
                                     check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
                for name in ("plugin", "contracts")}
    (tmp_path / "shop.proto").write_text(
        'syntax = "proto3"; package shop.v1; import "google/api/annotations.proto";\n'
        'message M {} service Shop { rpc Get(M) returns (M) {\n'
        'option (google.api.http) = {get: "/v1/m"}; } }\n')
    subprocess.run(["protoc", f"--plugin=protoc-gen-weft={variable['plugin']}", f"-I{tmp_path}",
                    f"-I{variable['contracts']}", f"--weft_out={tmp_path}", "shop.proto"],
                   check=True, timeout=60)
    assert "shop_v1_get_reply" in (tmp_path / "shop.weft.h").read_text()
