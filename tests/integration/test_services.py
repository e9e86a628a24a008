"""The shop's three services as processes, called by grpcio over Unix sockets and TLS."""

import collections
import concurrent.futures
import random
import signal
import sqlite3
import threading
import uuid
from decimal import Decimal

import grpc
import pytest

import expected_total
from shop_processes import Service, Stub, channel, failure

LIMIT = 60  # seconds for any call


@pytest.fixture(scope="module")
def messages(contracts):
    """The contracts' Python modules by the name of their service."""
    from catalog.v1 import catalog_pb2
    from orders.v1 import orders_pb2
    from pricing.v1 import pricing_pb2

    return {"catalog": catalog_pb2, "pricing": pricing_pb2, "orders": orders_pb2}


@pytest.fixture(scope="module")
def services(build, certificates, tmp_path_factory):
    folder = tmp_path_factory.mktemp("s")
    catalog = Service("catalog", build, folder, certificates)
    pricing = Service("pricing", build, folder, certificates)
    orders = Service("orders", build, folder, certificates, targets=[catalog, pricing])
    running = {service.name: service for service in (catalog, pricing, orders)}
    try:
        for service in running.values():
            service.start()
        yield running
    finally:
        for service in reversed(running.values()):
            if service.process:
                service.stop()


@pytest.fixture(scope="module")
def stubs(services, certificates, messages):
    channels = {name: channel(service, certificates) for name, service in services.items()}
    yield {name: Stub(channels[name], messages[name].DESCRIPTOR.services_by_name[name.title()])
           for name in channels}
    for each in channels.values():
        each.close()


@pytest.fixture(scope="module")
def catalog(stubs):
    return stubs["catalog"]


@pytest.fixture(scope="module")
def pricing(stubs):
    return stubs["pricing"]


@pytest.fixture(scope="module")
def orders(stubs):
    return stubs["orders"]


def money_of(messages, amount):
    from google.type import money_pb2

    nanos = int(Decimal(amount).scaleb(9))
    sign = -1 if nanos < 0 else 1
    return money_pb2.Money(currency_code="GBP", units=sign * (abs(nanos) // 10**9),
                           nanos=sign * (abs(nanos) % 10**9))


def pounds(money):
    assert money.currency_code == "GBP"
    return Decimal(money.units) + Decimal(money.nanos).scaleb(-9)


@pytest.fixture(scope="module")
def product(messages):
    """product(id, price, …): a catalog.v1.Product."""

    def make(id, price="1.00", title="THING", grams=100):
        return messages["catalog"].Product(
            name=f"products/{id}", title=title, weight_grams=grams,
            unit_price=money_of(messages, price))

    return make


def imported(catalog, messages, products):
    requests = (messages["catalog"].ImportProductsRequest(product=each) for each in products)
    return catalog.ImportProducts(requests, timeout=LIMIT)


def listed(catalog, messages, size=1000):
    found, token = [], ""
    while True:
        page = catalog.ListProducts(messages["catalog"].ListProductsRequest(
            page_size=size, page_token=token), timeout=LIMIT)
        assert len(page.products) <= size
        found += page.products
        token = page.next_page_token
        if not token:
            return found


# ---- catalog


def test_a_product_is_created_once(catalog, messages, product):
    pb = messages["catalog"]
    request = pb.CreateProductRequest(product_id="gift_0001_20", product=product("x", "16.67"))
    created = catalog.CreateProduct(request, timeout=LIMIT)
    assert created.name == "products/gift_0001_20"
    assert created.create_time.seconds > 1_700_000_000
    assert created.create_time == created.update_time and created.etag
    assert catalog.GetProduct(pb.GetProductRequest(name=created.name), timeout=LIMIT) == created

    again = failure(catalog.CreateProduct, request)
    assert again.code == grpc.StatusCode.ALREADY_EXISTS
    assert (again.reason, again.domain) == ("PRODUCT_EXISTS", "catalog.weft.example")


def test_a_wrong_product_names_every_field(catalog, messages):
    pb = messages["catalog"]
    wrong = failure(catalog.CreateProduct, pb.CreateProductRequest(
        product_id="a b", product=pb.Product(title="x" * 201, weight_grams=-1)))
    assert wrong.code == grpc.StatusCode.INVALID_ARGUMENT
    assert set(wrong.violations) == {
        "product_id", "product.title", "product.unit_price", "product.weight_grams"}
    assert wrong.reason == "INVALID_REQUEST"
    none = failure(catalog.CreateProduct, pb.CreateProductRequest(product_id="a"))
    assert set(none.violations) == {"product"}


def test_a_product_that_is_not_there(catalog, messages):
    pb = messages["catalog"]
    missing = failure(catalog.GetProduct, pb.GetProductRequest(name="products/NOWHERE"))
    assert missing.code == grpc.StatusCode.NOT_FOUND and missing.reason == "PRODUCT_NOT_FOUND"
    assert "NOWHERE" in missing.message
    for name in ["", "products/", "NOWHERE", "orders/NOWHERE", "products/a/b", "products/é"]:
        wrong = failure(catalog.GetProduct, pb.GetProductRequest(name=name))
        assert wrong.code == grpc.StatusCode.INVALID_ARGUMENT
        assert set(wrong.violations) == {"name"}


def test_an_import_counts_what_it_did(catalog, messages, product):
    pb = messages["catalog"]
    things = [product(f"I{i:05}", f"{i % 90 + 1}.{i % 100:02}", f"THING {i}", i)
              for i in range(5000)]
    first = imported(catalog, messages, things)
    assert (first.created, first.updated, first.unchanged, first.refused) == (5000, 0, 0, 0)
    again = imported(catalog, messages, things)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 5000)

    for thing in things[::10]:
        thing.title += " NEW"
    changed = imported(catalog, messages, things + [product("I99999")])
    assert (changed.created, changed.updated, changed.unchanged) == (1, 500, 4500)

    found = {each.name: each for each in listed(catalog, messages)}
    for thing in things:
        got = found[thing.name]
        assert (got.title, got.unit_price, got.weight_grams) == (
            thing.title, thing.unit_price, thing.weight_grams)
    one = catalog.GetProduct(pb.GetProductRequest(name=things[0].name), timeout=LIMIT)
    assert one == found[things[0].name]


