"""The floors hold, and the checker would see it if they did not."""

import pathlib

import pytest

import floors

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_floors_and_fences_hold():
    assert list(floors.breaks(ROOT)) == []


@pytest.mark.parametrize(
    "path, line, words",
    [
        ("runtime/base/x.c", "#include <weft/loop.h>", "floor io, above base"),
        ("runtime/wire/x.c", '#include "rpc/codec.h"', "floor rpc, above wire"),
        ("runtime/rpc/x.c", "#include <nghttp2/nghttp2.h>", "fenced"),
        ("runtime/h2/x.c", "#include <ev.h>", "fenced"),
        ("gateway/x.c", "#include <openssl/ssl.h>", "fenced"),
        ("gateway/x.c", '#include "../runtime/rpc/codec.h"', "inside runtime/"),
        ("services/orders/place.c", "#include <sqlite3.h>", "fenced"),
        ("services/orders/x.c", '#include "../catalog/store.h"', "another service's"),
        ("runtime/std/x.c", '#include "rpc/codec.h"', "public headers alone"),
        ("runtime/include/weft/new.h", "", "without a floor"),
    ],
)
def test_a_break_is_seen(tmp_path, path, line, words):
    for there in ["runtime/rpc/codec.h", "services/catalog/store.h", path]:
        file = tmp_path / there
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    (tmp_path / path).write_text(line + "\n")
    found = list(floors.breaks(tmp_path))
    assert len(found) == 1 and words in found[0] and path in found[0], found
