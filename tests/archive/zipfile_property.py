#!/usr/bin/env python3
"""zipfile_property.py RANDOM_ARCHIVES SEED COUNT: random archives, written again with Python's own zipfile.

For each case of RANDOM_ARCHIVES (random_archives.cc describes its output) the archive must be, byte for byte, what
zipfile writes for the same entries; every object must be in it once, with its bytes; and no two names may be one file
on a file system that ignores case and Unicode form. Prints how many cases, entries and bytes there were.
"""
import io
import struct
import subprocess
import sys
import time
import unicodedata
import zipfile

DOS_EPOCH = 315532800
DOS_END = 4354819198


def text_of(field):
    return b"" if field == b"-" else bytes.fromhex(field.decode("ascii"))


def written_by_python(entries, comment):
    """The bytes that zipfile gives for (name, mtime, data)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, mtime, data in entries:
            moment = time.gmtime(min(max(mtime, DOS_EPOCH), DOS_END))
            info = zipfile.ZipInfo(name.decode("utf-8"), moment[:6])
            info.create_system = 3
            info.create_version = 45
            info.extract_version = 20 if info.is_dir() else 10
            info.external_attr = (0o40755 << 16 | 0x10) if info.is_dir() else 0o100644 << 16
            if -(2**31) <= mtime < 2**31:
                info.extra = struct.pack("<HHBi", 0x5455, 5, 1, mtime)
            archive.writestr(info, data)
        archive.comment = comment
    return out.getvalue()


def fold(name):
    decomposed = unicodedata.normalize("NFD", name)
    return unicodedata.normalize("NFD", decomposed.casefold())


def check_names(names):
    """No entry is another's file, and no file is a folder of another, once case and form do not count."""
    files, folders = set(), set()
    for name in names:
        folded = fold(name.decode("utf-8"))
        path = folded.rstrip("/")
        components = path.split("/")
        assert "" not in components and "." not in components and ".." not in components, name
        if not folded.endswith("/"):
            assert path not in files, f"{name} twice"
            files.add(path)
        else:
            folders.add(path)
        for depth in range(1, len(components)):
            folders.add("/".join(components[:depth]))
    assert not files & folders, f"both file and folder: {files & folders}"


def check_objects(objects, entries):
    """What was put in is in it, once."""
    wanted = sorted(data for key, data in objects if data or not key.endswith(b"/"))
    got = sorted(data for name, _, data in entries if not name.endswith(b"/"))
    assert wanted == got, "objects are missing or doubled"


def read_case(stream):
    head = stream.readline()
    if not head:
        return None
    fields = head.split()
    size, comment, timestamps, object_count, entry_count = (
        int(fields[0]), text_of(fields[1]), fields[2], int(fields[3]), int(fields[4]))
    rest = iter(fields[5:])
    objects, entries = [], []
    for _ in range(object_count):
        key, data_size, data = text_of(next(rest)), int(next(rest)), text_of(next(rest))
        assert len(data) == data_size
        objects.append((key, data))
    for _ in range(entry_count):
        name, data_size, mtime, data = text_of(next(rest)), int(next(rest)), int(next(rest)), text_of(next(rest))
        assert len(data) == data_size
        assert timestamps == b"source" or mtime == DOS_EPOCH
        entries.append((name, mtime, data))
    archive = stream.read(size)
    assert len(archive) == size
    return objects, entries, comment, archive


def main():
    program, seed, count = sys.argv[1:]
    cases = total_entries = total_bytes = 0
    with subprocess.Popen([program, seed, count], stdout=subprocess.PIPE) as process:
        while (case := read_case(process.stdout)) is not None:
            objects, entries, comment, archive = case
            try:
                check_names([name for name, _, _ in entries])
                check_objects(objects, entries)
                assert archive == written_by_python(entries, comment), "zipfile writes other bytes"
            except AssertionError:
                print(f"case {cases} of seed {seed}: keys {[key for key, _ in objects]}, names "
                      f"{[name for name, _, _ in entries]}", file=sys.stderr)
                raise
            cases += 1
            total_entries += len(entries)
            total_bytes += len(archive)
    assert process.returncode == 0, f"{program} failed"
    assert cases == int(count), f"{cases} of {count} cases"
    print(f"{cases} cases, {total_entries} entries, {total_bytes} bytes: zipfile writes the same")


if __name__ == "__main__":
    main()