def test_an_empty_import(catalog, messages):
    assert imported(catalog, messages, []) == messages["catalog"].ImportProductsResponse()


def test_an_import_refuses_a_line_alone(catalog, messages, product):
    pb = messages["catalog"]
    wrong = {3: product("a b"), 4: product("R4", "0"), 5: product("R5", "-1.00"),
             6: product("R6", grams=-1), 7: product("R7", title="a\tb"), 8: pb.Product()}
    lines = [wrong.get(i, product(f"R{i}")) for i in range(10)]
    result = imported(catalog, messages, lines)
    assert (result.created, result.refused) == (4, 6)
    assert [(each.index, each.field) for each in result.refusals] == [
        (3, "product.name"), (4, "product.unit_price"), (5, "product.unit_price"),
        (6, "product.weight_grams"), (7, "product.title"), (8, "product.name")]
    assert all(each.reason for each in result.refusals)
    missing = failure(catalog.GetProduct, pb.GetProductRequest(name="products/R4"))
    assert missing.code == grpc.StatusCode.NOT_FOUND


def test_an_import_tells_a_bounded_number_of_refusals(catalog, messages, product):
    result = imported(catalog, messages, [product("", "1")] * 2500 + [product("Last")])
    assert (result.refused, result.created, len(result.refusals)) == (2500, 1, 100)
    assert [each.index for each in result.refusals] == list(range(100))


def test_without_a_title_the_id_is_it(catalog, messages, product):
    imported(catalog, messages, [product("BANK-CHARGES", title="")])
    got = catalog.GetProduct(
        messages["catalog"].GetProductRequest(name="products/BANK-CHARGES"), timeout=LIMIT)
    assert got.title == "BANK-CHARGES"


