"""The ABI of libweft.so: what it exports beside what the public headers declare and what
runtime/libweft.symbols has recorded. Run as a program with a library it rewrites that list.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADERS = ROOT / "runtime" / "include" / "weft"
LIST = ROOT / "runtime" / "libweft.symbols"
NODE = "LIBWEFT_0"  # of runtime/libweft.map; the list says it where it is another one

COMMENT = re.compile(r"/\*.*?\*/", re.S)
# A macro with its continuation lines, or a directive.
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
INLINE = re.compile(r"static inline[^{;]*(?:;|\{.*?^\})", re.S | re.M)
TYPEDEF = re.compile(r"\btypedef\b[^;{]*;")
FUNCTION = re.compile(r"\b(weft_\w+)\(")


def exported(library):
    out = subprocess.run(["nm", "-D", "--defined-only", library], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    names = (line.split()[-1] for line in out.splitlines())
    return sorted(name.removesuffix("@@" + NODE) for name in names if name != NODE)


def declared(header):
    """The functions that a header declares, and does not define."""
    text = COMMENT.sub("", header.read_text())
    for pattern in (DIRECTIVE, INLINE, TYPEDEF):
        text = pattern.sub("", text)
    return {name for name in FUNCTION.findall(text)}


def recorded():
    return LIST.read_text().split()


def main(library):
    now = exported(library)
    was = recorded() if LIST.exists() else []
    LIST.write_text("".join(name + "\n" for name in now))
    for name in sorted(set(was) - set(now)):
        print(f"gone: {name}: programs that are linked to libweft.so.0 need it")
    for name in sorted(set(now) - set(was)):
        print(f"new: {name}")


if __name__ == "__main__":
    main(sys.argv[1])
