#!/usr/bin/env python3
"""What bad days cost: answers with a fat tail, and a store that takes only so many requests a second.

    bad_days.py                 both
    bad_days.py --set tail      a tenth of the challenge set; 30 ms to the first byte and 60 MB/s a connection, first
                                without a tail, then with one answer in a hundred after 3 s; side by side, --repeat times
    bad_days.py --set rate      20,000 objects of 4 KiB, 503 above 500 requests a second; and how long they take without
                                that limit

Both pairs use the same s3sim options but for the one looked at. Printed: seconds, the ratio to the good day (tail) or to
requests / rate (rate), CPU-seconds, requests by the good day's count, 503s.
"""
import argparse
import os
import pathlib
import sys
import tempfile

import challenge

RATE = 500
COUNT = 20_000
COLUMNS = ("set", "io", "day", "wall s", "ratio", "CPU-s", "requests", "more", "503", "sent twice", "won")


def run(options, io, arguments, request, folder):
    """One job on a fresh pair of servers; what it took."""
    with challenge.Server("s3sim", [options.bin / "s3sim", "--listen", "127.0.0.1:0", "--sink", "sink", "--threads", 2,
                                    *arguments], folder) as s3sim, \
            challenge.start_s3zipd(options, {"io": io, "reactors": options.reactors}, s3sim, folder) as s3zipd:
        cpu = s3zipd.cpu_seconds()
        job = s3zipd.ask("POST", "/archives", request, expect=202)
        s3zipd.wait_for_end(f"/archives/{job['id']}/events")
        job = s3zipd.ask("GET", f"/archives/{job['id']}")
        if job["state"] != "succeeded":
            raise challenge.Failure(f"the job ended {job['state']}: {job.get('error')}\n{s3zipd.log()}")
        metrics = {}
        for line in s3zipd.ask("GET", "/metrics").splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                metrics[name] = float(value)
        return {"wall": challenge.seconds_between(job), "cpu": s3zipd.cpu_seconds() - cpu,
                "requests": sum(job["requests"].values()), "throttled": metrics.get("s3zipd_s3_throttled_total", 0),
                "hedged": metrics.get("s3zipd_s3_hedged_total", 0), "won": metrics.get("s3zipd_s3_hedges_won_total", 0),
                "log": s3zipd.log()}


def row(name, io, day, got, ratio, more):
    print("| " + " | ".join([name, io, day, f"{got['wall']:.2f}", ratio, f"{got['cpu']:.2f}", f"{got['requests']}",
                             more, f"{got['throttled']:.0f}", f"{got['hedged']:.0f}", f"{got['won']:.0f}"]) + " |",
          flush=True)


def tail(options, io, folder):
    request = {"source": {"bucket": "challenge", "prefix": "files/"},
               "destination": {"bucket": "sink", "key": "tail.zip", "overwrite": True}}
    common = ["--synthetic", f"challenge=challenge,scale={options.scale}", "--synthetic-cache", options.cache,
              "--bandwidth-per-connection", "60000000"]
    for seed in range(1, options.repeat + 1):
        good = run(options, io, [*common, "--latency", f"30ms,seed={seed}"], request, folder)
        row("tail", io, "30 ms", good, "1", "")
        bad = run(options, io, [*common, "--latency", f"30ms,tail=1%:3s,seed={seed}"], request, folder)
        row("tail", io, "1 % at 3 s", bad, f"{bad['wall'] / good['wall']:.2f}",
            f"{(bad['requests'] / good['requests'] - 1) * 100:.1f} %")


def rate(options, io, folder):
    request = {"source": {"bucket": "small", "prefix": "files/"},
               "destination": {"bucket": "sink", "key": "rate.zip", "overwrite": True}}
    common = ["--synthetic", f"small=count={COUNT},size=4KiB,prefix=files/", "--latency", "30ms"]
    row("rate", io, "no limit", run(options, io, common, request, folder), "", "")
    for _ in range(options.repeat):
        got = run(options, io, [*common, "--max-requests-per-second", RATE], request, folder)
        ideal = (got["requests"] - got["throttled"]) / RATE
        row("rate", io, f"{RATE}/s", got, f"{got['wall'] / ideal:.2f}",
            f"{got['throttled'] / got['requests'] * 100:.1f} % 503")


SETS = {"tail": tail, "rate": rate}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=os.environ.get("BIN", "build/release/bin"),
                        help="folder of the programs")
    parser.add_argument("--set", choices=SETS, action="append", help="default: all")
    parser.add_argument("--io", choices=("uring", "epoll"), action="append", help="default: both")
    parser.add_argument("--reactors", default="")
    parser.add_argument("--memory", default="")
    parser.add_argument("--scale", type=int, default=10, help="of the challenge set")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--cache", type=pathlib.Path, help="file in which s3sim remembers the keys")
    options = parser.parse_args()
    options.bin = options.bin.resolve()
    options.cache = options.cache or options.bin / "challenge-keys"
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    with tempfile.TemporaryDirectory(prefix="s3zipd-bad-days-") as folder:
        for name in options.set or SETS:
            for io in options.io or ("uring", "epoll"):
                SETS[name](options, io, pathlib.Path(folder))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except challenge.Failure as failure:
        sys.exit(f"bad_days: {failure}")