def test_an_import_that_breaks_off_leaves_the_service_well(catalog, messages, product):
    sent = threading.Event()

    def endless():
        for i in range(10**9):
            yield messages["catalog"].ImportProductsRequest(product=product(f"B{i % 2000}"))
            if i == 3000:
                sent.set()

    call = catalog.ImportProducts.future(endless(), timeout=LIMIT)
    assert sent.wait(LIMIT)
    call.cancel()
    assert call.cancelled()
    # Whole chunks of the beginning are there, and nothing else of it hangs on.
    result = imported(catalog, messages, [product(f"B{i}") for i in range(2000)])
    assert result.created + result.unchanged == 2000


def test_imports_at_the_same_time(catalog, messages, product):
    things = [product(f"S{i}", "2.00") for i in range(1500)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(
            lambda seed: imported(catalog, messages, random.Random(seed).sample(things, 1500)),
            range(4)))
    assert sum(each.created for each in results) == 1500
    assert sum(each.created + each.updated + each.unchanged for each in results) == 6000


def test_an_export_is_the_whole_list(catalog, messages):
    exported = [each.product for each in catalog.ExportProducts(
        messages["catalog"].ExportProductsRequest(), timeout=LIMIT)]
    names = [each.name for each in exported]
    assert len(names) > 5000 and names == sorted(names)
    assert exported == listed(catalog, messages)


def test_an_export_may_be_read_slowly_and_left(catalog, messages, product):
    call = catalog.ExportProducts(messages["catalog"].ExportProductsRequest(), timeout=LIMIT)
    assert next(call).product.name < next(call).product.name
    # Meanwhile the export holds no lock and no snapshot that a write would wait for.
    imported(catalog, messages, [product("ZLAST", str(random.randint(1, 1000)))])
    call.cancel()
    with pytest.raises(grpc.RpcError) as ended:
        collections.deque(call, maxlen=0)
    assert ended.value.code() == grpc.StatusCode.CANCELLED


def test_pages(catalog, messages):
    pb = messages["catalog"]
    everything = [each.name for each in listed(catalog, messages)]
    assert [each.name for each in listed(catalog, messages, 333)] == everything

    def ask(**fields):
        return catalog.ListProducts(pb.ListProductsRequest(**fields), timeout=LIMIT)

    assert len(ask().products) == 50
    assert len(ask(page_size=2000000000).products) == 1000
    assert [each.name for each in ask(page_size=2).products] == everything[:2]


def test_page_tokens_are_checked(catalog, orders, messages):
    pb = messages["catalog"]
    token = catalog.ListProducts(pb.ListProductsRequest(page_size=1), timeout=LIMIT).next_page_token
    cut = token[:-2]
    for bad in ["x", "00", cut, token + "00", token.upper() + "é", "0" * 5000]:
        wrong = failure(catalog.ListProducts, pb.ListProductsRequest(page_token=bad))
        assert wrong.code == grpc.StatusCode.INVALID_ARGUMENT
        assert set(wrong.violations) == {"page_token"}
    elsewhere = failure(orders.ListOrders, messages["orders"].ListOrdersRequest(page_token=token))
    assert set(elsewhere.violations) == {"page_token"}
    negative = failure(catalog.ListProducts, pb.ListProductsRequest(page_size=-1))
    assert set(negative.violations) == {"page_size"}


def test_a_batch(catalog, messages):
    pb = messages["catalog"]
    names = ["products/I00003", "products/I00001", "products/I00003"]

    def ask(timeout=LIMIT, **fields):
        return catalog.BatchGetProducts(pb.BatchGetProductsRequest(**fields), timeout=timeout)

    assert [each.name for each in ask(names=names).products] == names
    assert [each.name for each in ask(
        names=[names[0], "products/NOWHERE", names[1]], allow_missing=True).products] == names[:2]
    assert len(ask(names=["products/I00001"] * 1000).products) == 1000

    missing = failure(ask, names=["products/I00001", "products/NOWHERE"])
    assert missing.code == grpc.StatusCode.NOT_FOUND and "names[1]" in missing.message
    assert set(failure(ask).violations) == {"names"}
    assert set(failure(ask, names=["products/I00001"] * 1001).violations) == {"names"}
    assert set(failure(ask, names=["products/I00001", "x"]).violations) == {"names[1]"}


