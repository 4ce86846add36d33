#!/usr/bin/env python3
"""Proves that layers.py and tidy.py bite: a small tree that is right passes, and each wrong line put into it fails."""
import tempfile
import unittest
from pathlib import Path

import layers
import tidy

RIGHT = {
    "base/bytes.h": "#pragma once\n#include <vector>\n",
    "base/README.md": "# base\n",
    "io/reactor.h": '#pragma once\n#include "base/bytes.h"\n',
    "io/uring.cc": '#include "io/reactor.h"\n#include <liburing.h>\n#include <unistd.h>\n',
    "io/README.md": "# io\n",
    "zip/crc32.h": "#pragma once\n",
    "zip/crc32.cc": '#include "zip/crc32.h"\n#include <isa-l/crc.h>\n#include "base/bytes.h"\n',
    "zip/README.md": "# zip\n",
    "daemon/main.cc": '#include "zip/crc32.h"\n#include "io/reactor.h"\n',
    "daemon/README.md": "# daemon\n",
    "bench/s3sim/server.h": '#pragma once\n#include "base/bytes.h"\n',
    "bench/load.cc": '#include "s3sim/server.h"\n#include "io/reactor.h"\n',
    "bench/README.md": "# bench\n",
    "tests/zip/crc32_test.cc": '#include "zip/crc32.h"\n#include <zlib.h>\n',
    "tests/README.md": "# tests\n",
}


class Tree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)
        for path, text in RIGHT.items():
            self.write(path, text)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def add(self, path, text):
        self.write(path, RIGHT.get(path, "") + text)


class Layers(Tree):
    def found(self):
        return [f"{path}: {breach}" for path, _, breach in layers.breaches(self.root)]

    def check_bites(self, path, line, expected):
        self.add(path, line + "\n")
        found = self.found()
        self.assertEqual(len(found), 1, found)
        self.assertIn(path, found[0])
        self.assertIn(expected, found[0])

    def test_a_right_tree_passes(self):
        self.assertEqual(self.found(), [])

    def test_upward(self):
        self.check_bites("base/bytes.h", '#include "io/reactor.h"', "no arrow from base/ to io/")

    def test_sideways(self):
        self.check_bites("zip/crc32.cc", '#include "io/reactor.h"', "no arrow from zip/ to io/")

    def test_the_judge_shares_nothing_with_what_it_judges(self):
        self.check_bites("bench/s3sim/server.h", '#include "io/reactor.h"', "no arrow from s3sim/")

    def test_with_blanks_in_the_directive(self):
        self.check_bites("zip/crc32.cc", '  #  include "io/reactor.h"', "no arrow")

    def test_around_the_include_roots(self):
        self.check_bites("zip/crc32.cc", '#include "../io/reactor.h"', "is not written")

    def test_without_its_folder(self):
        self.check_bites("zip/crc32.cc", '#include "crc32.h"', "is not written")

    def test_a_header_that_is_not_there(self):
        self.check_bites("zip/crc32.cc", '#include "zip/gone.h"', "does not exist")

    def test_own_headers_in_angle_brackets(self):
        self.check_bites("zip/crc32.cc", "#include <io/reactor.h>", "is in no table")

    def test_through_a_macro(self):
        self.check_bites("zip/crc32.cc", "#include REACTOR", "must name its header")

    def test_foreign_headers_outside_their_files(self):
        wrong = {
            "liburing.h": "io/reactor.h",
            "openssl/ssl.h": "daemon/main.cc",
            "llhttp.h": "io/reactor.h",
            "isa-l/crc.h": "zip/crc32.h",
            "boost/json.hpp": "daemon/main.cc",
            "sqlite3.h": "daemon/main.cc",
            "pugixml.hpp": "daemon/main.cc",
            "toml++/toml.h": "daemon/main.cc",
            "CLI/CLI.hpp": "io/uring.cc",
            "sys/socket.h": "zip/crc32.cc",
            "thread": "base/bytes.h",
            "curl/curl.h": "io/uring.cc",
        }
        for header, path in wrong.items():
            with self.subTest(header=header):
                self.check_bites(path, f"#include <{header}>", header)
                self.write(path, RIGHT[path])

    def test_a_new_folder_needs_a_place(self):
        self.check_bites("util/strings.h", "#pragma once", "is in no table")

    def test_an_empty_tree_is_no_success(self):
        with tempfile.TemporaryDirectory() as empty:
            self.assertEqual(len(list(layers.breaches(Path(empty)))), 1)


