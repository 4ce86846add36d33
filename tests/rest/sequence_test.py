#!/usr/bin/env python3
"""sequence_test.py [--seed N] [--steps N]: jobs are posted, cancelled, shown, listed, watched and downloaded by several clients at
once, drawn by seed, and what each of them sees has to fit together:

- a job's state only goes forward, what it has done never shrinks, and once it has ended nothing of it changes
- a list is newest first; its pages together have every job that was there before, once
- events go forward too, and end with the one that ends the job
- the same Idempotency-Key is the same job, and a 409 tells the truth
- what has succeeded can be downloaded, and is as long as the result says
"""
import argparse
import concurrent.futures
import json
import random
import sys
import threading
import urllib.request

import document
from rig import ENDED, Rig

CLIENTS = 4
RANKS = {"queued": 0, "planning": 1, "running": 2, "finishing": 3, "succeeded": 4, "failed": 4, "cancelled": 4}
DONE = ("objects_done", "bytes_done", "parts_done")
SOURCES = [{"bucket": "photos", "prefix": "2026/"}, {"bucket": "many", "prefix": ""}, {"bucket": "photos", "prefix": "none/"},
           {"bucket": "docs", "objects": [{"key": "c.pdf"}, {"key": "gone"}]}, {"bucket": "no-such-bucket"},
           {"bucket": "large", "prefix": ""}]
OPTIONS = [{}, {"on_missing": "skip"}, {"on_empty": "archive"}, {"priority": 50}, {"priority": -50}]


class Broken(AssertionError):
    pass


class Model:
    def __init__(self, rig):
        self.rig, self.lock = rig, threading.Lock()
        self.seen, self.ended, self.keys = {}, {}, {}  # id -> last view; id -> the view once ended; key -> id

    def call(self, operation, job="", query="", body=None, headers=None):
        method, path, _ = document.OPERATIONS[operation]
        answer = self.rig.call(method, path.replace("{id}", job) + query, body, headers)
        if found := document.errors(operation, answer):
            raise Broken(f"{operation}: {found}: {answer}")
        return answer

    def ids(self):
        with self.lock:
            return list(self.seen)

    def before(self, job_id):
        with self.lock:
            return self.seen.get(job_id), self.ended.get(job_id)

    def learn(self, job, before, whole):
        """A view of a job that was asked for after `before` was seen."""
        last, ended = before
        if last is not None:
            if RANKS[job["state"]] < RANKS[last["state"]]:
                raise Broken(f"went back: {last}\n{job}")
            if any(job["progress"][name] < last["progress"][name] for name in DONE):
                raise Broken(f"did less: {last}\n{job}")
        if ended is not None and whole and ended != job:
            raise Broken(f"changed after its end: {ended}\n{job}")
        with self.lock:
            known = self.seen.get(job["id"])
            if known is None or RANKS[job["state"]] > RANKS[known["state"]]:
                self.seen[job["id"]] = job
            if whole and job["state"] in ENDED:
                self.ended.setdefault(job["id"], job)


def create(model, draw):
    body = {"source": draw.choice(SOURCES), "destination": {"bucket": "sink", "key": f"{draw.randrange(5)}.zip", "overwrite": True},
            "options": draw.choice(OPTIONS)}
    headers, key = {}, None
    if draw.random() < 0.3:
        key = f"key-{draw.randrange(20)}"
        headers["Idempotency-Key"] = key
        body = {"source": SOURCES[1], "destination": {"bucket": "sink", "key": key + ".zip", "overwrite": True}}
    with model.lock:
        known = model.keys.get(key)
    before = model.before(known)
    answer = model.call("createArchive", body=body, headers=headers)
    if answer.status != 202:
        raise Broken(f"{answer}")
    job = answer.json
    if known is not None and job["id"] != known:
        raise Broken(f"{key} is {known} and {job['id']}")
    if key:
        with model.lock:
            model.keys.setdefault(key, job["id"])
    model.learn(job, before if known else (None, None), whole=False)


def show(model, draw):
    job_id = draw.choice(model.ids())
    before = model.before(job_id)
    model.learn(model.call("getArchive", job_id).json, before, whole=True)


