"""A server that is away in the middle of a job costs retries, not the job.

    outage.py ENV PID_FILE CONNECTIONS kill SECONDS RESTART...   kill -9; RESTART, a command, is run after so many seconds
    outage.py ENV PID_FILE CONNECTIONS stop SECONDS              SIGSTOP, and SIGCONT after so many seconds

ENV is the file that rgw.sh writes, with the buckets and objects that `server_jobs.py fill` makes. CONNECTIONS: of each
reactor; with one, a single request has to bear the whole outage, and no budget of retries runs out. "In the middle" is
when some parts are uploaded and others are not; the job is looked at again once the server is down, so that a job which
has slipped through is a failure of the test and not a success.
"""
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

from daemon import ENDED, Daemon, read_env
from server_jobs import BIG_KEY, SOURCE, TARGET, big_object, client, nothing_left

COPIES = 6
METRIC = "s3zipd_s3_retries_total"


def request(key):
    """The same large object under several names: all of the archive's bytes are known, and 600 MB are uploaded."""
    objects = [{"key": "files/" + BIG_KEY, "name": f"{number}.bin"} for number in range(COPIES)]
    return {"source": {"bucket": SOURCE, "objects": objects},
            "destination": {"bucket": TARGET, "key": key, "overwrite": True}, "options": {"part_size": "10MiB"}}


def until_the_middle(daemon, job):
    while True:
        job = daemon.call(f"/archives/{job['id']}")
        progress = job["progress"]
        if job["state"] in ENDED or progress["parts_done"] * 2 > progress["parts_total"] > 0:
            raise SystemExit(f"too late to disturb it: {job['state']}, {progress}")
        if progress["parts_done"] >= 5:
            return
        time.sleep(0.002)


def progress_while_away(daemon, job):
    """Of a job that has not noticed yet, or that waits."""
    job = daemon.call(f"/archives/{job['id']}")
    done, total = job["progress"]["parts_done"], job["progress"]["parts_total"]
    if job["state"] != "running" or not 0 < done < total:
        raise SystemExit(f"not in the middle: {job['state']}, {done} of {total} parts, {job.get('error')}")
    return done, total


def compare(env, key):
    expected = hashlib.sha256(big_object()).hexdigest()
    with tempfile.TemporaryFile() as archive:
        archive.write(client(env, env["S3_URL"], None).get(TARGET, key))
        with zipfile.ZipFile(archive) as file:
            if file.namelist() != [f"{number}.bin" for number in range(COPIES)]:
                raise SystemExit(f"entries {file.namelist()}")
            for name in file.namelist():
                if hashlib.sha256(file.read(name)).hexdigest() != expected:
                    raise SystemExit(f"{name}: content differs")


def main():
    env, connections, how, seconds, restart = read_env(sys.argv[1]), sys.argv[3], sys.argv[4], float(sys.argv[5]), sys.argv[6:]
    with open(sys.argv[2], encoding="utf-8") as file:
        server = int(file.read())
    key = f"outage/{how} {seconds:g} s, {connections}.zip"
    with Daemon(env, env["S3_URL"], None, "--connections", connections) as daemon:
        job = daemon.call("/archives", request(key))
        until_the_middle(daemon, job)
        os.kill(server, signal.SIGKILL if how == "kill" else signal.SIGSTOP)
        try:
            done, total = progress_while_away(daemon, job)
            time.sleep(seconds)
            daemon.call(f"/archives/{job['id']}")  # it still answers
        finally:
            began = time.monotonic()
            if how == "kill":
                subprocess.run(restart, check=True, timeout=120)
            else:
                os.kill(server, signal.SIGCONT)
        away_s = seconds + time.monotonic() - began
        # Now, because RGW 16 has no ETag in its answer to Complete, which is then asked again.
        retries = daemon.metric(METRIC)
        began = time.monotonic()
        job = daemon.wait(job)
        back_s = time.monotonic() - began
        if job["state"] != "succeeded":
            raise SystemExit(f"{how}, {away_s:.1f} s: state {job['state']}: {job.get('error')}\n{daemon.log()}")
        if how == "kill" and retries == 0:
            raise SystemExit("no request was made again: nothing was in flight")
        compare(env, key)
        daemon.verify(TARGET, key)
    nothing_left(env, env["S3_URL"], None)
    print(f"away {away_s:.1f} s after {done} of {total} parts; {retries:.0f} retries, {back_s:.1f} s from its return to the end")


if __name__ == "__main__":
    main()