class Tidy(Tree):
    def setUp(self):
        super().setUp()
        self.longer = dict(tidy.LONGER)
        self.wider = dict(tidy.WIDER)
        tidy.LONGER.clear()
        tidy.WIDER.clear()

    def tearDown(self):
        tidy.LONGER.update(self.longer)
        tidy.WIDER.update(self.wider)

    def found(self):
        return [f"{path}: {finding}" for path, _, finding in tidy.findings(self.root)]

    def check_bites(self, path, text, expected):
        self.add(path, text)
        found = self.found()
        self.assertEqual(len(found), 1, found)
        self.assertIn(path, found[0])
        self.assertIn(expected, found[0])

    def test_a_right_tree_passes(self):
        self.assertEqual(self.found(), [])

    def test_length(self):
        for path, limit in (
            ("base/bytes.h", tidy.HEADER_LINES),
            ("zip/crc32.cc", tidy.SOURCE_LINES),
            ("tests/zip/crc32_test.cc", tidy.TEST_LINES),
        ):
            with self.subTest(path=path):
                before = RIGHT[path].count("\n")
                self.add(path, "//\n" * (limit - before))
                self.assertEqual(self.found(), [])
                self.check_bites(path, "//\n" * (limit - before + 1), "split it")
                self.write(path, RIGHT[path])

    def test_an_exception_only_shrinks(self):
        path = "zip/crc32.cc"
        tidy.LONGER[path] = 450
        for lines, expected in ((451, "only shrink"), (449, None), (410, "lower"), (300, "take it out")):
            with self.subTest(lines=lines):
                self.write(path, "//\n" * lines)
                found = self.found()
                self.assertEqual(len(found), 1 if expected else 0, found)
                self.assertIn(expected or "", "".join(found))

    def test_an_exception_without_its_file(self):
        tidy.LONGER["zip/gone.cc"] = 450
        self.assertEqual(self.found(), ["zip/gone.cc: is gone: take it out of tests/tidy/tidy.py"])

    def test_width(self):
        self.check_bites("zip/crc32.cc", "//" + "x" * 99 + "\n", "over 100 columns")

    def test_width_counts_characters_not_bytes(self):
        self.add("zip/crc32.cc", "//" + "ü" * 98 + "\n")
        self.assertEqual(self.found(), [])

    def test_tab(self):
        self.check_bites("zip/crc32.cc", "//\tx\n", "a tab")

    def test_trailing_blank(self):
        self.check_bites("zip/README.md", "x \n", "blanks at the end")

    def test_pragma_once(self):
        self.write("zip/crc32.h", "int crc32();\n")
        self.assertEqual(self.found(), ["zip/crc32.h: a header without #pragma once"])

    def test_open_ends(self):
        for word in ("TO" "DO", "FIX" "ME", "X" "XX", "HA" "CK"):
            with self.subTest(word=word):
                self.check_bites("zip/crc32.cc", f"// {word}: later\n", "an open end")

    def test_readme(self):
        (self.root / "zip/README.md").unlink()
        self.assertEqual(self.found(), ["zip/: a folder without a README.md"])

    def test_readme_length(self):
        self.check_bites("zip/README.md", "x\n" * 40, "more than 40 lines")


if __name__ == "__main__":
    unittest.main()