# ---- pricing


def basket(messages, lines, **fields):
    pb = messages["pricing"]
    return pb.ComputePriceRequest(**fields, lines=[
        pb.ComputePriceRequest.Line(product=f"products/P{i}", quantity=quantity,
                                    unit_price=money_of(messages, price), weight_grams=grams)
        for i, (quantity, price, grams) in enumerate(lines)])


def one_of(discounts):
    assert len(discounts) <= 1
    return (pounds(discounts[0].amount), discounts[0].rule) if discounts else (0, "")


def assert_as_expected(bill, expected):
    """A bill's amounts and rules, pricing's or an order's, are those of docs/pricing.md."""
    for line, wanted in zip(bill.lines, expected.lines, strict=True):
        assert pounds(line.subtotal.amount) == wanted.subtotal
        assert one_of(line.discounts) == (wanted.discount, wanted.discount_rule)
        assert pounds(line.total) == wanted.total
    assert pounds(bill.goods) == expected.goods
    assert one_of(bill.discounts) == (expected.discount, expected.discount_rule)
    assert (pounds(bill.shipping.amount), bill.shipping.rule) == (
        expected.shipping, expected.shipping_rule)
    assert (pounds(bill.tax.amount), bill.tax.rule) == (expected.tax, expected.tax_rule)
    assert pounds(bill.total) == expected.total


def random_basket(chance):
    prices = ["0.42", "2.55", "0.001", "4.125", "19.99", "0.125", "649.5", "38970", "3.335"]
    lines = [(chance.choice([1, 2, 6, 12, 48, 99, 100, 101, 499, 500, 2000, 74215]),
              Decimal(chance.choice(prices)), chance.choice([0, 40, 193, 1000, 5000]))
             for _ in range(chance.randint(1, 12))]
    region = chance.choice([row["region"] for row in expected_total.RULES["Regions"]])
    coupon = chance.choice(["", "", "welcome10", "SPRING", "FIVER", "FreePost"])
    return lines, region, coupon


def test_bills_are_those_of_the_page(pricing, messages):
    chance = random.Random(20101201)
    refused = 0
    for _ in range(400):
        lines, region, coupon = random_basket(chance)
        request = basket(messages, lines, region_code=region, coupon=coupon)
        try:
            expected = expected_total.bill(lines, region, coupon)
        except expected_total.Refused as why:
            assert set(failure(pricing.ComputePrice, request).violations) == {why.field}
            refused += 1
            continue
        bill = pricing.ComputePrice(request, timeout=LIMIT)
        assert_as_expected(bill, expected)
        assert bill.weight_grams == sum(quantity * grams for quantity, _, grams in lines)
        assert pounds(bill.taxable) + pounds(bill.tax.amount) == pounds(bill.total)
    assert 0 < refused < 200


@pytest.mark.parametrize("field, change", [
    ("lines", lambda request: request.ClearField("lines")),
    ("lines", lambda request: request.lines.extend([request.lines[0]] * 1000)),
    ("lines[1].quantity", lambda request: setattr(request.lines[1], "quantity", 0)),
    ("lines[1].quantity", lambda request: setattr(request.lines[1], "quantity", -12)),
    ("lines[0].quantity", lambda request: setattr(request.lines[0], "quantity", 1000001)),
    ("lines[0].weight_grams", lambda request: setattr(request.lines[0], "weight_grams", -1)),
    ("lines[0].unit_price", lambda request: request.lines[0].ClearField("unit_price")),
    ("lines[0].unit_price",
     lambda request: setattr(request.lines[0].unit_price, "currency_code", "EUR")),
    ("lines[0].unit_price", lambda request: setattr(request.lines[0].unit_price, "nanos", -1)),
    ("lines[0].unit_price", lambda request: setattr(request.lines[0].unit_price, "units", -5)),
    ("lines[0].product", lambda request: setattr(request.lines[0], "product", "x" * 101)),
    ("region_code", lambda request: setattr(request, "region_code", "")),
    ("region_code", lambda request: setattr(request, "region_code", "gb")),
    ("region_code", lambda request: setattr(request, "region_code", "XX")),
    ("coupon", lambda request: setattr(request, "coupon", "NOSUCH")),
    ("coupon", lambda request: setattr(request, "coupon", "a'b")),
    ("coupon", lambda request: setattr(request, "coupon", "SPRING")),
])
def test_a_wrong_basket_names_the_field(pricing, messages, field, change):
    request = basket(messages, [(1, "1.00", 10), (2, "2.00", 20)], region_code="GB")
    pricing.ComputePrice(request, timeout=LIMIT)
    change(request)
    wrong = failure(pricing.ComputePrice, request)
    assert wrong.code == grpc.StatusCode.INVALID_ARGUMENT
    assert set(wrong.violations) == {field}


