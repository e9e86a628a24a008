"""weft-json-check exits 0 or 1, as suites of texts want it. The rules are in the unit test."""

import subprocess

import pytest

TEXTS = {
    "object": (b'{"a": [1, 2.5e3, "\xc3\xa9", null]}', 0, b""),
    "scalar": (b" true\n", 0, b""),
    "long": (b"[" + b"1234567890," * 1000 + b"0]", 0, b""),
    "nothing": (b"", 1, b"line 1, column 1: expected a value, found the end of the text\n"),
    "comma": (b"[1,\n2,]", 1, b"line 2, column 2: a ',' with nothing after it\n"),
    "NUL": (b"[1]\0", 1, b"line 1, column 4: expected the end of the text, found no JSON\n"),
    "UTF-16": (b"\xff\xfe[\0]\0", 1, b"line 1, column 1: expected a value, found no JSON\n"),
    "deep": (b"[" * 100000, 1, b"line 1, column 101: nested too deep\n"),
}


@pytest.mark.parametrize("row", TEXTS.values(), ids=TEXTS)
def test_program(build, row):
    text, code, sentence = row
    ran = subprocess.run([build / "tests/json/weft-json-check"], input=text, capture_output=True,
                         timeout=30)
    assert (ran.returncode, ran.stdout, ran.stderr) == (code, b"", sentence)
