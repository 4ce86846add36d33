#!/usr/bin/env python3
"""Archives of very many entries: how long, at what cost of CPU and memory, with how many requests.

Each set is a synthetic bucket of s3sim; the archive goes into a sink, which checks parts and checksums and keeps
nothing. One row of a Markdown table for each run, as challenge.py prints them; planning alone (POST /plans) is measured
before the job.

    scale.py                          a million entries of 1 KiB, then 200,000 of mixed size
    scale.py --set mixed --io epoll
    scale.py --count 10000            smaller sets, to try it out
"""
import argparse
import os
import pathlib
import shutil
import sys
import tempfile
import time

import challenge

SETS = {
    "million": (1_000_000, "count={count},size=1KiB"),
    "mixed": (200_000, "count={count},sizes=normal:65536:65536:0:1048576"),
}
COLUMNS = ("set", "io", "reactors", "entries", "archive bytes", "plan s", "plan CPU-s", "wall s", "entries/s", "CPU-s",
           "CPU-s/GB", "CPU-us/entry", "peak RSS MiB", "s3sim CPU-s", "GET-class", "PUT-class", "USD")


def start_s3sim(options, name, count, folder):
    spec = SETS[name][1].format(count=count) + ",prefix=files/"
    return challenge.Server("s3sim", [options.bin / "s3sim", "--listen", "127.0.0.1:0", "--synthetic", "many=" + spec,
                                      "--sink", "sink", "--threads", options.sim_threads], folder)


def measure(options, name, folder):
    count = options.count or SETS[name][0]
    request = {"source": {"bucket": "many", "prefix": "files/"},
               "destination": {"bucket": "sink", "key": name + ".zip", "overwrite": True}}
    run = {"io": options.io, "reactors": options.reactors}
    with start_s3sim(options, name, count, folder) as s3sim, \
            challenge.start_s3zipd(options, run, s3sim, folder) as s3zipd:
        version = s3zipd.ask("GET", "/version")
        cpu, began = s3zipd.cpu_seconds(), time.monotonic()
        plan = s3zipd.ask("POST", "/plans", request)
        plan_s, plan_cpu = time.monotonic() - began, s3zipd.cpu_seconds() - cpu
        cpu = s3zipd.cpu_seconds(), s3sim.cpu_seconds()
        job = s3zipd.ask("POST", "/archives", request, expect=202)
        s3zipd.wait_for_end(f"/archives/{job['id']}/events")
        job = s3zipd.ask("GET", f"/archives/{job['id']}")
        cpu = s3zipd.cpu_seconds() - cpu[0], s3sim.cpu_seconds() - cpu[1]
        if job["state"] != "succeeded":
            raise challenge.Failure(f"the job ended {job['state']}: {job.get('error')}\n{s3zipd.log()}")
        stats, rss = s3sim.ask("GET", "/_s3sim/stats"), s3zipd.peak_rss_bytes()
    result, answered = job["result"], stats["operations"]
    if result["entries"] != count or result["size"] != plan["archive_size"] or stats["open_uploads"] != 0:
        raise challenge.Failure(f"{result['entries']} entries, {result['size']} bytes, planned {plan['archive_size']}")
    wall = challenge.seconds_between(job)
    return (name, version["io"], version["reactors"], count, result["size"], f"{plan_s:.2f}", f"{plan_cpu:.2f}",
            f"{wall:.1f}", f"{count / wall:.0f}", f"{cpu[0]:.1f}", f"{cpu[0] / result['size'] * 1e9:.2f}",
            f"{cpu[0] / count * 1e6:.1f}", rss >> 20, f"{cpu[1]:.1f}",
            sum(answered.get(kind, 0) for kind in challenge.GET_CLASS),
            sum(answered.get(kind, 0) for kind in challenge.PUT_CLASS), f"{result['cost_usd']:.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=os.environ.get("BIN", "build/release/bin"),
                        help="folder of the programs")
    parser.add_argument("--set", choices=SETS, action="append", help="default: all")
    parser.add_argument("--count", type=int, help="entries; default: the set's")
    parser.add_argument("--io", choices=("uring", "epoll"))
    parser.add_argument("--reactors", type=int)
    parser.add_argument("--memory")
    parser.add_argument("--sim-threads", type=int, default=2)
    options = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="s3zipd-scale."))
    try:
        for name in options.set or SETS:
            print("| " + " | ".join(str(cell) for cell in measure(options, name, folder)) + " |", flush=True)
    except challenge.Failure as failure:
        sys.exit(f"scale.py: {failure}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
