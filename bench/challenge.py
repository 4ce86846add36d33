#!/usr/bin/env python3
"""The challenge set through s3zipd: 3,000 objects, 15,728,640,000 bytes, one archive; measured, and read back.

Starts s3sim with the synthetic bucket and one s3zipd, posts the job over the REST API and prints one row of a Markdown
table for each run: wall seconds of the job, CPU-seconds of s3zipd per GB of archive (user and system, from
/proc/PID/stat), its peak resident memory, the requests s3sim answered by kind and what AWS would ask for them.

The destination is a sink (s3sim checks parts and checksums and keeps nothing: pure speed) or a kept archive (s3sim
--root: a file), which a reader written here then goes through: each entry's SHA-256 must be its name.

    challenge.py                        sink and kept archive, defaults of the daemon
    challenge.py --io epoll --reactors 1 --part-size 8MiB --destination sink --repeat 3
    challenge.py --matrix               uring, epoll x 1, 2, 4 reactors x 8, 64 MiB parts: all archives byte-identical
    challenge.py --scale 100            a hundredth of the set
"""
import argparse
import contextlib
import datetime
import hashlib
import http.client
import json
import mmap
import multiprocessing
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import zipfile
import zlib

OBJECTS, BYTES = 3_000, 15_728_640_000
PUT_CLASS = ("PutObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload",
             "ListObjectsV2", "ListParts")
GET_CLASS = ("GetObject", "HeadObject")
COLUMNS = ("io", "reactors", "part size", "destination", "wall s", "outer s", "GB/s", "CPU-s/GB", "peak RSS MiB",
           "s3sim CPU-s/GB", "PUT-class", "GET-class", "USD", "archive bytes", "checked")


class Failure(Exception):
    pass


class Server:
    """A program that says "NAME listening on URL" when it is ready. Ended on leaving."""

    def __init__(self, name, arguments, folder, variables=None):
        self.name = name
        self.log_path = folder / (name + ".log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([str(a) for a in arguments], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, env=variables)
        marker = name + " listening on "
        deadline = time.monotonic() + 300  # s3sim hashes the whole set for its keys, once
        while time.monotonic() < deadline and self.process.poll() is None:
            text = self.log()
            if marker in text and "\n" in text.split(marker, 1)[1]:
                self.url = urllib.parse.urlsplit(text.split(marker, 1)[1].split()[0])
                return
            time.sleep(0.02)
        self.stop()
        raise Failure(f"{name} did not start:\n{self.log()}")

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime, stime

    def peak_rss_bytes(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise Failure(f"{self.name}: no VmHWM")

    def ask(self, method, path, body=None, expect=200):
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=60)
        headers = {"Content-Type": "application/json"} if body else {}
        connection.request(method, path, json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
        connection.close()
        if response.status != expect:
            raise Failure(f"{self.name}: {method} {path}: HTTP {response.status}: {text}")
        return json.loads(text) if text.lstrip().startswith("{") else text

    def wait_for_end(self, path):
        """Reads an event stream until it ends: costs the daemon less than being asked again and again."""
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=60)
        connection.request("GET", path)
        response = connection.getresponse()
        while response.readline():
            pass
        connection.close()

    def stop(self):
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def start_s3sim(options, folder):
    spec = "challenge" if options.scale == 1 else f"challenge,scale={options.scale}"
    (folder / "root").mkdir(exist_ok=True)
    arguments = [options.bin / "s3sim", "--listen", "127.0.0.1:0", "--root", folder / "root", "--bucket", "out",
                 "--synthetic", "challenge=" + spec, "--synthetic-cache", options.cache, "--sink", "sink",
                 "--threads", options.sim_threads]
    return Server("s3sim", arguments, folder)


def start_s3zipd(options, run, s3sim, folder):
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "S3ZIPD_"))}
    variables |= {"AWS_ENDPOINT_URL_S3": s3sim.url.geturl(), "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "s3sim",
                  "AWS_SECRET_ACCESS_KEY": "s3simsecret"}
    arguments = [options.bin / "s3zipd", "--listen", "127.0.0.1:0", "--state-dir", folder / "state",
                 "--log-level", "warn"]
    for flag, value in (("--io", run["io"]), ("--reactors", run["reactors"]), ("--memory", options.memory)):
        if value:
            arguments += [flag, value]
    return Server("s3zipd", arguments, folder, variables)


