#!/usr/bin/python3
"""Writes the hand-made seeds: seeds.py BUILD (for its descriptor sets). What a fuzzer has found
later stays.

A seed shows a fuzzer the shape of what a parser takes, so that it need not find that by chance.
"""

import pathlib
import sys

from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2

HERE = pathlib.Path(__file__).resolve().parent

TEXT = [b"99999999n", b"1H", b"a%20%E2%82%AC%", b"AAECAwQ=", b"-_8", b"/weft.test.Answers/Get",
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        b"spiffe://example.org/shop/orders"]

ADDRESS = [b"127.0.0.1:8443", b"[::1]:0", b"unix:/run/catalog.sock", b"unix-abstract:name",
           b"ipv4:127.0.0.1:1,10.0.0.1:2", b"ipv6:[::1]:50051", b"dns:///localhost:80", b"host:1",
           b"file:///etc/targets", b"unix:///run/a.sock", b"dns://8.8.8.8/host:1"]

PAGE = [b"orders\nkey", b"orders\n6ae3e5bd1a28ee83"]

HTTP1 = [
    b"\x07GET /v1/products?page_size=3 HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
    b"\x10POST /v1/orders HTTP/1.1\r\nHost: a:1\r\nContent-Length: 5\r\n"
    b"Expect: 100-continue\r\n\r\nhello"
    b"GET / HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n",
    b"\x03PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: t\r\n\r\n"
    b"5;a=\"b\"\r\nhello\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nt: v\r\n\r\n",
    b"\x01GET / HTTP/1.0\r\nConnection: keep-alive, x\r\nX: y\r\n\r\n",
    b"\x80OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nGET http://b/c HTTP/1.1\r\nHost: b\r\n\r\n",
]

ROUTE = [
    b"g/v1/{x}\np/v1/{x=a/*}/b:go\tm\n/v1/a%2Fb", b"a/v1/{m.m.x=**}\t*\nc/v1/*/b\n/v1/a/b",
    b"g/a/{x}/{m.x}:v\nd/a/b/c:v\nu/a/{y}\tall\n/a/b/c:v", b"g/a\ng/a\n/a", b"g/a/{x\n/",
    b"g/a/{all}\n/",
]

TRANSCODE = [
    b"GET /v1/shelves/1/books?pageSize=5&kinds=NOVEL&filter.and.author=A+B%26"
    b"&within=1.5s&token=_-8\n",
    b"GET /v1/pages?least=0&read_mask=a,bC&by_title=true&page_siz=1\n\x0a\x03\x12\x01x",
    b'POST /v1/books/search\n{"parent":"a","labels":{"a":"b"},"books":[{"title":"x"}],'
    b'"byAge":true}',
    b'POST /v1/shelves/1/books?book_id=2&url=x\n{"name":"n","printed":"2024-02-29T00:00:00Z"}',
    b'PATCH /v1/shelves/1/books/2?update_mask=title\n{"title":"t","name":"shelves/1/books/2"}',
    b'POST /v1/shelves/1/books:import\n{"bookId":"1"}\n {"book":{"pages":3}}{}\n[',
    b'PUT /v1/tags/7\n["a","b"]', b"GET /files/a/b%2fc\n", b"HEAD /v1/books/b\n", b"X /any/b\n",
]

FRAME = [b"\x03" + b"\0\0\0\0\3abc" + b"\0\0\0\0\0" + b"\1\0\0\0\1z",
         b"\x01" + b"\0\0\0\0\x20" + b"x" * 32 + b"\0\0\0\x20\0", b"\0\2"]

METADATA = [b"\x00\x015" + b"\x01\x06a%20b%" + b"\x02\x04CAMS",
            b"\x03\x09AAEC,AwQF" + b"\x04\x03abc" + b"\x09key\x02vv"]

ETCD_ENDPOINT = [
    b'{"Op":0,"Addr":"127.0.0.1:50051","Metadata":{"weight":3,"version":"1.2.0"}}',
    b'{"Addr":"[::1]:80","Metadata":null,"more":[1]}',
    b'{"Op":1,"Metadata":"text"}',
]

