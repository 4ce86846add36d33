"""The part of JSON Schema 2020-12 that daemon/openapi.json uses, as a validator without dependencies. A keyword that it
does not know is an error, so that no schema is ever half checked.

    errors(schema, value, document) -> ["/pointer: what is wrong", ...]
`strict` also refuses members that a schema with `properties` does not name: for answers, which may have more by the
document, but of which we know all.
"""
import base64
import datetime
import re
import urllib.parse

ANNOTATIONS = {"description", "summary", "title", "default"}
TYPES = {
    "null": lambda v: v is None,
    "boolean": lambda v: isinstance(v, bool),
    "string": lambda v: isinstance(v, str),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "integer": lambda v: (isinstance(v, int) and not isinstance(v, bool)) or (isinstance(v, float) and v.is_integer()),
}


class UnknownKeyword(Exception):
    pass


def resolve(document, reference):
    if not reference.startswith("#/"):
        raise UnknownKeyword(f"$ref {reference}")
    node = document
    for token in reference[2:].split("/"):
        node = node[token.replace("~1", "/").replace("~0", "~")]
    return node


def is_rfc3339(text):
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", text):
        return False
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) is not None
    except ValueError:
        return False


def is_reference(text):
    return bool(re.fullmatch(r"[!-~]*", text)) and not re.search(r"[\\^`{|}<>\"]|%(?![0-9A-Fa-f]{2})", text)


def is_uri(text):
    return is_reference(text) and bool(urllib.parse.urlsplit(text).scheme)


FORMATS = {
    "date-time": is_rfc3339,
    "uri": is_uri,
    "uri-reference": is_reference,
    "json-pointer": lambda text: bool(re.fullmatch(r"(/([^~/]|~[01])*)*", text, re.S)),
}


def equal(a, b):
    return a == b and isinstance(a, bool) == isinstance(b, bool)


class Validator:
    def __init__(self, document, strict=False):
        self.document, self.strict = document, strict

    def errors(self, schema, value, at=""):
        if isinstance(schema, bool):
            return [] if schema else [f"{at}: must not be there"]
        found = []
        for keyword in schema:
            if keyword in ANNOTATIONS:
                continue
            check = getattr(self, "on_" + keyword.replace("$", ""), None)
            if check is None:
                raise UnknownKeyword(f"{keyword} in {schema}")
            found += check(schema, value, at)
        if isinstance(value, dict):
            named = self.names(schema)
            unsaid = "properties" in schema and "additionalProperties" not in schema
            if schema.get("unevaluatedProperties") is False or (self.strict and unsaid):
                found += [f"{at}/{name}: not in the schema" for name in value if name not in named]
        return found

    def names(self, schema):
        """Members that a schema names, those of what it refers to included."""
        named = set(schema.get("properties", {}))
        if "$ref" in schema:
            named |= self.names(resolve(self.document, schema["$ref"]))
        return named

    def on_ref(self, schema, value, at):
        return self.errors(resolve(self.document, schema["$ref"]), value, at)

    def on_type(self, schema, value, at):
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return [] if any(TYPES[name](value) for name in types) else [f"{at}: is not {' or '.join(types)}"]

    def on_const(self, schema, value, at):
        return [] if equal(schema["const"], value) else [f"{at}: is not {schema['const']!r}"]

    def on_enum(self, schema, value, at):
        return [] if any(equal(word, value) for word in schema["enum"]) else [f"{at}: {value!r} is not one of the enum"]

    def on_required(self, schema, value, at):
        return [f"{at}/{name}: is missing" for name in schema["required"] if name not in value] \
            if isinstance(value, dict) else []

    def on_properties(self, schema, value, at):
        if not isinstance(value, dict):
            return []
        return [error for name, inner in schema["properties"].items() if name in value
                for error in self.errors(inner, value[name], f"{at}/{name}")]

    def on_additionalProperties(self, schema, value, at):
        if not isinstance(value, dict):
            return []
        return [error for name in value if name not in schema.get("properties", {})
                for error in self.errors(schema["additionalProperties"], value[name], f"{at}/{name}")]

    def on_unevaluatedProperties(self, schema, _value, _at):
        if schema["unevaluatedProperties"] is not False:
            raise UnknownKeyword("unevaluatedProperties other than false")
        return []  # in errors()

    def on_maxProperties(self, schema, value, at):
        return [f"{at}: too many members"] if isinstance(value, dict) and len(value) > schema["maxProperties"] else []

    def on_items(self, schema, value, at):
        if not isinstance(value, list):
            return []
        return [error for i, item in enumerate(value) for error in self.errors(schema["items"], item, f"{at}/{i}")]

    def on_minItems(self, schema, value, at):
        return [f"{at}: too few items"] if isinstance(value, list) and len(value) < schema["minItems"] else []

    def on_maxItems(self, schema, value, at):
        return [f"{at}: too many items"] if isinstance(value, list) and len(value) > schema["maxItems"] else []

    def on_minLength(self, schema, value, at):
        return [f"{at}: too short"] if isinstance(value, str) and len(value) < schema["minLength"] else []

    def on_maxLength(self, schema, value, at):
        return [f"{at}: too long"] if isinstance(value, str) and len(value) > schema["maxLength"] else []

    def on_pattern(self, schema, value, at):
        pattern = re.sub(r"\$$", r"\\Z", schema["pattern"])
        return [f"{at}: does not match {schema['pattern']}"] if isinstance(value, str) and not re.search(pattern, value) \
            else []

    def on_minimum(self, schema, value, at):
        return [f"{at}: too small"] if TYPES["number"](value) and value < schema["minimum"] else []

    def on_maximum(self, schema, value, at):
        return [f"{at}: too large"] if TYPES["number"](value) and value > schema["maximum"] else []

    def on_format(self, schema, value, at):
        check = FORMATS[schema["format"]]
        return [f"{at}: {value!r} is not a {schema['format']}"] if isinstance(value, str) and not check(value) else []

    def on_contentEncoding(self, schema, value, at):
        if schema["contentEncoding"] != "base64":
            raise UnknownKeyword("contentEncoding other than base64")
        if not isinstance(value, str):
            return []
        try:
            base64.b64decode(value, validate=True)
        except ValueError:
            return [f"{at}: is not base64"]
        return []

    def on_oneOf(self, schema, value, at):
        valid = sum(not self.errors(choice, value, at) for choice in schema["oneOf"])
        return [] if valid == 1 else [f"{at}: {valid} of oneOf are valid"]


def errors(schema, value, document, strict=False):
    return Validator(document, strict).errors(schema, value)
