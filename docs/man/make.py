#!/usr/bin/env python3
"""make.py BIN OUT: writes the man pages s3zip.1 and s3zipd.8 into OUT.

What a program says of its options comes from its own --help, so a page never lacks one; the rest stands in PAGE.in
beside this file, where a line "@OPTIONS@" or "@OPTIONS COMMAND@" is replaced. Fails where --help cannot be read.
EMULATOR of the environment, a list with semicolons, runs programs of another architecture.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# "  --flag VALUE    what it does"; a long flag has its text on the next line.
OPTION = re.compile(r"^  (-\S.*?)(?:\s{2,}(\S.*))?$")


def escape(text):
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return r"\&" + text if text[:1] in ".'" else text


def options(help_text):
    found = []
    for line in help_text.splitlines():
        option = OPTION.match(line)
        if option:
            found.append([option.group(1).strip(), option.group(2) or ""])
        elif found and not found[-1][1] and line.startswith("        "):
            found[-1][1] = line.strip()
    if not found or not all(text for _, text in found):
        sys.exit(f"make.py: cannot read this --help:\n{help_text}")
    # "Print this help message" is said once, by the page.
    return [(flag, text) for flag, text in found if not flag.startswith(("-h", "--help", "--version"))]


def roff(found):
    lines = []
    for flag, text in found:
        lines += [".TP", rf"\fB{escape(flag)}\fR", escape(text)]
    return "\n".join(lines)


def output_of(*command):
    emulator = [word for word in os.environ.get("EMULATOR", "").split(";") if word]
    return subprocess.run(
        [*emulator, *command], check=True, capture_output=True, text=True, timeout=60
    ).stdout


def page(name, binary, version):
    def said(command):
        return output_of(binary, *command.split(), "--help")

    text = (HERE / f"{name}.in").read_text(encoding="utf-8").replace("@VERSION@", version)
    # A function: backslashes in its result are text.
    return re.sub(r"^@OPTIONS ?(.*)@$", lambda at: roff(options(said(at.group(1)))), text, flags=re.M)


def main():
    binaries, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for name in ("s3zip.1", "s3zipd.8"):
        binary = binaries / name.split(".")[0]
        said = output_of(binary, "--version")
        (out / name).write_text(page(name, binary, said.split()[-1]), encoding="utf-8")


if __name__ == "__main__":
    main()
