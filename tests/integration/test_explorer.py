"""The edge's OpenAPI document, judged by a published validator, and its explorer in Chromium."""

import json
import subprocess

import pytest
from edge_fixtures import backend, edge, fresh, shared, start  # noqa: F401


def node(root, script, *arguments):
    return subprocess.run(["node", root / "tests/browser" / script, *arguments], timeout=100,
                          capture_output=True, text=True, check=False)


@pytest.fixture
def document(edge):
    return edge.curl("/openapi.json").json()


def test_the_document_is_openapi(root, edge, tmp_path):
    file = tmp_path / "openapi.json"
    file.write_bytes(edge.curl("/openapi.json").body)
    judged = node(root, "openapi.mjs", file)
    assert judged.returncode == 0, judged.stderr
    assert judged.stdout == "3.1\n"

    broken = json.loads(file.read_text())
    del broken["paths"]["/v1/products/{product}"]["get"]["parameters"][0]["name"]
    file.write_text(json.dumps(broken))
    assert node(root, "openapi.mjs", file).returncode != 0


def test_what_it_says(document):
    paths = document["paths"]
    get = paths["/v1/products/{product}"]["get"]
    assert get["operationId"] == "catalog_v1_Catalog_GetProduct"
    assert get["summary"] == "Gives one product"
    assert [(p["name"], p["in"], p["required"], p["example"]) for p in get["parameters"]] == [
        ("product", "path", True, "85123A")]

    assert [p["name"] for p in paths["/v1/products"]["get"]["parameters"]] == [
        "pageSize", "pageToken", "showDeleted"]
    create = paths["/v1/products"]["post"]
    assert [p["name"] for p in create["parameters"]] == ["productId"]
    body = create["requestBody"]["content"]["application/json"]
    assert body["schema"]["$ref"] == "#/components/schemas/catalog.v1.Product"
    assert body["example"]["unitPrice"] == {
        "currencyCode": "GBP", "units": "2", "nanos": 550000000}

    upload = paths["/v1/products:import"]["post"]["requestBody"]
    assert list(upload["content"]) == ["application/x-ndjson"]
    export = paths["/v1/products:export"]["get"]["responses"]["200"]
    assert list(export["content"]) == ["application/x-ndjson", "text/event-stream"]
    for operations in paths.values():
        for operation in operations.values():
            assert operation["responses"]["default"] == {"$ref": "#/components/responses/Error"}

    schemas = document["components"]["schemas"]
    order = schemas["orders.v1.Order"]
    assert order["properties"]["total"]["readOnly"]
    assert order["properties"]["createTime"]["format"] == "date-time"
    assert order["properties"]["weightGrams"]["type"] == "string"
    assert schemas["orders.v1.PlaceOrderRequest"]["required"] == [
        "requestId", "regionCode", "lines"]
    assert schemas["orders.v1.Order.State"]["enum"] == ["STATE_UNSPECIFIED", "PLACED"]


def references(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def test_every_reference_leads_somewhere(document):
    found = set(references(document))
    assert len(found) > 10
    for reference in found:
        at = document
        for name in reference.removeprefix("#/").split("/"):
            at = at[name]


def test_the_example_of_an_order_is_one(edge, document):
    """It passes the edge's own codec: what is missing is a backend, not a field."""
    operation = document["paths"]["/v1/orders"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert example["lines"] == [{"product": "products/85123A", "quantity": 6}]
    response = edge.curl("/v1/orders", "-H", "content-type: application/json", "--data",
                         json.dumps(example))
    assert response.status == 503 and "orders.v1.Orders" in response.json()["message"]


def test_it_is_cached_by_its_etag(edge):
    for path in ["/openapi.json", "/docs/swagger-ui.css"]:
        etag = edge.curl(path, "--compressed").headers["etag"]
        again = edge.curl(path, "--compressed", "-H", f"if-none-match: {etag}")
        assert again.status == 304 and again.body == b""
        assert edge.curl(path, "--compressed", "-H", 'if-none-match: "other"').status == 200
        assert edge.curl(path, "-X", "POST").status == 405


def test_pages_that_are_not_there(edge):
    assert edge.curl("/docs/none.js").status == 404
    assert edge.curl("/docs/explorer.js", "-H", "accept-encoding: br").status == 406


def test_a_request_from_the_explorer(root, edge, tmp_path):
    done = node(root, "explorer.mjs", edge.url, tmp_path / "explorer.png")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["status"].split()[0] == "200"
    assert '"name": "products/7"' in seen["body"] and '"title": "A thing"' in seen["body"]
    assert seen["operations"] == 15
    assert seen["hosts"] == [edge.url]
    assert seen["problems"] == []
