"""HTTP/1.1 as it is on the wire, for tests that http.client would be too polite for: requests are bytes, and answers
are read strictly."""
import json
import re
import socket
import time

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) [A-Za-z' -]*\Z")
HEADER_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e\x80-\xff]*)\Z")
ANSWER_BYTES_MAX = 64 << 20


class WireError(AssertionError):
    """An answer that is not HTTP, or has not the length that it says."""


def request(method, target, body=None, headers=None, version="HTTP/1.1"):
    """Bytes of a request that is asked to be the last of its connection."""
    lines = [f"{method} {target} {version}", "Host: localhost", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def exchange(port, data, patience_s, half_close=True):
    deadline = time.monotonic() + patience_s
    with socket.create_connection(("127.0.0.1", port), timeout=patience_s) as connection:
        received, sent = bytearray(), memoryview(data)
        try:
            while sent:  # in pieces: who refuses early may have stopped reading
                connection.settimeout(max(0.001, deadline - time.monotonic()))
                sent = sent[connection.send(sent[:65536]):]
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
        while len(received) < ANSWER_BYTES_MAX:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                piece = connection.recv(1 << 16)
            except ConnectionResetError:
                break
            if not piece:
                break
            received += piece
    return bytes(received)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def media_type(self):
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def json(self):
        return read_json(self.body)

    def events(self):
        """Name and data of each server-sent event."""
        blocks = [block for block in self.body.decode("utf-8").split("\n\n") if block and not block.startswith(":")]
        return [tuple(re.fullmatch(r"event: (\w+)\ndata: (.*)", block).groups()) for block in blocks]

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:2000]!r}"


def refuse_constant(word):
    raise WireError(f"{word} is not JSON")


def refuse_duplicates(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise WireError(f"a name twice: {[name for name, _ in pairs]}")
    return dict(pairs)


def read_json(data):
    """Strictly: UTF-8, no NaN, no name twice, no half of a surrogate pair."""
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=refuse_constant, object_pairs_hook=refuse_duplicates)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except ValueError as error:
        raise WireError(f"not JSON: {error}: {data[:300]!r}") from None
    return value


def split(data, methods):
    """The answers in `data`; `methods` has those of the requests, as far as they are known. Interim ones are checked
    and left out; an answer without a length ends with the connection."""
    answers, rest = [], data
    while rest:
        head, separator, rest = rest.partition(b"\r\n\r\n")
        if not separator:
            raise WireError(f"no end of headers: {head[:300]!r}")
        status_line, *lines = head.split(b"\r\n")
        matched = STATUS_LINE.match(status_line)
        if not matched:
            raise WireError(f"not a status line: {status_line[:300]!r}")
        status, headers = int(matched[1]), {}
        for line in lines:
            pair = HEADER_LINE.match(line)
            if not pair:
                raise WireError(f"not a header: {line[:300]!r}")
            name = pair[1].decode().lower()
            if name in headers:
                raise WireError(f"{name} twice")
            headers[name] = pair[2].decode("latin-1")
        if status < 200:
            continue
        method = methods[len(answers)] if len(answers) < len(methods) else "GET"
        length = headers.get("content-length")
        unread = status == 400 and len(rest) == int(length or 0)  # of what is no request nobody knows that it is HEAD
        if method == "HEAD" and not unread:
            length = "0"
        if length is None:
            body, rest = rest, b""
        else:
            body, rest = rest[:int(length)], rest[int(length):]
            if len(body) != int(length):
                raise WireError(f"{len(body)} bytes of {length}")
        answers.append(Answer(status, headers, body))
    return answers


def parse(data, method="GET"):
    """The one answer in `data`."""
    answers = split(data, [method])
    if len(answers) != 1:
        raise WireError(f"{len(answers)} answers: {data[:1000]!r}")
    return answers[0]
