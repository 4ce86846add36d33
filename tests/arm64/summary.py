#!/usr/bin/env python3
"""summary.py CONSOLE STATUS: sums the "@@ NAME PASSED FAILED SKIPPED SECONDS" lines of a guest's console, and prints
"N passed, N failed[, N skipped]".

Exits 0 only if something passed, nothing failed, the guest said that it came to its end, and qemu (STATUS) was content.
"""
import re
import sys


def main(path, status):
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    cases = re.findall(r"^@@ (\S+) (\d+) (\d+) (\d+) \d+$", text, re.M)
    passed, failed, skipped = (sum(int(case[i]) for case in cases) for i in (1, 2, 3))
    for case in cases:
        if int(case[2]):
            print(f"failed: {case[0]}")
    if status != 0 or not re.search(r"^@@ end$", text, re.M):
        print(f"failed: the guest did not come to its end (qemu: {status}); see {path}")
        failed += 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
