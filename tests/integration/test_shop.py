"""The whole shop, as ./dev up starts it, takes the retailer's real orders to the penny."""

import collections
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import threading
import time
import uuid
from decimal import Decimal

import pytest

import expected_total
import replay
import retail

SERVICES = ["registry", "catalog", "pricing", "orders"]


class Shop:
    def __init__(self, root, build, state):
        self.root, self.state = root, state
        self.env = os.environ | {
            "WEFT_STATE": str(state),
            "WEFT_BUILD": str(build),
            "WEFT_EDGE_LISTEN": "127.0.0.1:0",
        }
        self.printed = ""

    def dev(self, *words, timeout=240):
        done = subprocess.run([self.root / "dev", *words], env=self.env, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self):
        self.printed = self.dev("up")
        self.edge = replay.Edge(self.state)

    def sv(self, verb, name):
        subprocess.run(["sv", verb, self.state / "sv" / name], check=True,
                       stdout=subprocess.DEVNULL)

    def pid(self, name):
        """The process itself: runsv starts env, which becomes the program."""
        text = (self.state / "sv" / name / "supervise" / "pid").read_text().strip()
        return int(text) if text else None

    def log(self, name):
        folder = self.state / "log" / name
        return "".join(path.read_text(errors="replace") for path in sorted(folder.glob("[@c]*")))


@pytest.fixture(scope="module")
def shop(root, build, tmp_path_factory):
    shop = Shop(root, build, tmp_path_factory.mktemp("shop"))
    shop.up()
    yield shop
    shop.dev("down")
    for name in [*SERVICES, "gateway"]:
        log = shop.log(name)
        assert not re.search(r"AddressSanitizer|LeakSanitizer|runtime error:", log), log[-8000:]
        assert '"listening"' in log or '"message":"' in log


@pytest.fixture(scope="module")
def orders():
    """Real ones; every seventh with a coupon that any order may use."""
    orders = retail.orders(2200)
    for order in orders[::7]:
        order["coupon"] = "WELCOME10"
    return orders


def fresh(orders):
    """The same orders under request ids that nobody has used."""
    return [order | {"requestId": str(uuid.uuid4())} for order in orders]


def whole(order):
    return all(line["quantity"] > 0 for line in order["lines"])


def pounds(money):
    """google.type.Money in JSON as a Decimal, exactly."""
    assert money["currencyCode"] == "GBP"
    return Decimal(money.get("units", 0)) + Decimal(money.get("nanos", 0)).scaleb(-9)


def bill(order, catalogue):
    """What docs/pricing.md says that it costs, computed without a line of our C."""
    lines = [(line["quantity"], pounds(product["unitPrice"]), product.get("weightGrams", 0))
             for line in order["lines"] for product in [catalogue[line["product"]]]]
    return expected_total.bill(lines, order["regionCode"], order.get("coupon", ""))


def test_the_lines_that_up_prints_work(shop):
    lines = [line.strip() for line in shop.printed.splitlines() if line.startswith("  ")]
    curls = [line for line in lines if line.startswith("curl ")]
    wefts = [line for line in lines if shlex.split(line)[0].endswith("/weft")]
    assert len(curls) == 3 and len(wefts) == 4
    for line in curls + wefts:
        done = subprocess.run(["sh", "-c", line], cwd=shop.root, text=True, timeout=60,
                              capture_output=True)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        if "/weft call" in line or line in curls:
            assert "name" in json.dumps(json.loads(done.stdout)) or "total" in done.stdout


def test_two_real_products(shop):
    status, answer = shop.edge.request("GET", "/v1/products?page_size=2")
    assert status == 200
    names = [product["name"] for product in answer["products"]]
    assert names == ["products/10002", "products/10080"]
    assert answer["products"][0]["title"] == "INFLATABLE POLITICAL GLOBE"
    price = answer["products"][0]["unitPrice"]
    assert price == {"currencyCode": "GBP", "units": "0", "nanos": 850000000}


def test_the_catalogue_is_the_retailers(shop):
    found, token = {}, ""
    while True:
        status, page = shop.edge.request("GET", f"/v1/products?page_size=1000&page_token={token}")
        assert status == 200
        found.update((product["name"], product) for product in page["products"])
        token = page.get("nextPageToken", "")
        if not token:
            break
    wanted = {message["product"]["name"]: message["product"] for message in retail.products()}
    assert found.keys() == wanted.keys()
    for name, product in wanted.items():
        assert {key: found[name].get(key) for key in product} == product


def test_real_orders_to_the_penny(shop, orders):
    answers = {}

    def on_answer(order, status, answer):
        answers[order["requestId"]] = (status, answer)

    tally = replay.replay(shop.edge, orders, 16, on_answer)
    assert len(tally.seconds) == len(orders)
    placed = 0
    catalogue = {message["product"]["name"]: message["product"] for message in retail.products()}
    for order in orders:
        status, answer = answers[order["requestId"]]
        known = all(line["product"] in catalogue for line in order["lines"])
        if whole(order) and known:
            assert status == 200, (order, answer)
            expected = bill(order, catalogue)
            assert [pounds(line["total"]) for line in answer["lines"]] == \
                [line.total for line in expected.lines]
            assert pounds(answer["goods"]) == expected.goods
            assert pounds(answer["shipping"]["amount"]) == expected.shipping
            assert pounds(answer["tax"]["amount"]) == expected.tax
            assert pounds(answer["total"]) == expected.total
            placed += 1
        else:
            assert status == 400, (order, answer)
    assert placed >= 1000


