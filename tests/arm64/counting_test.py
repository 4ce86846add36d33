#!/usr/bin/env python3
"""./dev test --arm64 fails when the guest does: what summary.py makes of a console; what inside.sh counts of a GoogleTest
binary; and that the guest is given each binary that inside.sh runs."""
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
INSIDE = (HERE / "inside.sh").read_text(encoding="utf-8")


def summary(console, status=0):
    with tempfile.NamedTemporaryFile("w", suffix=".log") as file:
        file.write(console)
        file.flush()
        command = [sys.executable, "-B", HERE / "summary.py", file.name, str(status)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.returncode, run.stdout.splitlines()


class Summary(unittest.TestCase):
    def test_all_pass(self):
        console = "boot\n@@ io 7 0 2 31\n@@ job 1 0 0 2\n@@ end\n"
        self.assertEqual(summary(console), (0, ["8 passed, 0 failed, 2 skipped"]))

    def test_one_fails(self):
        self.assertEqual(summary("@@ io 7 1 0 31\n@@ end\n"), (1, ["failed: io", "7 passed, 1 failed"]))

    def test_it_must_come_to_its_end(self):
        for console, status in (("@@ io 7 0 0 31\n", 0), ("@@ io 7 0 0 31\n@@ end\n", 124)):
            code, lines = summary(console, status)
            self.assertEqual((code, lines[-1]), (1, "7 passed, 1 failed"))
            self.assertIn("did not come to its end", lines[0])

    def test_it_must_come_up(self):
        self.assertEqual(summary("kernel panic\n")[1][-1], "0 passed, 1 failed")
        self.assertEqual(summary("@@ end\n"), (1, ["0 passed, 0 failed"]))


class Cases(unittest.TestCase):
    def counted(self, script):
        """What inside.sh's cases() says of a binary that is `script`."""
        functions = INSIDE[INSIDE.index("count()") : INSIDE.index("io_is()")]
        with tempfile.TemporaryDirectory() as log:
            command = ["bash", "-c", f"set -u; log=$1\n{functions}\ncases it 2 bash -c \"$2\"", "-", log, script]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return re.search(r"^@@ it (\d+ \d+ \d+) \d+$", said, re.M).group(1)

    def test_passed_and_skipped(self):
        good = "echo '[       OK ] A.B (1 ms)'; echo '[  SKIPPED ] A.C (0 ms)'"
        self.assertEqual(self.counted(good), "1 0 1")

    def test_each_way_to_fail(self):
        good = "echo '[       OK ] A.B (1 ms)'; "
        bad = "echo '[  FAILED  ] A.C (1 ms)'; echo '[  FAILED  ] A.C'; exit 1"
        for script, expected in ((good + bad, "1 1 0"), (good + "kill -SEGV $$", "1 1 0"), (good + "sleep 60", "1 1 0"),
                                 ("true", "0 1 0"), ("exec /no/such/program", "0 1 0")):
            with self.subTest(script=script):
                self.assertEqual(self.counted(script), expected)


class Guest(unittest.TestCase):
    def test_it_has_what_it_runs(self):
        script = (HERE / "guest.sh").read_text(encoding="utf-8")
        given = re.search(r"^tests=\((.*?)\)", script, re.M | re.S).group(1)
        self.assertEqual(set(given.split()), set(re.findall(r"\./(\w+_\w+)", INSIDE)))


if __name__ == "__main__":
    unittest.main()
