"""s3sim and s3zipd as the tests of the REST API run them: on free ports, in a temporary folder, ended with the test,
even if the test is killed.

    with Rig() as rig:
        rig.call("POST", "/archives", {...}).json
$BIN is the folder with s3zipd and s3sim. A daemon with other flags, or before another S3: `Rig(flags=[...], s3=url)`.
"""
import contextlib
import ctypes
import hashlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

import wire

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "interop"))
from s3 import S3  # pylint: disable=wrong-import-position

KEYS = ("s3sim", "s3simsecret")
ENDED = ("succeeded", "failed", "cancelled")
START_S = 30
STOP_S = 30
PATIENCE_S = 60
# What the buckets hold at the start. `out` is empty, and `many` has 9 objects of 64 KiB.
OBJECTS = {
    "photos": {"2026/beach.jpg": b"sand" * 2000, "2026/tmp/draft.jpg": b"draft", "2026/hill.jpg": b"grass" * 1500,
               "2026/notes.txt": b"two pictures\n"},
    "docs": {"a b.pdf": b"%PDF-1.4 a", "c.pdf": b"%PDF-1.4 c"},
    "lists": {"2026.jsonl": b'{"bucket":"photos","key":"2026/hill.jpg","name":"hill.jpg"}\n'
                            b'{"bucket":"docs","key":"c.pdf"}\n'},
}


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Server:
    """A program that prints `NAME listening on URL` when it is ready."""

    def __init__(self, name, arguments, folder, variables=None):
        self.name = name
        self.log_path = Path(folder) / (name + ".log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [os.path.join(os.environ["BIN"], name), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=log, env=variables, preexec_fn=die_with_parent)
        try:
            self.url = self._ready().split()[-1]
        except BaseException:
            self.kill()
            raise
        self.port = urllib.parse.urlsplit(self.url).port

    def _ready(self):
        text, deadline = b"", time.monotonic() + START_S
        while b"\n" not in text:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise RuntimeError(f"{self.name} is not ready after {START_S} s:\n{self.log()}")
            piece = os.read(self.process.stdout.fileno(), 4096)
            if not piece:
                raise RuntimeError(f"{self.name} did not start:\n{self.log()}")
            text += piece
        return text.decode()

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        """Its exit code, and what else it printed on standard output."""
        self.process.send_signal(signal.SIGTERM)
        try:
            rest, _ = self.process.communicate(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"{self.name} does not stop:\n{self.log()[-4000:]}") from None
        return self.process.returncode, rest


class Rig:
    """A daemon before an s3sim with OBJECTS, or before whatever listens at `s3`. With `token` it wants one, and `headers`,
    which go with each call(), have it; `tokens_file` is the text of that file."""

    def __init__(self, flags=(), s3=None, s3sim_flags=(), variables=None, token=None, tokens_file=None):
        self.flags, self.s3_url, self.s3sim_flags, self.variables = list(flags), s3, list(s3sim_flags), variables or {}
        self.daemon = self.s3sim = self.s3 = None
        if io := os.environ.get("S3ZIPD_TEST_IO"):
            self.flags += ["--io", io]
        self.headers, self.tokens_file = {}, tokens_file
        if token is not None:
            self.flags += ["--admin-token-sha256", hashlib.sha256(token.encode()).hexdigest()]
            self.headers["Authorization"] = "Bearer " + token

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="s3zipd-rest-"))
            if self.s3_url is None:
                self._start_s3(stack)
            if self.tokens_file is not None:
                path = Path(self.folder, "tokens.toml")
                path.touch(mode=0o600)
                path.write_text(self.tokens_file, encoding="utf-8")
                self.flags += ["--tokens-file", str(path)]
            stack.callback(self._end_daemon)
            self._start_daemon(self.variables)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _start_s3(self, stack):
        buckets = [word for bucket in [*OBJECTS, "out"] for word in ("--bucket", bucket)]
        self.s3sim = Server("s3sim", ["--listen", "127.0.0.1:0", *buckets, "--synthetic", "many=count=9,size=64KiB",
                                      "--access-key", KEYS[0], "--secret-key", KEYS[1], *self.s3sim_flags], self.folder)
        stack.callback(self._end, self.s3sim)
        self.s3_url = self.s3sim.url
        self.s3 = S3(self.s3_url, *KEYS)
        for bucket, objects in OBJECTS.items():
            for key, data in objects.items():
                self.s3.put(bucket, key, data)

    def _start_daemon(self, more):
        variables = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "S3ZIPD_"))}
        variables |= {"AWS_ENDPOINT_URL": self.s3_url, "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
                      "AWS_ACCESS_KEY_ID": KEYS[0], "AWS_SECRET_ACCESS_KEY": KEYS[1],
                      "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"} | more
        self.daemon = Server("s3zipd", ["--listen", "127.0.0.1:0", "--state-dir", os.path.join(self.folder, "state"),
                                        "--memory", "64MiB", "--drain-seconds", "1", *self.flags], self.folder,
                             {name: value for name, value in variables.items() if value is not None})

    def _end_daemon(self):
        if self.daemon is not None:
            self._end(self.daemon)

    @staticmethod
    def _end(server):
        if server.process.returncode is None and (code := server.stop()[0]):
            raise RuntimeError(f"{server.name} ends with {code}:\n{server.log()[-4000:]}")

    def restart(self, variables):
        """On the same state, with these variables instead of the usual ones; None takes one away."""
        self._end_daemon()
        self._start_daemon(variables)

    def exchange(self, data, patience_s=PATIENCE_S, half_close=True):
        """What the daemon says to these bytes until it closes. Raises TimeoutError if it does not."""
        return wire.exchange(self.daemon.port, data, patience_s, half_close)

    def call(self, method, target, body=None, headers=None):
        """One request on a connection of its own. A body that is not bytes is sent as JSON."""
        sent = dict(self.headers)
        if body is not None:
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        return wire.parse(self.exchange(wire.request(method, target, body, sent)), method)

    def wait(self, job_id):
        """The job once it has ended: the last of its events."""
        answer = self.call("GET", f"/archives/{job_id}/events")
        job = json.loads(answer.events()[-1][1])
        if job["state"] not in ENDED:
            raise AssertionError(f"the events end with {job}")
        return job
