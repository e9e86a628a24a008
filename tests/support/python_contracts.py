"""Python's messages for the contracts, importable: `from catalog.v1 import catalog_pb2`."""

import subprocess
import sys


def make(root, out, *more):
    """Into the folder `out`; `more` are contracts with no import outside proto/."""
    home = root / "proto"
    protos = sorted(str(path.relative_to(home)) for path in home.rglob("*.proto"))
    roots = {str(path.parent) for path in more}
    subprocess.run(["protoc", "-I", home, "-I", "/usr/include", *(f"-I{path}" for path in roots),
                    f"--python_out={out}", *protos, *map(str, more)], check=True)
    sys.path.insert(0, str(out))
    # google is a package of python3-protobuf, and grpc one of python3-grpcio: they look here too.
    for package in ("google", "grpc"):
        module = __import__(package + ".protobuf" if package == "google" else package)
        if (out / package).is_dir():
            module.__path__.append(str(out / package))
