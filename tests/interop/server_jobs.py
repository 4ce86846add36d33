"""Jobs against somebody else's S3, each with an s3zipd of its own. Ends with 0 when all is as it must be.

    server_jobs.py ENV fill                 makes the buckets and the source objects
    server_jobs.py ENV zip URL CA|-         zips them through the daemon, downloads the archive, compares every entry
    server_jobs.py ENV odd URL CA|-         small archives: no entry, one entry, under keys with odd characters
    server_jobs.py ENV occupied URL CA|-    what is there is not replaced, unless that is asked for
    server_jobs.py ENV refused URL CA|-     the job must fail because of the server's certificate

ENV is the file that rgw.sh and swift.sh write. $BIN is the folder with s3zipd and s3zip.
"""
import hashlib
import io
import json
import random
import sys
import urllib.parse
import zipfile

from daemon import Daemon, read_env
from s3 import S3

SOURCE, TARGET = "interop-source", "interop-out"
BIG_KEY, BIG_SIZE = "large/100 MB.bin", 100_000_000
ODD_KEYS = ["plain.txt", "with space.txt", "100%.txt", "a%20b.txt", "plus+plus.txt", "ünïcödé/größe.txt",
            "文件/資料.txt", "emoji/\U0001f4e6.bin", "quote'\"&<>.txt", "semi;colon=equals@at,comma.txt",
            "tilde~(paren)[bracket]{brace}.txt", "dots/a..b/...txt", "deep/" + "x/" * 40 + "end", "hash#question?.txt"]
ODD_TARGETS = ["zips/a b+c%d%20e.zip", "zips/größe 資料 \U0001f4e6.zip", "zips/~(1)[2]{3}'4'&5=6;7,8@9!*.zip",
               "zips//two//slashes.zip", "/leading.zip", "zips/hash#question?.zip", "zips/" + "n" * 1000 + ".zip"]


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


def nothing_left(env, url, ca):
    left = client(env, url, ca).open_uploads(TARGET)
    if left:
        raise SystemExit(f"uploads left open: {left}")


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
        archive = daemon.download(job, ca)
        entries = compare(archive, hashlib.sha256(big_object()).hexdigest())
        daemon.verify(TARGET, key)
    nothing_left(env, url, ca)
    print(f"{entries} entries, {len(archive)} bytes, {sum(job['requests'].values())} requests")


def odd(env, url, ca):
    """One PutObject each, no multipart upload. The tilde and the leading slash are where signers differ."""
    bodies = dict(source_objects())
    with Daemon(env, url, ca) as daemon:
        for number, key in enumerate(["empty one.zip", *ODD_TARGETS]):
            source = "files/" + ODD_KEYS[number % len(ODD_KEYS)]
            expected = {} if number == 0 else {entry_name(source): bodies[source]}
            wanted = {"prefix": "nothing/"} if number == 0 else {"objects": [{"key": source}]}
            job = daemon.run({"source": {"bucket": SOURCE} | wanted,
                              "destination": {"bucket": TARGET, "key": key, "overwrite": True},
                              "options": {"on_empty": "archive"}})
            with zipfile.ZipFile(io.BytesIO(daemon.download(job, ca))) as file:
                found = {name: file.read(name) for name in file.namelist()}
            if found != expected:
                raise SystemExit(f"{key}: entries {sorted(found)}, expected {sorted(expected)}")
            if client(env, url, ca).get(TARGET, key)[-22:][:4] != b"PK\5\6":
                raise SystemExit(f"{key}: it is not an archive that lies under this key")
            daemon.verify(TARGET, key)
    nothing_left(env, url, ca)
    print(1 + len(ODD_TARGETS), "archives")


def occupied(env, url, ca):
    """Without "overwrite" a job fails whose key is taken, whatever the server makes of If-None-Match."""
    s3 = client(env, url, ca)
    with Daemon(env, url, ca) as daemon:
        for key, prefix in (("taken/small.zip", "files/small/00"), ("taken/large.zip", "files/large/")):
            job = {"source": {"bucket": SOURCE, "prefix": prefix}, "destination": {"bucket": TARGET, "key": key}}
            daemon.run(job)  # the key is free
            s3.put(TARGET, key, b"was here first")
            ended = daemon.wait(daemon.call("/archives", job))
            if ended["state"] != "failed" or ended["error"]["code"] != "destination_exists":
                raise SystemExit(f"{key}: state {ended['state']}: {ended.get('error')}, expected destination_exists")
            if s3.get(TARGET, key) != b"was here first":
                raise SystemExit(f"{key} was replaced")
            job["destination"]["overwrite"] = True
            daemon.run(job)
            daemon.verify(TARGET, key)
    nothing_left(env, url, ca)
    print("kept twice, replaced twice")


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
    env = read_env(sys.argv[1])
    if sys.argv[2] == "fill":
        return fill(env)
    url, ca = sys.argv[3], None if sys.argv[4] == "-" else sys.argv[4]
    return {"zip": zip_them, "odd": odd, "occupied": occupied, "refused": refused}[sys.argv[2]](env, url, ca)


if __name__ == "__main__":
    main()
