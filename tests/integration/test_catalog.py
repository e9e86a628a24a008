"""catalog beyond the spine: changes, search, watch, sync; by grpcio and through the edge."""

import json
import queue
import sqlite3

import grpc
import pytest
from edge_fixtures import start  # noqa: F401

from shop_processes import Service, Stub, channel, failure

LIMIT = 60  # seconds for any call

# The table as the first release made it.
FIRST_SCHEMA = """
CREATE TABLE products (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    price_nanos INTEGER NOT NULL CHECK (price_nanos > 0),
    weight_grams INTEGER NOT NULL CHECK (weight_grams >= 0),
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    sequence INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
INSERT INTO products VALUES ('OLD1', 'AN OLD LANTERN', 2550000000, 70, 1000000000, 2000000000, 9);
PRAGMA user_version = 1;
"""


@pytest.fixture(scope="module")
def pb(contracts):
    from catalog.v1 import catalog_pb2
    return catalog_pb2


@pytest.fixture(scope="module")
def service(build, certificates, tmp_path_factory):
    """Its store is one of the first release, which it migrates."""
    service = Service("catalog", build, tmp_path_factory.mktemp("c"), certificates)
    service.database.parent.mkdir()
    with sqlite3.connect(service.database) as database:
        database.executescript(FIRST_SCHEMA)
    database.close()
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def catalog(service, certificates, pb):
    with channel(service, certificates) as on:
        yield Stub(on, pb.DESCRIPTOR.services_by_name["Catalog"])


@pytest.fixture(scope="module")
def edge(start, service):  # noqa: F811
    return start(f"file://{service.address_file}")


@pytest.fixture
def make(catalog, pb):
    """make(id, …): a product that is in the catalogue."""

    def make(id, title="THING", pounds=2, grams=100):
        product = pb.Product(title=title, weight_grams=grams)
        product.unit_price.currency_code, product.unit_price.units = "GBP", pounds
        return catalog.CreateProduct(pb.CreateProductRequest(product_id=id, product=product),
                                     timeout=LIMIT)

    return make


@pytest.fixture
def update(catalog, pb):
    """update(name, paths, field=…, …)"""

    def update(name, paths=(), price=None, **fields):
        request = pb.UpdateProductRequest(product=pb.Product(name=name, **fields))
        request.update_mask.paths.extend(paths)
        if price is not None:
            request.product.unit_price.currency_code = "GBP"
            request.product.unit_price.units = price
        return catalog.UpdateProduct(request, timeout=LIMIT)

    return update


def get(catalog, pb, name):
    return catalog.GetProduct(pb.GetProductRequest(name=name), timeout=LIMIT)


def names(catalog, pb, **fields):
    page = catalog.ListProducts(pb.ListProductsRequest(page_size=1000, **fields), timeout=LIMIT)
    return [product.name for product in page.products]


def test_a_store_of_the_first_release_is_migrated(catalog, pb, update):
    old = get(catalog, pb, "products/OLD1")
    assert (old.title, old.weight_grams, old.etag) == ("AN OLD LANTERN", 70, "9")
    assert not old.HasField("delete_time") and old.update_time.seconds == 2
    assert update(old.name, ["weight_grams"], weight_grams=71).etag == "a"


# ---- UpdateProduct


def test_a_mask_says_what_is_changed(catalog, pb, make, update):
    made = make("U1", "LAMP", 2, 100)
    changed = update(made.name, ["title"], title="RED LAMP", weight_grams=7)
    assert (changed.title, changed.weight_grams) == ("RED LAMP", 100)
    assert changed.unit_price == made.unit_price and changed.create_time == made.create_time
    assert changed.etag != made.etag and changed.update_time.ToNanoseconds() > (
        made.update_time.ToNanoseconds())
    assert get(catalog, pb, made.name) == changed

    changed = update(made.name, ["unit_price.units", "weight_grams", "etag", "name"], price=3)
    assert (changed.title, changed.unit_price.units, changed.weight_grams) == ("RED LAMP", 3, 0)
    # No mask: what is set. A title that the mask names and nobody gives is the id.
    assert update(made.name, price=4).title == "RED LAMP"
    assert get(catalog, pb, made.name).unit_price.units == 4
    assert update(made.name, ["title"]).title == "U1"
    whole = update(made.name, ["*"], title="L", price=5, weight_grams=1)
    assert (whole.title, whole.unit_price.units, whole.weight_grams) == ("L", 5, 1)
    # What changes nothing leaves the product as it is.
    assert update(made.name, ["title", "weight_grams"], title="L", weight_grams=1) == whole