def part_size_bytes(text):
    for suffix, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("", 1)):
        if text.endswith(suffix):
            return int(text.removesuffix(suffix)) * factor
    raise ValueError(text)


def seconds_between(job):
    began, ended = (datetime.datetime.fromisoformat(job[field]) for field in ("started_at", "finished_at"))
    return (ended - began).total_seconds()


def measure(options, run, folder):
    """One job in a fresh s3zipd. Returns what was measured; the archive is left where it is."""
    bucket = "sink" if run["destination"] == "sink" else "out"
    request = {"sources": [{"bucket": "challenge", "prefix": "files/"}],
               "destination": {"bucket": bucket, "key": "challenge.zip", "overwrite": True}, "options": {}}
    if run["part_size"]:
        request["options"]["part_size"] = part_size_bytes(run["part_size"])
    with start_s3sim(options, folder) as s3sim, start_s3zipd(options, run, s3sim, folder) as s3zipd:
        version = s3zipd.ask("GET", "/version")
        cpu = s3zipd.cpu_seconds(), s3sim.cpu_seconds()
        began = time.monotonic()
        job = s3zipd.ask("POST", "/archives", request, expect=202)
        s3zipd.wait_for_end(f"/archives/{job['id']}/events")
        outer = time.monotonic() - began
        job = s3zipd.ask("GET", f"/archives/{job['id']}")
        cpu = s3zipd.cpu_seconds() - cpu[0], s3sim.cpu_seconds() - cpu[1]
        stats = s3sim.ask("GET", "/_s3sim/stats")
        rss = s3zipd.peak_rss_bytes()
        if job["state"] != "succeeded":
            raise Failure(f"the job ended {job['state']}: {job.get('error')}\n{s3zipd.log()}")
    answered, parts = stats["operations"], max(1, job["progress"]["parts_total"])
    size = job["result"]["size"]
    if job["result"]["entries"] != OBJECTS // options.scale or stats["open_uploads"] != 0:
        raise Failure(f"{job['result']['entries']} entries, {stats['open_uploads']} open uploads")
    gb, wall = size / 1e9, seconds_between(job)
    chosen = f"{size / parts / (1 << 20):.0f} MiB (chosen, mean)"
    return dict(run, io=version.get("io", run["io"]), reactors=version.get("reactors", run["reactors"]),
                part_size=run["part_size"] or chosen, archive_bytes=size, wall_s=wall, outer_s=outer, gb_per_s=gb / wall,
                cpu_s_per_gb=cpu[0] / gb, s3sim_cpu_s_per_gb=cpu[1] / gb, peak_rss_bytes=rss,
                requests=job["requests"], answered=answered,
                put_class=sum(answered.get(name, 0) for name in PUT_CLASS),
                get_class=sum(answered.get(name, 0) for name in GET_CLASS), cost_usd=job["result"]["cost_usd"],
                crc32=job["result"]["crc32"])


def check_entries(task):
    """A worker's share of the entries: local header against the central one, CRC-32, SHA-256 against the name."""
    path, entries = task
    wrong = []
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        for name, offset, size, crc in entries:
            head = whole[offset:offset + 30]
            name_size, extra_size = int.from_bytes(head[26:28], "little"), int.from_bytes(head[28:30], "little")
            start = offset + 30 + name_size
            body = memoryview(whole)[start + extra_size:start + extra_size + size]
            good = (head[:4] == b"PK\3\4" and int.from_bytes(head[6:8], "little") & 8 == 0
                    and head[8:10] == b"\0\0" and int.from_bytes(head[14:18], "little") == crc
                    and whole[offset + 30:start] == name.encode() and len(body) == size and zlib.crc32(body) == crc
                    and hashlib.sha256(body).hexdigest() == name.rpartition("/")[2])
            body.release()
            if not good:
                wrong.append(name)
    return wrong