# ---- orders


@pytest.fixture(scope="module")
def shelf(catalog, messages, product):
    """Products that orders can be placed for: {name: (price, grams)}."""
    things = {f"O{i}": (price, 37 * i) for i, price in enumerate(
        ["0.42", "2.55", "4.125", "19.99", "0.001", "649.5"])}
    imported(catalog, messages,
             [product(id, price, f"TITLE {id}", grams) for id, (price, grams) in things.items()])
    return {f"products/{id}": (Decimal(price), grams) for id, (price, grams) in things.items()}


@pytest.fixture
def request_of(messages):
    """request_of([(product, quantity), …], …): a PlaceOrderRequest with an id of its own."""

    def make(lines, **fields):
        pb = messages["orders"]
        fields = {"request_id": str(uuid.uuid4()), "region_code": "GB", "customer_id": "17850",
                  "external_reference": uuid.uuid4().hex} | fields
        return pb.PlaceOrderRequest(**fields, lines=[
            pb.PlaceOrderRequest.Line(product=f"products/{id}", quantity=quantity)
            for id, quantity in lines])

    return make


def expected_of(request, shelf):
    return expected_total.bill(
        [(line.quantity, *shelf[line.product]) for line in request.lines],
        request.region_code, request.coupon)


def orders_for(orders, messages, request):
    """The orders with the request's reference."""
    return orders.ListOrders(messages["orders"].ListOrdersRequest(
        external_reference=request.external_reference), timeout=LIMIT).orders


def outcome(orders, request):
    """OK, or the code it failed with."""
    try:
        orders.PlaceOrder(request, timeout=LIMIT)
        return grpc.StatusCode.OK
    except grpc.RpcError as error:
        return error.code()


def test_an_order_is_placed_and_kept(orders, messages, shelf, request_of):
    chance = random.Random(1)
    for region in ["GB", "FI", "JE", "US", "ZZ"]:
        request = request_of([(f"O{chance.randrange(6)}", chance.choice([1, 6, 120, 2000]))
                              for _ in range(9)], region_code=region, coupon="WELCOME10")
        order = orders.PlaceOrder(request, timeout=LIMIT)
        assert uuid.UUID(order.name.removeprefix("orders/")).version == 7
        assert order.state == messages["orders"].Order.PLACED
        assert (order.customer_id, order.region_code, order.coupon, order.external_reference) == (
            request.customer_id, region, "WELCOME10", request.external_reference)
        assert [(line.product, line.quantity) for line in order.lines] == [
            (line.product, line.quantity) for line in request.lines]
        assert all(line.title == "TITLE " + line.product.removeprefix("products/")
                   for line in order.lines)
        assert_as_expected(order, expected_of(request, shelf))

        got = orders.GetOrder(messages["orders"].GetOrderRequest(name=order.name), timeout=LIMIT)
        assert got == order
        head, = orders_for(orders, messages, request)
        order.ClearField("lines")
        order.ClearField("discounts")
        assert head == order and head.line_count == 9


def test_the_same_product_twice_stays_two_lines(orders, shelf, request_of):
    request = request_of([("O4", 6), ("O4", 6), ("O1", 1), ("O4", 6)])
    order = orders.PlaceOrder(request, timeout=LIMIT)
    assert [line.quantity for line in order.lines] == [6, 6, 1, 6]
    assert_as_expected(order, expected_of(request, shelf))


