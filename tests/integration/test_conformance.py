"""protobuf's conformance rules for proto3, binary and JSON, asked of weft-conformance as its
official runner does, which is no part of the suite. Python's protobuf says what bytes mean.
"""

import itertools
import struct
import subprocess

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

ALL_TYPES = "protobuf_test_messages.proto3.TestAllTypesProto3"
URL = "type.googleapis.com/"
PROTOBUF, JSON, JSPB, TEXT = 1, 2, 3, 4  # conformance.WireFormat


@pytest.fixture(scope="module")
def pool(build):
    files = descriptor_pb2.FileDescriptorSet()
    files.ParseFromString((build / "tests/conformance/conformance.binpb").read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


@pytest.fixture(scope="module")
def make(pool):
    factory = message_factory.MessageFactory(pool)
    return lambda name=ALL_TYPES: factory.GetPrototype(pool.FindMessageTypeByName(name))()


class Program:
    def __init__(self, program, make):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.make = make

    def ask(self, output, **request):
        """The answer's kind and payload."""
        asked = self.make("conformance.ConformanceRequest")
        for name, value in {"message_type": ALL_TYPES, **request}.items():
            setattr(asked, name, value)
        asked.requested_output_format = output
        asked = asked.SerializeToString()
        self.process.stdin.write(struct.pack("<I", len(asked)) + asked)
        self.process.stdin.flush()
        (length,) = struct.unpack("<I", self.process.stdout.read(4))
        answer = self.make("conformance.ConformanceResponse")
        answer.ParseFromString(self.process.stdout.read(length))
        kind = answer.WhichOneof("result")
        return kind, getattr(answer, kind)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=30) == 0
        self.process.stdout.close()


@pytest.fixture(scope="module")
def tested(build, make):
    tested = Program(build / "tests/conformance/weft-conformance", make)
    yield tested
    tested.close()


@pytest.fixture
def message(make, pool):
    """A message from text format, or from bytes."""

    def parsed(source):
        made = make()
        if isinstance(source, bytes):
            made.ParseFromString(source)
        else:
            text_format.Parse(source, made, descriptor_pool=pool)
        return made

    return parsed


# ---- JSON ----

