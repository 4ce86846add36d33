"""Bodies for POST /archives and /plans: valid ones that use every field, and what becomes of them by chance."""
import json

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
SINK = {"bucket": "sink", "key": "f.zip", "overwrite": True}
PHOTOS = {"bucket": "photos", "prefix": "2026/"}
VALID = [
    {"source": PHOTOS, "destination": SINK},
    {"sources": [PHOTOS | {"include": ["*.jpg", "**/n?tes.[tx]*"], "exclude": ["*/tmp/*"]},
                 {"bucket": "docs", "objects": [{"key": "a b.pdf", "name": "papers/a.pdf"}, {"key": "c.pdf"}]}],
     "destination": SINK | {"storage_class": "STANDARD_IA", "tags": {"team": "a/b", "x": ""}, "metadata": {"by": "me"},
                            "content_type": "application/zip", "content_disposition": "attachment; filename=a.zip",
                            "cache_control": "no-store", "sse": {"type": "AES256"}},
     "options": {"strip_prefix": "2026/", "flatten": True, "names": "strict", "order": "key", "on_duplicate": "rename",
                 "on_missing": "skip", "list_missing": True, "on_empty": "archive", "timestamps": "fixed",
                 "comment": "hello", "execution": "local", "priority": -7, "part_size": "64MiB", "checksums": "required",
                 "part_layout": "uniform", "verify_sources": "md5", "reuse": True}},
    {"sources": [{"manifest": {"bucket": "lists", "key": "2026.jsonl"}}, PHOTOS], "destination": SINK,
     "options": {"names": "raw", "part_size": 10485760}, "notify": {"url": "http://127.0.0.1:9/hook"}},
    {"source": PHOTOS | {"requester_pays": True, "expected_bucket_owner": "123456789012"},
     "destination": SINK | {"requester_pays": False, "expected_bucket_owner": "123456789012",
                            "sse": {"type": "aws:kms", "key_id": "alias/zip", "bucket_key_enabled": True,
                                    "context": {"a": "b"}}}},
    {"source": PHOTOS, "destination": SINK | {"sse": {"type": "customer", "customer_key": KEY}}},
    {"source": {"bucket": "docs", "objects": [{"key": "c.pdf", "version_id": "v"}], "sse_customer_key": KEY},
     "destination": SINK},
    {"source": PHOTOS, "destination": SINK,
     "options": {"role_arn": "arn:aws:iam::123456789012:role/zipper", "external_id": "ex-1"}},
]
BYTES_MAX = 1 << 20
# Never other hosts than these: what a mutation made of a URL could be somebody's address.
URLS = ["", "http://127.0.0.1:9/", "https://hook.invalid/%zz", "ftp://hook.invalid/", "http://u:p@hook.invalid/",
        "http://hook.invalid/#f", "//hook.invalid", "http://", "http://[::1]:99999/", "http://[::1]/\u00e9",
        "http://hook.invalid/" + "a" * 2100, "http://hook.invalid:0/", "http:/hook.invalid", "http://127.0.0.1:9/a b",
        "http://127.0.0.1:9/\r\nX: y", "http://127.0.0.1:9/\0"]
TEXTS = ["", " ", "/", "..", "../../etc/passwd", "a" * 1024, "a" * 1025, "\u00e9" * 513, "a" * 70_000, "\0", "a\0b",
         "\ud800", "\udfff\ud800", "\U0001f600", "\ufeff", "\u202e", "null", "true", "*" * 300, "[", "[a-", "{a,b}", "**/" * 50,
         "arn:", "arn:aws:s3:", "\r\nX: y", "%2e%2e", "1e5", "fail", "rename", "64MiB", "5MiB", "4MiB", "1TiB",
         "99999999999999999999GiB", "-1", "STANDARD", "aws:kms", "customer", "s3zipd-job", "aws:x", KEY, "123456789012",
         "\t", "~", "a/b", "~0~1", "\x7f", "\u0085", "e\u0301"]
NUMBERS = [0, -0.0, 1, -1, 5, 5.0, 0.5, 100, 101, -100, -101, 5242879, 5242880, 5368709120, 5368709121, 2**31, 2**32,
           2**53 + 1, 2**63 - 1, 2**63, -2**63, -2**63 - 1, 2**64, 10**30, -10**30, 1e308, 1.5e300]