def test_a_thousand_lines(orders, messages, shelf, request_of):
    request = request_of([(f"O{i % 6}", 100) for i in range(1000)])
    order = orders.PlaceOrder(request, timeout=LIMIT)
    assert_as_expected(order, expected_of(request, shelf))
    got = orders.GetOrder(messages["orders"].GetOrderRequest(name=order.name), timeout=LIMIT)
    assert got == order


def test_the_same_request_has_the_same_answer(services, certificates, messages, shelf, request_of):
    with channel(services["orders"], certificates) as on:
        raw = Stub(on, messages["orders"].DESCRIPTOR.services_by_name["Orders"], raw=True)
        request = request_of([("O1", 6), ("O2", 100)], coupon="WELCOME10")
        first = raw.PlaceOrder(request, timeout=LIMIT)
        assert raw.PlaceOrder(request, timeout=LIMIT) == first
        request.request_id = request.request_id.upper()
        assert raw.PlaceOrder(request, timeout=LIMIT) == first


def test_an_id_is_for_one_request(orders, messages, shelf, request_of):
    request = request_of([("O1", 6)])
    orders.PlaceOrder(request, timeout=LIMIT)
    for change in [lambda it: setattr(it.lines[0], "quantity", 7),
                   lambda it: setattr(it, "region_code", "FR"),
                   lambda it: it.lines.add(product="products/O1", quantity=1),
                   lambda it: setattr(it, "customer_id", "")]:
        other = messages["orders"].PlaceOrderRequest.FromString(request.SerializeToString())
        change(other)
        reused = failure(orders.PlaceOrder, other)
        assert reused.code == grpc.StatusCode.FAILED_PRECONDITION
        assert (reused.reason, reused.domain) == ("REQUEST_ID_REUSED", "orders.weft.example")
    assert len(orders_for(orders, messages, request)) == 1


def test_equal_requests_at_once_place_one_order(services, certificates, messages, shelf, orders,
                                                request_of):
    """Many connections, so that both workers take part."""
    channels = [channel(services["orders"], certificates) for _ in range(8)]
    descriptor = messages["orders"].DESCRIPTOR.services_by_name["Orders"]
    raw = [Stub(on, descriptor, raw=True) for on in channels]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            request, start = request_of([("O1", 6), ("O2", 1)]), threading.Barrier(8)

            def place(stub):
                start.wait()
                return stub.PlaceOrder(request, timeout=LIMIT)

            assert len(set(pool.map(place, raw))) == 1
            assert len(orders_for(orders, messages, request)) == 1
    for on in channels:
        on.close()


def test_of_unequal_requests_at_once_one_wins(services, certificates, messages, shelf, orders,
                                              request_of):
    channels = [channel(services["orders"], certificates) for _ in range(8)]
    stubs = [Stub(on, messages["orders"].DESCRIPTOR.services_by_name["Orders"]) for on in channels]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            first, start = request_of([("O1", 1)]), threading.Barrier(8)

            def place(number):
                request = messages["orders"].PlaceOrderRequest.FromString(
                    first.SerializeToString())
                request.lines[0].quantity = number + 1
                start.wait()
                return outcome(stubs[number], request)

            assert sorted(pool.map(place, range(8)), key=lambda code: code.value[0]) == [
                grpc.StatusCode.OK] + 7 * [grpc.StatusCode.FAILED_PRECONDITION]
            assert len(orders_for(orders, messages, first)) == 1
    for on in channels:
        on.close()