# What it means, as text format.
MEANINGS = {
    "both names": ('{"optionalInt32": 1, "optional_int64": 2}',
                   "optional_int32: 1 optional_int64: 2"),
    "odd names": ('{"fieldname1": 1, "FieldName3": 3, "fieldName4": 4, "FIELDNAME11": 11,'
                  ' "FieldName8": 8, "FieldName13": 13, "fieldName16": 16, "fieldName17": 17}',
                  "fieldname1: 1 _field_name3: 3 field__name4_: 4 FIELD_NAME11: 11 FieldName8: 8"
                  " __field_name13: 13 field__Name16: 16 field_name17__: 17"),
    "names as declared": ('{"_field_name3": 3, "field__name4_": 4, "Field_Name10": 10}',
                          "_field_name3: 3 field__name4_: 4 Field_Name10: 10"),
    "escaped name": (r'{"\u006fptionalInt32": 1}', "optional_int32: 1"),
    "int32 most": ('{"optionalInt32": 2147483647}', "optional_int32: 2147483647"),
    "int32 least": ('{"optionalInt32": "-2147483648"}', "optional_int32: -2147483648"),
    "uint32 most": ('{"optionalUint32": 4294967295}', "optional_uint32: 4294967295"),
    "int64 most": ('{"optionalInt64": "9223372036854775807"}',
                   "optional_int64: 9223372036854775807"),
    "int64 bare": ('{"optionalInt64": -9223372036854775808}',
                   "optional_int64: -9223372036854775808"),
    "uint64 most": ('{"optionalUint64": "18446744073709551615"}',
                    "optional_uint64: 18446744073709551615"),
    "int exponent": ('{"optionalInt32": 1e5, "optionalInt64": 12.0e1, "optionalUint32": 100.000}',
                     "optional_int32: 100000 optional_int64: 120 optional_uint32: 100"),
    "minus zero": ('{"optionalInt32": -0}', ""),
    "float": ('{"optionalFloat": 3.402823e+38, "optionalDouble": "1.5"}',
              "optional_float: 3.402823e+38 optional_double: 1.5"),
    "float tiny": ('{"optionalFloat": 1.175494e-38, "optionalDouble": 2.22507e-308}',
                   "optional_float: 1.175494e-38 optional_double: 2.22507e-308"),
    "not finite": ('{"optionalFloat": "NaN", "optionalDouble": "-Infinity"}',
                   "optional_float: nan optional_double: -inf"),
    "infinity": ('{"optionalFloat": "Infinity"}', "optional_float: inf"),
    "bool": ('{"optionalBool": true}', "optional_bool: true"),
    "false": ('{"optionalBool": false}', ""),
    "escapes": (r'{"optionalString": "\"\\\/\b\f\n\r\t\u8C37\u6b4c\uD83D\uDE01"}',
                r"optional_string: '\"\\/\b\f\n\r\t谷歌😁'"),
    "NUL": (r'{"optionalString": "a\u0000b"}', r"optional_string: 'a\000b'"),
    "base64": ('{"optionalBytes": "AQI="}', r"optional_bytes: '\001\002'"),
    "base64 of URLs": ('{"optionalBytes": "-_8"}', r"optional_bytes: '\373\377'"),
    "enum name": ('{"optionalNestedEnum": "BAR"}', "optional_nested_enum: BAR"),
    "enum alias": ('{"optionalAliasedEnum": "bAz"}', "optional_aliased_enum: ALIAS_BAZ"),
    "enum number": ('{"optionalNestedEnum": -1}', "optional_nested_enum: NEG"),
    "enum unknown": ('{"optionalNestedEnum": 123}', "optional_nested_enum: 123"),
    "message": ('{"optionalNestedMessage": {"a": 1234}, "recursiveMessage": {}}',
                "optional_nested_message: {a: 1234} recursive_message: {}"),
    "list": ('{"repeatedInt32": [1, "2", 3e0], "repeatedString": []}',
             "repeated_int32: [1, 2, 3]"),
    "packed": ('{"packedBool": [true, false], "unpackedSint64": ["-1"]}',
               "packed_bool: [true, false] unpacked_sint64: -1"),
    "maps": ('{"mapInt32Int32": {"1": 2}, "mapBoolBool": {"true": false},'
             ' "mapStringString": {"": ""}, "mapStringNestedMessage": {"a": {"a": 1}},'
             ' "mapStringForeignEnum": {"b": 1}}',
             "map_int32_int32: {key: 1 value: 2} map_bool_bool: {key: true value: false}"
             " map_string_string: {key: '' value: ''}"
             " map_string_nested_message: {key: 'a' value: {a: 1}}"
             " map_string_foreign_enum: {key: 'b' value: FOREIGN_BAR}"),
    "oneof zero": ('{"oneofUint32": 0}', "oneof_uint32: 0"),
    "oneof empty": ('{"oneofString": ""}', "oneof_string: ''"),
    "oneof null": ('{"oneofUint32": null, "oneofString": "x"}', "oneof_string: 'x'"),
    "oneof NullValue": ('{"oneofNullValue": null}', "oneof_null_value: NULL_VALUE"),
    "NullValue by name": ('{"oneofNullValue": "NULL_VALUE"}', "oneof_null_value: NULL_VALUE"),
    "nulls": ('{"optionalInt32": null, "repeatedString": null, "mapInt32Int32": null,'
              ' "optionalNestedMessage": null, "optionalNestedEnum": null, "optionalBytes": null,'
              ' "optionalBoolWrapper": null, "optionalTimestamp": null, "optionalAny": null}', ""),
    "wrappers": ('{"optionalBoolWrapper": false, "optionalInt64Wrapper": "1",'
                 ' "optionalStringWrapper": "", "optionalBytesWrapper": "AQI=",'
                 ' "repeatedDoubleWrapper": [0, "NaN"]}',
                 "optional_bool_wrapper: {} optional_int64_wrapper: {value: 1}"
                 " optional_string_wrapper: {} optional_bytes_wrapper: {value: '\001\002'}"
                 " repeated_double_wrapper: {} repeated_double_wrapper: {value: nan}"),
    "duration most": ('{"optionalDuration": "315576000000.999999999s"}',
                      "optional_duration: {seconds: 315576000000 nanos: 999999999}"),
    "duration least": ('{"optionalDuration": "-315576000000.999999999s"}',
                       "optional_duration: {seconds: -315576000000 nanos: -999999999}"),
    "duration small": ('{"repeatedDuration": ["1.5s", "-0.5s"]}',
                       "repeated_duration: {seconds: 1 nanos: 500000000}"
                       " repeated_duration: {nanos: -500000000}"),
    "time least": ('{"optionalTimestamp": "0001-01-01T00:00:00Z"}',
                   "optional_timestamp: {seconds: -62135596800}"),
    "time most": ('{"optionalTimestamp": "9999-12-31T23:59:59.999999999Z"}',
                  "optional_timestamp: {seconds: 253402300799 nanos: 999999999}"),
    "time offsets": ('{"repeatedTimestamp": ["1970-01-01T08:00:01+08:00",'
                     ' "1969-12-31T16:00:01-08:00"]}',
                     "repeated_timestamp: {seconds: 1} repeated_timestamp: {seconds: 1}"),
    "leap day": ('{"optionalTimestamp": "2000-02-29T00:00:00Z"}',
                 "optional_timestamp: {seconds: 951782400}"),
    "mask": ('{"optionalFieldMask": "foo,barBaz", "repeatedFieldmask": [""]}',
             "optional_field_mask: {paths: ['foo', 'bar_baz']} repeated_fieldmask: {}"),
    "struct": ('{"optionalStruct": {"a": null, "b": 1.5, "c": [true, "d"], "e": {"f": 0}}}',
               "optional_struct: {"
               "fields: {key: 'a' value: {null_value: NULL_VALUE}}"
               "fields: {key: 'b' value: {number_value: 1.5}}"
               "fields: {key: 'c' value: {list_value: {values: {bool_value: true}"
               " values: {string_value: 'd'}}}}"
               "fields: {key: 'e' value: {struct_value:"
               " {fields: {key: 'f' value: {number_value: 0}}}}}}"),
    "value null": ('{"optionalValue": null}', "optional_value: {null_value: NULL_VALUE}"),
    "values": ('{"repeatedValue": [[], {}, false], "repeatedListValue": [["a"]]}',
               "repeated_value: {list_value: {}} repeated_value: {struct_value: {}}"
               " repeated_value: {bool_value: false}"
               " repeated_list_value: {values: {string_value: 'a'}}"),
    "any": ('{"optionalAny": {"optionalInt32": 5, "@type": "%s%s"}}' % (URL, ALL_TYPES),
            "optional_any: {[%s%s] {optional_int32: 5}}" % (URL, ALL_TYPES)),
    "any of any": ('{"optionalAny": {"@type": "%sgoogle.protobuf.Any", "value":'
                   ' {"@type": "%sgoogle.protobuf.Duration", "value": "1.5s"}}}' % (URL, URL),
                   "optional_any: {[%sgoogle.protobuf.Any]"
                   " {[%sgoogle.protobuf.Duration] {seconds: 1 nanos: 500000000}}}" % (URL, URL)),
    "any of value": ('{"optionalAny": {"@type": "%sgoogle.protobuf.Value", "value": 1}}' % URL,
                     "optional_any: {[%sgoogle.protobuf.Value] {number_value: 1}}" % URL),
    "any empty": ('{"optionalAny": {}}', "optional_any: {}"),
}