SERVICE_CONFIG = [
    b'{"methodConfig":[{"name":[{"service":"s","method":"m"},{}],"timeout":"1.5s",'
    b'"waitForReady":true,"maxRequestMessageBytes":1,"retryPolicy":{"maxAttempts":4,'
    b'"initialBackoff":"0.1s","maxBackoff":"1s","backoffMultiplier":2,'
    b'"retryableStatusCodes":["unavailable",10]}},{"name":[{"service":"t"}],"hedgingPolicy":'
    b'{"maxAttempts":3,"hedgingDelay":"0s","nonFatalStatusCodes":[14]}}]}',
    b'{"retryThrottling":{"maxTokens":10,"tokenRatio":0.1},"healthCheckConfig":{"serviceName":"s"},'
    b'"loadBalancingConfig":[{"x":{"y":[1]}},{"outlier_detection_experimental":{"interval":"1s",'
    b'"successRateEjection":{"stdevFactor":1900},"childPolicy":[{"least_request_experimental":'
    b'{"choiceCount":2}}]}}]}',
    b'{"loadBalancingPolicy":"ROUND_ROBIN"}',
]

JSON = [
    b'\0{"aDouble":1.5,"anInt64":"-9","aString":"\\u00e9\\n\\ud83d\\ude00","inner":{"number":1,'
    b'"inners":[{},{}]},'
    b'"aBytes":"AAEC","color":"COLOR_RED","doubles":["NaN",-1e300,"Infinity"],"bools":[true,'
    b'false]}',
    b'\0{"byString":{"a":1,"":2},"byBool":{"true":{}},"byUint64":{"1":0.5},'
    b'"bySint64":{"-3":"COLOR_BLUE"},'
    b'"byFixed32":{"7":"AA=="},"maybeInt32":0,"chosenNull":null}',
    b'\0{"timestamp":"1970-01-01T00:00:00.001Z","duration":"-1.5s","mask":"a.b,cD",'
    b'"struct":{"a":[1,null,"x"]},'
    b'"value":null,"list":[[],{}],"empty":{},"wrappedInt64":"1","wrappedBytes":"",'
    b'"durations":{"a":"3s"},"@other":"x"}',
    b'\0{"any":{"@type":"type.googleapis.com/weft.test.Inner","number":2},"wrappedDouble":2,'
    b'"wrappedBool":true}',
    b'\0{"any":{"@type":"x/google.protobuf.Duration","value":"1.000000001s"},"values":[null,1,'
    b'"a",{"b":[]}]}',
    b'\1{"number":1,"text":"a","inner":{"inner":{"inner":{}}}}', b'\2{"a":[1,2.5e-7,{"b":false}]}',
    b'\3"2024-02-29T23:59:59.999999999+23:59"', b'\0001.5s', b"\0COLOR_RED", b"\0true",
]


# What an HTTP/2 peer does, in the opcodes of peer.c. Both roles begin with a manner and no
# settings.
TURN, NO_SETTINGS = b"\x0e", b"\0"


def headers(choice, *extras, op=b"\x00", stream=0):
    return op + bytes([choice, 255, stream, len(extras), *extras, 255])


def trailers(stream, *extras):
    return b"\x04" + bytes([stream, len(extras), *extras, 255])


def message(choice, stream, content):
    return b"\x02" + bytes([choice, stream, len(content)]) + content


NUMBER = {n: bytes([8, n]) for n in range(16)}
SERVER = [b"\x01" + NO_SETTINGS + headers(2 * kind) + message(end, 0, NUMBER[number]) + TURN +
          message(1, 0, NUMBER[number] + b"\x12\x04text") + TURN
          for kind, end, number in [(0, 1, 0), (0, 1, 1), (0, 1, 3), (0, 1, 4), (1, 1, 9), (2, 0,
          0), (2, 0, 1),
                                    (3, 0, 2), (3, 0, 7), (3, 0, 8)]]
SERVER += [b"\x09" + NO_SETTINGS + headers(0, 6, 12, 14) + headers(6, 7) + TURN + b"\x05\0\x08" +
           b"\x06\x01\0\1\0\0" + b"\x08\0" + b"\x0a" + TURN + b"\x0b\0\0" + TURN]
CLIENT = [b"\0" + NO_SETTINGS + b"\x0a" + TURN +
          b"".join(headers(0, stream=stream) + message(0, stream, NUMBER[3] + b"\x12\x04text") +
                   trailers(stream, status, 3) for stream in range(4)) + TURN
          for status in (0, 1, 2)]
CLIENT += [b"\2" + NO_SETTINGS + TURN + headers(1, 1, 4, 14, stream=1) + headers(1, 18, 5,
        stream=0) + TURN +
           b"\x0b\3\0" + TURN + b"\x05\2\7" + TURN,
           b"\4" + NO_SETTINGS + TURN + headers(0, stream=3) + message(0, 3, NUMBER[8]) + TURN +
           message(0, 3, NUMBER[7]) + TURN]