@pytest.mark.parametrize("field, change", [
    ("request_id", lambda request: request.ClearField("request_id")),
    ("request_id", lambda request: setattr(request, "request_id", "42")),
    ("request_id", lambda request: setattr(
        request, "request_id", "00000000-0000-0000-0000-000000000000")),
    ("lines", lambda request: request.ClearField("lines")),
    ("lines", lambda request: request.lines.extend([request.lines[0]] * 1000)),
    ("lines[1].quantity", lambda request: setattr(request.lines[1], "quantity", 0)),
    ("lines[1].quantity", lambda request: setattr(request.lines[1], "quantity", -6)),
    ("lines[0].quantity", lambda request: setattr(request.lines[0], "quantity", 1000001)),
    ("lines[1].product", lambda request: setattr(request.lines[1], "product", "products/NONE")),
    ("lines[1].product", lambda request: setattr(request.lines[1], "product", "O1")),
    ("lines[0].product", lambda request: request.lines[0].ClearField("product")),
    ("customer_id", lambda request: setattr(request, "customer_id", "a b")),
    ("region_code", lambda request: request.ClearField("region_code")),
    ("region_code", lambda request: setattr(request, "region_code", "United Kingdom")),
    ("region_code", lambda request: setattr(request, "region_code", "XX")),
    ("coupon", lambda request: setattr(request, "coupon", "NOSUCH")),
    ("external_reference", lambda request: setattr(request, "external_reference", "a\nb")),
])
def test_a_refused_order_names_the_field_and_leaves_nothing(
        orders, messages, shelf, request_of, field, change):
    good = request_of([("O1", 6), ("O2", 1)])
    bad = messages["orders"].PlaceOrderRequest.FromString(good.SerializeToString())
    change(bad)
    refused = failure(orders.PlaceOrder, bad)
    assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
    assert set(refused.violations) == {field}
    assert not orders_for(orders, messages, good)
    # Nor is its request id used up.
    orders.PlaceOrder(good, timeout=LIMIT)
    assert len(orders_for(orders, messages, good)) == 1


def test_a_deleted_product_cannot_be_ordered(catalog, orders, messages, shelf, product,
                                             request_of):
    pb = messages["catalog"]
    imported(catalog, messages, [product("ODELETED")])
    catalog.DeleteProduct(pb.DeleteProductRequest(name="products/ODELETED"), timeout=LIMIT)
    request = request_of([("O1", 6), ("ODELETED", 1)])
    refused = failure(orders.PlaceOrder, request)
    assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
    assert set(refused.violations) == {"lines[1].product"}
    catalog.UndeleteProduct(pb.UndeleteProductRequest(name="products/ODELETED"), timeout=LIMIT)
    assert len(orders.PlaceOrder(request, timeout=LIMIT).lines) == 2


def test_all_that_is_wrong_is_told_but_not_endlessly(orders, shelf, request_of):
    refused = failure(orders.PlaceOrder, request_of([("O1", 0), ("O1", 1), ("a b", -1)],
                                                    region_code="gb"))
    assert set(refused.violations) == {
        "region_code", "lines[0].quantity", "lines[2].quantity", "lines[2].product"}
    refused = failure(orders.PlaceOrder, request_of([(f"NONE{i}", 1) for i in range(1000)]))
    assert len(refused.violations) == 16 and "and 999 more" in refused.message


def test_an_order_that_is_not_there(orders, messages):
    pb = messages["orders"]
    missing = failure(orders.GetOrder, pb.GetOrderRequest(name=f"orders/{uuid.uuid4()}"))
    assert missing.code == grpc.StatusCode.NOT_FOUND and missing.reason == "ORDER_NOT_FOUND"
    assert set(failure(orders.GetOrder, pb.GetOrderRequest(name="x")).violations) == {"name"}


def test_orders_are_listed_newest_first(orders, messages, shelf, request_of):
    pb = messages["orders"]
    customer = uuid.uuid4().hex
    placed = [orders.PlaceOrder(request_of([("O1", 1)], customer_id=customer), timeout=LIMIT).name
              for _ in range(7)]
    found, token = [], ""
    while True:
        page = orders.ListOrders(pb.ListOrdersRequest(
            customer_id=customer, page_size=3, page_token=token), timeout=LIMIT)
        found += [order.name for order in page.orders]
        token = page.next_page_token
        if not token:
            break
        other = failure(orders.ListOrders,
                        pb.ListOrdersRequest(customer_id="other", page_token=token))
        assert set(other.violations) == {"page_token"}
    assert found == placed[::-1]
    newest = orders.ListOrders(pb.ListOrdersRequest(page_size=7), timeout=LIMIT).orders
    assert [order.name for order in newest] == placed[::-1]


