"""What README shows is true: its C compiles against the generated stubs, its files exist."""

import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", ROOT / ".weft" / "build-test"))
README = (ROOT / "README.md").read_text()

# What the handler in README stands in: a service's own struct, and its store.
PRELUDE = """
#include "catalog/v1/catalog.weft.h"
#include "catalog/catalog.h"
#include "catalog/store.h"
"""


def test_its_c_compiles(tmp_path):
    blocks = re.findall(r"^```c\n(.*?)^```", README, re.M | re.S)
    assert len(blocks) == 2
    names = re.findall(r"^(?:static )?\w+ (\w+)\(", "\n".join(blocks), re.M)
    use = "void *used[] = { " + ", ".join(names) + " };\n"
    source = tmp_path / "readme.c"
    source.write_text(PRELUDE + "\n".join(blocks) + use)
    flags = subprocess.run(["pkg-config", "--cflags", "libprotobuf-c", "sqlite3"], check=True,
                           capture_output=True, text=True).stdout.split()
    done = subprocess.run(
        ["gcc", "-std=gnu11", "-Wall", "-Werror", "-fsyntax-only", "-Wno-unused-parameter", *flags,
         "-I", ROOT / "runtime/include", "-I", ROOT / "services", "-I", BUILD / "proto", source],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_it_links_to_exists():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
    for folder in re.findall(r"^\| `([\w/]+)/` \|", README, re.M):
        assert (ROOT / folder).is_dir(), folder


def test_its_words_of_dev_exist():
    known = set(re.findall(r"^cmd_(\w+)\(\)", (ROOT / "dev").read_text(), re.M))
    assert set(re.findall(r"\./dev (\w+)", README)) <= known
