"""Jobs against a Ceph RADOS Gateway, each with an s3zipd of its own. Ends with 0 when all is as it must be.

    rgw_jobs.py ENV fill                 makes the buckets and the source objects
    rgw_jobs.py ENV zip URL CA|-         zips them through the daemon, downloads the archive, compares every entry
    rgw_jobs.py ENV refused URL CA|-     the job must fail because of the server's certificate

ENV is the file that rgw.sh writes. $BIN is the folder with s3zipd and s3zip.
"""
import hashlib
import http.client
import io
import json
import os
import random
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
import zipfile

from s3 import S3

SOURCE, TARGET = "interop-source", "interop-out"
BIG_KEY, BIG_SIZE = "large/100 MB.bin", 100_000_000
ODD_KEYS = ["plain.txt", "with space.txt", "100%.txt", "a%20b.txt", "plus+plus.txt", "ünïcödé/größe.txt",
            "文件/資料.txt", "emoji/\U0001f4e6.bin", "quote'\"&<>.txt", "semi;colon=equals@at,comma.txt",
            "tilde~(paren)[bracket]{brace}.txt", "dots/a..b/...txt", "deep/" + "x/" * 40 + "end", "hash#question?.txt"]


def source_objects():
    """Key and bytes of every source object but the big one; the same in each run."""
    random_bytes = random.Random(2)
    for key in ODD_KEYS:
        yield "files/" + key, random_bytes.randbytes(len(key) * 37)
    for number in range(300):
        size = 0 if number % 50 == 0 else random_bytes.randrange(1, 60_000)
        yield f"files/small/{number:03}.dat", random_bytes.randbytes(size)


def big_object():
    return random.Random(3).randbytes(1 << 20) * (BIG_SIZE // (1 << 20)) + bytes(BIG_SIZE % (1 << 20))


def client(env, url, ca):
    return S3(url, env["S3_ACCESS_KEY"], env["S3_SECRET_KEY"], ca_file=ca)


class Daemon:
    """s3zipd on a free port, ended on leaving."""

    def __init__(self, env, url, ca):
        self.folder = tempfile.TemporaryDirectory(prefix="s3zipd-interop-")
        variables = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "S3ZIPD_"))}
        variables |= {"AWS_ENDPOINT_URL_S3": url, "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
                      "AWS_ACCESS_KEY_ID": env["S3_ACCESS_KEY"], "AWS_SECRET_ACCESS_KEY": env["S3_SECRET_KEY"]}
        if ca:
            variables["AWS_CA_BUNDLE"] = ca
        self.variables = variables
        self.log_path = os.path.join(self.folder.name, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [os.path.join(os.environ["BIN"], "s3zipd"), "--listen", "127.0.0.1:0", "--state-dir",
                 os.path.join(self.folder.name, "state")],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=variables)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def __enter__(self):
        marker = "s3zipd listening on "
        for _ in range(200):
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

    def s3zip(self, *words):
        command = [os.path.join(os.environ["BIN"], "s3zip"), "--daemon", self.url, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, env=self.variables, check=False)


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


def entry_name(key):
    """The safe name of our keys: what Windows forbids is replaced."""
    return key.translate(str.maketrans(dict.fromkeys('<>:"|?*', "_")))


def compare(archive, big_sha256):
    expected = {entry_name(key): hashlib.sha256(body).hexdigest() for key, body in source_objects()}
    expected["files/" + BIG_KEY] = big_sha256
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        names = file.namelist()
        if sorted(names) != sorted(expected):
            raise SystemExit(f"names differ: {sorted(set(names) ^ set(expected))[:5]}")
        for name in names:
            if hashlib.sha256(file.read(name)).hexdigest() != expected[name]:
                raise SystemExit(f"{name}: content differs")
    return len(names)


def fill(env):
    s3 = client(env, env["S3_URL"], None)
    s3.create_bucket(SOURCE)
    s3.create_bucket(TARGET)
    for key, body in source_objects():
        s3.put(SOURCE, key, body)
    s3.put(SOURCE, "files/" + BIG_KEY, big_object())
    print(len(list(s3.list(SOURCE))), "objects")


def zip_them(env, url, ca):
    key = f"zips/from {urllib.parse.urlsplit(url).scheme}.zip"
    with Daemon(env, url, ca) as daemon:
        # Small parts: a multipart upload with parts of several entries, and a group for the large one.
        done = daemon.s3zip("--json", "create", f"s3://{SOURCE}/files/", "-o", f"s3://{TARGET}/{key}", "--wait",
                            "--part-size", "8MiB")
        if done.returncode != 0:
            raise SystemExit(f"s3zip create: exit code {done.returncode}\n{done.stdout}{done.stderr}{daemon.log()}")
        job = json.loads(done.stdout)
        status, headers, _ = fetch(f"{daemon.url}/archives/{job['id']}/download", None)
        if status != 307:
            raise SystemExit(f"download: HTTP {status}, expected 307")
        status, _, archive = fetch(headers["Location"], ca)
        if status != 200 or len(archive) != job["result"]["size"]:
            raise SystemExit(f"presigned GET: HTTP {status}, {len(archive)} bytes of {job['result']['size']}")
        entries = compare(archive, hashlib.sha256(big_object()).hexdigest())
        verified = daemon.s3zip("verify", f"s3://{TARGET}/{key}")
        if verified.returncode != 0:
            raise SystemExit(f"s3zip verify: exit code {verified.returncode}\n{verified.stdout}{verified.stderr}")
    left = client(env, url, ca).open_uploads(TARGET)
    if left:
        raise SystemExit(f"uploads left open: {left}")
    print(f"{entries} entries, {len(archive)} bytes, {sum(job['requests'].values())} requests")


def refused(env, url, ca):
    with Daemon(env, url, ca) as daemon:
        done = daemon.s3zip("--json", "create", f"s3://{SOURCE}/files/", "-o", f"s3://{TARGET}/never.zip", "--wait")
        if done.returncode != 1:
            raise SystemExit(f"s3zip create: exit code {done.returncode}, expected 1\n{done.stdout}{done.stderr}")
        job = json.loads(done.stdout)
    why = job["error"]["code"] + ": " + job["error"]["detail"]
    if job["state"] != "failed" or "certificate" not in why.lower():
        raise SystemExit(f"state {job['state']}, {why}: expected a failure that names the certificate")
    if client(env, env["S3_URL"], None).exists(TARGET, "never.zip"):
        raise SystemExit("never.zip exists")
    print(why)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        env = dict(line.rstrip("\n").split("=", 1) for line in file)
    if sys.argv[2] == "fill":
        return fill(env)
    url, ca = sys.argv[3], None if sys.argv[4] == "-" else sys.argv[4]
    return {"zip": zip_them, "refused": refused}[sys.argv[2]](env, url, ca)


if __name__ == "__main__":
    main()
