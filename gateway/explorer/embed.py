#!/usr/bin/python3
"""Writes files into C, compressed, as gateway/pages.h declares them: embed.py SOURCE FILE…"""

import gzip
import hashlib
import os
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}

target, *paths = sys.argv[1:]
with open(target, "w", encoding="ascii") as out:
    out.write('#include "pages.h"\n')
    rows = []
    for number, path in enumerate(paths):
        with open(path, "rb") as file:
            data = gzip.compress(file.read(), 9, mtime=0)
        name = os.path.basename(path)
        kind = TYPES[os.path.splitext(name)[1]]
        etag = hashlib.sha256(data).hexdigest()[:16]
        out.write(f"\nstatic const uint8_t page_{number}[] = {{")
        for at in range(0, len(data), 16):
            out.write("\n\t" + " ".join(f"0x{byte:02x}," for byte in data[at : at + 16]))
        out.write("\n};\n")
        rows.append(f'\t{{ "{name}", "{kind}", "\\"{etag}\\"", '
                    f"{{ page_{number}, sizeof(page_{number}) }} }},\n")
    out.write("\nconst struct page pages[] = {\n" + "".join(rows) + "\t{ 0 },\n};\n")
