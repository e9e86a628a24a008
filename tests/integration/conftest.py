"""For tests with real processes: where the programs are, a development CA, the contracts."""

import os
import pathlib
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(os.environ.get("WEFT_ROOT", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", ROOT / ".weft" / "build-test"))

sys.path.insert(0, str(ROOT / "tests" / "support"))


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def build():
    if not BUILD.is_dir():
        pytest.fail(f"no build in {BUILD}: run ./dev test")
    return BUILD


@pytest.fixture(scope="session")
def tools():
    """Where ./dev test has unpacked the packages that are not installed, a folder each."""
    return ROOT / ".weft" / "tools"


@pytest.fixture
def wait_until():
    """wait_until(condition, seconds, what): the condition's first true value, within a bound."""

    def wait(condition, seconds=30, what="the condition"):
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                pytest.fail(f"gave up after {seconds} s waiting for {what}")
            time.sleep(0.02)

    return wait


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A folder with ca.pem and tls/NAME.{pem,key} for the names that the tests use."""
    state = tmp_path_factory.mktemp("ca")
    subprocess.run([ROOT / "deploy/local/certificates", state, "server", "client"], check=True)
    return state


@pytest.fixture(scope="session")
def contracts(tmp_path_factory):
    """Python's messages for the contracts, importable: `from catalog.v1 import catalog_pb2`."""
    out = tmp_path_factory.mktemp("contracts")
    import python_contracts
    python_contracts.make(ROOT, out)
    return out