@pytest.mark.parametrize("row", MEANINGS.values(), ids=MEANINGS)
def test_json_means(tested, message, row):
    text, meaning = row
    kind, wire = tested.ask(PROTOBUF, json_payload=text)
    assert kind == "protobuf_payload", wire
    assert message(wire) == message(meaning) or str(message(wire)) == str(message(meaning))

    kind, again = tested.ask(JSON, json_payload=text)
    assert kind == "json_payload", again
    kind, second = tested.ask(PROTOBUF, json_payload=again)
    assert kind == "protobuf_payload" and str(message(second)) == str(message(meaning))


# What is written, to the letter.
FORMS = {
    "nothing": ("", "{}"),
    "int32": ("optional_int32: -1", '{"optionalInt32":-1}'),
    "int64": ("optional_int64: 1 optional_fixed64: 2",
              '{"optionalInt64":"1","optionalFixed64":"2"}'),
    "double": ("optional_double: 0.1 optional_float: 0.1",
               '{"optionalFloat":0.1,"optionalDouble":0.1}'),
    "not finite": ("optional_float: nan optional_double: inf",
                   '{"optionalFloat":"NaN","optionalDouble":"Infinity"}'),
    "escapes": (r"optional_string: '\"\\/\b\f\n\r\t\001\177é'",
                r'{"optionalString":"\"\\/\b\f\n\r\t\u0001' + '\x7fé"}'),
    "bytes": (r"optional_bytes: '\373\377'", '{"optionalBytes":"+/8="}'),
    "enum": ("optional_nested_enum: NEG", '{"optionalNestedEnum":"NEG"}'),
    "enum alias": ("optional_aliased_enum: MOO", '{"optionalAliasedEnum":"ALIAS_BAZ"}'),
    "enum unknown": ("optional_nested_enum: 123", '{"optionalNestedEnum":123}'),
    "oneof zero": ("oneof_bool: false", '{"oneofBool":false}'),
    "NullValue": ("oneof_null_value: NULL_VALUE", '{"oneofNullValue":null}'),
    "map keys": ("map_bool_bool: {key: true value: true} map_int64_int64: {key: 1 value: 2}",
                 '{"mapInt64Int64":{"1":"2"},"mapBoolBool":{"true":true}}'),
    "wrappers": ("optional_bool_wrapper: {} optional_uint64_wrapper: {value: 1}",
                 '{"optionalBoolWrapper":false,"optionalUint64Wrapper":"1"}'),
    "duration 0": ("optional_duration: {seconds: 1}", '{"optionalDuration":"1s"}'),
    "duration 3": ("optional_duration: {seconds: 1 nanos: 10000000}",
                   '{"optionalDuration":"1.010s"}'),
    "duration 6": ("optional_duration: {seconds: 1 nanos: 10000}",
                   '{"optionalDuration":"1.000010s"}'),
    "duration 9": ("optional_duration: {seconds: -1 nanos: -10}",
                   '{"optionalDuration":"-1.000000010s"}'),
    "time 0": ("optional_timestamp: {}", '{"optionalTimestamp":"1970-01-01T00:00:00Z"}'),
    "time 3": ("optional_timestamp: {nanos: 10000000}",
               '{"optionalTimestamp":"1970-01-01T00:00:00.010Z"}'),
    "time 9": ("optional_timestamp: {seconds: -1 nanos: 10}",
               '{"optionalTimestamp":"1969-12-31T23:59:59.000000010Z"}'),
    "mask": ("optional_field_mask: {paths: ['foo', 'bar_baz.qux']}",
             '{"optionalFieldMask":"foo,barBaz.qux"}'),
    "value": ("optional_value: {list_value: {values: {null_value: NULL_VALUE}}}",
              '{"optionalValue":[null]}'),
    "any": ("optional_any: {[%sgoogle.protobuf.Int32Value] {value: 7}}" % URL,
            '{"optionalAny":{"@type":"%sgoogle.protobuf.Int32Value","value":7}}' % URL),
}


