#!/usr/bin/env python3
"""fuzz_test.py [--seed N] [--cases N] [--seconds S] [--token TOKEN]: requests by chance against a daemon (fuzz_requests.py), and what every answer
to them has to be:

- it comes, within PATIENCE_S, is HTTP, and there are no more answers than requests
- never 5xx, but for what the document allows a plan (S3 cannot be reached)
- of an operation: what the document says (status, headers, schema); else: a problem of the table in docs/API.md
- accepted is only what the schema of the body allows, and what it allows is refused for no reason that it would have told
- bad-json is what is no JSON, and nothing else; a `pointer` leads to something in the body
- repeated-field is a body in which an object has a name twice, and nothing else
In the end the daemon has let go of everything, stops with 0 and has logged no error.

A case that breaks a promise is printed with the flags that repeat it. Cases follow from seed and number alone, but for ids
of jobs; THREADS are under way at once. S3ZIPD_FUZZ_SEED, _CASES and _SECONDS are the same as the flags.
"""
import argparse
import concurrent.futures
import itertools
import json
import os
import random
import re
import sys
import threading
import time

import document
import fuzz_requests
import schema
import wire
from rig import Rig

PATIENCE_S = 20
THREADS = 4
JSON_DEPTH_MAX = 16  # config/limits.h
SHOWN = 5
FLAGS = ["--jobs-kept-max", "200", "--jobs-running-max", "4"]
# A schema cannot say all: these are told of values that it allows.
BEYOND_THE_SCHEMA = {"bad-value", "conflicting-fields", "request-refused", "idempotency-key-reused", "bad-idempotency-key"}


class NotJson(Exception):
    pass


def read_body(data):
    """The value as most readers see it, of a repeated name the last; and whether an object has one."""
    repeated = []

    def refuse(word):
        raise NotJson(word)

    def make_object(pairs):
        made = dict(pairs)
        repeated.append(len(made) < len(pairs))
        return made
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=refuse, object_pairs_hook=make_object)
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from None
    return value, any(repeated)


def depth(value):
    """How many arrays and objects are inside each other."""
    deepest, level = 0, [value]
    while level := [each for each in level if isinstance(each, (list, dict))]:
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
        deepest += 1
    return deepest


def has_lone_surrogate(value):
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def find(value, pointer):
    """Whether there is something at a JSON pointer; and whether there is where it would be."""
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
    for i, token in enumerate(tokens):
        if isinstance(value, dict) and token in value:
            value = value[token]
        elif isinstance(value, list) and re.fullmatch("0|[1-9][0-9]*", token) and int(token) < len(value):
            value = value[int(token)]
        else:
            return False, i == len(tokens) - 1 and isinstance(value, dict)
    return True, True


def pointer_errors(value, problem):
    there, parent_there = find(value, problem["pointer"])
    if problem["type"].endswith("/missing-field"):
        return [] if parent_there and not there else [f"{problem['pointer']} is not missing"]
    return [] if there else [f"there is no {problem['pointer']} in the body"]


def body_errors(data, answer):
    """What is wrong with the verdict on a body, by the document and RFC 8259."""
    name = answer.json["type"].removeprefix("/problems/") if answer.status >= 400 else None
    if name in ("bad-idempotency-key", "too-many-jobs"):
        return []
    try:
        value, has_repeated = read_body(data)
    except NotJson as reason:
        return [] if name == "bad-json" else [f"not JSON ({reason}) but {answer.status} {name}"]
    if name == "bad-json":
        excused = depth(value) > JSON_DEPTH_MAX or has_lone_surrogate(value)
        return [] if excused else ["JSON, but bad-json"]
    if (name == "repeated-field") != has_repeated:
        return [f"{answer.status} {name}, and {'a' if has_repeated else 'no'} name is repeated"]
    if has_repeated:
        return [] if answer.json.get("pointer", "").startswith("/") else ["a repeated name without its pointer"]
    found = pointer_errors(value, answer.json) if name and "pointer" in answer.json else []
    wrong = schema.errors(document.REQUEST_SCHEMA, value, document.DOCUMENT)
    if wrong and (name is None or name == "request-refused" or answer.status in (403, 502)):
        found.append(f"accepted, though the schema says: {wrong}")
    elif not wrong and answer.status == 422 and name not in BEYOND_THE_SCHEMA and not excuses(value, answer.json):
        found.append(f"{name}, though the schema allows it")
    return found


def excuses(value, problem):
    """Refusals that the schema cannot foretell: 5.0 is an integer to it, and a size of text has no bounds."""
    pointer = problem.get("pointer", "")
    if pointer == "/options/part_size" and problem["type"].endswith("/out-of-range"):
        return isinstance(value["options"]["part_size"], str)
    if pointer == "/destination/sse/customer_key" and problem["type"].endswith("/missing-field"):
        return True
    if pointer in ("/options/part_size", "/options/priority") and problem["type"].endswith("/wrong-type"):
        return isinstance(value["options"][pointer.rpartition("/")[2]], float)
    return False


def answer_errors(case, answer):
    found = []
    may_fail = case.operation == "planArchive" and answer.status in (502, 503)
    if answer.status >= 500 and not may_fail:
        found.append(f"status {answer.status}")
    if case.operation is not None:
        found += document.errors(case.operation, answer)
    elif answer.status >= 400 and answer.body:
        found += document.problem_errors(answer)
    if case.body is not None and not found:
        found += body_errors(case.body, answer)
    return found


