#!/usr/bin/env python3
"""schemathesis_test.py VENV [MORE FLAGS]: the document by the rules of OpenAPI 3.1, and the daemon against it, by tools that
others wrote (requirements.txt), installed into the folder VENV once. Exits with 77 where they cannot be had.

All operations of the document are tested, each with good and bad requests, and in sequences. Left out:
- the stream of all jobs, which has no end of its own (contract_test.py and tests/daemon/api_feed_test.cc have it)
- `notify` of requests: its URLs would be those of strangers (fuzz_bodies.py has others)
- that nothing is there after a DELETE, which cancels a job here
- of what takes a body or a report's cursor, that each request which the schema allows is accepted: a schema cannot say all.
  fuzz_test.py holds what such requests are refused for.
"""
import fcntl
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import document
from rig import Rig

HERE = Path(__file__).resolve().parent
SKIP = 77
SETTINGS = "\n".join(
    f'[[operations]]\ninclude-operation-id = "{each}"\n[operations.checks]\npositive_data_acceptance.enabled = false\n'
    for each in ("createArchive", "planArchive", "listSkipped", "listRenamed"))


def skip(why):
    print(f"SKIPPED: {why}")
    sys.exit(SKIP)


def ran(command, **more):
    print("$", *command, flush=True)
    return subprocess.run(command, check=False, **more).returncode == 0


def install(venv):
    """Once, and anew when requirements.txt has changed."""
    venv.mkdir(parents=True, exist_ok=True)
    wanted, mark = (HERE / "requirements.txt").read_text(), venv / "installed.txt"
    with open(venv / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if mark.exists() and mark.read_text() == wanted:
            return
        if not ran([sys.executable, "-m", "venv", "--clear", str(venv / "python")]):
            skip("python3 -m venv does not work here (Debian: python3-venv)")
        pip = [str(venv / "python/bin/pip"), "install", "--quiet", "--retries", "1", "--timeout", "20"]
        if not ran([*pip, "-r", str(HERE / "requirements.txt")], timeout=400):
            skip("PyPI has not given the packages of tests/rest/requirements.txt")
        mark.write_text(wanted)


def without_strangers():
    """The document as schemathesis may see it: see above."""
    shown = json.loads(json.dumps(document.DOCUMENT))
    del shown["components"]["schemas"]["ArchiveRequest"]["properties"]["notify"]
    del shown["paths"]["/events"]
    return shown


def main():
    venv, more = Path(sys.argv[1]).resolve(), sys.argv[2:]
    install(venv)
    python = str(venv / "python/bin/python")
    good = ran([python, "-m", "openapi_spec_validator", str(document.ROOT / "daemon/openapi.json")])
    with Rig(flags=["--jobs-kept-max", "200"], s3sim_flags=["--sink", "sink"]) as rig:
        folder = Path(rig.folder)
        (folder / "openapi.json").write_text(json.dumps(without_strangers()), encoding="utf-8")
        (folder / "schemathesis.toml").write_text(SETTINGS, encoding="utf-8")
        headers = [word for name, value in rig.headers.items() for word in ("--header", f"{name}: {value}")]
        good &= ran([str(venv / "python/bin/schemathesis"), "--no-color", "--config-file", "schemathesis.toml", "run", "openapi.json",
                     "--url", rig.daemon.url, "--exclude-checks", "use_after_free", "--request-timeout", "30", "--warnings", "off", *headers,
                     *(more or ["--max-examples", "20", "--seed", "1"])],
                    cwd=folder, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
        code, _ = rig.daemon.stop()
        errors = [line for line in rig.daemon.log().splitlines() if re.match(r"\S+ error ", line)]
    print(f"s3zipd ends with {code}, errors in its log: {errors[:3]}")
    sys.exit(0 if good and code == 0 and not errors else 1)


if __name__ == "__main__":
    main()
