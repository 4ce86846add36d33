"""What must hold on every store. Each check prints one line; run.py calls check_store()."""
import contextlib
import http.client
import os
import re
import time
import traceback
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import races
import strict_zip
from daemon import Daemon, fetch
from objects import ODD_PREFIX, source_objects
from relay import Relay
from s3 import S3Error

SOURCE, TARGET = "stores-source", "stores-target"
JOB_LIMIT_S, SOON_S = 180, 60
SMALL, MEDIUM_PREFIX = "files/small/00", "files/medium/"
PART_SIZE = "10MiB"
# Stores on which one UploadPart that was cut makes ListMultipartUploads of the bucket, ListParts and Abort of that upload
# fail with 500 from then on. Jobs must end right all the same.
SPOILT_BY_CUT_PARTS = {"s3proxy": "after a cut UploadPart it answers 500 to ListMultipartUploads, and to Abort"}


class Failed(Exception):
    """The check found something that must not be."""


def demand(condition, text):
    if not condition:
        raise Failed(text)


class Report:
    """Prints and counts the lines `ok|FAIL|skip store: check: why`."""

    def __init__(self):
        self.counts = {"ok": 0, "FAIL": 0, "skip": 0}

    def line(self, word, store, check, why):
        self.counts[word] += 1
        print(f"{word:<4} {store}: {check}: {' '.join(str(why).split())[:400]}", flush=True)


