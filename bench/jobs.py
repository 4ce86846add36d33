#!/usr/bin/env python3
"""Many jobs side by side: what they cost each other, and what the journal costs them.

    jobs.py fair      100 MB jobs alone, then while a job of 200 GB runs: times as long
    jobs.py equal     50 equal jobs posted together: slowest over fastest
    jobs.py post      small jobs posted while the challenge set runs: how soon POST answers
    jobs.py journal   a job of a million entries: how large the journal gets
    jobs.py cost      the challenge set: the share of s3zipd's CPU time that the journal's thread takes

Each against s3sim with a first-byte latency and a bandwidth per connection (--latency, --bandwidth), archives into a sink.
Exits 1 if a bound of docs/adr/0009-fair-sharing.md or 0010-journal-of-jobs.md is missed.
"""
import argparse
import contextlib
import datetime
import http.client
import json
import os
import pathlib
import statistics
import sys
import tempfile
import threading
import time

import challenge

SETS = {"huge": "count=20000,size=10000000", "small": "count=25,size=4000000", "equal": "count=40,size=4000000",
        "tiny": "count=3,size=1000", "challenge": "challenge", "million": "count=1000000,size=100"}


def start(options, folder, stack, sets, timing=True):
    arguments = [options.bin / "s3sim", "--listen", "127.0.0.1:0", "--sink", "sink", "--threads", "2",
                 "--synthetic-cache", options.bin / "challenge-keys"]
    for name in sets:
        arguments += ["--synthetic", f"{name}={SETS[name]}"]
    if timing:
        arguments += ["--latency", options.latency, "--bandwidth-per-connection", options.bandwidth]
    if options.s3_elsewhere:  # as far as it goes on one machine
        arguments = ["nice", "-n", "19", *arguments]
    s3sim = stack.enter_context(challenge.Server("s3sim", arguments, folder))
    run = {"io": options.io, "reactors": None}
    return stack.enter_context(challenge.start_s3zipd(options, run, s3sim, folder))


def post(daemon, bucket, key, **options):
    return daemon.ask("POST", "/archives", {"source": {"bucket": bucket}, "options": options,
                                            "destination": {"bucket": "sink", "key": key, "overwrite": True}}, 202)["id"]


def finish(daemon, job):
    daemon.wait_for_end(f"/archives/{job}/events")
    job = daemon.ask("GET", f"/archives/{job}")
    if job["state"] != "succeeded":
        raise challenge.Failure(f"a job ended {job['state']}: {job.get('error')}\n{daemon.log()}")
    return job


def when(job, field):
    return datetime.datetime.fromisoformat(job[field]).timestamp()


def took(job):
    return when(job, "finished_at") - when(job, "created_at")


def until_running(daemon, job, parts):
    while daemon.ask("GET", f"/archives/{job}")["progress"]["parts_done"] < parts:
        time.sleep(0.1)


def fair(options, daemon):
    alone = [took(finish(daemon, post(daemon, "small", f"alone-{n}"))) for n in range(options.repeat)]
    huge = post(daemon, "huge", "huge")
    until_running(daemon, huge, 20)
    beside = [took(finish(daemon, post(daemon, "small", f"beside-{n}"))) for n in range(options.repeat)]
    daemon.ask("DELETE", f"/archives/{huge}", expect=202)
    ratio = statistics.median(beside) / statistics.median(alone)
    print(f"| 100 MB alone | {seconds(alone)} |\n| beside 200 GB | {seconds(beside)} |\n| times as long | {ratio:.2f} |")
    return ratio <= 3


def seconds(values):
    return f"{statistics.median(values):.2f} s ({min(values):.2f} to {max(values):.2f})"


def equal(options, daemon):
    count, jobs = 50, [None] * 50

    def run(n):
        jobs[n] = finish(daemon, post(daemon, "equal", f"equal-{n}"))
    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if None in jobs:
        raise challenge.Failure("not all of the jobs ended")
    posted = min(when(job, "created_at") for job in jobs)
    times = sorted(when(job, "finished_at") - posted for job in jobs)
    spread = times[-1] / times[0]
    print(f"| 50 jobs of 160 MB | {seconds(times)} |\n| slowest over fastest | {spread:.2f} |")
    return spread <= 1.25  # the slowest has 80 % of the fastest one's rate


