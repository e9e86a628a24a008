"""Our JSON codec beside protobuf's own: random messages must mean the same both ways.

Where the encoding is canonical (maps of at most one entry, fields in order) the wire bytes are
compared, too.
"""

import json
import random
import struct
import subprocess

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

EVERYTHING = "weft.test.Everything"
EDGES = {
    "int32": [0, 1, -1, 2**31 - 1, -(2**31)],
    "int64": [0, 1, -1, 2**63 - 1, -(2**63), 2**53 + 1],
    "uint32": [0, 1, 2**32 - 1],
    "uint64": [0, 1, 2**64 - 1, 2**53 + 1],
}
CHARACTERS = "ab \"\\/\n\t\x01é€𝄞\u2028<>&\x7f"


class Filter:
    """json_filter, asked one message at a time."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [folder / "json_filter", folder / "json_test.binpb"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE
        )

    def ask(self, kind, name, payload):
        name = name.encode()
        head = kind + struct.pack("<I", len(name)) + name + struct.pack("<I", len(payload))
        self.process.stdin.write(head + payload)
        self.process.stdin.flush()
        outcome = self.process.stdout.read(1)
        assert outcome, "json_filter died"
        (length,) = struct.unpack("<I", self.process.stdout.read(4))
        answer = self.process.stdout.read(length)
        return outcome == b"+", answer

    def to_wire(self, name, text):
        return self.ask(b"J", name, text.encode())

    def to_json(self, name, wire):
        return self.ask(b"W", name, wire)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=30) == 0
        self.process.stdout.close()


@pytest.fixture(scope="module")
def codec(build):
    codec = Filter(build / "tests/unit/json")
    yield codec
    codec.close()


@pytest.fixture(scope="module")
def pool(build):
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet()
    files.ParseFromString((build / "tests/unit/json/json_test.binpb").read_bytes())
    for file in files.file:
        pool.Add(file)
    return pool


@pytest.fixture(scope="module")
def make(pool):
    factory = message_factory.MessageFactory(pool)
    return lambda name: factory.GetPrototype(pool.FindMessageTypeByName(name))()


def random_text(rng):
    return "".join(rng.choice(CHARACTERS) for _ in range(rng.choice([0, 1, 3, 10, 150])))


def random_scalar(rng, field):
    kind = field.cpp_type
    if kind == field.CPPTYPE_STRING:
        if field.type == field.TYPE_BYTES:
            return rng.randbytes(rng.choice([0, 1, 2, 3, 50]))
        return random_text(rng)
    if kind == field.CPPTYPE_BOOL:
        return rng.random() < 0.5
    if kind == field.CPPTYPE_ENUM:
        if field.enum_type.full_name == "google.protobuf.NullValue":
            return 0
        return rng.choice([0, 1, -2, 77])
    if kind == field.CPPTYPE_FLOAT:
        values = [0.0, -0.0, 1.5, 0.1, 1e38, 1e-45, float("inf"), float("-inf"), float("nan")]
        near = struct.unpack("<f", struct.pack("<f", rng.uniform(-1e6, 1e6)))[0]
        return rng.choice([*values, near])
    if kind == field.CPPTYPE_DOUBLE:
        values = [0.0, -0.0, 0.1, 1e308, 5e-324, 1e23, float("inf"), float("-inf"), float("nan")]
        values += [rng.uniform(-1e6, 1e6), rng.random() * 10 ** rng.randint(-300, 300)]
        return rng.choice(values)
    names = {
        field.CPPTYPE_INT32: "int32",
        field.CPPTYPE_INT64: "int64",
        field.CPPTYPE_UINT32: "uint32",
        field.CPPTYPE_UINT64: "uint64",
    }
    edges = EDGES[names[kind]]
    return rng.choice(edges + [rng.randint(min(edges), max(edges))])


def fill_struct(rng, value, depth):
    kind = rng.choice(["null", "number", "string", "bool"] + ["struct", "list"] * (depth > 0))
    if kind == "null":
        value.null_value = 0
    elif kind == "number":
        value.number_value = rng.choice([0.0, -1.5, 1e300, 3.0])
    elif kind == "string":
        value.string_value = random_text(rng)
    elif kind == "bool":
        value.bool_value = rng.random() < 0.5
    elif kind == "struct":
        value.struct_value.SetInParent()
        if rng.random() < 0.7:
            fill_struct(rng, value.struct_value.fields[random_text(rng)], depth - 1)
    else:
        value.list_value.SetInParent()
        for _ in range(rng.randint(0, 3)):
            fill_struct(rng, value.list_value.values.add(), depth - 1)


def fill_any(rng, message, pool, depth):
    name = rng.choice(["weft.test.Inner", "google.protobuf.Duration", "google.protobuf.Empty",
                       "google.protobuf.Int64Value"])
    inner = message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName(name))()
    fill(rng, inner, pool, depth - 1, 1)
    message.Pack(inner, deterministic=True)


def fill_well_known(rng, message, pool, depth):
    """Fills a message that has JSON of its own; False: it is an ordinary one."""
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        message.seconds = rng.choice([0, -62135596800, 253402300799,
                                      rng.randint(-(10**10), 10**10)])
        message.nanos = rng.choice([0, 1, 1000, 500000000, 999999999])
    elif name == "google.protobuf.Duration":
        sign = rng.choice([-1, 1])
        message.seconds = sign * rng.choice([0, 1, 315575999999])
        message.nanos = sign * rng.choice([0, 1, 1000, 500000000])
    elif name == "google.protobuf.FieldMask":
        message.paths.extend(rng.sample(["foo", "foo_bar", "a.b_c.d"], rng.randint(0, 3)))
    elif name == "google.protobuf.Value":
        fill_struct(rng, message, 3)
    elif name == "google.protobuf.Struct":
        fill_struct(rng, message.fields[random_text(rng)], 2)
    elif name == "google.protobuf.ListValue":
        for _ in range(rng.randint(0, 3)):
            fill_struct(rng, message.values.add(), 2)
    elif name == "google.protobuf.Any":
        fill_any(rng, message, pool, depth)
    else:
        return False
    return True


def fill_map(rng, message, field, pool, depth, most):
    fields = field.message_type.fields_by_name
    key, value = fields["key"], fields["value"]
    entries = getattr(message, field.name)
    for _ in range(rng.randint(0, most)):
        name = random_scalar(rng, key)
        if value.message_type:
            fill(rng, entries[name], pool, depth - 1, most)
        else:
            entries[name] = random_scalar(rng, value)


def fill_field(rng, message, field, pool, depth, most):
    repeated = field.label == field.LABEL_REPEATED
    if repeated and field.message_type and field.message_type.GetOptions().map_entry:
        fill_map(rng, message, field, pool, depth, most)
    elif repeated and field.message_type:
        for _ in range(rng.randint(0, 3)):
            fill(rng, getattr(message, field.name).add(), pool, depth - 1, most)
    elif repeated:
        getattr(message, field.name).extend(
            random_scalar(rng, field) for _ in range(rng.choice([1, 2, 40])))
    elif field.message_type:
        getattr(message, field.name).SetInParent()
        fill(rng, getattr(message, field.name), pool, depth - 1, most)
    else:
        setattr(message, field.name, random_scalar(rng, field))


def fill(rng, message, pool, depth, most):
    """Sets some of a message's fields; maps get up to `most` entries."""
    if depth <= 0 or fill_well_known(rng, message, pool, depth):
        return
    for field in message.DESCRIPTOR.fields:
        if rng.random() < rng.choice([0.1, 0.6]):
            fill_field(rng, message, field, pool, depth, most)


