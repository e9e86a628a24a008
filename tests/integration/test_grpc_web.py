"""gRPC-Web at the edge: a foreign client in its binary form, frames by hand in its text form."""

import base64
import json
import struct
import subprocess

import pytest
from edge_fixtures import backend, edge, fresh, shared, start  # noqa: F401


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_connects_client(root, build, edge, version):
    done = subprocess.run(
        ["node", root / "tests/browser/grpc_web.mjs", edge.url, build / "proto/contracts.binpb",
         version], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    # The backend, which notices its deadline first, says CANCELLED.
    assert seen.pop("late") in {"DeadlineExceeded", "Canceled"}
    assert seen == {
        "product": "A thing",
        "type": "application/grpc-web+proto",
        "code": "NotFound",
        "message": 'no product "missing": 100 % gone',
        "details": [{"reason": "PRODUCT_NOT_FOUND", "domain": "catalog.weft.example"}],
        "exported": ["products/0", "products/1", "products/2"],
    }


def frame(message):
    data = message.SerializeToString()
    return b"\0" + struct.pack(">I", len(data)) + data


def frames(body):
    """(flags, payload) for each frame; nothing may be left over."""
    while body:
        flags, length = body[0], struct.unpack(">I", body[1:5])[0]
        assert len(body) >= 5 + length
        yield flags, body[5:5 + length]
        body = body[5 + length:]


def post(edge, method, body, tmp_path, kind, *arguments):
    file = tmp_path / "request"
    file.write_bytes(body)
    return edge.curl(f"/catalog.v1.Catalog/{method}", "-H", f"content-type: {kind}",
                     "--data-binary", f"@{file}", *arguments, version="--http1.1")


def test_text(edge, backend, tmp_path):
    request = base64.b64encode(frame(backend.pb.ExportProductsRequest()))
    answer = post(edge, "ExportProducts", request, tmp_path, "application/grpc-web-text")
    assert answer.headers["content-type"] == "application/grpc-web-text+proto"
    # Each frame is encoded by itself, with its padding: so may a client decode it as it comes.
    body = b"".join(base64.b64decode(part + b"=" * (-len(part) % 4))
                    for part in answer.body.replace(b"=", b" ").split())
    *messages, (flags, trailers) = frames(body)
    assert [flag for flag, _ in messages] == [0, 0, 0]
    names = [backend.pb.ExportProductsResponse.FromString(payload).product.name
             for _, payload in messages]
    assert names == ["products/0", "products/1", "products/2"]
    assert flags == 0x80
    assert b"grpc-status: 0\r\n" in trailers


def test_a_failure_is_in_the_last_frame(edge, backend, tmp_path):
    answer = post(edge, "GetProduct", frame(backend.pb.GetProductRequest(name="products/private")),
                  tmp_path, "application/grpc-web+proto")
    assert answer.status == 200
    [(flags, trailers)] = frames(answer.body)
    assert flags == 0x80
    assert b"grpc-status: 16\r\ngrpc-message: who are you?\r\n" in trailers


@pytest.mark.parametrize("kind,body,words", [
    ("application/grpc-web-text", b"AAAA*AAA", b"the body is not base64"),
    ("application/grpc-web-text", b"AAAAA", b"the last message is cut off"),
    ("application/grpc-web", b"\0\0\0\0\5abc", b"the last message is cut off"),
    ("application/grpc-web", b"\1\0\0\0\0", b"compressed messages are not taken here"),
    ("application/grpc-web", b"\0\xff\xff\xff\xff", b"a message is over the limit"),
], ids=["no base64", "odd base64", "cut off", "compressed", "too long"])
def test_bad_requests(edge, tmp_path, kind, body, words):
    answer = post(edge, "GetProduct", body, tmp_path, kind)
    content = answer.body
    if "text" in kind:
        content = base64.b64decode(content)
    [(flags, trailers)] = frames(content)
    assert flags == 0x80 and words in trailers and b"grpc-status: 0" not in trailers


def test_metadata_crosses(edge, backend, tmp_path):
    answer = post(edge, "GetProduct", frame(backend.pb.GetProductRequest(name="products/metadata")),
                  tmp_path, "application/grpc-web", "-H", "x-shop: 7", "-H", "x-grpc-web: 1",
                  "-H", "origin: https://shop.example", "-H", "grpc-timeout: 5S")
    (_, payload), _ = frames(answer.body)
    seen = json.loads(backend.pb.Product.FromString(payload).title)
    assert seen["x-shop"] == "7"
    assert not {"x-grpc-web", "origin", "accept-encoding", "host"} & set(seen)
    assert 0 < float(seen["deadline"]) <= 5