def test_a_broken_order_is_refused_and_leaves_nothing(shop, orders):
    good = next(order for order in orders if whole(order) and len(order["lines"]) >= 3)
    reference = f"broken-{uuid.uuid4().hex[:12]}"

    def refused(**change):
        order = good | {"requestId": str(uuid.uuid4()), "externalReference": reference} | change
        status, answer = shop.edge.place(order)
        assert status == 400 and answer["code"] == 3, answer
        return [violation["field"] for detail in answer["details"]
                for violation in detail.get("fieldViolations", [])]

    lines = good["lines"]
    assert refused(lines=[]) == ["lines"]
    assert refused(lines=[lines[0], lines[1] | {"quantity": -6}]) == ["lines[1].quantity"]
    assert refused(lines=[lines[0] | {"quantity": 0}]) == ["lines[0].quantity"]
    unknown = {"product": "products/NONESUCH", "quantity": 1}
    assert refused(lines=[*lines[:2], unknown]) == ["lines[2].product"]
    cancellation = next(order for order in orders if order["externalReference"].startswith("C"))
    status, answer = shop.edge.place(fresh([cancellation])[0] | {"externalReference": reference})
    assert status == 400
    status, answer = shop.edge.request("GET", f"/v1/orders?external_reference={reference}")
    assert (status, answer.get("orders", [])) == (200, [])


def test_the_same_request_id_is_one_order(shop, orders):
    order = fresh([next(filter(whole, orders))])[0]
    first = shop.edge.place(order)
    assert first[0] == 200 and shop.edge.place(order) == first
    other = order["lines"][:-1] + [{"product": "products/85123A", "quantity": 1}]
    status, answer = shop.edge.place(order | {"lines": other})
    assert (status, answer["code"]) == (400, 9)
    assert any(detail.get("reason") == "REQUEST_ID_REUSED" for detail in answer["details"])


def test_each_database_is_open_in_one_process(shop):
    homes = collections.defaultdict(set)
    for fd in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = os.readlink(fd)
        except OSError:
            continue
        if target.startswith(str(shop.state)) and target.endswith(".db"):
            homes[target].add(int(fd.parts[2]))
    assert len(homes) == len(SERVICES), homes
    assert all(len(pids) == 1 for pids in homes.values()), homes
    assert {pid for pids in homes.values() for pid in pids} == {shop.pid(name) for name in SERVICES}


def test_pricing_is_killed_during_a_replay(shop, orders, wait_until):
    """Orders meanwhile are refused 503; what was acknowledged is there once, and whole."""
    reference = f"kill-{uuid.uuid4().hex[:12]}"
    catalogue = {message["product"]["name"] for message in retail.products()}
    run = [order | {"externalReference": reference} for order in fresh(orders[:700])
           if whole(order) and all(line["product"] in catalogue for line in order["lines"])]
    answers, killed = {}, pathlib.Path()
    victim = shop.pid("pricing")

    def on_answer(order, status, answer):
        answers[order["requestId"]] = (status, answer)
        if len(answers) == 100:
            # Stopped first, so that orders certainly meet it dead while the supervisor waits.
            shop.sv("once", "pricing")
            os.kill(victim, signal.SIGKILL)
        if len(answers) == 250:
            shop.sv("up", "pricing")

    replay.replay(shop.edge, run, 8, on_answer)
    failed = [order for order in run if answers[order["requestId"]][0] != 200]
    assert failed, "pricing was away and no order noticed"
    for order in failed:
        status, answer = answers[order["requestId"]]
        assert (status, answer["code"]) == (503, 14), answer

    wait_until(lambda: shop.pid("pricing") not in (None, victim), what="pricing to come back")
    wait_until(lambda: shop.edge.place(failed[0])[0] == 200, what="an order to be priced again")
    for order in failed:
        assert shop.edge.place(order)[0] == 200  # the same request id: placed now, once

    kept, token = [], ""
    while True:
        status, page = shop.edge.request(
            "GET", f"/v1/orders?external_reference={reference}&page_size=1000&page_token={token}")
        assert status == 200
        kept += page["orders"]
        token = page.get("nextPageToken", "")
        if not token:
            break
    names = [order["name"] for order in kept]
    acknowledged = [answer["name"] for status, answer in answers.values() if status == 200]
    assert len(names) == len(set(names)) == len(run)
    assert set(acknowledged) <= set(names)
    by_name = {answer["name"]: answer for status, answer in answers.values() if status == 200}
    for name in acknowledged[::25]:
        status, order = shop.edge.request("GET", f"/v1/{name}")
        assert status == 200 and order == by_name[name]
        assert len(order["lines"]) == order["lineCount"]


def test_down_and_up_again_keeps_the_orders(shop, orders):
    before = shop.edge.request("GET", "/v1/orders?page_size=5")
    pids = {name: shop.pid(name) for name in [*SERVICES, "gateway"]}
    starts = {name: shop.log(name).count('"listening"') for name in SERVICES}
    shop.dev("down")
    assert not any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids.values())
    # nor has its supervisor started any of them again on the way
    assert {name: shop.log(name).count('"listening"') for name in SERVICES} == starts
    shop.up()
    assert shop.edge.request("GET", "/v1/orders?page_size=5") == before