@pytest.mark.parametrize("most", [1, 4])
def test_random_messages_mean_the_same_both_ways(codec, pool, make, most):
    rng = random.Random(most)
    for _ in range(300):
        message = make(EVERYTHING)
        fill(rng, message, pool, 4, most)
        wire = message.SerializeToString(deterministic=True)

        ok, text = codec.to_json(EVERYTHING, wire)
        assert ok, text
        theirs = json_format.MessageToDict(message, descriptor_pool=pool)
        assert json.loads(text).keys() == theirs.keys()
        again = json_format.Parse(text, make(EVERYTHING), descriptor_pool=pool)
        assert again.SerializeToString(deterministic=True) == wire

        text = json_format.MessageToJson(message, descriptor_pool=pool)
        ok, ours = codec.to_wire(EVERYTHING, text)
        assert ok, ours
        if most == 1:
            assert ours == wire
        again = make(EVERYTHING)
        again.ParseFromString(ours)
        assert again.SerializeToString(deterministic=True) == wire


def normalised(value):
    """Numbers compare by value (their 1.0 is our 1)."""
    if isinstance(value, dict):
        return {key: normalised(item) for key, item in value.items()}
    if isinstance(value, list):
        return [normalised(item) for item in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    return value


def test_fields_scattered_on_the_wire_are_gathered(codec, make):
    """Any order, lists apart, the last of a singular field, submessages in pieces: as protobuf's
    parser merges them."""
    rng = random.Random(5)
    for _ in range(200):
        pieces = []
        for _ in range(6):
            piece = make("weft.test.Everything")
            for name in ("an_int32", "a_string", "unpacked", "int32s", "inner", "by_string",
                         "chosen_int32", "chosen_inner", "strings", "by_bool", "inners"):
                if rng.random() < 0.4:
                    fill_field(rng, piece, piece.DESCRIPTOR.fields_by_name[name], None, 3, 3)
            pieces.append(piece.SerializeToString())
        wire = b"".join(pieces)
        merged = make(EVERYTHING)
        merged.ParseFromString(wire)
        ok, text = codec.to_json(EVERYTHING, wire)
        assert ok, text
        assert normalised(json.loads(text)) == normalised(json_format.MessageToDict(merged))


def test_proto2_has_presence_and_groups(codec, make):
    message = make("weft.test.Elder")
    message.number = 0
    message.text = ""
    message.numbers.extend([1, 0])
    message.packed.extend([1, 0])
    message.pair.left = 7
    ok, text = codec.to_json("weft.test.Elder", message.SerializeToString())
    assert ok and json.loads(text) == json_format.MessageToDict(message)
    ok, wire = codec.to_wire("weft.test.Elder", text.decode())
    assert ok and wire == message.SerializeToString()


def test_hostile_bytes_are_refused_or_understood(codec, pool, make):
    """Cut and flipped wire bytes never do worse than be refused; what is JSON then reads back."""
    rng = random.Random(9)
    for _ in range(400):
        message = make(EVERYTHING)
        fill(rng, message, pool, 3, 2)
        wire = bytearray(message.SerializeToString())
        for _ in range(rng.randint(1, 4)):
            if wire:
                wire[rng.randrange(len(wire))] = rng.randrange(256)
        ok, text = codec.to_json(EVERYTHING, bytes(wire[: rng.randint(0, len(wire))]))
        if ok:
            json.loads(text)


def test_hostile_text_is_refused_or_understood(codec, pool, make):
    rng = random.Random(10)
    for _ in range(400):
        message = make(EVERYTHING)
        fill(rng, message, pool, 3, 2)
        text = list(json_format.MessageToJson(message, descriptor_pool=pool, indent=None))
        for _ in range(rng.randint(1, 3)):
            text[rng.randrange(len(text))] = rng.choice('{}[]",:0123e-.\\u tfn')
        ok, answer = codec.to_wire(EVERYTHING, "".join(text))
        if ok:
            make(EVERYTHING).ParseFromString(answer)