@pytest.mark.parametrize("row", FORMS.values(), ids=FORMS)
def test_json_is_written(tested, message, row):
    source, text = row
    wire = message(source).SerializeToString()
    assert tested.ask(JSON, protobuf_payload=wire) == ("json_payload", text)


# Refused, with these words.
REFUSED = {
    "null": ("null", "expected an object"),
    "unknown field": ('{"unknown": 1}', 'column 2: unknown: no field "unknown"'),
    "twice": ('{"optionalInt32": 1, "optionalInt32": 2}', "is given twice"),
    "twice by both names": ('{"optional_int32": 1, "optionalInt32": 2}', "is given twice"),
    "oneof twice": ('{"oneofUint32": 1, "oneofString": "x"}', "only one can be"),
    "name unquoted": ("{optionalInt32: 1}", "expected a name in quotes"),
    "name single quoted": ("{'optionalInt32': 1}", "expected a name in quotes"),
    "trailing comma": ('{"optionalInt32": 1,}', "nothing after it"),
    "trailing comma in list": ('{"repeatedInt32": [1 , ]}', "nothing after it"),
    "comment": ('{"optionalInt32": 1} // one', "more text"),
    "two values": ("{} {}", "more text"),
    "int32 too large": ('{"optionalInt32": 2147483648}', "out of range"),
    "int32 too small": ('{"optionalInt32": -2147483649}', "out of range"),
    "uint32 negative": ('{"optionalUint32": -1}', "out of range"),
    "int64 too large": ('{"optionalInt64": "9223372036854775808"}', "out of range"),
    "uint64 too large": ('{"optionalUint64": 18446744073709551616}', "out of range"),
    "not whole": ('{"optionalInt32": 0.5}', "is not an int32"),
    "string is no number": ('{"optionalInt32": "3x3"}', "is not an int32"),
    "empty is no number": ('{"optionalInt32": ""}', "is not an int32"),
    "space in number": ('{"optionalInt32": " 1"}', "is not an int32"),
    "leading zero": ('{"optionalInt32": 01}', "must not begin with 0"),
    "plus": ('{"optionalInt32": +1}', "expected a number"),
    "double too large": ('{"optionalDouble": 1.89769e+308}', "out of range"),
    "float too large": ('{"optionalFloat": -3.502823e+38}', "out of range"),
    "bare NaN": ('{"optionalDouble": NaN}', "expected a number"),
    "bare Infinity": ('{"optionalDouble": Infinity}', "expected a number"),
    "bool as number": ('{"optionalBool": 0}', "expected true or false"),
    "bool in quotes": ('{"optionalBool": "true"}', "expected true or false"),
    "number as string": ('{"optionalString": 12345}', "expected a string"),
    "single quotes": ("{\"optionalString\": 'x'}", "expected a string"),
    "uppercase escape": (r'{"optionalString": "\U8C37"}', "no such escape"),
    "control character": ('{"optionalString": "\n"}', "control character"),
    "half a surrogate": (r'{"optionalString": "\uD800"}', "high surrogate"),
    "surrogates the wrong way": (r'{"optionalString": "\uDE01\uD83D"}', "low surrogate"),
    "not base64": ('{"optionalBytes": "!!"}', "is not base64"),
    "enum unknown": ('{"optionalNestedEnum": "UNKNOWN"}', "is no value of"),
    "enum fraction": ('{"optionalNestedEnum": 0.5}', "is no value of"),
    "string is no message": ('{"optionalNestedMessage": ""}', "expected an object"),
    "list where one": ('{"optionalInt32": [1]}', "expected a number"),
    "one where list": ('{"repeatedInt32": 1}', "expected an array"),
    "null in list": ('{"repeatedInt32": [1, null]}', "null is no element"),
    "null message in list": ('{"repeatedNestedMessage": [null]}', "null is no element"),
    "null in map": ('{"mapInt32Int32": {"0": null}}', "null is no value"),
    "key twice": ('{"mapInt32Int32": {"1": 1, "1e0": 2}}', "given twice"),
    "key of wrong type": ('{"mapBoolBool": {"yes": true}}', "is not a bool"),
    "key unquoted": ('{"mapInt32Int32": {1: 2}}', "expected a name in quotes"),
    "duration without s": ('{"optionalDuration": "1"}', "expected a duration"),
    "duration too large": ('{"optionalDuration": "315576000001.000000000s"}', "longer than"),
    "duration too small": ('{"optionalDuration": "-315576000001.000000000s"}', "longer than"),
    "time of year 0": ('{"optionalTimestamp": "0000-01-01T00:00:00Z"}', "years 1 to 9999"),
    "time of five digits": ('{"optionalTimestamp": "10000-01-01T00:00:00Z"}', "expected a time"),
    "time without zone": ('{"optionalTimestamp": "0001-01-01T00:00:00"}', "expected a time"),
    "time without T": ('{"optionalTimestamp": "0001-01-01 00:00:00Z"}', "expected a time"),
    "time with z": ('{"optionalTimestamp": "0001-01-01T00:00:00z"}', "expected a time"),
    "time with t": ('{"optionalTimestamp": "0001-01-01t00:00:00Z"}', "expected a time"),
    "time on no leap day": ('{"optionalTimestamp": "2001-02-29T00:00:00Z"}', "expected a time"),
    "mask with _": ('{"optionalFieldMask": "foo,bar_bar"}', "expected field names"),
    "any without type": ('{"optionalAny": {"value": 1}}', 'needs its "@type"'),
    "any of unknown type": ('{"optionalAny": {"@type": "%sx.Y"}}' % URL, "no type"),
    "any of no URL": ('{"optionalAny": {"@type": "Int32Value", "value": 1}}', "no type"),
    "any twice": ('{"optionalAny": {"value": 1, "@type": "%sgoogle.protobuf.Int32Value",'
                  ' "value": 1}}' % URL, "is given twice"),
}


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED)
def test_json_is_refused(tested, row):
    text, words = row
    kind, sentence = tested.ask(JSON, json_payload=text)
    assert kind == "parse_error" and words in sentence, sentence
    assert sentence.startswith("line ")


