#!/usr/bin/env python3
"""The examples of docs/API.md, run from top to bottom in one shell, their output compared with what the page shows.

A ```sh block is run; a ```json or ```text block right behind it is what it prints. In these, `...` is anything: in JSON a
value, the rest of a text, of an object or of an array; in a text any number of characters. The shell's variables: S3ZIPD,
the address, and TOKEN, if there is one.
"""
import json
import os
import re
import subprocess
import unittest
from pathlib import Path

import document
import schema
from rig import ROOT, Rig

PAGE = ROOT / "docs/API.md"
PATIENCE_S = 120
ANY = "..."


def read_blocks(text):
    """(language, line number, text) of each fenced block, and whether it follows the one before at once."""
    return [(found[1], text.count("\n", 0, found.start()) + 1, found[2], text[:found.start()].endswith("```\n"))
            for found in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S)]


def read_pattern(text):
    """JSON with `...` in it: as a member it becomes a name, elsewhere a text."""
    tokens, stack, out = re.findall(r'"(?:[^"\\]|\\.)*"|\.\.\.|[^".]+|\.', text), [], []
    for token in tokens:
        if token != ANY:
            if not token.startswith('"'):
                for sign in re.findall(r"[][{}]", token):
                    if sign in "[{":
                        stack.append(sign)
                    else:
                        stack.pop()
            out.append(token)
            continue
        before = "".join(out).rstrip()[-1:]
        out.append(f'"{ANY}": 0' if stack[-1] == "{" and before in "{," else f'"{ANY}"')
    return json.loads("".join(out))


def split_values(text):
    """The JSON values that stand one after the other in a text."""
    while text := text.strip():
        value, end = json.JSONDecoder().raw_decode(text)
        text = text[end:]
        yield value


def text_matches(pattern, text):
    return re.fullmatch(".*?".join(map(re.escape, pattern.split(ANY))), text, re.S) is not None


def differences(pattern, value, at=""):
    if pattern == ANY:
        return []
    if isinstance(pattern, dict) and isinstance(value, dict):
        found = [f"{at}/{name} is not there" for name in pattern if name != ANY and name not in value]
        found += [f"{at}/{name} is not shown" for name in value if name not in pattern and ANY not in pattern]
        return found + [each for name in pattern if name in value
                        for each in differences(pattern[name], value[name], f"{at}/{name}")]
    if isinstance(pattern, list) and isinstance(value, list):
        shown = pattern[:-1] if pattern[-1:] == [ANY] else pattern
        if len(value) < len(shown) or (shown is pattern and len(value) > len(shown)):
            return [f"{at} has {len(value)} items"]
        return [each for i, one in enumerate(shown) for each in differences(one, value[i], f"{at}/{i}")]
    if isinstance(pattern, str) and isinstance(value, str):
        return [] if text_matches(pattern, value) else [f"{at} is {value!r}, shown is {pattern!r}"]
    return [] if schema.equal(pattern, value) else [f"{at} is {value!r}, shown is {pattern!r}"]


def requests_of(block):
    """METHOD /path of each curl in a block, as the document has it."""
    block = re.sub(r"\\\n|'[^']*'", lambda found: " " if found[0] == "\\\n" else "''", block)
    for line in block.splitlines():
        for call in re.findall(r"curl [^|)]*", line):
            target = re.search(r'"\$S3ZIPD(?P<path>[^"?]*)', call)["path"].replace("$ARCHIVE", "/archives/{id}")
            method = re.search(r" -X (\w+)", call)
            yield f"{method[1]} {target}" if method else f"POST {target}" if " -d" in call else f"GET {target}"


BLOCKS = read_blocks(PAGE.read_text(encoding="utf-8"))
SCRIPTS = [(i, line, text) for i, (language, line, text, _) in enumerate(BLOCKS) if language == "sh"]


def expected_of(index):
    if index + 1 < len(BLOCKS) and BLOCKS[index + 1][3] and BLOCKS[index + 1][0] in ("json", "text"):
        return BLOCKS[index + 1]
    return None


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        rig = cls.enterClassContext(Rig(s3sim_flags=["--synthetic", "tapes=count=400,size=64MiB"]))
        folder = Path(rig.folder)
        lines = ["set -uo pipefail"]
        for i, _, text in SCRIPTS:
            lines.append(f"{{\n{text}}} >{i}.out 2>&1; echo $? >{i}.status")
        (folder / "all.sh").write_text("\n".join(lines) + "\n", encoding="utf-8")
        token = rig.headers.get("Authorization", "").removeprefix("Bearer ")
        subprocess.run(["bash", "all.sh"], cwd=folder, timeout=PATIENCE_S, check=False,
                       env={"PATH": os.environ["PATH"], "HOME": rig.folder, "S3ZIPD": rig.daemon.url, "TOKEN": token})
        cls.printed = {i: (folder / f"{i}.out").read_text(encoding="utf-8") for i, _, _ in SCRIPTS}
        cls.status = {i: (folder / f"{i}.status").read_text().strip() for i, _, _ in SCRIPTS}

    def test_each_prints_what_is_shown(self):
        self.assertGreater(len(SCRIPTS), 10)
        for i, line, text in SCRIPTS:
            with self.subTest(f"docs/API.md:{line}"):
                self.assertEqual(self.status[i], "0", self.printed[i])
                expected = expected_of(i)
                self.assertIsNotNone(expected, f"no output is shown of\n{text}")
                if expected[0] == "json":
                    found = differences(read_pattern(expected[2]), json.loads(self.printed[i]))
                    self.assertEqual(found, [], self.printed[i])
                else:
                    printed = self.printed[i].replace("\r\n", "\n").strip("\n")
                    self.assertTrue(text_matches(expected[2].strip("\n"), printed), self.printed[i])

    def test_each_operation_has_one(self):
        shown = {request for _, _, text in SCRIPTS for request in requests_of(text)}
        wanted = {f"{method} {path}" for method, path, _ in document.OPERATIONS.values()}
        self.assertEqual(wanted - shown, set())


class Page(unittest.TestCase):
    def test_shown_requests_are_valid(self):
        alone = [text for i, (language, _, text, behind) in enumerate(BLOCKS) if language == "json" and not (
            behind and BLOCKS[i - 1][0] == "sh")]
        kinds = set()
        for line in (line for text in alone for line in split_values(text)):
            kinds.add(kind := "ManifestLine" if "key" in line else "ArchiveRequest")
            found = schema.errors(document.DOCUMENT["components"]["schemas"][kind], line, document.DOCUMENT)
            self.assertEqual(found, [], line)
        self.assertEqual(kinds, {"ManifestLine", "ArchiveRequest"})

    def test_a_wrong_output_is_found(self):
        pattern = read_pattern('{ "a": "x...", "b": [ 1, ... ], "c": { ... }, "d": ... }')
        good = {"a": "xy", "b": [1, 2], "c": {"e": 1}, "d": None}
        self.assertEqual(differences(pattern, good), [])
        for wrong in ({"a": "y"}, {"b": []}, {"b": [2]}, {"c": []}, {"e": 1}):
            self.assertNotEqual(differences(pattern, good | wrong), [], wrong)
        for missing in good:
            self.assertNotEqual(differences(pattern, {k: v for k, v in good.items() if k != missing}), [], missing)
        self.assertTrue(text_matches("a\n...z", "a\nb\nz"))
        self.assertFalse(text_matches("a...", "b"))


if __name__ == "__main__":
    unittest.main()