def post_latency(options, daemon):
    big = post(daemon, "challenge", "challenge")
    until_running(daemon, big, 3)
    connection = http.client.HTTPConnection(daemon.url.hostname, daemon.url.port, timeout=60)
    body = json.dumps({"source": {"bucket": "tiny"}, "destination": {"bucket": "sink", "key": "t", "overwrite": True}})
    times = []
    while daemon.ask("GET", f"/archives/{big}")["state"] in ("planning", "running"):
        for _ in range(10):
            began = time.perf_counter()
            connection.request("POST", "/archives", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            times.append(1000 * (time.perf_counter() - began))
            if answer.status != 202:
                raise challenge.Failure(f"POST: {answer.status}")
            time.sleep(options.pause)
    finish(daemon, big)
    times.sort()
    at = {p: times[min(len(times) - 1, int(len(times) * p / 100))] for p in (50, 90, 99)}
    print(f"| POSTs beside the challenge set | {len(times)} |\n| p50, p90, p99, max | "
          + ", ".join(f"{at[p]:.1f} ms" for p in at) + f", {times[-1]:.1f} ms |")
    return at[99] < 10


def journal_size(options, daemon, state):
    def size():
        return sum(file.stat().st_size for file in state.glob("journal.db*"))
    before, peak = size(), 0
    job = post(daemon, "million", "million")
    while True:
        peak = max(peak, size())
        if daemon.ask("GET", f"/archives/{job}")["state"] not in ("queued", "planning", "running", "finishing"):
            break
        time.sleep(0.02)
    done = finish(daemon, job)
    entries = done["result"]["entries"]
    print(f"| journal at most (file and WAL) | {(peak - before) / 1e6:.0f} MB, {(peak - before) / entries:.0f} bytes an entry |")
    daemon.stop()
    print(f"| after the job, daemon stopped | {size() / 1e6:.1f} MB |")
    return peak < 300e6


def cpu_by_thread(process):
    seconds = {}
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        name = (task / "comm").read_text(encoding="ascii").strip()
        fields = (task / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        seconds[name] = seconds.get(name, 0) + spent
    return seconds


def journal_cost(options, daemon):
    finish(daemon, post(daemon, "challenge", "challenge"))
    spent = cpu_by_thread(daemon.process)
    all_of_it, control = sum(spent.values()), {n: spent.get(n, 0) for n in ("journal", "jobs", "api")}
    print(f"| CPU-seconds in all | {all_of_it:.2f} |")
    for name, value in control.items():
        print(f"| of which the threads {name} | {value:.2f} s, {100 * value / all_of_it:.2f} % |")
    return control["journal"] < 0.03 * all_of_it


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fair", "equal", "post", "journal", "cost"))
    parser.add_argument("--bin", type=pathlib.Path, default=os.environ.get("BIN", "build/release/bin"))
    parser.add_argument("--io", choices=("uring", "epoll"))
    parser.add_argument("--memory")
    parser.add_argument("--latency", default="30ms")
    parser.add_argument("--bandwidth", default="60MiB")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--s3-elsewhere", action="store_true",
                        help="s3sim takes only the CPU that nobody else wants, since S3 has its own")
    parser.add_argument("--pause", type=float, default=0.02, help="seconds between POSTs")
    options = parser.parse_args()
    options.bin = options.bin.resolve()
    sets = {"fair": ["small", "huge"], "equal": ["equal"], "post": ["tiny", "challenge"], "journal": ["million"],
            "cost": ["challenge"]}
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="s3zipd-jobs-")))
        try:
            daemon = start(options, folder, stack, sets[options.what], timing=options.what in ("fair", "equal"))
            print(f"| {options.what} | {daemon.ask('GET', '/version')['io']} |\n|---|---|")
            kept = {"fair": fair, "equal": equal, "post": post_latency, "cost": journal_cost,
                    "journal": lambda o, d: journal_size(o, d, folder / "state")}[options.what](options, daemon)
        except challenge.Failure as failure:
            sys.exit(f"jobs.py: {failure}")
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