# Right in binary, without a form in JSON.
UNWRITABLE = {
    "duration too large": "optional_duration: {seconds: 315576000001}",
    "duration of two signs": "optional_duration: {seconds: 1 nanos: -1}",
    "time too early": "optional_timestamp: {seconds: -62135596801}",
    "time too late": "optional_timestamp: {seconds: 253402300800}",
    "mask of capitals": "optional_field_mask: {paths: 'fooBar'}",
    "mask with digits": "optional_field_mask: {paths: 'foo_3_bar'}",
    "mask with __": "optional_field_mask: {paths: 'foo__bar'}",
    "mask with comma": "optional_field_mask: {paths: 'foo,bar'}",
    "value NaN": "optional_value: {number_value: nan}",
    "any of unknown type": "optional_any: {type_url: 'a/x.Y' value: 'x'}",
}


@pytest.mark.parametrize("source", UNWRITABLE.values(), ids=UNWRITABLE)
def test_json_cannot_say(tested, message, source):
    wire = message(source).SerializeToString()
    assert tested.ask(JSON, protobuf_payload=wire)[0] == "serialize_error"
    assert tested.ask(PROTOBUF, protobuf_payload=wire) == ("protobuf_payload", wire)


UNKNOWN = ['1', '"a"', 'true', 'null', '[1, {"b": 2}]', '{"a": {"a": []}}']


