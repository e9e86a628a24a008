"""Nothing knows an address: no host and no port stands in code, contracts or a service's settings.

Names are found through discovery. What is left is named here: what to listen at when nobody says,
and words for people. Comments, tests, documents, ./dev and deploy/local are not looked at.
"""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOPS = ["runtime", "services", "gateway", "cli", "proto", "rpcgen"]
KINDS = {".c", ".h", ".proto", ".sql", ".yaml", ".py", ".js", ".html"}

ADDRESS = re.compile(r"""
    \b\d{1,3}(?:\.\d{1,3}){3}\b (?::\d+)?   # 10.1.2.3, and with a port
  | \[::[0-9a-f:]*\] (?::\d+)?             # [::1]:80
  | \[(?:[0-9a-f]{1,4}:){2}[0-9a-f:]*\]     # [2001:db8::1]
  | \blocalhost\b (?::\d+)?
  | (?<=[\w.-]):\d{2,5}\b(?=["'/ ]|$)       # host:80
""", re.X)

# What may stand where. An entry that is not needed any more is an error too.
ALLOWED = {
    ("services/chassis/app_flags.c", "127.0.0.1:0"): "listen default: loopback, any port",
    ("gateway/config.c", "127.0.0.1:8443"): "listen default: loopback",
    ("cli/main.c", "127.0.0.1:8443"): "an example in --help",
    ("runtime/rpc/target.c", "localhost"): "the authority of a socket that has no host",
}


def without_comments(path, text):
    blank = lambda found: re.sub(r"[^\n]", " ", found.group())
    if path.suffix in {".py", ".yaml"}:
        return re.sub(r"(?m)^\s*#.*", blank, text)
    if path.suffix == ".sql":
        return re.sub(r"--.*", blank, text)
    keep = lambda found: found.group() if found.group()[0] == '"' else blank(found)
    return re.sub(r'"(?:[^"\\\n]|\\.)*"|/\*.*?\*/|(?<!:)//[^\n]*', keep, text, flags=re.S)


def found(root):
    for top in TOPS:
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in KINDS or "node_modules" in path.parts:
                continue
            text = without_comments(path, path.read_text(errors="replace"))
            for number, line in enumerate(text.splitlines(), 1):
                for address in ADDRESS.findall(line):
                    yield str(path.relative_to(root)), number, address


def test_nothing_knows_an_address():
    seen = list(found(ROOT))
    assert [hit for hit in seen if (hit[0], hit[2]) not in ALLOWED] == []
    assert set(ALLOWED) - {(path, address) for path, _, address in seen} == set()


@pytest.mark.parametrize("path, line, address", [
    ("services/x/main.c", 'connect("10.1.2.3:50051");', "10.1.2.3:50051"),
    ("services/x/main.c", 'connect("catalog:50051");', ":50051"),
    ("services/x/main.c", 'connect("dns:///catalog.shop:443/");', ":443"),
    ("gateway/x.c", 'char *at = "localhost:80"; /* 10.0.0.1 */', "localhost:80"),
    ("cli/x.c", 'open("[::1]:80");', "[::1]:80"),
    ("proto/x.yaml", "target: 192.168.0.7", "192.168.0.7"),
])
def test_one_is_seen(tmp_path, path, line, address):
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(line + "\n")
    assert list(found(tmp_path)) == [(path, 1, address)]


@pytest.mark.parametrize("line", ["/* 10.1.2.3:4 */", "int x; // localhost", 'log("12:30:45.123");',
                                  'say("version 1.2.3");', 'f("%s:%u");'])
def test_others_are_not(tmp_path, line):
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli/x.c").write_text(line + "\n")
    assert list(found(tmp_path)) == []
