#!/usr/bin/env python3
"""summary.py JUNIT STATUS: prints "N passed, N failed[, N skipped]" from ctest's JUnit file.

Exits 0 only if something ran, nothing failed and ctest itself (STATUS) was content.
"""
import sys
import xml.etree.ElementTree as ElementTree


def is_skipped(case):
    """Skipped by its own word. A test whose program is missing is in a <skipped> too, but failed."""
    if case.get("status") == "disabled":  # it has a ctest case of its own, as some long ones have
        return True
    skipped = case.find("skipped")
    return skipped is not None and skipped.get("message", "").startswith(("SKIP_", "Disabled"))


def main(path, ctest_status):
    try:
        cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        print(f"no test report: {error}", file=sys.stderr)
        cases = []
    skipped = [c for c in cases if is_skipped(c)]
    passed = [c for c in cases if c.get("status") == "run" and c not in skipped]
    failed = [c for c in cases if c not in passed and c not in skipped]
    for case in failed:
        print(f"failed: {case.get('name')}")
    print(
        f"{len(passed)} passed, {len(failed)} failed"
        + (f", {len(skipped)} skipped" if skipped else "")
    )
    return 0 if passed and not failed and ctest_status == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
