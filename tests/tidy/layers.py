#!/usr/bin/env python3
"""layers.py ROOT: every #include of the product's C++ follows the arrows of docs/ARCHITECTURE.md.

Prints one line per breach and exits 1 if there is any. The two tables below are the rules; edit them with an ADR.
"""
import re
import sys
from fnmatch import fnmatchcase
from pathlib import Path

# Folder -> the folders its files may include from (besides itself).
ARROWS = {
    "base": set(),
    "zip": {"base"},
    "config": {"base"},
    "io": {"base"},
    "s3client": {"base", "io"},
    "archive": {"base", "io", "zip", "s3client"},
    "daemon": {"base", "io", "zip", "s3client", "archive", "config"},
    "lambda": {"base", "io", "zip", "s3client", "archive", "config"},
    "cli": {"base", "io", "zip", "s3client", "archive", "config"},
    # The judge of our S3 client shares no code with it.
    "s3sim": {"base"},
    "bench": {"base", "io", "zip", "s3client", "archive", "config", "s3sim"},
}

# Folders that do not lie in the root; their headers are included by their own name.
INSIDE = {"s3sim": "bench/s3sim"}

# Foreign header (as a pattern) -> the only files that may include it.
FOREIGN = {
    "liburing*": ["io/uring*.cc"],
    "openssl/*": ["io/tls*.cc", "s3client/sigv4*.cc", "s3client/access.cc", "s3client/md5.cc", "daemon/api_tls*.cc", "daemon/journal_seal.cc", "bench/*"],
    "llhttp.h": ["s3client/http1*.cc", "bench/s3sim/*"],
    "isa-l/*": ["zip/crc32*.cc", "bench/s3sim/*"],
    "boost/*": ["daemon/api*", "cli/http*", "cli/json*", "archive/manifest_lines.cc", "s3client/credentials/credentials_json.cc"],
    "sqlite3.h": ["daemon/journal*"],
    "utf8proc.h": ["zip/name_fold.cc"],
    "pugixml.hpp": ["s3client/xml*.cc", "bench/s3sim/*"],
    "toml++/*": ["config/*.cc"],
    "CLI/*": ["config/*", "cli/*", "bench/*", "daemon/main.cc"],
    "ares*.h": ["io/resolver*.cc"],
    "benchmark/*": ["bench/*"],
    "zlib.h": ["bench/*"],
    "fmt/*": ["*"],
}

# System headers that make a folder impure -> the only files that may include them.
SYSTEM = {
    "sys/socket.h": ["io/*", "bench/*", "daemon/supervisor.cc"],
    "sys/epoll.h": ["io/epoll*", "bench/*"],
    "sys/eventfd.h": ["io/*", "bench/*"],
    "netinet/*": ["io/*", "bench/*"],
    "arpa/*": ["io/*", "bench/*"],
    "netdb.h": ["io/resolver*", "bench/*"],
    "thread": ["io/*", "archive/engine*", "daemon/*", "cli/*", "bench/*"],
    "mutex": ["io/*", "archive/job*", "archive/engine*", "daemon/*", "cli/*", "bench/*"],
    "condition_variable": ["io/*", "archive/job*", "archive/engine*", "daemon/*", "cli/*", "bench/*"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)"|(.*))')
# <vector>, <cstdint>: the standard library. <unistd.h>, <sys/stat.h>, <linux/tls.h>: libc and the kernel.
STANDARD = re.compile(r"^([a-z_]+|[a-z0-9]+\.h|(sys|netinet|arpa|linux|net|bits)/[a-z0-9_]+\.h)$")


def folder_of(path):
    for folder, place in INSIDE.items():
        if path.startswith(place + "/"):
            return folder
    return path.split("/")[0]


def place_of(folder):
    return INSIDE.get(folder, folder)


def matches(path, patterns):
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def foreign_breach(path, header):
    for table in (FOREIGN, SYSTEM):
        for pattern, files in table.items():
            if fnmatchcase(header, pattern):
                if matches(path, files):
                    return None
                return f"<{header}> belongs in {', '.join(files)} only"
    if STANDARD.match(header):
        return None
    return f"<{header}> is in no table of tests/tidy/layers.py"


def own_breach(root, path, header):
    folder = folder_of(path)
    target, _, name = header.partition("/")
    if "/" not in header or ".." in header.split("/"):
        return f'"{header}" is not written "folder/header.h"'
    if target not in ARROWS:
        return f'"{header}" is not in a folder of the project'
    if not (root / place_of(target) / name).is_file():
        return f'"{header}" does not exist'
    if target != folder and target not in ARROWS[folder]:
        return f'"{header}": no arrow from {folder}/ to {target}/'
    return None


def breaches(root):
    files = 0
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        if folder.name in ("build", "tests", "docs") or folder.name.startswith("."):
            continue
        for file in sorted(p for p in folder.rglob("*") if p.suffix in (".h", ".cc", ".hpp", ".cpp")):
            path = file.relative_to(root).as_posix()
            files += 1
            if folder_of(path) not in ARROWS:
                yield path, 1, f"{folder_of(path)}/ is in no table of tests/tidy/layers.py"
                continue
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                include = INCLUDE.match(line)
                if not include:
                    continue
                angle, quote, other = include.groups()
                if other is not None:
                    breach = "an #include must name its header"
                elif angle:
                    breach = foreign_breach(path, angle)
                else:
                    breach = own_breach(root, path, quote)
                if breach:
                    yield path, number, breach
    if files == 0:
        yield str(root), 1, "no C++ files found: wrong root?"


def main():
    found = list(breaches(Path(sys.argv[1]).resolve()))
    for path, number, breach in found:
        print(f"{path}:{number}: {breach}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
