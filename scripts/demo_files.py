#!/usr/bin/env python3
"""demo_files.py DIR: fills DIR with the demo's files: nested, empty, with strange names, one of 200 MB.
demo_files.py DIR --compare ZIP: checks that the archive holds exactly those files, byte for byte.

The same bytes on every run: they come from a seeded generator.
"""
import random
import sys
import zipfile
from pathlib import Path

BIG_BYTES = 200_000_000
CHUNK_BYTES = 1 << 20
NAMES = ("ä ö ü", "写真", "фото", "e\u0301 combining", "a & b; 100%", "plus+and#hash", "🎞 film", "it's 'quoted'")


def sizes(rng):
    """Most files small, some of a few MB, some empty."""
    for index in range(360):
        if index % 29 == 0:
            yield 0
        elif index % 12 == 0:
            yield rng.randrange(1 << 20, 4 << 20)
        else:
            yield int(rng.lognormvariate(9.5, 1.5)) % 300_000 + 1


def fill(folder):
    rng = random.Random(2026)
    total = count = 0
    for index, size in enumerate(sizes(rng)):
        name = f"{NAMES[index % len(NAMES)]} {index:03}.jpg" if index % 9 == 0 else f"IMG_{index:04}.jpg"
        file = folder / f"20{20 + index % 7}" / f"{1 + index % 12:02}" / ("day/" * (index % 4)) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(rng.randbytes(size))
        total += size
        count += 1
    with open(folder / "film 200 MB.mov", "wb") as film:
        for at in range(0, BIG_BYTES, CHUNK_BYTES):
            film.write(rng.randbytes(min(CHUNK_BYTES, BIG_BYTES - at)))
    print(f"{count + 1} files, {(total + BIG_BYTES) / 1e6:.1f} MB")


def same_bytes(one, other):
    while True:
        a, b = one.read(CHUNK_BYTES), other.read(CHUNK_BYTES)
        if a != b:
            return False
        if not a:
            return True


def compare(folder, archive_path):
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    with zipfile.ZipFile(archive_path) as archive:
        names = [info.filename for info in archive.infolist()]
        if sorted(names) != sorted(files):
            print(f"names differ: {sorted(set(names) ^ set(files))[:5]}")
            return 1
        for name, path in files.items():
            with open(path, "rb") as file, archive.open(name) as entry:
                if not same_bytes(file, entry):
                    print(f"{name} differs")
                    return 1
    print(f"{len(files)} entries equal their files")
    return 0


if __name__ == "__main__":
    if sys.argv[2:3] == ["--compare"]:
        sys.exit(compare(Path(sys.argv[1]), sys.argv[3]))
    fill(Path(sys.argv[1]))