H2 = [bytes([manner]) + seed[1:] for manner in (0x02, 0x16, 0x80) for seed in SERVER[::3]]
H2 += [bytes([manner]) + seed[1:] for manner in (0x03, 0x17, 0x61) for seed in CLIENT]


def field(number, value):
    """A field of bytes (a value under 128 bytes) or a small varint."""
    if isinstance(value, bytes):
        return bytes([(number << 3 | 2) & 0x7F | (0x80 if number > 15 else 0)]) + \
            (bytes([number >> 4]) if number > 15 else b"") + bytes([len(value)]) + value
    return bytes([number << 3, value])


def wire_seeds(build):
    from google.protobuf import descriptor_pool, json_format, message_factory
    pool = descriptor_pool.DescriptorPool()
    for file in json_test_set(build).file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    message = factory.GetPrototype(pool.FindMessageTypeByName("weft.test.Everything"))
    for seed in JSON:
        if seed[:2] == b"\0{":
            yield b"\0" + json_format.Parse(seed[1:], message(),
            descriptor_pool=pool).SerializeToString(
                deterministic=True)
    yield b"\1" + field(1, 3) + field(2, b"text") + field(3, field(3, field(3, b"")))


def json_test_set(build):
    return descriptor_pb2.FileDescriptorSet.FromString(
        (build / "tests/unit/json/json_test.binpb").read_bytes())


def schema_seeds(build):
    """The tests' own contracts are large: a fuzzer is better served by one small file."""
    small = descriptor_pb2.FileDescriptorSet()
    file = small.file.add(name="a.proto", package="a", syntax="proto3")
    message = file.message_type.add(name="M")
    message.field.add(name="x", number=1, type=5, label=1, json_name="x")
    message.field.add(name="m", number=2, type=11, label=3, type_name=".a.M")
    message.field.add(name="e", number=3, type=14, label=1, type_name=".a.E", oneof_index=0)
    message.field.add(name="map", number=4, type=11, label=3, type_name=".a.M.MapEntry")
    message.oneof_decl.add(name="o")
    entry = message.nested_type.add(name="MapEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=9, label=1)
    entry.field.add(name="value", number=2, type=11, label=1, type_name=".a.M")
    file.enum_type.add(name="E").value.add(name="ZERO", number=0)
    method = file.service.add(name="S").method.add(name="Do", input_type=".a.M", output_type=".a.M")
    # google.api.http { get: "/v1/{x}:do" body: "m" }
    method.options.MergeFromString(bytes.fromhex("82d3e493020c") + field(2, b"/v1/{x}:do"))
    yield small.SerializeToString()
    old = descriptor_pb2.FileDescriptorSet()
    file = old.file.add(name="b.proto", package="b")
    message = file.message_type.add(name="N")
    message.field.add(name="g", number=1, type=10, label=1, type_name=".b.N.G")
    message.field.add(name="d", number=2, type=9, label=1, default_value="z")
    message.nested_type.add(name="G")
    yield old.SerializeToString()


def plugin_seeds(build):
    for set_ in schema_seeds(build):
        request = plugin_pb2.CodeGeneratorRequest()
        request.proto_file.extend(descriptor_pb2.FileDescriptorSet.FromString(set_).file)
        request.file_to_generate.append(request.proto_file[0].name)
        location = request.proto_file[0].source_code_info.location.add(path=[6, 0, 2, 0], span=[1,
        2, 3])
        location.leading_comments = " A comment */ of\n  two lines.\n"
        yield request.SerializeToString()


def write(name, seeds):
    folder = HERE / "corpus" / name
    folder.mkdir(parents=True, exist_ok=True)
    for index, seed in enumerate(seeds):
        (folder / f"seed-{index}").write_bytes(seed)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    for name, seeds in [("text", TEXT), ("address", ADDRESS), ("page", PAGE), ("http1", HTTP1),
    ("frame", FRAME),
                        ("metadata", METADATA), ("json", JSON), ("server", SERVER), ("client",
                        CLIENT),
                        ("h2", H2), ("route", ROUTE), ("transcode", TRANSCODE),
                        ("service_config", SERVICE_CONFIG), ("etcd_endpoint", ETCD_ENDPOINT)]:
        write(name, seeds)
    write("json_wire", wire_seeds(build))
    write("codec", wire_seeds(build))
    write("schema", schema_seeds(build))
    write("plugin", plugin_seeds(build))


if __name__ == "__main__":
    main()
