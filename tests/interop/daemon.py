"""s3zipd as the interop tests run it: one for each test, on a free port, ended on leaving.

    with Daemon(env, "http://127.0.0.1:7480", None, "--connections", "4") as daemon:
        job = daemon.run({"source": ..., "destination": ...})

env has S3_ACCESS_KEY and S3_SECRET_KEY. $BIN is the folder with s3zipd and s3zip.
"""
import http.client
import json
import os
import signal
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ENDED = ("succeeded", "failed", "cancelled")


def read_env(path):
    """The file of NAME=value lines that rgw.sh and swift.sh write."""
    with open(path, encoding="utf-8") as file:
        return dict(line.rstrip("\n").split("=", 1) for line in file)


class Daemon:
    def __init__(self, env, url, ca, *flags):
        self.folder = tempfile.TemporaryDirectory(prefix="s3zipd-interop-")
        variables = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "S3ZIPD_"))}
        variables |= {"AWS_ENDPOINT_URL_S3": url, "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
                      "AWS_ACCESS_KEY_ID": env["S3_ACCESS_KEY"], "AWS_SECRET_ACCESS_KEY": env["S3_SECRET_KEY"]}
        if ca:
            variables["AWS_CA_BUNDLE"] = ca
        self.variables, self.flags = variables, flags
        self.log_path = os.path.join(self.folder.name, "log")
        self._start()

    def _start(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [os.path.join(os.environ["BIN"], "s3zipd"), "--listen", "127.0.0.1:0", "--state-dir",
                 os.path.join(self.folder.name, "state"), *self.flags],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.variables)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def __enter__(self):
        marker = "s3zipd listening on "
        for _ in range(1200):  # a minute, for a busy machine
            text = self.log()
            if marker in text and "\n" in text.split(marker, 1)[1]:
                self.url = text.split(marker, 1)[1].split()[0]
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise SystemExit("s3zipd did not start:\n" + self.log())

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def kill(self):
        """kill -9. The state folder stays."""
        self.process.kill()
        self.process.wait()

    def start_again(self):
        """A new process on the state folder of the killed one; its log begins empty."""
        self._start()
        self.__enter__()

    def s3zip(self, *words):
        command = [os.path.join(os.environ["BIN"], "s3zip"), "--daemon", self.url, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, env=self.variables, check=False)

    def call(self, path, body=None, method=None):
        """GET, POST of a body, or the method given; the answer's JSON, read strictly."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                answer = response.read()
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{path}: HTTP {error.code}: {error.read().decode(errors='replace')}") from None
        try:
            return json.loads(answer.decode())
        except ValueError as error:
            raise SystemExit(f"{path}: {error}: ...{answer[-200:]!r}") from None

    def metric(self, name):
        """The sum over all labels of a metric."""
        with urllib.request.urlopen(self.url + "/metrics", timeout=60) as response:
            lines = response.read().decode().splitlines()
        values = [float(line.rpartition(" ")[2]) for line in lines if line.startswith((name + " ", name + "{"))]
        if not values:
            raise SystemExit(f"/metrics has no {name}")
        return sum(values)

    def wait(self, job, patience_s=300):
        deadline = time.monotonic() + patience_s
        while job["state"] not in ENDED:
            if time.monotonic() > deadline:
                raise SystemExit(f"the job does not end: {job}\n{self.log()}")
            time.sleep(0.05)
            job = self.call(f"/archives/{job['id']}")
        return job

    def run(self, request):
        """The job of this request, which must succeed."""
        job = self.wait(self.call("/archives", request))
        if job["state"] != "succeeded":
            raise SystemExit(f"state {job['state']}: {job.get('error')}\n{self.log()}")
        return job

    def verify(self, bucket, key):
        done = self.s3zip("verify", f"s3://{bucket}/{key}")
        if done.returncode != 0:
            raise SystemExit(f"s3zip verify: exit code {done.returncode}\n{done.stdout}{done.stderr}")

    def download(self, job, ca):
        """The archive, by the presigned URL that the daemon hands out, without credentials."""
        status, headers, _ = fetch(f"{self.url}/archives/{job['id']}/download", None)
        if status != 307:
            raise SystemExit(f"download: HTTP {status}, expected 307")
        status, _, archive = fetch(headers["Location"], ca)
        if status != 200 or len(archive) != job["result"]["size"]:
            raise SystemExit(f"presigned GET: HTTP {status}, {len(archive)} bytes of {job['result']['size']}")
        return archive


def fetch(url, ca):
    """GET without credentials; no redirects are followed. Returns status, headers, body."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=60,
                                                 context=ssl.create_default_context(cafile=ca))
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    connection.request("GET", parts.path + ("?" + parts.query if parts.query else ""))
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, response.headers, body