@pytest.mark.parametrize("value", UNKNOWN)
def test_unknown_fields_are_dropped_on_request(tested, value):
    text = '{"optionalInt32": 1, "unknown": %s}' % value
    answer = tested.ask(PROTOBUF, json_payload=text, test_category=3)
    assert answer == ("protobuf_payload", b"\x08\x01")
    assert tested.ask(PROTOBUF, json_payload=text, test_category=2)[0] == "parse_error"


# ---- binary ----

VARINTS = [0, 1, 12345, 2**31 - 1, 2**32 - 1, 2**33, 2**33 - 1, 2**63 - 1, 2**63 + 1, 2**64 - 1]
NUMBERS = {
    "int32": VARINTS, "int64": VARINTS, "uint32": VARINTS, "uint64": VARINTS, "sint32": VARINTS,
    "sint64": VARINTS, "bool": VARINTS, "nested_enum": VARINTS,
    "fixed32": [0, 12345, 2**32 - 1], "sfixed32": [0, 2**31], "float": [0, 0x3F800000, 0x00800000],
    "fixed64": [0, 12345, 2**64 - 1], "sfixed64": [0, 2**63], "double": [0, 0x3FF0000000000000],
}


def varint(value, longer=0):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    if longer:
        return out + bytes([value | 128]) + b"\x80" * (longer - 1) + b"\0"
    return out + bytes([value])