# ---- when something is missing


def test_pricing_dies_in_the_middle(services, orders, messages, shelf, request_of, wait_until):
    requests = [request_of([("O1", 6), ("O3", 2)]) for _ in range(300)]
    outcomes, lock = {}, threading.Lock()

    def place(request):
        code = outcome(orders, request)
        with lock:
            outcomes[request.request_id] = code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(place, request) for request in requests[:150]]
        wait_until(lambda: len(outcomes) > 30, LIMIT, "thirty orders")
        services["pricing"].kill()
        wait_until(lambda: grpc.StatusCode.UNAVAILABLE in list(outcomes.values()), LIMIT,
                   "a refusal")
        concurrent.futures.wait(waiting)
        services["pricing"].start()
        wait_until(lambda: outcome(orders, request_of([("O1", 1)])) == grpc.StatusCode.OK, LIMIT,
                   "the first order after the restart")
        for done in [pool.submit(place, request) for request in requests[150:]]:
            done.result()

    assert set(outcomes.values()) == {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
    for request in requests:
        placed = outcomes[request.request_id] == grpc.StatusCode.OK
        assert len(orders_for(orders, messages, request)) == placed
    # Sending all of it again with the same ids places what is missing, once.
    for request in requests:
        order = orders.PlaceOrder(request, timeout=LIMIT)
        assert_as_expected(order, expected_of(request, shelf))
        assert len(orders_for(orders, messages, request)) == 1


def test_a_deadline_reaches_through(services, orders, messages, shelf, request_of, wait_until):
    request = request_of([("O1", 6)])
    services["catalog"].process.send_signal(signal.SIGSTOP)
    try:
        late = failure(orders.PlaceOrder, request, timeout=1)
        assert late.code == grpc.StatusCode.DEADLINE_EXCEEDED
    finally:
        services["catalog"].process.send_signal(signal.SIGCONT)
    assert not orders_for(orders, messages, request)
    wait_until(lambda: outcome(orders, request) == grpc.StatusCode.OK, LIMIT, "the order")
    assert len(orders_for(orders, messages, request)) == 1


def test_orders_dies_and_forgets_nothing_it_has_answered(
        services, orders, messages, shelf, request_of, wait_until):
    requests = [request_of([("O1", 6), ("O2", 2)]) for _ in range(200)]
    answered, lock = {}, threading.Lock()

    def place(request):
        try:
            order = orders.PlaceOrder(request, timeout=LIMIT)
        except grpc.RpcError:
            return
        with lock:
            answered[request.request_id] = order

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(place, request) for request in requests]
        wait_until(lambda: len(answered) > 50, LIMIT, "fifty orders")
        services["orders"].kill()
        concurrent.futures.wait(waiting)
    services["orders"].start()
    wait_until(lambda: outcome(orders, request_of([("O1", 1)])) == grpc.StatusCode.OK, LIMIT,
               "orders to be back")
    assert answered
    for request in requests:
        order = orders.PlaceOrder(request, timeout=LIMIT)
        assert order == answered.get(request.request_id, order)
        head, = orders_for(orders, messages, request)
        assert head.name == order.name


def test_request_ids_are_forgotten_after_seven_days(
        services, orders, messages, shelf, request_of, wait_until):
    old, young = request_of([("O1", 1)]), request_of([("O1", 1)])
    for request in (old, young):
        orders.PlaceOrder(request, timeout=LIMIT)
    services["orders"].stop()
    with sqlite3.connect(services["orders"].database) as database:
        for request, days in ((old, 7.01), (young, 6.99)):
            database.execute("UPDATE request_keys SET create_time = create_time - ?"
                             " WHERE request_id = ?", (int(days * 86400 * 10**9),
                                                       request.request_id))
    database.close()
    services["orders"].start()

    for request in (old, young):
        request.lines[0].quantity = 2
    wait_until(lambda: outcome(orders, old) == grpc.StatusCode.OK, LIMIT, "the old id to be free")
    assert outcome(orders, young) == grpc.StatusCode.FAILED_PRECONDITION
    assert len(orders_for(orders, messages, old)) == 2
