#!/usr/bin/env python3
"""Every metric that docs/monitoring and docs/OPERATIONS.md name is one that daemon/metrics.cc writes, with labels that it
has; every S3 call and settings key of OPERATIONS.md exists; every alert is explained there."""
import json
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


CODE = read("daemon/metrics.cc")
HISTOGRAMS = {"s3zipd_" + name for name in re.findall(r'(?:histogram\(|write_times\(w, )"(\w+)"', CODE)}
METRICS = {"s3zipd_" + name for name in re.findall(r'(?:gauge|counter)\("(\w+)"', CODE)}
METRICS |= {name + suffix for name in HISTOGRAMS for suffix in ("_bucket", "_sum", "_count")}
LABELS = set(re.findall(r'(\w+)=\\"', CODE + read("daemon/metrics_writer.h"))) | {"instance", "job"}
OPERATIONS = read("docs/OPERATIONS.md")


def named(text):
    """Names of metrics in a text: s3zipd_ and lower case, so neither S3ZIPD_MEMORY nor a file name."""
    return set(re.findall(r"\bs3zipd_[a-z0-9_]+[a-z0-9]\b", text))


class Metrics(unittest.TestCase):
    def test_the_code_was_read(self):
        self.assertGreater(len(METRICS), 25)
        self.assertIn("s3zipd_jobs", METRICS)
        self.assertIn("le", LABELS)
        self.assertIn("s3zipd_job_duration_seconds", HISTOGRAMS)
        self.assertIn("s3zipd_s3_request_duration_seconds", HISTOGRAMS)
        self.assertEqual(CODE.count('w.histogram("') + CODE.count("write_times(w, "), len(HISTOGRAMS))

    def test_alerts(self):
        text = read("docs/monitoring/alerts.yml")
        self.assertGreater(len(named(text)), 5)
        self.assertEqual(named(text) - METRICS, set())
        self.assertEqual(set(re.findall(r"[{,](\w+)=", text)) - LABELS, set())

    def test_dashboard(self):
        dashboard = json.loads(read("docs/monitoring/dashboard.json"))
        targets = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        self.assertGreater(len(targets), 10)
        for expression in targets:
            self.assertTrue(named(expression), expression)
            self.assertEqual(named(expression) - METRICS, set())
            self.assertEqual(set(re.findall(r"[{,](\w+)[=!]", expression)) - LABELS, set())

    def test_operations(self):
        self.assertEqual(named(OPERATIONS) - METRICS, set())


class Operations(unittest.TestCase):
    def test_every_alert_is_explained(self):
        alerts = re.findall(r"- alert: (\w+)", read("docs/monitoring/alerts.yml"))
        self.assertEqual([name for name in alerts if f"`{name}`" not in OPERATIONS], [])

    def test_every_call_has_its_right(self):
        text = read("s3client/operation.h")
        calls = re.findall(r'"(\w+)"', text[text.index("kNames = {") : text.index("cost_usd")])
        self.assertEqual([name for name in calls if name not in OPERATIONS and name != "UploadPartCopy"], [])
        policy = json.loads(read("deploy/iam-policy.json"))
        for statement in policy["Statement"]:
            actions = statement["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                self.assertIn(action, OPERATIONS)

    def test_its_settings_exist(self):
        known = set(re.findall(r"^# (\w+) = ", read("config/s3zipd.toml"), re.M))
        used = set(re.findall(r"`(\w+) = ", OPERATIONS))
        self.assertTrue(used)
        self.assertEqual(used - known, set())


if __name__ == "__main__":
    unittest.main()
