"""The house's floors and fences, read from the include lines (and from nothing else).

A file includes its own floor and what is below; a system header lives behind one fence. Run as a
program it checks the tree and prints each break; test_floors.py checks the checker.
"""

import pathlib
import re
import sys

# Where a file lives, and whose headers it may include: folders under runtime/, lowest first.
RUNTIME = ["base", "wire", "io", "h2", "json", "rpc", "std"]
MAY_INCLUDE = {
    "base": {"base"},
    "wire": {"base", "wire"},
    "io": {"base", "wire", "io"},
    "h2": {"base", "wire", "io", "h2"},
    "json": {"base", "wire", "json"},
    "rpc": {"base", "wire", "io", "h2", "json", "rpc"},
    "std": {"std"},  # and the public headers, no floor's own
}

# The floor that each public header belongs to: a floor includes none of a floor above it.
PUBLIC = {
    "base": "base", "arena": "base", "buffer": "base", "list": "base", "map": "base", "log": "base",
    "http1": "wire", "grpc": "wire", "header": "wire", "protobuf": "wire",
    "status": "wire", "metadata": "wire", "encoding": "wire",
    "loop": "io", "worker": "io", "tls": "io", "identity": "io", "transport": "io",
    "h2": "h2",
    "service": "rpc", "call": "rpc", "server": "rpc",
    "channel": "rpc", "client": "rpc", "interceptor": "rpc", "inspect": "rpc",
    "credentials": "rpc", "details": "rpc",
    "service_config": "rpc", "resolver": "rpc",
    "schema": "json", "json": "json",
    "health": "std", "reflection": "std", "etcd": "std", "channelz": "std",
}

# A system header, and the only files that may include it.
FENCES = [
    (r"ev\.h", r"runtime/io/loop\.[ch]"),
    (r"openssl/(ssl|err|bio|x509v3|x509|x509_vfy|tls1)\.h", r"runtime/io/tls\w*\.[ch]"),
    (r"nghttp2/.*", r"runtime/h2/session\w*\.[ch]"),
    (r"sqlite3\.h", r"services/chassis/store\w*\.[ch]|services/\w+/store\.c"),
    (r"ares.*\.h", r"runtime/io/resolve\.[ch]"),
    (r"zlib\.h", r"runtime/wire/compress\.c"),
    (r"yaml\.h", r"gateway/yaml_json\.c"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
SOURCES = ["runtime", "rpcgen", "services", "gateway", "cli"]


def includes(path):
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1) == "<", found.group(2)


def floor_of(relative):
    parts = relative.parts
    if parts[0] == "runtime" and len(parts) > 2 and parts[1] in RUNTIME:
        return parts[1]
    return None


def target_floor(root, path, system, name):
    """The runtime floor that an include line reaches, or None."""
    if system and name.startswith("weft/"):
        return PUBLIC.get(pathlib.PurePath(name).stem, "unknown")
    if not system:
        for base in (path.parent, root / "runtime"):
            target = (base / name).resolve()
            if target.is_file() and target.is_relative_to((root / "runtime").resolve()):
                relative = target.relative_to(root.resolve())
                if relative.parts[1] in RUNTIME:
                    return relative.parts[1]
    return None


def breaks(root):
    root = pathlib.Path(root)
    for top in SOURCES:
        for path in sorted((root / top).rglob("*.[ch]")):
            relative = path.relative_to(root)
            floor = floor_of(relative)
            outside = relative.parts[0] != "runtime"
            public = relative.parts[:3] == ("runtime", "include", "weft")
            for number, system, name in includes(path):
                place = f"{relative}:{number}"
                for header, home in FENCES:
                    at_home = re.fullmatch(home, str(relative))
                    if system and re.fullmatch(header, name) and not at_home:
                        yield f"{place}: <{name}> is fenced: only {home} may include it"
                target = target_floor(root, path, system, name)
                if target == "unknown":
                    yield f"{place}: <{name}> has no floor: name it in tests/house/floors.py"
                elif target is None:
                    pass
                elif outside and not system:
                    yield f"{place}: \"{name}\" is inside runtime/: include <weft/…> only"
                elif floor == "std":
                    if not system and target != "std":
                        yield f"{place}: \"{name}\": std stands on the public headers alone"
                elif floor and target not in MAY_INCLUDE[floor]:
                    # service.h is data that json and rpc share
                    if not (floor == "json" and name == "weft/service.h"):
                        yield f"{place}: {name} is floor {target}, above {floor}"
            if public and path.stem not in PUBLIC:
                yield f"{relative}: a public header without a floor: name it in floors.py"
        # A service knows no other service's files.
    for path in sorted((root / "services").rglob("*.[ch]")):
        relative = path.relative_to(root)
        home = relative.parts[1]
        for number, system, name in includes(path):
            target = (path.parent / name).resolve()
            services = (root / "services").resolve()
            if system or not target.is_file() or not target.is_relative_to(services):
                continue
            if target.relative_to(services).parts[0] not in (home, "chassis"):
                yield f"{relative}:{number}: \"{name}\" is another service's: call its contract"


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    found = list(breaks(root))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
