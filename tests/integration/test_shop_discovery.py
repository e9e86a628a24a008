"""The same shop takes the same real orders however its programs find each other: nothing changes
but what ./dev up is told. With our registry it is test_shop.py's."""

import re
import socket

import dns
import pytest
import replay
import retail
from test_shop import Shop

ORDERS = 60


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


@pytest.fixture(params=["etcd", "dns", "file"])
def shop(request, root, build, tmp_path):
    shop = Shop(root, build, tmp_path / "shop")
    shop.env["WEFT_DISCOVERY"] = request.param
    with dns.Server() as names:
        names.records.update((f"{name}.weft.test", {"A": ["127.0.0.1"]})
                             for name in ("catalog", "pricing", "orders"))
        shop.env |= {"WEFT_DNS": f"127.0.0.1:{names.port}", "WEFT_PORT": str(free_ports(3))}
        shop.up()
        yield shop
        shop.dev("down")
        assert ("orders.weft.test", "A") in names.queries or request.param != "dns"
    for name in ("catalog", "pricing", "orders", "gateway"):
        log = shop.log(name)
        assert '"listening"' in log
        assert not re.search(r"AddressSanitizer|LeakSanitizer|runtime error:", log), log[-8000:]


def test_real_orders(shop):
    answers = []
    orders = retail.orders(ORDERS)
    replay.replay(shop.edge, orders, 8, lambda order, status, answer: answers.append(
        (status, all(line["quantity"] > 0 for line in order["lines"]))))
    assert len(answers) == len(orders)
    assert {status for status, whole in answers if not whole} <= {400}
    assert [status for status, whole in answers if whole].count(200) >= ORDERS * 3 // 4