class Run:
    def __init__(self, rig):
        self.rig, self.lock = rig, threading.Lock()
        self.jobs, self.counts, self.failed, self.taken, self.slowest = [], {}, [], 0, (0.0, "")

    def take(self, name, case):
        found = self.errors(case)
        with self.lock:
            self.taken += 1
            self.failed += [f"{name} ({case.kind}): {error}\n    {case.data[:3000]!r}" for error in found]

    def errors(self, case):
        start = time.monotonic()
        try:
            data = self.rig.exchange(case.data, PATIENCE_S)
        except (TimeoutError, ConnectionRefusedError) as error:
            return [f"no end after {time.monotonic() - start:.1f} s: {error}"]
        with self.lock:
            self.slowest = max(self.slowest, (time.monotonic() - start, case.kind))
        try:
            answers = wire.split(data, case.methods or [])
            if case.methods is not None and len(answers) > len(case.methods):
                return [f"{len(answers)} answers to {len(case.methods)} requests: {data[:2000]!r}"]
            if case.operation is not None and len(answers) != 1:
                return [f"{len(answers)} answers"]
            found = [error for answer in answers for error in answer_errors(case, answer)]
        except wire.WireError as error:
            if case.methods is None and b"HEAD" in case.data.upper():
                return []  # who knows which of the answers has no body
            return [str(error)]
        with self.lock:
            for answer in answers:
                self.note(case, answer)
        return found

    def note(self, case, answer):
        key = (case.kind, answer.status)
        self.counts[key] = self.counts.get(key, 0) + 1
        location = answer.headers.get("location", "")
        if answer.status == 202 and location:
            self.jobs = [*self.jobs[-7:], location.rpartition("/")[2]]

    def at_rest(self):
        """Whether the daemon, after all that, holds nothing: polled, since jobs may still run."""
        deadline = time.monotonic() + 60
        while True:
            text = self.rig.call("GET", "/metrics").body.decode()
            held = {name: float(value) for name, value in re.findall(
                r"^s3zipd_(http_connections|http_event_streams|http_plans|http_body_bytes|jobs_live_bytes) (\S+)$", text, re.M)}
            if held == {"http_connections": 1, "http_event_streams": 0, "http_plans": 0, "http_body_bytes": 0,
                        "jobs_live_bytes": 0}:
                return []
            if time.monotonic() > deadline:
                return [f"at the end it holds {held}"]


def run(seed, cases, seconds, token):
    print(f"seed {seed}", flush=True)
    numbers, deadline = itertools.count(), time.monotonic() + seconds
    with Rig(flags=FLAGS, s3sim_flags=["--sink", "sink"], token=token) as rig:
        state = Run(rig)

        def work():
            while (number := next(numbers)) < cases and time.monotonic() < deadline and len(state.failed) < SHOWN:
                case = fuzz_requests.make(random.Random(f"{seed}/{number}"), state.jobs, rig.headers)
                state.take(f"--seed {seed} --only {number}", case)

        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            for worker in [pool.submit(work) for _ in range(THREADS)]:
                worker.result()
        if rig.daemon.process.poll() is None:
            state.failed += state.at_rest() + end(rig)
        else:
            state.failed.append(f"the daemon is gone:\n{rig.daemon.log()[-4000:]}")
    if state.failed:
        print(*state.failed, sep="\n")
    report(state)
    return state.failed


def end(rig):
    code, _ = rig.daemon.stop()
    log = rig.daemon.log()
    bad = [line for line in log.splitlines() if re.match(r"\S+ error ", line) or "runtime error" in line]
    return ([f"it ends with {code}: {log[-2000:]}"] if code else []) + ([f"it logged: {bad[:3]}"] if bad else [])


def report(state):
    for kind in sorted({kind for kind, _ in state.counts}):
        print(f"{kind:9}", *(f"{status}:{count}" for (k, status), count in sorted(state.counts.items()) if k == kind))
    print(f"{state.taken} cases, the slowest {state.slowest[0]:.2f} s ({state.slowest[1]})")


def only(seed, number, token):
    with Rig(flags=FLAGS, s3sim_flags=["--sink", "sink"], token=token) as rig:
        state, case = Run(rig), fuzz_requests.make(random.Random(f"{seed}/{number}"), [], rig.headers)
        print(case)
        print(rig.exchange(case.data, PATIENCE_S))
        return state.errors(case)


def main():
    parser = argparse.ArgumentParser()
    for name, kind, default in (("seed", int, 1), ("cases", int, 10_000), ("seconds", float, 1e9)):
        value = os.environ.get("S3ZIPD_FUZZ_" + name.upper())
        parser.add_argument("--" + name, type=kind, default=kind(value) if value else default)
    parser.add_argument("--only", type=int)
    parser.add_argument("--token", help="the daemon wants this one, and gets it")
    arguments = parser.parse_args()
    if arguments.only is not None:
        failed = only(arguments.seed, arguments.only, arguments.token)
        print(*failed, sep="\n")
    else:
        failed = run(arguments.seed, arguments.cases, arguments.seconds, arguments.token)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
