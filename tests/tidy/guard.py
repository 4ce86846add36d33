#!/usr/bin/env python3
"""guard.py ROOT BUILD: CMake's own guard holds: a file of folder A that includes from B against the arrows does not build.

Takes the compile command of a file of each folder from BUILD/compile_commands.json, puts a one-line file in its place
and expects "file not found"; an include of the folder's own header, with the same command, has to work.
"""
import json
import shlex
import subprocess
import sys
from pathlib import Path

from layers import ARROWS, folder_of, place_of


def command_of(entry):
    """The compiler and its flags, without launcher, source and outputs."""
    words = shlex.split(entry["command"])
    if Path(words[0]).name == "ccache":
        words = words[1:]
    flags = []
    after = iter(words[: words.index("-c")])
    for word in after:
        if word == "-o" or word.startswith("-M"):
            if word in ("-o", "-MF", "-MT", "-MQ"):
                next(after)
            continue
        flags.append(word)
    return flags


def one_command_each(root, build):
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        file = Path(entry["file"])
        if file.is_relative_to(root) and file.suffix == ".cc":
            folder = folder_of(file.relative_to(root).as_posix())
            if folder in ARROWS:
                commands.setdefault(folder, (file.parent, command_of(entry)))
    return commands


def includes(place, command, header):
    """Whether a file in folder `place` with this one #include can be read, and what was said."""
    run = subprocess.run(
        [*command, "-E", "-x", "c++", "-", "-o", "/dev/null"],
        input=f'#include "{header}"\n', cwd=place, capture_output=True, text=True, check=False,
    )
    return run.returncode == 0, run.stderr


def main():
    root, build = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    headers = {}
    for folder in ARROWS:
        for header in sorted((root / place_of(folder)).glob("*.h")):
            headers.setdefault(folder, f"{folder}/{header.name}")
    failures, refused = [], 0
    for folder, (place, command) in one_command_each(root, build).items():
        if folder in headers:
            worked, said = includes(place, command, headers[folder])
            if not worked:
                failures.append(f"{folder}/ cannot include its own {headers[folder]}:\n{said}")
        for other in headers.keys() - ARROWS[folder] - {folder}:
            worked, said = includes(place, command, headers[other])
            if worked:
                failures.append(f"{folder}/ can include {headers[other]}: see its DEPS")
            elif f"'{headers[other]}' file not found" not in said:
                failures.append(f"{folder}/ and {headers[other]}: another error:\n{said}")
            else:
                refused += 1
    for failure in failures:
        print(failure)
    print(f"{refused} includes refused, as they should be")
    return 1 if failures or refused == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
