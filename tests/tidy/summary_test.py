#!/usr/bin/env python3
"""The last line of ./dev test tells the truth about what ctest did (scripts/summary.py, with a real ctest)."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SUMMARY = Path(__file__).parents[2] / "scripts" / "summary.py"

PASS = 'add_test(good "/bin/true")\n'
ALSO = 'add_test(also "/bin/true")\n'
FAIL = 'add_test(bad "/bin/false")\n'
GONE = 'add_test(gone "/no/such/program")\n'
HANG = 'add_test(hang "/bin/sleep" "60")\nset_tests_properties(hang PROPERTIES TIMEOUT 1)\n'
SKIP = 'add_test(skip "/bin/echo" "no such back end")\nset_tests_properties(skip PROPERTIES SKIP_REGULAR_EXPRESSION "no such")\n'
DISABLED = 'add_test(off "/bin/false")\nset_tests_properties(off PROPERTIES DISABLED TRUE)\n'
CRASH = 'add_test(crash "/bin/sh" "-c" "kill -SEGV $$")\n'


class Summary(unittest.TestCase):
    def summary_of(self, tests):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "CTestTestfile.cmake").write_text(tests, encoding="utf-8")
            junit = Path(folder) / "junit.xml"
            ctest = subprocess.run(
                ["ctest", "--test-dir", folder, "--no-tests=error", "--output-junit", str(junit)],
                capture_output=True, check=False,
            )
            run = subprocess.run(
                [sys.executable, "-B", str(SUMMARY), str(junit), str(ctest.returncode)],
                capture_output=True, text=True, check=False,
            )
            return run.returncode, run.stdout.splitlines()

    def test_all_pass(self):
        self.assertEqual(self.summary_of(PASS + ALSO), (0, ["2 passed, 0 failed"]))

    def test_one_is_skipped(self):
        self.assertEqual(self.summary_of(PASS + SKIP), (0, ["1 passed, 0 failed, 1 skipped"]))

    def test_a_disabled_one_is_skipped(self):
        self.assertEqual(self.summary_of(PASS + DISABLED), (0, ["1 passed, 0 failed, 1 skipped"]))

    def test_only_skipped_is_no_success(self):
        self.assertEqual(self.summary_of(SKIP), (1, ["0 passed, 0 failed, 1 skipped"]))

    def test_each_way_to_fail(self):
        for name, test in (("bad", FAIL), ("gone", GONE), ("hang", HANG), ("crash", CRASH)):
            with self.subTest(name=name):
                self.assertEqual(
                    self.summary_of(PASS + test), (1, [f"failed: {name}", "1 passed, 1 failed"])
                )

    def test_nothing_to_run(self):
        self.assertEqual(self.summary_of(""), (1, ["0 passed, 0 failed"]))


if __name__ == "__main__":
    unittest.main()