def test_a_wrong_update_names_its_fields(catalog, pb, make, update):
    made = make("U2")
    for paths, fields, wrong in [
            (["colour"], {}, {"update_mask.paths[0]"}),
            (["title", "unit_price.pence"], {}, {"update_mask.paths[1]"}),
            (["*", "title"], {"price": 1}, {"update_mask.paths[0]"}),
            (["*"], {"weight_grams": -1}, {"product.unit_price", "product.weight_grams"}),
            (["unit_price"], {"weight_grams": -1}, {"product.unit_price"}),
            ([], {"title": "x" * 201}, {"product.title"})]:
        refused = failure(lambda timeout: update(made.name, paths, **fields))
        assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
        assert set(refused.violations) == wrong
    assert set(failure(lambda timeout: update("U2")).violations) == {"product.name"}
    assert set(failure(catalog.UpdateProduct, pb.UpdateProductRequest()).violations) == {"product"}
    missing = failure(lambda timeout: update("products/NONE", ["title"], title="x"))
    assert (missing.code, missing.reason) == (grpc.StatusCode.NOT_FOUND, "PRODUCT_NOT_FOUND")
    assert get(catalog, pb, made.name) == made


def test_an_old_etag_aborts(catalog, pb, make, update):
    made = make("U3")
    first = update(made.name, ["title"], title="FIRST", etag=made.etag)
    late = failure(lambda timeout: update(made.name, ["title"], title="LATE", etag=made.etag))
    assert (late.code, late.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    late = failure(catalog.DeleteProduct, pb.DeleteProductRequest(name=made.name, etag=made.etag))
    assert (late.code, late.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    assert get(catalog, pb, made.name) == first


# ---- DeleteProduct, UndeleteProduct


def test_a_deleted_product_is_out_of_the_shop_and_comes_back(catalog, pb, make, update):
    made = make("D1")
    gone = catalog.DeleteProduct(pb.DeleteProductRequest(name=made.name, etag=made.etag),
                                 timeout=LIMIT)
    assert gone.delete_time == gone.update_time and gone.etag != made.etag
    assert get(catalog, pb, made.name) == gone
    assert made.name not in names(catalog, pb)
    assert made.name in names(catalog, pb, show_deleted=True)
    assert made.name not in [each.product.name for each in catalog.ExportProducts(
        pb.ExportProductsRequest(), timeout=LIMIT)]

    batch = pb.BatchGetProductsRequest(names=["products/OLD1", made.name], allow_missing=True)
    assert [each.name for each in catalog.BatchGetProducts(batch, timeout=LIMIT).products] == [
        "products/OLD1"]
    batch.allow_missing = False
    missing = failure(catalog.BatchGetProducts, batch)
    assert missing.code == grpc.StatusCode.NOT_FOUND and "names[1]" in missing.message

    again = failure(catalog.DeleteProduct, pb.DeleteProductRequest(name=made.name))
    assert (again.code, again.reason) == (grpc.StatusCode.NOT_FOUND, "PRODUCT_NOT_FOUND")
    refused = failure(lambda timeout: update(made.name, ["title"], title="x"))
    assert (refused.code, refused.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION, "PRODUCT_DELETED")
    taken = failure(lambda timeout: make("D1"))
    assert taken.code == grpc.StatusCode.ALREADY_EXISTS

    undelete = pb.UndeleteProductRequest(name=made.name, etag=made.etag)
    assert failure(catalog.UndeleteProduct, undelete).code == grpc.StatusCode.ABORTED
    undelete.etag = gone.etag
    back = catalog.UndeleteProduct(undelete, timeout=LIMIT)
    assert not back.HasField("delete_time") and back.title == made.title
    assert made.name in names(catalog, pb)
    twice = failure(catalog.UndeleteProduct, undelete)
    assert (twice.code, twice.reason) == (grpc.StatusCode.ALREADY_EXISTS, "PRODUCT_NOT_DELETED")
    for call, request in [(catalog.DeleteProduct, pb.DeleteProductRequest),
                          (catalog.UndeleteProduct, pb.UndeleteProductRequest)]:
        assert failure(call, request(name="products/NONE")).code == grpc.StatusCode.NOT_FOUND
        assert set(failure(call, request(name="x")).violations) == {"name"}


def test_an_import_brings_a_deleted_product_back(catalog, pb, make):
    made = make("D2")
    catalog.DeleteProduct(pb.DeleteProductRequest(name=made.name), timeout=LIMIT)
    result = catalog.ImportProducts(iter([pb.ImportProductsRequest(product=made)]), timeout=LIMIT)
    assert (result.updated, result.unchanged) == (1, 0)
    assert not get(catalog, pb, made.name).HasField("delete_time")


def test_a_page_token_is_for_one_view(catalog, pb, make):
    make("D3")
    token = catalog.ListProducts(pb.ListProductsRequest(page_size=1, show_deleted=True),
                                 timeout=LIMIT).next_page_token
    other = failure(catalog.ListProducts, pb.ListProductsRequest(page_token=token))
    assert set(other.violations) == {"page_token"}


# ---- SearchProducts


def search(catalog, pb, query, **fields):
    page = catalog.SearchProducts(pb.SearchProductsRequest(query=query, **fields), timeout=LIMIT)
    return [product.name.removeprefix("products/") for product in page.products]


def test_search_ranks_and_takes_a_beginning(catalog, pb, make, update):
    make("S1", "ZINC HEART WITH RIBBON AND BOW AND BELL AND STAR")
    make("S2", "ZINC HEART")
    make("S3-ZINC", "CAFÉ SIGN")
    make("S4", "ZINNIA")
    assert search(catalog, pb, "zinc") == ["S3-ZINC", "S2", "S1"]
    assert search(catalog, pb, "heart zinc") == ["S2", "S1"]
    assert search(catalog, pb, "zinc hea") == ["S2", "S1"]
    assert search(catalog, pb, "zin heart") == []  # only the last word may be a beginning
    assert sorted(search(catalog, pb, "zin")) == ["S1", "S2", "S3-ZINC", "S4"]
    assert search(catalog, pb, "cafe") == search(catalog, pb, "Café") == ["S3-ZINC"]
    assert search(catalog, pb, "s3-zinc") == ["S3-ZINC"]
    # The index goes along with the products, those of the first release included.
    assert search(catalog, pb, "lantern") == ["OLD1"]
    update("products/S2", ["title"], title="TIN STAR")
    assert search(catalog, pb, "heart zinc") == ["S1"] and search(catalog, pb, "tin") == ["S2"]
    catalog.DeleteProduct(pb.DeleteProductRequest(name="products/S1"), timeout=LIMIT)
    assert search(catalog, pb, "ribbon") == []
    catalog.UndeleteProduct(pb.UndeleteProductRequest(name="products/S1"), timeout=LIMIT)
    assert search(catalog, pb, "ribbon") == ["S1"]


@pytest.mark.parametrize("query", [
    'quoll "', "quoll AND", "NOT quoll", "quoll*", "^quoll", "title:quoll", "{title}: quoll",
    "quoll NEAR(", "(quoll", "-quoll", "quoll \u2013", "'; DROP TABLE products; quoll", "quoll OR"])
def test_a_search_is_words_and_nothing_else(catalog, pb, query):
    name = "products/QUOLL"
    product = pb.Product(name=name, title="AND OR NOT NEAR TITLE DROP TABLE PRODUCTS QUOLL")
    product.unit_price.currency_code, product.unit_price.units = "GBP", 1
    catalog.ImportProducts(iter([pb.ImportProductsRequest(product=product)]), timeout=LIMIT)
    assert search(catalog, pb, query) == ["QUOLL"]


def test_search_pages(catalog, pb, make):
    wanted = [f"PAGED{i:02}" for i in range(25)]
    for id in wanted:
        make(id, "OCELOT")
    found, token = [], ""
    while True:
        page = catalog.SearchProducts(pb.SearchProductsRequest(
            query="ocelot", page_size=10, page_token=token), timeout=LIMIT)
        found.append([each.name.removeprefix("products/") for each in page.products])
        token = page.next_page_token
        if not token:
            break
        other = failure(catalog.SearchProducts,
                        pb.SearchProductsRequest(query="heart", page_token=token))
        assert set(other.violations) == {"page_token"}
    assert [len(page) for page in found] == [10, 10, 5] and sum(found, []) == wanted


def test_a_wrong_search(catalog, pb):
    for query, fields, wrong in [("", {}, {"query"}), ("?* -", {}, {"query"}),
                                 ("x" * 201, {}, {"query"}),
                                 ("a", {"page_size": -1, "page_token": "00"},
                                  {"page_size", "page_token"})]:
        refused = failure(catalog.SearchProducts, pb.SearchProductsRequest(query=query, **fields))
        assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
        assert set(refused.violations) == wrong
    assert search(catalog, pb, "\u2013") == search(catalog, pb, "nosuchword") == []


# ---- WatchProducts


@pytest.fixture
def watch(catalog, pb):
    """watch(after): a call that gives changes; it is left at the end."""
    calls = []

    def watch(after=0):
        calls.append(catalog.WatchProducts(pb.WatchProductsRequest(after_sequence=after),
                                           timeout=LIMIT))
        return calls[-1]

    yield watch
    for call in calls:
        call.cancel()


def up_to(call, name):
    """The changes up to the first of that product."""
    seen = []
    for change in call:
        seen.append(change)
        if change.product.name == name:
            return seen
    raise AssertionError(f"the watch ended before {name}")


def test_a_watch_gives_the_catalogue_and_then_its_changes(catalog, pb, make, update, watch):
    first = make("W1")
    call = watch()
    seen = up_to(call, first.name)
    sequences = [change.sequence for change in seen]
    assert sequences == sorted(set(sequences)) and sequences[0] > 0
    assert {change.product.name for change in seen} == set(names(catalog, pb, show_deleted=True))

    changed = update(first.name, ["title"], title="CHANGED")
    assert next(call).product == changed
    gone = catalog.DeleteProduct(pb.DeleteProductRequest(name=first.name), timeout=LIMIT)
    assert next(call).product == gone and gone.HasField("delete_time")
    back = catalog.UndeleteProduct(pb.UndeleteProductRequest(name=first.name), timeout=LIMIT)
    last = next(call)
    assert last.product == back and last.sequence > sequences[-1]
    catalog.ImportProducts(iter([pb.ImportProductsRequest(product=pb.Product(
        name=f"products/W{i}", unit_price=first.unit_price)) for i in (2, 3)]), timeout=LIMIT)
    assert [next(call).product.name for _ in range(2)] == ["products/W2", "products/W3"]


def test_a_watch_is_taken_up_again(catalog, pb, make, update, watch):
    made = make("W4")
    call = watch()
    after = up_to(call, made.name)[-1].sequence
    call.cancel()
    for title in ["ONE", "TWO", "THREE"]:
        latest = update(made.name, ["title"], title=title)
    other = make("W5")
    again = watch(after)
    assert [next(again).product for _ in range(2)] == [latest, other]
    # Many watchers hear of the same change.
    many = [watch(after) for _ in range(20)]
    newest = make("W6")
    for each in many + [again]:
        assert up_to(each, newest.name)[-1].product == newest


def test_a_sequence_that_cannot_be(catalog, pb):
    ahead = failure(catalog.WatchProducts, pb.WatchProductsRequest(after_sequence=10**9))
    assert (ahead.code, ahead.reason) == (grpc.StatusCode.OUT_OF_RANGE, "SEQUENCE_AHEAD")
    wrong = failure(catalog.WatchProducts, pb.WatchProductsRequest(after_sequence=-1))
    assert set(wrong.violations) == {"after_sequence"}


def test_a_server_that_goes_ends_its_watches(service, catalog, pb, make, watch):
    call = watch()
    after = up_to(call, make("W7").name)[-1].sequence
    service.stop()
    try:
        with pytest.raises(grpc.RpcError) as ended:
            next(call)
        assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
    finally:
        service.start()
    again = catalog.WatchProducts(pb.WatchProductsRequest(after_sequence=after), timeout=LIMIT,
                                  wait_for_ready=True)
    made = make("W8")
    assert next(again).product == made
    again.cancel()


def test_a_watcher_that_does_not_read_holds_nobody_up(catalog, pb, make, watch):
    slow = watch()
    first = next(slow)
    title = "x" * 199
    for round in range(3):
        result = catalog.ImportProducts((pb.ImportProductsRequest(product=pb.Product(
            name=f"products/WS{i}", title=f"{round}{title}", unit_price=first.product.unit_price))
            for i in range(1000)), timeout=LIMIT)
        assert result.created + result.updated == 1000
    # Whatever was under way, the last state of each comes before what was made later.
    last = make("W9")
    seen = up_to(slow, last.name)
    titles = {change.product.name: change.product.title for change in seen}
    assert all(titles[f"products/WS{i}"][0] == "2" for i in range(1000))


# ---- SyncProducts


def test_a_supplier_sends_changes_and_hears_of_each(catalog, pb, make):
    made = make("Y1", "CLOCK", 2, 100)
    price = made.unit_price
    asked = queue.Queue()
    call = catalog.SyncProducts(iter(asked.get, None), timeout=LIMIT)

    def put(name, **fields):
        asked.put(pb.SyncProductsRequest(
            product=pb.Product(name=name, unit_price=price, **fields)))
        return next(call)

    def delete(name):
        asked.put(pb.SyncProductsRequest(deleted_name=name))
        return next(call)

    created = put("products/Y2", title="NEW")
    assert (created.index, created.product.title) == (0, "NEW")
    assert get(catalog, pb, "products/Y2") == created.product
    same = put("products/Y2", title="NEW", etag=created.product.etag)
    assert (same.index, same.product) == (1, created.product)
    changed = put(made.name, title="BELL", etag=made.etag).product
    assert (changed.title, changed.weight_grams) == ("BELL", 0)

    for refused, reason, field in [
            (put(made.name, title="LATE", etag=made.etag), "ETAG_MISMATCH", ""),
            (put("products/Y3", etag="1"), "PRODUCT_NOT_FOUND", ""),
            (put(made.name, weight_grams=-1), "INVALID_REQUEST", "product.weight_grams"),
            (put("Y1"), "INVALID_REQUEST", "product.name"),
            (delete("Y1"), "INVALID_REQUEST", "deleted_name"),
            (delete("products/NONE"), "PRODUCT_NOT_FOUND", "")]:
        assert (refused.refusal.reason, refused.refusal.field) == (reason, field)
        assert refused.refusal.message
    asked.put(pb.SyncProductsRequest())
    assert next(call).refusal.field == "change"
    assert get(catalog, pb, made.name) == changed

    assert delete(made.name).product.HasField("delete_time")
    assert delete(made.name).refusal.reason == "PRODUCT_NOT_FOUND"
    back = put(made.name, title="BELL")
    assert not back.product.HasField("delete_time") and back.index == 12
    asked.put(None)
    assert list(call) == []


def test_many_changes_are_answered_in_order(catalog, pb):
    def requests():
        for i in range(300):
            request = pb.SyncProductsRequest(product=pb.Product(name=f"products/YM{i % 100}"))
            request.product.unit_price.currency_code = "GBP"
            request.product.unit_price.units = i + 1
            yield request

    answers = list(catalog.SyncProducts(requests(), timeout=LIMIT))
    assert [answer.index for answer in answers] == list(range(300))
    assert [answer.product.unit_price.units for answer in answers] == list(range(1, 301))
    assert get(catalog, pb, "products/YM99").unit_price.units == 300


# ---- through the edge


def test_over_http(edge, make):
    made = make("E1", "LAMP", 2, 100)
    path = "/v1/products/E1"

    def send(method, path, body=None):
        data = [] if body is None else ["-H", "content-type: application/json", "-d",
                                        json.dumps(body)]
        return edge.curl(path, "-X", method, *data)

    changed = send("PATCH", path, {"title": "BLUE LAMP", "etag": made.etag})
    assert changed.status == 200
    assert (changed.json()["title"], changed.json()["weightGrams"]) == ("BLUE LAMP", 100)
    assert send("PATCH", path, {"title": "x", "etag": made.etag}).status == 409
    assert send("PATCH", path, {"unitPrice": {"currencyCode": "GBP", "units": "3"}}).json()[
        "unitPrice"] == {"currencyCode": "GBP", "units": "3", "nanos": 0}
    assert send("PATCH", path + "?update_mask=colour", {"title": "x"}).status == 400
    assert send("PATCH", path + "?update_mask=weightGrams", {"title": "x"}).json()[
        "title"] == "BLUE LAMP"

    assert send("DELETE", path).json()["deleteTime"]
    assert edge.curl(path).json()["deleteTime"]
    assert send("DELETE", path).status == 404
    back = send("POST", path + ":undelete", {})
    assert back.status == 200 and "deleteTime" not in back.json()


def test_search_over_http(edge, make):
    make("E2", "OKAPI MUG")
    answer = edge.curl("/v1/products:search?query=okapi%20m")
    assert [each["name"] for each in answer.json()["products"]] == ["products/E2"]
    assert edge.curl("/v1/products:search?query=").status == 400


def test_watch_over_http(edge, make, watch):
    """Server-Sent Events, taken up again after Last-Event-ID."""
    last = up_to(watch(), make("E3").name)[-1].sequence
    for id in ["E4", "E5"]:
        make(id)
    request = (f"GET /v1/products:watch HTTP/1.1\r\nHost: localhost\r\n"
               f"Accept: text/event-stream\r\nLast-Event-ID: {last}\r\n\r\n")
    seen = edge.talk(request.encode(), until=lambda received: b"products/E5" in received)
    assert b"products/E3" not in seen
    assert f"id: {last + 1}\n".encode() in seen and f"id: {last + 2}\n".encode() in seen
