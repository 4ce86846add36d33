"""zoo_daemon.py: jobs over the zoo (zoo.py put) through s3zipd. Whatever bytes keys have, its answers are JSON.

One job fails, because two keys that are not UTF-8 become one name and it asks to fail then; the other renames. What is
said of each, and of both in the list, must be UTF-8 that Python's JSON parser reads.
"""
import json
import os
import sys
import time
import urllib.request

from daemon import Daemon

PATIENCE_S = 60
ENDED = ("succeeded", "failed", "cancelled")


def call(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
        answer = response.read()
    try:
        return json.loads(answer.decode())
    except ValueError as error:
        sys.exit(f"{url}: {error}: ...{answer[-200:]!r}")


def run_job(daemon, prefix, on_duplicate):
    job = call(daemon.url + "/archives", {
        "source": {"bucket": "zoo", "prefix": prefix},
        "destination": {"bucket": "out", "key": f"zoo-{on_duplicate}.zip", "overwrite": True},
        "options": {"on_duplicate": on_duplicate}})
    deadline = time.monotonic() + PATIENCE_S
    while job["state"] not in ENDED:
        if time.monotonic() > deadline:
            sys.exit(f"the job does not end: {job}")
        time.sleep(0.05)
        job = call(f"{daemon.url}/archives/{job['id']}")
    return job


def main():
    env = {"S3_ACCESS_KEY": os.environ["AWS_ACCESS_KEY_ID"], "S3_SECRET_KEY": os.environ["AWS_SECRET_ACCESS_KEY"]}
    with Daemon(env, os.environ["AWS_ENDPOINT_URL_S3"], None) as daemon:
        renaming = run_job(daemon, "", "rename")
        if renaming["state"] != "succeeded":
            sys.exit(f"state {renaming['state']}: {renaming.get('error')}")
        failing = run_job(daemon, "latin1-", "fail")
        if failing["state"] != "failed" or failing["error"]["code"] != "duplicate_name":
            sys.exit(f"state {failing['state']}, expected a failure for two equal names")
        jobs = call(daemon.url + "/archives")["archives"]
        if len(jobs) != 2:
            sys.exit(f"{len(jobs)} jobs in the list, expected 2")
        shown = daemon.s3zip("show", failing["id"])
        if shown.returncode != 0:
            sys.exit(f"s3zip show: exit code {shown.returncode}\n{shown.stdout}{shown.stderr}")
    print(renaming["result"]["entries"], "entries;", ascii(failing["error"]["detail"]))


if __name__ == "__main__":
    main()