NAMES = ["a", "", "key", "bucket", "source", "sources", "options", "~", "/", "a/b", "a~b", "\u00e9", "\0", "__proto__",
         "Bucket", "destination ", "x" * 3000, "%s%n", "\U0001f600"]


def nodes(value, path=()):
    """Paths of all values inside a value, itself included."""
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in pairs:
        yield from nodes(inner, path + (step,))


def at(value, path):
    for step in path:
        value = value[step]
    return value


def any_value(random):
    return random.choice([
        lambda: random.choice(TEXTS), lambda: random.choice(NUMBERS), lambda: None, lambda: True, lambda: False,
        lambda: [], lambda: {}, lambda: [any_value(random)], lambda: {random.choice(NAMES): any_value(random)},
        lambda: deep(random.choice([2, 14, 15, 16, 17, 40, 200]), random.choice(["list", "object"]))])()


def deep(depth, kind):
    value = 0
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


def mutate_list(random, value):
    how = random.randrange(4)
    if how == 0:
        value.clear()
    elif how == 1:
        value *= min(random.choice([2, 101, 1001]), max(1, BYTES_MAX // len(json.dumps(value))))
    elif how == 2:
        random.shuffle(value)
    else:
        value.insert(random.randrange(len(value) + 1), any_value(random))


def mutate_object(random, value):
    how = random.randrange(4)
    if how == 0 and value:
        del value[random.choice(list(value))]
    elif how == 1 and value:
        value[random.choice(NAMES)] = value.pop(random.choice(list(value)))
    else:
        value[random.choice(NAMES)] = any_value(random)


def mutate_text(random, text):
    at_ = random.randrange(len(text) + 1)
    piece = random.choice(TEXTS)
    return random.choice([piece, text[:at_] + piece + text[at_:], text[:at_], text[at_:], text.upper(), text * 2])


def mutate_once(random, body):
    """The body with one thing changed in it, in one place: a copy by way of JSON shares nothing."""
    body = json.loads(json.dumps(body))
    path = random.choice(list(nodes(body)))
    value = at(body, path)
    if path == ("notify", "url"):
        new = random.choice(URLS)
    elif isinstance(value, (dict, list)) and random.random() < 0.7:
        (mutate_object if isinstance(value, dict) else mutate_list)(random, value)
        return body
    elif isinstance(value, str) and random.random() < 0.6:
        new = mutate_text(random, value)
    else:
        new = any_value(random)
    if not path:
        return new
    at(body, path[:-1])[path[-1]] = new
    return body


def dump(random, value):
    """As JSON, in one of the ways that writers have. Half a surrogate pair can only be escaped."""
    text = json.dumps(value, ensure_ascii=random.random() < 0.5, indent=random.choice([None, None, 1]))
    if random.random() < 0.05:  # a name twice, maybe with an escape: most likely
        text = text.replace('{"', random.choice(['{"bucket": "docs", "', '{"key": 1, "', '{"buck\\u0065t": 2, "']), random.choice([1, 2, 3]))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value).encode()


PIECES = [b"\0", b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xef\xbb\xbf", b"\\u0000", b"\\ud800", b"\\udc00\\ud800", b"\\",
          b'"', b"{", b"}", b"[" * 20, b"[" * 5000, b"]", b",", b":", b"1e999", b"-", b"00", b"NaN", b"Infinity", b"//x\n",
          b"/**/", b"'", b"\r", b"\x1f", b"1" * 400, b"0." + b"1" * 400, b"1e-400", b"tru", b"null", b' "a":1,"a":2,',
          b'"source":{"bucket":"docs"},', b'"destination":1,', b"\xf4\x90\x80\x80", b" " * 3000]


def mutate_bytes(random, data):
    """Bytes of JSON with something done to them that JSON writers do not do."""
    for _ in range(random.choice([1, 1, 1, 2, 5])):
        start = random.randrange(len(data) + 1)
        end = min(len(data), start + random.choice([0, 1, 1, 2, 10, 100]))
        how = random.randrange(5)
        if how == 0:
            data = data[:start] + random.choice(PIECES) + data[start:]
        elif how == 1:
            data = data[:start] + data[end:]
        elif how == 2:
            data = data[:start] + data[start:end] * 2 + data[end:]
        elif how == 3 and start < len(data):
            data = data[:start] + bytes([data[start] ^ (1 << random.randrange(8))]) + data[start + 1:]
        else:
            data = data[:start] if random.random() < 0.3 else data + random.choice(PIECES)
    return data