def field(number, value, kind=0):
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3 | kind) + scalar(value, kind)


def scalar(value, kind):
    return varint(value) if kind == 0 else struct.pack("<Q" if kind == 1 else "<I", value)


def kind_of(name):
    return 1 if name in ("fixed64", "sfixed64", "double") else 5 if name.endswith(
        ("fixed32", "float")) else 0


def roundtrip(tested, message, wire):
    """The answer means what Python reads, and is as short as what Python writes."""
    kind, answer = tested.ask(PROTOBUF, protobuf_payload=wire)
    assert kind == "protobuf_payload", answer
    theirs = message(wire)
    assert str(message(answer)) == str(theirs)
    assert sorted(answer) == sorted(theirs.SerializeToString())
    return answer


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(tested, message, make, name):
    kind = kind_of(name)
    numbers = {f.name: f.number for f in make().DESCRIPTOR.fields}
    for prefix in ("optional_", "repeated_", "packed_", "unpacked_"):
        number = numbers.get(prefix + name, numbers["repeated_" + name])
        for value in NUMBERS[name]:
            roundtrip(tested, message, field(number, value, kind))
        both = field(number, NUMBERS[name][-1], kind) + field(number, NUMBERS[name][1], kind)
        roundtrip(tested, message, both)
        if prefix != "optional_":
            run = b"".join(scalar(value, kind) for value in NUMBERS[name])
            packed = roundtrip(tested, message, field(number, run) + both)
            single = b"".join(field(number, value, kind) for value in NUMBERS[name])
            assert roundtrip(tested, message, single + both) == packed
            for cut in range(1, min(len(run), 4)):
                broken = field(number, run[:-cut] if kind else run[:1] + b"\x80" * cut)
                if kind and (len(run) - cut) % (8 if kind == 1 else 4) == 0:
                    continue
                assert tested.ask(PROTOBUF, protobuf_payload=broken)[0] == "parse_error"


@pytest.mark.parametrize("longer", [1, 2, 7])
def test_long_varints(tested, message, longer):
    assert roundtrip(tested, message, b"\x08" + varint(12345, longer)) == b"\x08\xb9\x60"


def test_strings_and_messages(tested, message):
    for text in (b"", b"a", "谷歌😁".encode(), b"\0"):
        for number in (14, 15, 44, 45, 113, 114):
            roundtrip(tested, message, field(number, b"before") + field(number, text))
    for inside in (b"", field(1, 1234), field(1, 0), field(9, b"unknown")):
        for number in (18, 27, 48, 112):
            roundtrip(tested, message, field(number, inside))
            roundtrip(tested, message, field(number, inside) + field(number, field(1, 7)))


def test_submessages_are_merged(tested, message):
    first = field(1, 5) + field(2, field(89, 1) + field(31, 1))
    second = field(2, field(89, 2) + field(31, 2))
    for number in (18, 112):
        roundtrip(tested, message, field(number, first) + field(1, 1) + field(number, second))


def test_the_last_of_a_oneof_stays(tested, message):
    members = [field(111, 7), field(112, field(1, 7)), field(113, b"x"), field(114, b"y"),
               field(115, 1), field(116, 8), field(117, 0, 5), field(118, 0, 1), field(119, 1)]
    for first, second in itertools.permutations(members, 2):
        assert roundtrip(tested, message, first + second) == second
    assert roundtrip(tested, message, members[1] + members[0] + members[1]) == members[1]


ENTRIES = {
    "none": b"", "key": field(1, b"k"), "value": field(2, field(1, 3)),
    "both": field(1, b"k") + field(2, field(1, 3)),
    "turned": field(2, field(1, 3)) + field(1, b"k"),
    "value twice": field(2, field(1, 3)) + field(2, field(2, b"")) + field(1, b"k"),
    "key twice": field(1, b"l") + field(1, b"k"), "unknown": field(3, b"x") + field(1, b"k"),
}


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_map_entries(tested, message, entry):
    for wire in (field(71, entry), field(71, field(1, b"k")) + field(71, entry)):
        kind, answer = tested.ask(PROTOBUF, protobuf_payload=wire)
        assert kind == "protobuf_payload", answer
        ours, theirs = (dict(message(one).map_string_nested_message) for one in (answer, wire))
        assert ours == theirs and len(ours) == answer.count(b"\xba\x04")


