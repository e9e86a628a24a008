"""./dev chaos channel in small: the same scenarios, of which only counts are asserted."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "chaos"))

import channel  # noqa: E402

RATE = 200


@pytest.fixture(scope="session")
def chaos_contracts(contracts, root, tmp_path_factory):
    out = tmp_path_factory.mktemp("chaos")
    channel.python_contracts.make(root, out, channel.CONTRACT)


@pytest.fixture
def stage(build, chaos_contracts, tmp_path):
    with channel.Stage(tmp_path, build) as stage:
        yield stage


def codes(phases, method):
    return {code for phase in phases.values() for code in phase[method]["codes"]}


def test_churn(stage):
    phases, counts = channel.churn(stage, RATE, 0.4, timeout_ms=3000)
    assert codes(phases, "read") == {"OK"}
    assert codes(phases, "write") <= channel.ALLOWED
    assert counts["twice"] == 0
    for phase in ("add", "drain", "registry", "ports", "thaw"):
        assert channel.failed(phases[phase]["write"]) == 0, phases[phase]
    assert counts["added"] > 0
    peers = phases["even"]["peers"]
    assert len(peers) == 3
    assert max(peers.values()) - min(peers.values()) <= 0.05 * sum(peers.values()), peers
    assert set(phases["thaw"]["peers"]) <= set(counts["last"])


def test_slow_replica(stage):
    """A tenth is the bound under load enough; here it is that of a machine which stumbles."""
    assert channel.slow_replica(stage, RATE, 2.5, 20, 350) <= 0.2


def check_recovery(phases, counts):
    assert counts["sent"] <= 1.2
    for kind in channel.KINDS:
        assert channel.failed(phases["recovered"][kind]) == 0, phases["recovered"]


def test_outage(stage):
    phases, counts = channel.outage(stage, RATE, 1, recovery=0.8)
    assert channel.failed(phases["outage"]["read"]) > 0
    check_recovery(phases, counts)


def test_gone(stage):
    phases, counts = channel.gone(stage, RATE, 0.8, recovery=1)
    assert codes({"gone": phases["gone"]}, "read") <= channel.ALLOWED
    check_recovery(phases, counts)


def test_hedging(stage):
    """Every slow answer is overtaken; the calls that this takes are few."""
    reads, counts = channel.hedge(stage, RATE, 2, 4000, "0.4s")
    assert reads["codes"] == {"OK": reads["calls"]}
    assert reads["slow"] == 0
    assert 0 < counts["more"] < 0.05