class StoreChecks:
    def __init__(self, server, folder, report):
        self.server, self.folder, self.report = server, folder, report
        self.s3 = server.client()
        self.stored = {}  # source objects that the store has taken
        self.written = set()  # destination keys, for the search for open uploads
        self.cut_parts = False  # whether an UploadPart has been cut in the middle
        self.spoilt = False  # whether the store can list no uploads any more because of that

    def check(self, name, function, *args):
        """Runs one check: it returns what to print, or raises. Returns whether it passed."""
        try:
            self.report.line("ok", self.server.name, name, function(*args))
            return True
        except (Failed, strict_zip.BadArchive, S3Error, SystemExit) as error:
            self.report.line("FAIL", self.server.name, name, error)
        except Exception as error:  # a fault of the check itself, or an unexpected answer
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.report.line("FAIL", self.server.name, name, f"{error!r} at {where.filename}:{where.lineno}")
        return False

    def daemon(self, url=None):
        return Daemon(self.server.env(), url or self.server.url, None)

    def request(self, key, prefix, overwrite=None, **options):
        self.written.add(key)
        destination = {"bucket": TARGET, "key": key} | ({} if overwrite is None else {"overwrite": overwrite})
        return {"source": {"bucket": SOURCE, "prefix": prefix}, "destination": destination,
                "options": {"on_duplicate": "rename", "part_size": PART_SIZE} | options}

    # The source objects.

    def store_one(self, key, body):
        """None, or why the store has not taken the object."""
        try:
            status, _, answer = self.s3.exchange("PUT", SOURCE, key, body=body)
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        code = re.search(rb"<Code>([^<]*)", answer)
        return None if status < 300 else f"HTTP {status} {code[1].decode() if code else 'without an error code'}"

    def fill(self):
        for bucket in (SOURCE, TARGET):
            self.s3.create_bucket(bucket)
        wanted = source_objects()
        order = sorted(wanted)  # a file comes before the files in a folder of its name
        with ThreadPoolExecutor(4) as pool:
            plain = [key for key in order if not key.startswith(ODD_PREFIX)]
            refused = dict(zip(plain, pool.map(lambda key: self.store_one(key, wanted[key]), plain)))
        # One after the other: where two keys exclude each other it is always the same one that is refused.
        refused |= {key: self.store_one(key, wanted[key]) for key in order if key.startswith(ODD_PREFIX)}
        listed = set(self.s3.list(SOURCE))
        for key in listed - set(wanted):
            self.s3.delete(SOURCE, key)
        for key in order:
            why = refused[key]
            if not why and key not in listed:
                why = "stored, but no listing has this key"
            elif not why and key.startswith(ODD_PREFIX) and self.s3.get(SOURCE, key) != wanted[key]:
                why = "the object has other bytes than were stored"
            if not why:
                self.stored[key] = wanted[key]
                continue
            demand(key.startswith(ODD_PREFIX), f"{key}: {why}")
            with contextlib.suppress(S3Error, OSError):
                self.s3.delete(SOURCE, key)
            self.report.line("skip", self.server.name, f"key {key[len(ODD_PREFIX):][:60]!r}", why)
        left = set(self.s3.list(SOURCE))
        demand(left == set(self.stored), f"the listing differs: {sorted(left ^ set(self.stored))[:3]}")
        return f"{len(self.stored)} of {len(wanted)}, {sum(map(len, self.stored.values()))} bytes"

    # What an archive must be.

    def expected(self, daemon, job, prefix):
        """Entry name -> bytes. Names that the daemon has changed come from its report."""
        names = {}
        for item in daemon.call(f"/archives/{job['id']}/renamed?limit=10000")["renamed"]:
            names[item["key"]] = item["name"]
        return {names.get(key, key): body for key, body in self.stored.items() if key.startswith(prefix)}

    def download(self, daemon, job):
        """By the presigned URL, without credentials, into a file. Returns its path."""
        status, headers, _ = fetch(f"{daemon.url}/archives/{job['id']}/download", None)
        demand(status == 307, f"download: HTTP {status}, expected 307")
        url = urllib.parse.urlsplit(headers["Location"])
        path = os.path.join(self.folder, "archive.zip")
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        with contextlib.closing(connection), open(path, "wb") as file:
            connection.request("GET", url.path + "?" + url.query)
            answer = connection.getresponse()
            if answer.status != 200:
                raise Failed(f"presigned GET: HTTP {answer.status}: {answer.read(300)!r}")
            while data := answer.read(1 << 20):
                file.write(data)
            size = file.tell()
        demand(size == job["result"]["size"], f"{size} bytes, the result has {job['result']['size']}")
        return path

    def demand_right(self, daemon, job, prefix):
        return strict_zip.check(self.download(daemon, job), self.expected(daemon, job, prefix))

    def ended(self, daemon, job, state, code=None):
        job = daemon.wait(job, JOB_LIMIT_S)
        error = job.get("error") or {}
        found = f"{job['state']}, {error.get('code')} ({error.get('http_status')}): {error.get('detail')}"
        demand(job["state"] == state and (code is None or error.get("code") == code),
               f"{found}; expected {state}{', ' + code if code else ''}; the log's end: {log_end(daemon)}")
        return job

    def run_job(self, daemon, *args, **more):
        return self.ended(daemon, daemon.call("/archives", self.request(*args, **more)), "succeeded")

    def uploads_of(self, key):
        # The whole key as prefix: MinIO lists no upload otherwise. SeaweedFS lists each upload several times.
        return {found for found in self.s3.open_uploads(TARGET, key) if found == key}

    def demand_no_uploads(self, key):
        """Text for the line: "no upload", or why this store cannot be asked."""
        deadline = time.monotonic() + SOON_S
        try:
            while self.uploads_of(key):
                demand(time.monotonic() < deadline, f"{key}: an upload is open")
                time.sleep(0.2)
            return "no upload"
        except S3Error as error:
            if error.status != 500 or not self.cut_parts or self.server.name not in SPOILT_BY_CUT_PARTS:
                raise
            if not self.spoilt:
                self.report.line("skip", self.server.name, "open uploads", SPOILT_BY_CUT_PARTS[self.server.name])
                self.spoilt = True
            return "uploads cannot be listed"

    # The checks, in their order.

    def archive_of_all(self):
        with self.daemon() as daemon:
            began = time.monotonic()
            job = {}

            def create():
                job.update(self.run_job(daemon, "all/300 objects.zip", "files/"))
                result = job["result"]
                return (f"{result['entries']} entries, {result['size']} bytes, {time.monotonic() - began:.1f} s, "
                        f"checksums {result['checksums']}, compared {result['compared']}, {job['requests']}")

            if not self.check("300 objects, one of 200 MB", create):
                return
            self.check("downloaded and compared",
                       lambda: f"{self.demand_right(daemon, job, 'files/')} entries, each byte")
            self.check("s3zip verify", lambda: daemon.verify(TARGET, "all/300 objects.zip") or "exit code 0")

    def small_archive(self):
        with self.daemon() as daemon:
            job = self.run_job(daemon, "small/a b+c%d ü.zip", SMALL)
            demand("PutObject" in job["requests"], f"not one PutObject: {job['requests']}")
            count = self.demand_right(daemon, job, SMALL)
            daemon.verify(TARGET, "small/a b+c%d ü.zip")
            return f"{count} entries, checksums {job['result']['checksums']}, {job['requests']}"

    def occupied(self, key, prefix):
        old = b"was here first"
        with self.daemon() as daemon:
            self.run_job(daemon, key, prefix)  # the key is free
            self.s3.put(TARGET, key, old)
            self.ended(daemon, daemon.call("/archives", self.request(key, prefix)), "failed", "destination_exists")
            demand(self.s3.get(TARGET, key) == old, "the old object was replaced")
            job = self.run_job(daemon, key, prefix, overwrite=True)
            count = self.demand_right(daemon, job, prefix)
            self.demand_no_uploads(key)
        return f"free key written, taken key kept, overwritten on demand with {count} entries"

    def race(self, name, prefix, meets):
        """Two daemons, whose last requests for a key reach the store at the same time. In the second round one of them
        has seen the store refuse a write, so its result.exclusive can be true.
        """
        address = urllib.parse.urlsplit(self.server.url)
        with Relay(address.hostname, address.port) as relay:
            with self.daemon(relay.url) as one, self.daemon(relay.url) as two:
                rounds = []
                for number in (1, 2):
                    relay.let_meet(2, meets)
                    rounds.append(self.one_race((one, two), f"race {number}/{name}", prefix, meets))
                return "; ".join(rounds)

    def one_race(self, daemons, key, prefix, meets):
        jobs = [daemon.call("/archives", self.request(key, prefix)) for daemon in daemons]
        jobs = [daemon.wait(job, JOB_LIMIT_S) for daemon, job in zip(daemons, jobs)]
        how = [job["state"] + (": " + job["error"]["code"] if job.get("error") else "") for job in jobs]
        why = [job["error"]["detail"] for job in jobs if job.get("error")]
        won = [(daemon, job) for daemon, job in zip(daemons, jobs) if job["state"] == "succeeded"]
        demand(won, f"none has succeeded: {how}; {why}")
        _, headers, _ = self.s3.exchange("HEAD", TARGET, key)
        mark = headers.get("x-amz-meta-s3zipd-job")
        daemon, job = next(((d, j) for d, j in won if j["id"] == mark), won[0])
        demand(mark == job["id"], f"under the key is the archive of a job that has not succeeded, {mark}: {how}")
        self.demand_right(daemon, job, prefix)
        exclusive, known = [j["result"]["exclusive"] for _, j in won], ""
        if len(won) == 2 and exclusive != [False, False]:
            both = races.both_win(self.s3, TARGET, multipart=meets is is_complete)
            demand(both, f"both succeeded, result.exclusive is {exclusive}, and two writes of another client never both pass")
            known = f" (two writes of another client both pass, too: {both})"
        lost = {j["error"]["code"] for j in jobs if j["state"] != "succeeded"}
        demand(lost <= {"destination_exists"}, f"{how}: {why}")
        self.demand_no_uploads(key)
        return f"{' and '.join(how)}, result.exclusive {exclusive}{known}"

    def in_the_middle(self, daemon, relay, key):
        """A job of which two parts are stored and others stand still, halfway into the store."""
        self.cut_parts = True
        relay.hold_parts_after(2)
        job = daemon.call("/archives", self.request(key, MEDIUM_PREFIX))
        relay.wait_until_held(SOON_S)
        deadline = time.monotonic() + SOON_S
        while daemon.call(f"/archives/{job['id']}")["progress"]["parts_done"] < 2:
            demand(time.monotonic() < deadline, f"two parts are not done within {SOON_S} s; the log's end: {log_end(daemon)}")
            time.sleep(0.05)
        return job

    def with_relay(self, function, key):
        address = urllib.parse.urlsplit(self.server.url)
        with Relay(address.hostname, address.port) as relay, self.daemon(relay.url) as daemon:
            return function(relay, daemon, key)

    def cancel(self, relay, daemon, key):
        job = self.in_the_middle(daemon, relay, key)
        daemon.call(f"/archives/{job['id']}", method="DELETE")
        relay.release()
        self.ended(daemon, job, "cancelled")
        demand(not self.s3.exists(TARGET, key), "there is an object under the key")
        return f"cancelled with two parts stored, no object, {self.demand_no_uploads(key)}"

    def kill_and_resume(self, relay, daemon, key):
        job = self.in_the_middle(daemon, relay, key)
        daemon.kill()
        relay.release()
        daemon.start_again()
        job = self.ended(daemon, daemon.call(f"/archives/{job['id']}"), "succeeded")
        count = self.demand_right(daemon, job, MEDIUM_PREFIX)
        daemon.verify(TARGET, key)
        return (f"{count} entries, checksums {job['result']['checksums']}, second process: {job['requests']}, "
                f"{self.demand_no_uploads(key)}")

    def leftovers(self):
        found = {self.demand_no_uploads(key) for key in sorted(self.written)}
        if found == {"no upload"}:
            anywhere = self.s3.open_uploads(TARGET)
            demand(not anywhere, f"uploads are open: {anywhere[:3]}")
        return f"{len(self.written)} keys, {' '.join(found)}"


