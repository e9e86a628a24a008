"""No line is wider than 100 columns, a tab being 8: clang-format leaves comments alone."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = ["*.c", "*.h", "*.py", "*.proto", "meson.build", "dev"]


def main():
    names = subprocess.run(["git", "ls-files", "-z", "--", *FILES], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split("\0")
    wide = 0
    for name in filter(None, names):
        if name.startswith("tests/golden/"):
            continue
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1):
            if len(line.expandtabs(8)) > 100 and "http" not in line:
                print(f"{name}:{number}: {len(line.expandtabs(8))} columns; at most 100")
                wide += 1
    return 1 if wide else 0


if __name__ == "__main__":
    sys.exit(main())
