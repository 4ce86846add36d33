#!/usr/bin/env python3
"""schema.py refuses what it should: each keyword with a value that is valid and one that is not."""
import unittest

import schema
import wire

CASES = [
    ({"type": "integer"}, [0, -1, 2.0], [True, 1.5, "1", None]),
    ({"type": ["string", "null"]}, ["", None], [0, False]),
    ({"type": "number"}, [1, 1.5], [True, "1"]),
    ({"const": 1}, [1], [True, "1", 2]),
    ({"enum": ["a", 0]}, ["a", 0], ["b", False]),
    ({"required": ["a"]}, [{"a": None}, []], [{}, {"b": 1}]),
    ({"properties": {"a": False}}, [{}, {"b": 1}], [{"a": 1}]),
    ({"properties": {"a": {"type": "string"}}, "additionalProperties": False}, [{"a": ""}], [{"a": 1}, {"b": ""}]),
    ({"additionalProperties": {"type": "integer"}}, [{"a": 1}], [{"a": "1"}]),
    ({"properties": {"a": True}, "unevaluatedProperties": False}, [{"a": 1}], [{"b": 1}]),
    ({"maxProperties": 1}, [{"a": 1}], [{"a": 1, "b": 2}]),
    ({"items": {"type": "null"}, "minItems": 1, "maxItems": 2}, [[None]], [[], [0], [None] * 3]),
    ({"minLength": 1, "maxLength": 2}, ["a", "\U0001f600\U0001f600"], ["", "abc"]),
    ({"pattern": "^[0-9]+$"}, ["12"], ["12\n", "x"]),
    ({"minimum": 1, "maximum": 2}, [1, 2, "9"], [0, 3, 2.5]),
    ({"format": "date-time"}, ["2026-01-31T10:00:00.5Z"], ["2026-02-31T10:00:00Z", "today"]),
    ({"format": "uri"}, ["http://a/b?c"], ["/b", "http://a b"]),
    ({"format": "uri-reference"}, ["/b%20"], ["a b", "%2"]),
    ({"format": "json-pointer"}, ["", "/a~0", "//"], ["a", "/~2"]),
    ({"contentEncoding": "base64"}, ["YQ==", 1], ["YQ", "??"]),
    ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, [{"a": 1}], [{}, {"a": 1, "b": 1}]),
    ({"$ref": "#/parts/one", "properties": {"a": {"const": 1}}}, [{"a": 1}], [{"a": 2}, {"a": None}, []]),
]
DOCUMENT = {"parts": {"one": {"type": "object", "properties": {"a": {"type": "integer"}}}}}


class Schema(unittest.TestCase):
    def test_each_keyword(self):
        for each, good, bad in CASES:
            for value in good:
                self.assertEqual(schema.errors(each, value, DOCUMENT), [], (each, value))
            for value in bad:
                self.assertNotEqual(schema.errors(each, value, DOCUMENT), [], (each, value))

    def test_every_keyword_that_it_knows_has_a_case(self):
        known = {name[3:] for name in dir(schema.Validator) if name.startswith("on_")}
        self.assertEqual(known - {key.lstrip("$") for each, _, _ in CASES for key in each}, set())

    def test_unknown_keywords_are_errors(self):
        with self.assertRaises(schema.UnknownKeyword):
            schema.errors({"multipleOf": 2}, 1, DOCUMENT)

    def test_strict_closes_what_names_its_members(self):
        each = {"type": "object", "properties": {"a": {}}}
        self.assertEqual(schema.errors(each, {"b": 1}, DOCUMENT), [])
        self.assertNotEqual(schema.errors(each, {"b": 1}, DOCUMENT, strict=True), [])
        self.assertEqual(schema.errors({"type": "object"}, {"b": 1}, DOCUMENT, strict=True), [])


class Wire(unittest.TestCase):
    def test_answers_are_read_strictly(self):
        good = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        self.assertEqual([a.body for a in wire.split(good * 2, ["GET", "GET"])], [b"ok", b"ok"])
        self.assertEqual(wire.parse(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "HEAD").body, b"")
        self.assertEqual(wire.parse(b"HTTP/1.1 100 Continue\r\n\r\n" + good).status, 200)
        for bad in (b"", good[:-1], good + b"x", good.replace(b"1.1", b"1.0"), good.replace(b": 2", b" : 2"),
                    good.replace(b"\r\n\r\n", b"\r\ncontent-length: 2\r\n\r\n")):
            with self.assertRaises(wire.WireError, msg=bad):
                wire.parse(bad)

    def test_json_is_read_strictly(self):
        self.assertEqual(wire.read_json(b'{"a":["\\ud83d\\ude00"]}'), {"a": ["\U0001f600"]})
        for bad in (b"", b"NaN", b'{"a":1,"a":1}', b'"\xff"', b'"\\ud83d"', b"1 2"):
            with self.assertRaises(wire.WireError, msg=bad):
                wire.read_json(bad)


if __name__ == "__main__":
    unittest.main()
