#!/usr/bin/env python3
"""tidy.py ROOT: what a reviewer should not have to say. Prints one line per finding and exits 1 if there is any.

Lengths are a ratchet: LONGER names the files that are over the limit today and how long each may be. An entry goes
down with its file, and away once the file is within the limit; a new entry needs a reason in the commit.
"""
import re
import sys
from pathlib import Path

HEADER_LINES = 150
SOURCE_LINES = 400
TEST_LINES = 500
README_LINES = 40
COLUMNS = 100

# path -> lines it may have
LONGER = {}
# path -> lines over COLUMNS it may have
WIDER = {}
# An entry this far above the truth must be lowered.
SLACK_LINES = 25

TEXT = (".h", ".cc", ".py", ".sh", ".cmake", ".txt", ".md", ".toml", ".json", ".yaml", ".yml")
SKIPPED = ("build", ".git", ".deps", ".cache", "__pycache__", "golden", "corpus")
# Spelled in two halves, so that this file passes its own test.
OPEN_WORDS = re.compile(r"\b(" + "|".join(["TO" "DO", "FIX" "ME", "X" "XX", "HA" "CK"]) + r")\b")


def text_files(root, at=None):
    for entry in sorted((at or root).iterdir()):
        if entry.name in SKIPPED or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from text_files(root, entry)
        elif entry.suffix in TEXT or entry.name in ("dev", "run"):
            yield entry.relative_to(root).as_posix(), entry


def line_limit(path):
    if not path.endswith((".h", ".cc")):
        return None
    if path.startswith("tests/"):
        return TEST_LINES
    return HEADER_LINES if path.endswith(".h") else SOURCE_LINES


def length_findings(path, lines):
    limit = line_limit(path)
    if limit is None:
        return
    if path not in LONGER:
        if len(lines) > limit:
            yield len(lines), f"{len(lines)} lines, at most {limit}: split it"
    elif len(lines) > LONGER[path]:
        yield len(lines), f"{len(lines)} lines, was {LONGER[path]} and may only shrink"
    elif len(lines) <= limit:
        yield 1, "within the limit now: take it out of LONGER in tests/tidy/tidy.py"
    elif len(lines) < LONGER[path] - SLACK_LINES:
        yield 1, f"shrunk: lower its number in LONGER to {len(lines)}"


def width_findings(path, lines):
    if not path.endswith((".h", ".cc")):
        return
    wide = [number for number, line in enumerate(lines, 1) if len(line) > COLUMNS]
    allowed = WIDER.get(path, 0)
    if len(wide) > allowed:
        yield wide[-1], f"{len(wide)} lines over {COLUMNS} columns, at most {allowed}"
    elif len(wide) < allowed:
        yield 1, f"fewer wide lines: lower its number in WIDER to {len(wide)}"


def line_findings(path, lines):
    for number, line in enumerate(lines, 1):
        if "\t" in line:
            yield number, "a tab"
        if line != line.rstrip():
            yield number, "blanks at the end of the line"
        if OPEN_WORDS.search(line):
            yield number, "an open end: finish it or open an issue"


def file_findings(path, text):
    lines = text.splitlines()
    if path.endswith(".h") and "#pragma once" not in lines:
        yield 1, "a header without #pragma once"
    if path.endswith((".h", ".cc")) and lines and not text.endswith("\n"):
        yield len(lines), "no newline at the end"
    yield from length_findings(path, lines)
    yield from width_findings(path, lines)
    yield from line_findings(path, lines)


def readme_findings(root, paths):
    for folder in sorted({path.split("/")[0] for path in paths if "/" in path}):
        readme = root / folder / "README.md"
        if folder.startswith(".") or folder == "docs":
            continue
        if not readme.is_file():
            yield f"{folder}/", 1, "a folder without a README.md"
        elif len(readme.read_text(encoding="utf-8").splitlines()) > README_LINES:
            yield f"{folder}/README.md", README_LINES, f"more than {README_LINES} lines"


def findings(root):
    files = dict(text_files(root))
    if not any(path.endswith(".cc") for path in files):
        yield str(root), 1, "no C++ files found: wrong root?"
    for path, file in files.items():
        for number, finding in file_findings(path, file.read_text(encoding="utf-8")):
            yield path, number, finding
    for path in sorted((set(LONGER) | set(WIDER)) - set(files)):
        yield path, 1, "is gone: take it out of tests/tidy/tidy.py"
    yield from readme_findings(root, files)


def main():
    found = list(findings(Path(sys.argv[1]).resolve()))
    for path, number, finding in found:
        print(f"{path}:{number}: {finding}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
