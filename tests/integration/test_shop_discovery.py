"""The same shop takes the same real orders however its programs find each other: nothing changes
but what ./dev up is told. With our registry it is test_shop.py's."""

import re
import socket

import dns
import pytest
import replay
import retail
from test_shop import Shop, fresh, whole

ORDERS = 60
PROGRAMS = {"catalog", "pricing", "orders", "gateway"}


def free_ports(n):
    """The first of n free ports in a row."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            first = probe.getsockname()[1]
        try:
            for port in range(first, first + n):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first


@pytest.fixture(scope="module")
def shop(root, build, tmp_path_factory):
    """Down, with a name server beside it."""
    shop = Shop(root, build, tmp_path_factory.mktemp("shop"))
    with dns.Server() as names:
        names.records.update((f"{name}.weft.test", {"A": ["127.0.0.1"]})
                             for name in ("catalog", "pricing", "orders"))
        shop.names = names
        shop.env |= {"WEFT_DNS": f"127.0.0.1:{names.port}", "WEFT_PORT": str(free_ports(3))}
        yield shop
        shop.dev("down")
    for name in PROGRAMS:
        log = shop.log(name)
        assert '"listening"' in log
        assert not re.search(r"AddressSanitizer|LeakSanitizer|runtime error:", log), log[-8000:]


@pytest.mark.parametrize("kind", ["etcd", "dns", "file"])
def test_real_orders(shop, kind):
    """Each on the state of the last: what the other had started is gone."""
    shop.env["WEFT_DISCOVERY"] = kind
    shop.names.queries.clear()
    shop.up()
    assert {path.name for path in (shop.state / "sv").iterdir()} == PROGRAMS | (
        {"etcd"} if kind == "etcd" else set())
    answers = []
    orders = fresh(retail.orders(ORDERS))
    replay.replay(shop.edge, orders, 8, lambda order, status, answer: answers.append(
        (status, whole(order))))
    assert len(answers) == len(orders)
    assert {status for status, good in answers if not good} <= {400}
    assert [status for status, good in answers if good].count(200) >= ORDERS * 3 // 4
    assert (("orders.weft.test", "A") in shop.names.queries) == (kind == "dns")
