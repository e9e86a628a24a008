#!/usr/bin/python3
"""./dev bench json: what JSON to wire bytes and back costs, beside protobuf C++'s JsonUtil.

bench-json does both in one process, in turns; this shows the medians of its rounds, and writes them
into docs/json.md between two marks.
"""

import argparse
import datetime
import json
import pathlib
import re
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
SETS = ["proto/contracts.binpb", "tests/conformance/conformance.binpb"]
BEGIN, END = "<!-- ./dev bench json --write -->\n", "<!-- end -->\n"


def table(results):
    yield "| | JSON, bytes | weft, µs | JsonUtil, µs | times as fast |"
    yield "|---|---|---|---|---|"
    for result in results:
        weft, peer = (statistics.median(result[name]) for name in ("weft_ns", "peer_ns"))
        yield (f"| {result['message']}, {result['direction']} | {result['bytes']} "
               f"| {weft / 1000:.2f} | {peer / 1000:.2f} | {peer / weft:.1f} |")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench json")
    parser.add_argument("--program", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--write", action="store_true", help="into docs/json.md")
    arguments = parser.parse_args()

    sets = [arguments.build / name for name in SETS]
    out = subprocess.run([arguments.program, str(arguments.rounds), *sets], check=True, text=True,
                         stdout=subprocess.PIPE, timeout=600).stdout
    lines = "\n".join(table(map(json.loads, out.splitlines())))
    print(lines)
    if not arguments.write:
        return
    page = ROOT / "docs/json.md"
    text = (f"{BEGIN}Measured {datetime.date.today().isoformat()}, {arguments.rounds} rounds:\n\n"
            f"{lines}\n{END}")
    found = re.sub(re.escape(BEGIN) + ".*" + re.escape(END), lambda _: text,
                   page.read_text(), flags=re.S)
    page.write_text(found)


if __name__ == "__main__":
    main()