def log_end(daemon):
    lines = [line for line in daemon.log().splitlines() if " WARN" in line or " ERROR" in line or "warn" in line]
    return " / ".join(lines[-3:])[-240:] or "no warnings"


def is_complete(line):
    return line.startswith(b"POST ") and b"uploadId=" in line


def is_small_put(line):
    return line.startswith(b"PUT ") and b"/small.zip" in line


def check_store(server, folder, report):
    checks = StoreChecks(server, folder, report)
    if not checks.check("source objects", checks.fill):
        return
    checks.archive_of_all()
    checks.check("small archive", checks.small_archive)
    checks.check("overwrite, one PutObject", checks.occupied, "taken/small.zip", SMALL)
    checks.check("overwrite, multipart", checks.occupied, "taken/large.zip", MEDIUM_PREFIX)
    checks.check("race, one PutObject", checks.race, "small.zip", SMALL, is_small_put)
    checks.check("race, multipart", checks.race, "large.zip", MEDIUM_PREFIX, is_complete)
    checks.check("leftovers of these", checks.leftovers)
    checks.check("cancel", checks.with_relay, checks.cancel, "cancelled/in the middle.zip")
    checks.check("kill -9 and resume", checks.with_relay, checks.kill_and_resume, "killed/in the middle.zip")
    checks.check("leftovers at the end", checks.leftovers)
