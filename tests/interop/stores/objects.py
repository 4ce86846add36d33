"""The source objects of the store checks: 300 of mixed sizes, odd keys and one of 200 MB. The same bytes in each run."""
import functools
import hashlib

BIG_KEY, BIG_SIZE = "files/large/200 MB.bin", 200_000_000
MEDIUM, MEDIUM_SIZE = [f"files/medium/{number:02}.bin" for number in range(12)], 4_000_003

LONG_KEY_BYTES = 1000
ODD_PREFIX = "files/odd/"
ODD_NAMES = [
    "plain.txt", "with space.txt", " leading space.txt", "trailing space.txt ", "two  spaces.txt", "plus+plus.txt",
    "100%.txt", "a%20b.txt", "%25.txt", "%zz.txt", "ampersand&and.txt", "equals=at@.txt", "semi;colon,comma.txt",
    "single'quote.txt", 'double"quote.txt', "angle<brackets>.txt", "question?mark.txt", "hash#mark.txt",
    "back\\slash.txt", "pipe|star*.txt", "tilde~(paren)[bracket]{brace}.txt", "dollar$caret^`tick`!.txt", "colon:12.30",
    "ünïcödé/größe.txt", "decomposed/u\u0308.txt", "文件/資料.txt", "emoji/\U0001f4e6.bin", "عربى.txt", "trailing dot.",
    "dots/...txt", "dots/a..b", "dots./folder.txt", ".hidden", "Case.txt", "case/UPPER.TXT", "-dash", "con", "nul.txt",
    "new\nline.txt", "tab\tab.txt", "bell\x07.txt", "nbsp\u00a0.txt", "empty.bin", "folder/", "folder/inside.txt",
    "double//slash.txt", "dot/./dot.txt", "dotdot/../up.txt", "deep/" + "d/" * 60 + "end.txt", "&amp;.txt", "a&lt;b.txt",
    "prefix", "prefix/of a folder.txt",
]


def stretch(seed, size):
    """Bytes that nowhere repeat; different for each seed."""
    return hashlib.shake_128(seed.encode()).digest(size) if size else b""


def odd_keys():
    keys = [ODD_PREFIX + name for name in ODD_NAMES]
    stem = ODD_PREFIX + "long/"
    piece = "0123456789" * 10 + "/"
    long_key = (stem + piece * 10)[:LONG_KEY_BYTES]
    assert len(long_key) == LONG_KEY_BYTES and long_key[-1] != "/"
    return keys + [long_key, ODD_PREFIX + "component/" + "c" * 250 + ".bin", ODD_PREFIX + "é" * 120]


@functools.cache
def source_objects():
    """Key -> bytes; 300 of them."""
    found = {key: stretch(key, 0 if "empty" in key or key.endswith("/") else 37 + 101 * number)
             for number, key in enumerate(odd_keys())}
    found |= {key: stretch(key, MEDIUM_SIZE) for key in MEDIUM}
    found[BIG_KEY] = stretch(BIG_KEY, BIG_SIZE)
    for number in range(300 - len(found)):
        size = 0 if number % 50 == 0 else 1 if number % 50 == 1 else number * number % 60_000
        if number % 40 == 7:
            size += 900_000
        key = f"files/small/{number:03}.dat"
        found[key] = stretch(key, size)
    assert len(found) == 300
    return found