def test_map_numbers(tested, message):
    wire = field(56, field(1, 1) + field(2, 2)) + field(56, field(1, 2**32 + 1) + field(2, 3))
    assert tested.ask(PROTOBUF, protobuf_payload=wire) == ("protobuf_payload",
                                                           field(56, field(1, 1) + field(2, 3)))
    assert tested.ask(JSON, protobuf_payload=wire) == ("json_payload", '{"mapInt32Int32":{"1":3}}')


def test_unknown_fields_stay_in_their_order(tested, message):
    group = b"\xab\x1f\x08\x01\xac\x1f"
    unknown = field(501, 1) + field(510, b"x") + field(502, 1, 5) + group + field(501, 2)
    assert tested.ask(PROTOBUF, protobuf_payload=unknown + field(1, 1))[1] == field(1, 1) + unknown
    nested = field(18, field(501, 1))
    assert roundtrip(tested, message, nested) == nested
    mistyped = field(1, b"no number")
    assert tested.ask(PROTOBUF, protobuf_payload=mistyped) == ("protobuf_payload", mistyped)
    assert tested.ask(JSON, protobuf_payload=unknown) == ("json_payload", "{}")


# What is not a message, whatever it is turned into.
BROKEN = {
    "field 0": b"\x01DEADBEEF", "field 0 bytes": b"\x02\x01\x01", "field 0 group": b"\x03\x04",
    "field 0 fixed": b"\x05DEAD", "tag": b"\x80", "long tag": b"\x88\x80\x80\x80\x80\x00\x01",
    "no value": b"\x08", "varint": b"\x08\x80", "varint of 11": b"\x08" + b"\x80" * 10 + b"\x01",
    "fixed64": b"\x41abcdefg", "fixed32": b"\x3dabc", "length": b"\x72\x80", "string": b"\x72\x01",
    "message": b"\x92\x01\x01", "in message": b"\x92\x01\x02\x08\x80", "unknown": b"\xd2\x29\x01",
    "wire type 6": b"\x0e", "wire type 7": b"\x0f\x00", "group's end": b"\x0c",
    "group without end": b"\xab\x1f\x08\x01", "group of another end": b"\xab\x1f\xb4\x1f",
    "not UTF-8": field(14, b"\xff"), "not UTF-8 in list": field(44, b"\xed\xa0\x80"),
    "key not UTF-8": field(69, field(1, b"\xff")),
    "in what a oneof drops": field(112, b"\x08") + field(111, 1),
    "too deep": b"",
}
for _ in range(101):
    BROKEN["too deep"] = field(27, BROKEN["too deep"])


@pytest.mark.parametrize("wire", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("output", [PROTOBUF, JSON], ids=["binary", "json"])
def test_broken_binary_is_refused(tested, wire, output):
    assert tested.ask(output, protobuf_payload=wire)[0] == "parse_error"


# ---- the protocol ----

def test_what_is_not_spoken_is_skipped(tested):
    assert tested.ask(JSON, text_payload="optional_int32: 1")[0] == "skipped"
    assert tested.ask(JSON, jspb_payload="[1]")[0] == "skipped"
    for output in (JSPB, TEXT):
        assert tested.ask(output, protobuf_payload=b"")[0] == "skipped"
    other = "protobuf_test_messages.proto2.TestAllTypesProto2"
    assert tested.ask(JSON, json_payload="{}", message_type=other)[0] == "skipped"
    assert tested.ask(JSON)[0] == "runtime_error"


def test_no_failures_are_expected(tested):
    assert tested.ask(PROTOBUF, protobuf_payload=b"", message_type="conformance.FailureSet") == (
        "protobuf_payload", b"")