def cancel(model, draw):
    job_id = draw.choice(model.ids())
    before = model.before(job_id)
    answer = model.call("cancelArchive", job_id)
    if answer.status == 202:
        if before[1] is not None:
            raise Broken(f"cancelled after its end: {before[1]}")
        model.learn(answer.json, before, whole=False)
    elif answer.status == 409:
        state = model.call("getArchive", job_id).json["state"]
        if state not in (*ENDED, "finishing"):  # the end is told when the journal has it
            raise Broken(f"{answer} but {state}")
    else:
        raise Broken(f"{answer}")


def watch(model, draw):
    job_id = draw.choice(model.ids())
    last = model.before(job_id)
    events = model.call("watchArchive", job_id).events()
    names = [name for name, _ in events]
    if names != ["progress"] * (len(events) - 1) + ["state"]:
        raise Broken(f"events {names}")
    for _, data in events:
        job = json.loads(data)
        model.learn(job, last, whole=False)
        last = (job, None)
    if job["state"] not in ENDED:
        raise Broken(f"the last event is {job}")
    if model.call("getArchive", job_id).json["state"] != job["state"]:
        raise Broken(f"{job_id} ended twice")


def walk(model, draw):
    known, limit, cursor, found = set(model.ids()), draw.choice([1, 3, 50, 1000]), "", []
    for _ in range(10 ** 6):
        page = model.call("listArchives", query=f"?limit={limit}&cursor={cursor}").json
        found += [job["id"] for job in page["archives"]]
        if len(page["archives"]) > limit or (cursor and not page["archives"]):
            raise Broken(f"a page of {len(page['archives'])}, limit {limit}")
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    if found != sorted(set(found), reverse=True):
        raise Broken(f"not newest first: {found}")
    if known - set(found):
        raise Broken(f"not in the list: {known - set(found)}")


def of_state(model, draw):
    state = draw.choice(list(RANKS))
    for job in model.call("listArchives", query=f"?state={state}&limit=1000").json["archives"]:
        if job["state"] != state:
            raise Broken(f"{job} in the list of {state}")


def download(model, draw):
    job_id = draw.choice(model.ids())
    before = model.before(job_id)[1]
    answer = model.call("downloadArchive", job_id)
    if before is not None and (answer.status == 307) != (before["state"] == "succeeded"):
        raise Broken(f"{answer} of {before}")


def report(model, draw):
    job_id = draw.choice(model.ids())
    before = model.before(job_id)[1]
    for operation in ("listSkipped", "listRenamed"):
        answer = model.call(operation, job_id)
        if before is not None and before["state"] == "succeeded":
            name = operation.removeprefix("list").lower()
            if answer.status != 200 or answer.json[name] != before["result"][name]:
                raise Broken(f"{answer} of {before}")


STEPS = [(create, 30), (show, 25), (cancel, 8), (watch, 8), (walk, 1), (of_state, 5), (download, 8), (report, 5)]


def client(model, seed, number, steps):
    draw = random.Random(f"{seed}/{number}")
    create(model, draw)
    for _ in range(steps // CLIENTS):
        step = draw.choices([step for step, _ in STEPS], [weight for _, weight in STEPS])[0]
        step(model, draw)


def download_one(rig):
    job = rig.wait(rig.call("POST", "/archives", {"source": SOURCES[1], "destination": {"bucket": "out", "key": "1.zip"}}).json["id"])
    url = rig.call("GET", f"/archives/{job['id']}/download").headers["location"]
    with urllib.request.urlopen(url, timeout=60) as response:
        if len(response.read()) != job["result"]["size"]:
            raise Broken(f"not as long as {job['result']}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1200)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with Rig(flags=["--jobs-running-max", "3"], s3sim_flags=[
            "--sink", "sink", "--latency", "2ms,jitter=3ms", "--synthetic", "large=count=3,size=30MiB"]) as rig:
        download_one(rig)
        model = Model(rig)
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(client, model, arguments.seed, i, arguments.steps) for i in range(CLIENTS)]
        broken = [each.exception() for each in clients if each.exception()]
        for job_id in model.ids():
            rig.wait(job_id)
        states = [job["state"] for job in rig.call("GET", "/archives?limit=1000").json["archives"]]
        code, _ = rig.daemon.stop()
    print({state: states.count(state) for state in RANKS if state in states})
    for error in broken:
        print(f"{type(error).__name__}: {error}")
    sys.exit(1 if broken or code else 0)


if __name__ == "__main__":
    main()
