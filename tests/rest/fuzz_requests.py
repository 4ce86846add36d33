"""Requests that no polite client would send: targets, headers, methods and framing, by chance. Each is a Case: bytes, and
what is known of them."""
import dataclasses
import json
import urllib.parse

import document
import fuzz_bodies
import wire


@dataclasses.dataclass
class Case:
    kind: str
    data: bytes
    methods: list  # of the requests, for as many answers at most
    operation: str = None  # operationId, if it is sure which the (one) request is for
    body: bytes = None  # what the daemon has to read as the (one) request's body


GETS = [each for each in document.FINITE if document.OPERATIONS[each][0] == "GET"]
POSTS = ["createArchive", "planArchive"]
JSON = {"Content-Type": "application/json"}


def target_of(random, operation, jobs):
    job = random.choice(jobs + ["0" * 26, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"])
    return document.OPERATIONS[operation][1].replace("{id}", job)


def body_case(random, jobs, headers):
    operation = random.choice(POSTS)
    value = random.choice(fuzz_bodies.VALID)
    for _ in range(random.choice([0, 1, 1, 1, 2, 3])):
        value = fuzz_bodies.mutate_once(random, value)
    return post("body", operation, fuzz_bodies.dump(random, value), headers)


def bytes_case(random, jobs, headers):
    quiet = [body for body in fuzz_bodies.VALID if "notify" not in body]
    data = fuzz_bodies.mutate_bytes(random, fuzz_bodies.dump(random, random.choice(quiet)))
    return post("bytes", random.choice(POSTS), data, headers)


def post(kind, operation, body, headers):
    path = document.OPERATIONS[operation][1]
    return Case(kind, wire.request("POST", path, body, headers | JSON), ["POST"], operation, body)


VALUES = ["", "0", "1", "1000", "1001", "10001", "-1", "+1", "1.0", " 1", "1 ", "0x10", "9" * 30, "queued", "succeeded", "Queued",
          "0" * 26, "O" * 26, "\u00e9", "\0", "%", "a&b", "=", "a=b", "0" * 4000, "skipped", "s:0", "0-0", "null"]


def query_case(random, jobs, headers):
    operation = random.choice(["listArchives", "listArchives", "listSkipped", "listRenamed", *GETS])
    pairs = []
    for _ in range(random.choice([1, 1, 2, 3, 30])):
        name, value = random.choice(["state", "limit", "cursor", "limit", "x", "", "State"]), random.choice(VALUES)
        quote = random.choice([urllib.parse.quote, urllib.parse.quote_plus, lambda text: "".join(
            f"%{byte:02{random.choice('xX')}}" for byte in text.encode())])
        pairs.append(quote(name) + random.choice(["=", "=", "=", ""]) + quote(value))
    query = random.choice(["&", "&", "&&", ";"]).join(pairs)
    target = target_of(random, operation, jobs) + "?" + query
    return Case("query", wire.request("GET", target, headers=headers), ["GET"], operation)


PATH_PIECES = ["//", "/./", "/../", "%2f", "%2e%2e", "%00", "%", "%zz", "%c0%af", "%ff", "\\", ";", "#", "?", "*", "\u00ff", " ", "\t",
               "\0", "@", ":", "http://localhost", "%2561", "a" * 300, "a" * 5000, "/%", "{id}", "'", '"', "<", "^", "`", "[", "]"]
METHODS = ["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW", "get", "G T", "", "GET\0",
           "X" * 3000, "PRI", "\u00e9"]


def path_case(random, jobs, headers):
    target = target_of(random, random.choice(document.FINITE), jobs)
    for _ in range(random.choice([1, 1, 2, 4])):
        start = random.randrange(len(target) + 1)
        how = random.randrange(4)
        if how == 0 and start < len(target):
            target = target[:start] + f"%{ord(target[start]) & 255:02x}" + target[start + 1:]
        elif how == 1:
            target = target[:start] + target[start + random.choice([1, 1, 5]):]
        else:
            target = target[:start] + random.choice(PATH_PIECES) + target[start:]
    method = random.choice(["GET", "HEAD", "DELETE", "POST"] + METHODS)
    version = random.choice(["HTTP/1.1"] * 8 + ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.10", "http/1.1", "", "HTTP/1.1 x"])
    body = random.choice([None, None, b"", b"x"])
    return Case("path", wire.request(method, target, body, headers, version), [method])


HEADERS = [("Idempotency-Key", ["", " ", "a", "a b", "\u00e9", "x" * 255, "x" * 256, "\x7f", "a\tb", "~!@#$%^&*()", '"q"']),
           ("Content-Type", ["", "application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/json;",
                             "application/json ; a=\"b\"", "application/jsonx", "text/json", "application/json,text/plain",
                             ";", "multipart/form-data; boundary=x", "x" * 5000]),
           ("Expect", ["100-continue", "100-CONTINUE", "200-ok", "", "100-continue, x"]),
           ("Connection", ["close", "keep-alive", "upgrade", "close, keep-alive", "", "content-length", "TE"]),
           ("Upgrade", ["h2c", "websocket"]), ("Accept", ["", "*/*", "text/html", "application/xml;q=0"]),
           ("Accept-Encoding", ["gzip", "br;q=1"]), ("Content-Encoding", ["gzip", "identity"]), ("Range", ["bytes=0-1"]),
           ("If-None-Match", ["*"]), ("X-HTTP-Method-Override", ["DELETE"]), ("Host", ["", "a b", "localhost:99999", "x" * 3000, "evil.example", "[::1]", "[::1"]),
           ("Origin", ["", "null", "http://localhost", "https://evil.example", "x" * 3000, "http://a http://b"]),
           ("Sec-Fetch-Site", ["", "none", "same-origin", "same-site", "cross-site", "x"]), ("Sec-Fetch-Mode", ["navigate", "cors"]),
           ("Access-Control-Request-Method", ["POST"]),
           ("Authorization", ["Basic eDp5", "Bearer", "Bearer x", ""]), ("Cookie", ["a=b"]), ("TE", ["trailers"]),
           ("Trailer", ["Content-Length"]), ("X" * 200, ["y"] * 2), ("Forwarded", ["for=unknown"]), ("X-Null", ["a\0b"]),
           ("X-Long", ["z" * 15000, "z" * 17000]), ("Bad Name", ["x"]), ("X-Fold", ["a\r\n b"]), ("", ["x"]), (":authority", ["x"])]


def header_lines(random):
    lines = []
    for _ in range(random.choice([1, 1, 2, 5])):
        name, values = random.choice(HEADERS)
        line = name + random.choice([": ", ": ", ":", " : ", ":\t"]) + random.choice(values)
        lines += [line] * random.choice([1, 1, 1, 2, 100])
    return lines


def header_case(random, jobs, headers):
    operation = random.choice(document.FINITE)
    method, body = document.OPERATIONS[operation][0], None
    lines = [f"{method} {target_of(random, operation, jobs)} HTTP/1.1", *header_lines(random)]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if random.random() < 0.9:
        lines.append("Host: localhost")
    if method == "POST":
        body = json.dumps(fuzz_bodies.VALID[0]).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    end = random.choice(["\r\n", "\r\n", "\r\n", "\n"])
    data = end.join(lines).encode("latin-1", "replace") + 2 * end.encode() + (body or b"")
    return Case("header", data, [method])


LENGTHS = ["+5", "-5", "5, 5", "5,6", "0x5", " 5 ", "5 5", "", "9" * 30, "18446744073709551616", "05", "5.0", "\u0665"]
CODINGS = ["chunked", "Chunked", "chunked, chunked", "gzip, chunked", "chunked, gzip", "identity", "", " chunked", "xchunked",
           "chunked;q=1", "\x0bchunked"]
CHUNKED = [b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n", b"ffffffffffffffff1\r\nx", b"-1\r\n\r\n",
           b"5\nhello\n0\n\n", b"5\r\nhelloX0\r\n\r\n", b"5\r\nhel", b"0x5\r\nhello\r\n0\r\n\r\n", b" 5\r\nhello\r\n0\r\n\r\n",
           b"5" + b";" * 20000 + b"\r\nhello\r\n0\r\n\r\n", b"1000001\r\n" + b" " * 70000, b"\r\n", b"0\r\nContent-Length: 5\r\n\r\n",
           b"0\r\n" + b"A: b\r\n" * 5000 + b"\r\n"]
SMUGGLED = b"DELETE /archives/00000000000000000000000000 HTTP/1.1\r\nHost: localhost\r\n\r\n"


def framing_case(random, jobs, headers):
    """One request whose end may be unclear. At most one answer may come, whatever is hidden in its body."""
    head = [random.choice(["POST /archives", "POST /plans", "GET /healthz", "POST /nowhere", "PUT /plans"]) + " HTTP/1.1",
            "Host: localhost", random.choice(["Content-Type: application/json", "Content-Type: text/plain"])]
    head += [f"{name}: {value}" for name, value in headers.items()]
    framing = []
    if random.random() < 0.6:
        framing += ["Transfer-Encoding: " + random.choice(CODINGS)] * random.choice([1, 1, 1, 2])
    if random.random() < 0.6 or not framing:
        framing += ["Content-Length: " + random.choice(LENGTHS)] * random.choice([1, 1, 1, 2])
    random.shuffle(framing)
    if random.random() < 0.2:
        framing.append("Expect: 100-continue")
    head.append("Connection: close")  # so that only a wrong reading of the first can lead to a second
    data = "\r\n".join(head + framing).encode("latin-1", "replace") + b"\r\n\r\n" + random.choice(CHUNKED)
    return Case("framing", data + random.choice([b"", SMUGGLED, SMUGGLED * 3]), [head[0].split()[0]])


def pipeline_case(random, jobs, headers):
    """Several requests at once on one connection, some of them wrong; the last one asks to close."""
    requests, methods = [], []
    for _ in range(random.choice([2, 3, 5, 20])):
        operation = random.choice(document.FINITE)
        method, _, _ = document.OPERATIONS[operation]
        body = random.choice([json.dumps(fuzz_bodies.VALID[0]).encode(), b"{}", b"["]) if method == "POST" else \
            random.choice([None, None, b"", b"body" * 10])
        kind = random.choice([JSON, JSON, {"Content-Type": "text/plain"}]) if method == "POST" else {}
        request = wire.request(method, target_of(random, operation, jobs), body, headers | kind)
        requests.append(request)
        methods.append(method)
    kept = [request.replace(b"Connection: close\r\n", b"") for request in requests[:-1]]
    return Case("pipeline", b"".join(kept) + requests[-1], methods)


def garbage_case(random, jobs, headers):
    """A good request with bytes of it changed."""
    case = random.choice([body_quiet, header_case, framing_case, pipeline_case])(random, jobs, headers)
    data = bytearray(case.data)
    for _ in range(random.choice([1, 1, 2, 10])):
        data[random.randrange(min(len(data), 600))] = random.choice([0, 10, 13, 32, 58, 127, 255, random.randrange(256)])
    if random.random() < 0.3:
        del data[random.randrange(len(data)):]
    return Case("garbage", bytes(data), None)


def body_quiet(random, jobs, headers):
    return post("body", "createArchive", json.dumps(fuzz_bodies.VALID[0]).encode(), headers)


KINDS = [(body_case, 45), (bytes_case, 15), (query_case, 10), (path_case, 10), (header_case, 7), (framing_case, 6),
         (pipeline_case, 3), (garbage_case, 4)]


def make(random, jobs, headers):
    kinds, weights = zip(*KINDS)
    return random.choices(kinds, weights)[0](random, jobs, headers)
