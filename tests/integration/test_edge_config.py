"""The edge's file: what it configures, what --check says; and CORS, which only it can switch on."""

import functools
import http.server
import json
import subprocess
import threading

import pytest
from edge_fixtures import backend, fresh, start  # noqa: F401

ORIGIN = "https://shop.example"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The URL of a page that is not the edge's."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text("<!doctype html><title>A shop</title>")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def edge(start, backend, page, certificates, tmp_path_factory):
    """All that it knows it has from a file."""
    file = tmp_path_factory.mktemp("config") / "edge.yaml"
    file.write_text(f"""
tls:
  cert_file: {certificates}/tls/server.pem
  key_file: {certificates}/tls/server.key
limits:
  max_body: 1000
backends:
  - packages: [catalog.v1]
    target: ipv4:127.0.0.1:{backend.port}
cors:
  allowed_origins: [{ORIGIN}, '{page}']
  max_age: 90s
""")
    return start(None, "--config", file)


def test_the_file_is_followed(edge):
    assert edge.curl("/v1/products/7").json()["title"] == "A thing"
    assert edge.curl("/v1/products", "-H", "content-type: application/json", "-d",
                     "x" * 1001).status == 413


PREFLIGHT = ["-X", "OPTIONS", "-H", "access-control-request-method: POST"]


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_preflight(edge, version):
    answer = edge.curl("/v1/products", *PREFLIGHT, "-H", f"origin: {ORIGIN}", version=version)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in answer.headers["access-control-allow-methods"].split(", ")
    assert "content-type" in answer.headers["access-control-allow-headers"].split(", ")
    assert answer.headers["access-control-max-age"] == "90"
    assert answer.headers["vary"] == "origin"


def test_an_origin_that_is_not_allowed(edge):
    answer = edge.curl("/v1/products", *PREFLIGHT, "-H", "origin: https://evil.example")
    assert answer.status == 403
    assert "https://evil.example" in answer.json()["message"]
    assert "access-control-allow-origin" not in answer.headers
    answer = edge.curl("/v1/products/7", "-H", "origin: https://evil.example")
    assert answer.status == 200 and "access-control-allow-origin" not in answer.headers


def test_an_answer_to_a_page(edge):
    answer = edge.curl("/v1/products/missing", "-H", f"origin: {ORIGIN}")
    assert answer.status == 404
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "x-request-id" in answer.headers["access-control-expose-headers"].split(", ")


def test_without_cors_nothing_is_said(start, backend):
    plain = start(f"ipv4:127.0.0.1:{backend.port}")
    answer = plain.curl("/v1/products/7", "-H", f"origin: {ORIGIN}")
    assert answer.status == 200
    assert not any(name.startswith("access-control") for name in answer.headers)
    assert plain.curl("/v1/products", *PREFLIGHT, "-H", f"origin: {ORIGIN}").headers["allow"]


def test_fetch_in_a_browser(root, edge, page):
    done = subprocess.run(["node", root / "tests/browser/fetch.mjs", page, edge.url], timeout=100,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["get"]["status"] == 200 and seen["get"]["id"]
    assert json.loads(seen["get"]["text"])["name"] == "products/7"
    assert seen["missing"]["status"] == 404
    assert json.loads(seen["missing"]["text"])["details"][0]["reason"] == "PRODUCT_NOT_FOUND"
    assert seen["post"]["status"] == 200
    assert json.loads(seen["post"]["text"])["name"] == "products/new"
    assert "refused" in seen["header"]


def check(build, *arguments):
    return subprocess.run([build / "gateway/weft-gateway", *arguments], capture_output=True,
                          text=True, timeout=30, check=False)


def test_check(build, tmp_path):
    file = tmp_path / "edge.yaml"
    file.write_text("workers: 2\n")
    done = check(build, "--check", file)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{file}: well\n", "")

    file.write_text("timeouts:\n  cal: 1s\n")
    done = check(build, "--check", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"weft-gateway: {file}: line 2, column 3: timeouts.cal: no field \"cal\" in "
        "gateway.v1.Timeouts; did you mean \"call\"?\n")

    file.write_text("tls: {cert_file: /nowhere/cert.pem, key_file: /nowhere/key.pem}\n")
    done = check(build, "--check", file)
    assert done.returncode == 1 and "/nowhere/cert.pem" in done.stderr
