#!/usr/bin/env python3
"""What an operator sees of a real daemon after jobs that met a 503, a connection that broke and a missing bucket. Its metrics
are well formed, consistent and named as Prometheus wants it; its log tells the story of each job. With --promtool its own
checker has the word, on the metrics and on the alerts; exit 77, skipped, where it is not installed. BIN is the folder of the
binaries."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests/interop"))
from daemon import Daemon  # noqa: E402

SAMPLE = re.compile(r'([a-z0-9_]+)(?:\{((?:[a-z_]+="[^"]*",?)*)\})? (\S+)')
FAULTS = "UploadPart nth=2 status=503; GetObject nth=3 reset-after=65536"


class Sim:
    """An s3sim of the binaries, with a bucket of objects and one to write to."""

    def __enter__(self):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [os.path.join(os.environ["BIN"], "s3sim"), "--listen", "127.0.0.1:0", "--synthetic", "src=count=40,size=1MiB",
             "--sink", "out", "--fault", FAULTS], stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


def observe():
    """The metrics, the log, and the ids of the job that succeeded and the one that failed."""
    with Sim() as sim, Daemon({"S3_ACCESS_KEY": "s3sim", "S3_SECRET_KEY": "s3simsecret"}, sim.url, None, "--reactors", "2",
                              "--memory", "64MiB", "--log-format", "json") as daemon:
        made = daemon.run({"source": {"bucket": "src"}, "destination": {"bucket": "out", "key": "a.zip", "overwrite": True}})
        lost = daemon.call("/archives", {"source": {"bucket": "nowhere"}, "destination": {"bucket": "out", "key": "b.zip"}})
        assert daemon.wait(lost)["state"] == "failed"
        with urllib.request.urlopen(daemon.url + "/metrics", timeout=60) as response:
            kind = response.headers["Content-Type"]
            assert kind.startswith("text/plain; version=0.0.4"), kind
            return response.read().decode(), daemon.log(), made["id"], lost["id"]


def families(text):
    """{name: (type, help, [(sample's name, {label: value}, number)])}; fails on a line that is none of these."""
    found, name = {}, None
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, help_text = line[7:].split(" ", 1)
            assert name not in found, f"{name} comes twice"
            found[name] = ["", help_text, []]
        elif line.startswith("# TYPE "):
            assert line.split()[2] == name
            found[name][0] = line.split()[3]
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            labels = dict(re.findall(r'([a-z_]+)="([^"]*)"', sample[2] or ""))
            assert re.fullmatch(name + "(_bucket|_sum|_count)?", sample[1]), (name, line)
            found[name][2].append((sample[1], labels, float(sample[3])))
    return found


def check_names(metrics):
    for name, (kind, help_text, samples) in metrics.items():
        assert help_text.endswith("."), (name, help_text)
        assert (kind == "counter") == name.endswith("_total"), (name, kind)
        assert kind in ("counter", "gauge", "histogram"), (name, kind)
        assert kind != "histogram" or name.endswith("_seconds"), name
        assert not re.search(r"_(ms|us|ns|kb|mib|percent)(_|$)", name), name
        keys = [(sample, tuple(sorted(labels.items()))) for sample, labels, _ in samples]
        assert len(keys) == len(set(keys)), f"{name} has a series twice"


def check_histograms(metrics):
    for name, (kind, _, samples) in metrics.items():
        if kind != "histogram":
            continue
        buckets, rest = defaultdict(list), {}
        for sample, labels, number in samples:
            series = tuple(sorted(item for item in labels.items() if item[0] != "le"))
            if sample == name + "_bucket":
                buckets[series].append((float(labels["le"]), number))
            else:
                rest[sample, series] = number
        for series, rows in buckets.items():
            assert rows == sorted(rows) and rows[-1][0] == float("inf"), (name, series)
            counts = [count for _, count in rows]
            assert counts == sorted(counts), (name, series, counts)
            assert counts[-1] == rest[name + "_count", series], (name, series)
            assert (rest[name + "_sum", series] > 0) == (counts[-1] > 0), (name, series)


def by(metrics, name, label):
    sums = defaultdict(float)
    for sample, labels, number in metrics["s3zipd_" + name][2]:
        if not sample.endswith(("_bucket", "_sum")):
            sums[labels.get(label)] += number
    return sums


def check_values(metrics):
    sent = {operation: count for operation, count in by(metrics, "s3_requests_total", "operation").items() if count}
    assert by(metrics, "s3_responses_total", "operation") == sent, "each request has one outcome"
    statuses = by(metrics, "s3_responses_total", "status")
    assert statuses["503"] == 1 and statuses["404"] >= 1 and statuses["206"] >= 40, statuses
    answered = sum(sent.values()) - statuses["none"] - statuses["cancelled"]
    assert sum(by(metrics, "s3_first_byte_duration_seconds", "operation").values()) == answered
    whole = by(metrics, "s3_request_duration_seconds", "operation")
    assert 0 < sum(whole.values()) < answered, "the one that was cut off in the middle of its body is not whole"
    ended = by(metrics, "job_duration_seconds", "state")
    assert ended == {"succeeded": 1, "failed": 1, "cancelled": 0}, ended
    assert by(metrics, "job_queue_duration_seconds", "state") == ended
    assert by(metrics, "queue_oldest_seconds", None)[None] == 0
    commits = by(metrics, "journal_commits_total", None)[None]
    assert by(metrics, "journal_commit_duration_seconds", None)[None] == commits > 4
    busy, whole = by(metrics, "reactor_busy_seconds_total", "reactor"), by(metrics, "reactor_seconds_total", "reactor")
    assert set(busy) == set(whole) == {"0", "1"}
    assert all(0 < busy[reactor] < whole[reactor] for reactor in busy), (busy, whole)


def story(log, job):
    """[(level, event, fields)] of one job. Every line of the log is an object, but for the one that says where it listens."""
    told = []
    for line in log.splitlines():
        if line.startswith("s3zipd listening on "):
            continue
        fields = json.loads(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields["time"]), line
        if fields.get("job") == job:
            told.append((fields["level"], fields["event"], fields))
    return told


def check_log(log, made, lost):
    told = story(log, made)
    events = [event for _, event, _ in told]
    ends = [0, 1, 2, -1]
    assert [events[i] for i in ends] == ["job accepted", "job started", "job planned", "job ended"], events
    assert set(events[3:-1]) == {"retrying"} and len(events) <= 6, events
    assert all(level == "info" for level, _, _ in told), told
    planned, ended = told[2][2], told[-1][2]
    assert planned["entries"] == ended["entries"] == 40 and planned["bytes"] == ended["bytes"] > 40 << 20
    assert planned["parts"] > 1 and ended["state"] == "succeeded" and ended["requests"] > 40
    assert ended["retries"] >= 2 and ended["duration_ms"] > 0 and float(ended["cost_usd"]) > 0, ended
    level, event, ended = story(log, lost)[-1]
    assert (level, event, ended["state"], ended["stage"]) == ("warn", "job ended", "failed", "planning"), ended
    assert ended["code"] == "NoSuchBucket" and "nowhere" in ended["detail"] + ended["key"], ended


def promtool(*words, text=None):
    done = subprocess.run(["promtool", *words], input=text, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    if done.returncode != 0:
        raise SystemExit(f"promtool {' '.join(words)}: {done.returncode}\n{said}")
    return said


def check_dashboard():
    """Its queries are PromQL: as recording rules."""
    panels = json.loads((ROOT / "docs/monitoring/dashboard.json").read_text(encoding="utf-8"))["panels"]
    queries = [target["expr"].replace("$__rate_interval", "5m") for panel in panels for target in panel["targets"]]
    rules = [{"record": f"panel:query{i}", "expr": query} for i, query in enumerate(queries)]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
        file.flush()
        promtool("check", "rules", file.name)


def main():
    if "--promtool" not in sys.argv:
        text, log, made, lost = observe()
        metrics = families(text)
        check_names(metrics)
        check_histograms(metrics)
        check_values(metrics)
        check_log(log, made, lost)
        return
    if not shutil.which("promtool"):
        print("skipped: promtool is not installed (Debian: apt-get install --no-install-recommends prometheus)")
        sys.exit(77)
    said = promtool("check", "metrics", text=observe()[0])
    if said.strip():
        raise SystemExit(said)
    promtool("check", "rules", str(ROOT / "docs/monitoring/alerts.yml"))
    promtool("test", "rules", str(HERE / "alerts_test.yml"))
    check_dashboard()


main()
