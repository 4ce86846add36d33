#!/usr/bin/env python3
"""Jobs of the daemon against other people's S3 servers.

    BIN=DIR run.py [--counts FILE] [STORE...]     all stores without any
    BIN=DIR run.py --probe [STORE...]             what each store does with the requests that the daemon relies on

Prints `ok|FAIL|skip store: check: why` for each check and ends with the counts; exits with 1 if anything failed. A
store that cannot be obtained is one skip, with the reason. --counts writes "passed failed skipped" to a file.
"""
import argparse
import os
import signal
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import servers  # noqa: E402
from checks import Report, check_store  # noqa: E402
from obtain import Unavailable  # noqa: E402


class Stopped(BaseException):
    """SIGTERM. Not SystemExit, which a check may raise and which is caught as its failure."""


def stop(*_):
    raise Stopped


def one_store(name, folder, report, probe):
    began = time.monotonic()
    try:
        with servers.running(name, os.path.join(folder, name)) as server:
            if probe:
                from probe import probe_store
                probe_store(server)
            else:
                report.line("ok", name, "starts", f"{time.monotonic() - began:.1f} s")
                began = time.monotonic()
                check_store(server, folder, report)
                print(f"     {name}: {time.monotonic() - began:.1f} s", flush=True)
    except Unavailable as error:
        report.line("skip", name, "the whole store", error)
    except SystemExit as error:
        report.line("FAIL", name, "starts", error)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--counts")
    parser.add_argument("--probe", action="store_true")
    parser.add_argument("stores", nargs="*", choices=[[], *servers.NAMES])
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, stop)  # the servers and folders go on the way out
    report = Report()
    with tempfile.TemporaryDirectory(prefix="s3zipd-stores-") as folder:
        for name in arguments.stores or servers.NAMES:
            one_store(name, folder, report, arguments.probe)
    counts = report.counts
    if arguments.counts:
        with open(arguments.counts, "w", encoding="utf-8") as file:
            file.write(f"{counts['ok']} {counts['FAIL']} {counts['skip']}\n")
    if not arguments.probe:
        print(f"stores: {counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped")
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Stopped:
        sys.exit(143)
