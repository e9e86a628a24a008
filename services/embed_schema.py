#!/usr/bin/env python3
"""Turns a service's schema.sql into the C table of its migrations: embed_schema.py NAME IN OUT

schema.sql is a list of migrations, oldest first, each below a line "-- migration: 0001_name". What
was released is never edited: a change of the schema is another migration at the end.
"""

import re
import sys


def migrations(text):
    parts = re.split(r"^-- migration: (\d{4}_[a-z0-9_]+)\n", text, flags=re.MULTILINE)
    found = list(zip(parts[1::2], parts[2::2]))
    numbers = [name[:4] for name, _ in found]
    if not found or numbers != [f"{i:04}" for i in range(1, len(found) + 1)]:
        sys.exit("schema.sql: migrations must be numbered 0001, 0002, … without a gap")
    return found


def literal(sql):
    """One C string a line, comments and blank lines left out."""
    lines = (line for line in sql.splitlines() if line.strip())
    lines = (line for line in lines if not line.strip().startswith("--"))
    return "\n".join('\t  "{}\\n"'.format(line.replace("\\", "\\\\").replace('"', '\\"'))
                     for line in lines)


def main():
    name, source, out = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        found = migrations(file.read())
    with open(out, "w", encoding="utf-8") as file:
        file.write(f"/* Made of {name}'s schema.sql. */\n#include \"store.h\"\n\n")
        file.write(f"const struct store_migration {name}_migrations[] = {{\n")
        for title, sql in found:
            file.write(f'\t{{ "{title}",\n{literal(sql)} }},\n')
        file.write(f"}};\nconst size_t {name}_n_migrations = {len(found)};\n")


main()