def check_archive(path, scale):
    with zipfile.ZipFile(path) as archive:  # for the central directory only
        infos = archive.infolist()
    entries = [(i.filename, i.header_offset, i.file_size, i.CRC) for i in infos]
    if len({e[0] for e in entries}) != OBJECTS // scale or sum(e[2] for e in entries) != BYTES // scale:
        raise Failure(f"{len(entries)} entries of {sum(e[2] for e in entries)} bytes: not the challenge set")
    shares = [(path, entries[at:at + 50]) for at in range(0, len(entries), 50)]
    with multiprocessing.Pool() as pool:
        wrong = [name for names in pool.imap_unordered(check_entries, shares) for name in names]
    if wrong:
        raise Failure(f"{len(wrong)} entries are not what their names say, {wrong[0]} for one")
    return f"{len(entries)} SHA-256"


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def row(result):
    cells = (result["io"], result["reactors"], result["part_size"], result["destination"], f"{result['wall_s']:.2f}",
             f"{result['outer_s']:.2f}", f"{result['gb_per_s']:.2f}", f"{result['cpu_s_per_gb']:.3f}",
             f"{result['peak_rss_bytes'] / (1 << 20):.0f}", f"{result['s3sim_cpu_s_per_gb']:.3f}", result["put_class"],
             result["get_class"], f"{result['cost_usd']:.4f}", result["archive_bytes"], result["checked"])
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def runs_of(options):
    base = {"io": options.io, "reactors": options.reactors, "part_size": options.part_size}
    if not options.matrix:
        for destination in ("sink", "kept") if options.destination == "both" else (options.destination,):
            for _ in range(options.repeat):
                yield dict(base, destination=destination)
        return
    for io in ("uring", "epoll"):
        for reactors in ("1", "2", "4"):
            for part_size in ("8MiB", "64MiB"):
                yield {"io": io, "reactors": reactors, "part_size": part_size, "destination": "kept"}


def run_one(options, run, folder, first):
    """`first` is the first archive's SHA-256, if there is one: then equality is the check."""
    archive = folder / "root" / "out" / "challenge.zip"
    result = measure(options, run, folder)
    result["checked"] = "parts and checksums"
    if run["destination"] == "kept":
        if archive.stat().st_size != result["archive_bytes"]:
            raise Failure(f"{archive} has {archive.stat().st_size} bytes, the job says {result['archive_bytes']}")
        if options.matrix:
            result["sha256"] = sha256_of(archive)
            if first not in (None, result["sha256"]):
                raise Failure(f"{run}: the archive differs from the first one")
        result["checked"] = "identical" if first else check_archive(archive, options.scale)
        archive.unlink()
    print(row(result), flush=True)
    return result


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--bin", type=pathlib.Path, default=os.environ.get("BIN", "build/release/bin"))
    parser.add_argument("--scale", type=int, default=1, help="a D-th of the set")
    parser.add_argument("--io", default="", choices=["", "uring", "epoll"])
    parser.add_argument("--reactors", default="")
    parser.add_argument("--part-size", default="", help="e.g. 8MiB; default: the daemon chooses")
    parser.add_argument("--memory", default="256MiB", help="the daemon's part memory")
    parser.add_argument("--destination", default="both", choices=["sink", "kept", "both"])
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--matrix", action="store_true", help="every back end, 1, 2, 4 reactors, 8 and 64 MiB parts")
    parser.add_argument("--sim-threads", type=int, default=2)
    parser.add_argument("--cache", type=pathlib.Path, help="file in which s3sim remembers the keys")
    parser.add_argument("--tmp", help="folder for the kept archive: 16 GB / scale at most")
    parser.add_argument("--json", metavar="FILE", help="all numbers as JSON; - for standard output")
    options = parser.parse_args()
    options.bin = pathlib.Path(options.bin).resolve()
    options.cache = options.cache or options.bin / "challenge-keys"
    return options


def main():
    options = parse_options()
    if not all(shutil.which(str(options.bin / name)) for name in ("s3sim", "s3zipd")):
        sys.exit(f"challenge: no s3sim and s3zipd in {options.bin}; run ./dev build")
    results, first = [], None
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="s3zipd-bench-", dir=options.tmp)))
        print("| " + " | ".join(COLUMNS) + " |")
        print("|" + "---|" * len(COLUMNS), flush=True)
        try:
            for run in runs_of(options):
                results.append(run_one(options, run, folder, first))
                first = first or results[-1].get("sha256")
        except Failure as failure:
            sys.exit(f"challenge: {failure}")
    if first:
        print(f"\nall {len(results)} archives have SHA-256 {first}")
    if options.json == "-":
        print(json.dumps(results, indent=1))
    elif options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
