#!/usr/bin/python3
"""Writes a descriptor set into C, as contracts.h declares it: embed.py SET SOURCE"""

import sys

with open(sys.argv[1], "rb") as file:
    data = file.read()
with open(sys.argv[2], "w", encoding="ascii") as out:
    out.write('#include "contracts.h"\n\nstatic const uint8_t set[] = {')
    for at in range(0, len(data), 16):
        out.write("\n\t" + " ".join(f"0x{byte:02x}," for byte in data[at : at + 16]))
    out.write("\n};\n\nconst struct weft_bytes contracts_descriptor_set = { set, sizeof(set) };\n")
