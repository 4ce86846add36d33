"""The hostile objects of the zoo: keys that S3 takes and that no file system, reader or terminal should have to see.

zoo(guard) is the same list in each run but for the guard, the folder that absolute names and climbing ones point
into: what an extraction writes there is found (zoo.py). Texts are keys in UTF-8, bytes are keys as they are.
"""
import hashlib
from typing import NamedTuple

COUNT = 640
KEY_SIZE_MAX = 1024
SENTINEL = "sentinel"  # lies in each folder of the guard; keys try to overwrite it
RESERVED = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", *(f"COM{n}" for n in "0123456789¹²³"),
            *(f"LPT{n}" for n in "123456789¹²³")]


class Animal(NamedTuple):
    key: bytes
    body: bytes          # empty for keys that end in '/', unless the point is that it is not
    name: bytes | None   # an explicit entry name


def not_utf8():
    yield from [bytes([c]) for c in (0x80, 0xA0, 0xC0, 0xF5, 0xFF)]
    yield from [b"latin1-\xe9.txt", b"latin1-\xe8.txt", b"sjis-\x83\x5c\x83\x8f", b"cut-\xe2\x82",
                b"cut-\xf0\x9f\x93.txt", b"slash\xc0\xafoverlong", b"..\xc0\xaf..\xc0\xafetc",
                b"..\xe0\x80\xaf" + SENTINEL.encode(), b"surrogate-\xed\xa0\x80", b"pair-\xed\xa0\xbd\xed\xb3\xa6",
                b"beyond-\xf4\x90\x80\x80", b"nul\xc0\x80overlong", b"\xff\xfeU\x00T\x00F\x001\x006\x00",
                b"d\xffr/\xfe\xfe", b"d\xfer/\xfe\xfe", b"\xff" * 300]


def absolute(guard):
    yield from ["/", "//", "///", "/abs", "//abs", "///abs", "/.", "/./abs", "/../abs", "/abs/", "//abs//"]
    yield from [f"{guard}/absolute/new", f"/{guard}/absolute/new2", f"{guard}/{SENTINEL}",
                f"{guard}/absolute/folder/", f"/.{guard}/absolute/new3", f"file://{guard}/absolute/new4",
                (guard + "/absolute/new5").replace("/", "\\"), f"C:{guard}/absolute/new6"]


def climbing(guard):
    yield from ["..", "../", "../up", "../../up", "a/..", "a/../", "a/../b", "a/../../b", "a/b/../..",
                "x/../../../../y", "...", "....", ".../x", ". ./x", ".. /x", ".. ", " ..", " ../x", "..;/x", "..\t/x",
                "..\0/x", "\0../x", "․․/x", "．．／x", "..／x", "‥/x", "..\u200b/x", ".\u00ad./x"]
    for depth in range(1, 8):
        yield "../" * depth + SENTINEL
        yield "deep/" * depth + "../" * (depth + 1) + SENTINEL
        yield "..\\" * depth + SENTINEL
    yield from ["../" * 40 + guard[1:] + "/absolute/climbed",
                "..\\" * 40 + (guard[1:] + "/absolute/climbed2").replace("/", "\\"), "..//" + SENTINEL,
                "./../" + SENTINEL, "..\\/" + SENTINEL, "..\\../" + SENTINEL]


def windows_paths():
    yield from ["C:", "c:", "C:/", "C:/x", "C:\\x", "c:x", "Z:..\\x", "a/C:/b", "C:/../x", "C:\\..\\..\\x", "1:/x",
                "é:/x", "\\\\?\\C:\\x", "\\\\.\\COM1", "\\\\.\\PhysicalDrive0", "\\\\?\\GLOBALROOT\\x", "\\??\\C:\\x",
                "\\\\server\\share\\x", "//server/share/x", "\\\\127.0.0.1\\c$\\x", "\\\\server", "\\\\\\x",
                "file.txt:stream", "file.txt::$DATA", "file.txt", "::", ":x", "a:b:c", "\\", "\\\\", "\\x", "a\\b",
                "a\\", "a\\b\\", "a\\\\b", "a\\./b", "mixed\\a/b\\c", "\\/\\/x"]


def controls():
    yield from [f"control-{chr(c)}.txt" for c in [*range(32), 0x7F]]
    yield from ["\0", "\0.txt", "a\0b", "a.txt\0.exe", "\n", "line\nbreak/x", "line\r\nbreak", "\x1b[31mred\x1b[0m",
                "\x1b]0;title\x07", "\x1b[2J", "over\rwritten", "back\b\b\bspace", "\u0085next", "c1-\u009b31m",
                "\u2028line", "\u2029paragraph"]


def reserved():
    for name in RESERVED:
        yield name
        yield name.lower() + ".txt"
    yield from ["Con", "cOn.tar.gz", "con ", "con .txt", "con.", "con. .", "con:", "con_", "con_.txt", "nul/x",
                "NUL/x.txt", "x/aux", "x/AUX.c", "aux.h/aux.c", "COM1.tar.gz", "com1.", "com10", "lpt", "nul..",
                "nul...txt", " nul", "prn/", "prn/prn/", "clock$", "ｃｏｎ", "nul\u0301"]


def endings_and_forbidden():
    yield from ["dot.", "dot..", "dot...", "dot", "dot_", "space ", "space  ", "space", "space_", "both. ", "both .",
                "both. .", "dot./x", "dot/x", "space /x", "a. ./b", " ", "  ", " . ", "x/ /y", "x/  /y", " leading",
                "x/ y", "nbsp\u00a0", "ideographic\u3000", "t\t", "end./", "end /"]
    for c in '<>:"|?*':
        yield from [f"for{c}bidden.txt", c, f"for{c}/x"]


def long_names():
    for size in (254, 255, 256, 1000):
        yield "l" * size
        yield "L" * size
        yield "t" * (size - 4) + ".txt"
        yield "p/" + "x" * size + "/y"
    for char in ("é", "文", "\U0001f4e6", "e\u0301"):
        unit = len(char.encode())
        yield from [char * (255 // unit), char * (256 // unit + 1), char * (1000 // unit)]
    yield from ["l" * 255 + "1", "l" * 255 + "2", "s" * 250 + ".tar.gz", "s" * 250 + ".tar.bz2", "e." + "x" * 300,
                "." + "h" * 300, "k" * 1024, "文" * 341, "k" * 1023 + "/", "q" * 254 + ".", "q" * 254 + " ",
                "q" * 300 + ".", "q" * 255 + "/x", "CON." + "c" * 300, "r" * 252 + ".nul",
                "x" * 251 + "\U0001f4e6.txt", "z/" + "z" * 300, "z/" + "Z" * 300]


def nested():
    yield from ["n/" * 511 + "f", "n/" * 512, "N/" * 511 + "f", "n/" * 300 + "f", "nn/" * 340 + "f", "/" * 1024,
                "./" * 500 + "f", "../" * 300 + "f", "n\\" * 511 + "g", ("m" * 255 + "/") * 3 + "m" * 255,
                ("m" * 340 + "/") * 3, ". /" * 300 + "f"]
    yield from ["a//b", "a///b", "a//", "a/./b", "./a", "a/.", "./", ".", "././.", "./a/", "a/./", "//a//b//", "a/b/",
                "a/b//"]


def folders_and_files():
    yield from ["folder/", "folder//", "folder/x", "folder", "data/x", "data", "data/x/y", "data/x/y/", "f", "f/x",
                "F/y", "F", "f/X", "f (2)", "f (2)/x", "f (2) (2)", "x (2).txt", "x.txt", "X.txt", "x.TXT",
                "X (2).txt", "x (2) (2).txt", "g/h/i", "G/h", "g/H/i", "G", "only/", "Only/", "ONLY/x"]
    for key in ("with data/", "with data//", "folder/x/", "With Data/"):
        yield key, True


def case_and_normalisation():
    yield from ["README", "readme", "ReadMe", "Readme/x", "readme.TXT", "README.txt", "straße", "STRASSE", "strasse",
                "ſtrasse", "STRAẞE", "I", "i", "ı", "İ", "i\u0307", "Σίσυφος", "ΣΊΣΥΦΟΣ", "σίσυφοσ", "ﬁle", "FILE",
                "file", "K", "k", "\u212a", "Å", "\u212b", "å", "A\u030a", "a\u030a", "Ǆ", "ǅ", "ǆ", "µ", "μ", "Μ",
                "ŉ", "ʼn", "ΐ", "\u1fd3", "\u03b9\u0308\u0301", "Ꭰ", "\uab70", "é", "e\u0301", "É", "E\u0301", "각",
                "\u1100\u1161\u11a8", "ộ", "o\u0323\u0302", "o\u0302\u0323", "é/x", "e\u0301/x", "É/x", "ñ/",
                "n\u0303/", "ñ", "\U0001e900", "\U0001e922", "\u0345", "ͺ", "ᾳ", "αι", "\u2126", "Ω"]


def odd_text():
    yield from ["evil\u202egpj.exe", "\u202e", "a\u200bb", "a\u200cb", "a\u200db", "a\u2060b", "ab", "\ufeffbom",
                "bom", "\ufeff", "\u0301", "\u0301x", "\u0301\u0301", "/\u0301/x", "soft\u00adhyphen",
                "\u2066isolate", "\U000e0041tag", "\ufffe", "\uffff", "\U0010ffff", "\ue000", "\ufdd0", "\U0001f4e6",
                "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u2764\ufe0f", "\u2764", "z" + "\u0335" * 200,
                "full／width＼slash", "\u2044fraction", "\u29f5", "\ufffd", "\U0001d49c"]


def options_and_shells():
    yield from ["-", "--", "-rf", "--help", "-d/x", "-o+", "-x!", "--checkpoint-action=exec=x", "@list",
                "@/etc/passwd", "!x", "#x", "~", "~/x", "~root/x", "$HOME", "$HOME/x", "${IFS}", "$(id)", "`id`",
                "%TEMP%", "%TEMP%/x", "%2e%2e%2f", "%2e%2e/x", "..%2fx", "%00", "%", "%%", "%s%n", ";rm -rf x", "&x",
                "x;1", "x;2", "'", "''", "[a]", "{a,b}", "\\$x", "PROGRA~1", "progra~1", "LONGFI~1.TXT",
                ".git/config", ".GIT/config", ".htaccess", "desktop.ini", "Thumbs.db", "._x", "__MACOSX/._x",
                ".DS_Store", "META-INF/MANIFEST.MF", "mimetype", "[Content_Types].xml", "__", "__/x", "_", "_/x",
                "+x", "=x", "a=b&c=d", "?x", "*", "*.*"]
    yield from ["link", "link/through", ".symlink", "link -> ../" + SENTINEL, "lnk.lnk", "a -> b"]


def explicit_names(guard):
    yield from ["../" + SENTINEL, "..\\" + SENTINEL, guard + "/absolute/named", "C:\\named", "nul", "CON.txt",
                "named.", "named ", "named", "NAMED", "a/b", "A/B/", "e\u0301", b"\xff\xfe", "-rf", "--", "n" * 300,
                "n" * 2000, "x/" * 511 + "x", "deep/" * 300 + "f", "line\nbreak", "\x1b[31m", 'q"<>|', "same", "same",
                "same", "Same/x", "folder/", "~/x", "\u202e"]


def keys(guard):
    for family in (not_utf8(), absolute(guard), climbing(guard), windows_paths(), controls(), reserved(),
                   endings_and_forbidden(), long_names(), nested(), folders_and_files(), case_and_normalisation(),
                   odd_text(), options_and_shells()):
        yield from family


def body_of(kind, number, key):
    return f"{kind} {number} {hashlib.sha256(key).hexdigest()}".encode()


def zoo(guard):
    found, seen = [], set()

    def add(key, has_data=None, name=None):
        key = key if isinstance(key, bytes) else key.encode()
        assert len(key) <= KEY_SIZE_MAX, key
        if (key, name) in seen:
            return
        seen.add((key, name))
        is_folder = key.endswith(b"/") if name is None else name.endswith(b"/")
        has_data = not is_folder if has_data is None else has_data
        found.append(Animal(key, body_of("zoo", len(found), key) if has_data else b"", name))

    for item in keys(guard):
        add(*(item if isinstance(item, tuple) else (item,)))
    for number, name in enumerate(explicit_names(guard)):
        add(f"{number:03}", name=name if isinstance(name, bytes) else name.encode())
    for number in range(COUNT - len(found)):  # all are "equal" once empty and "." components are gone
        add("equal" + "/." * number)
    assert len(found) == COUNT, f"{len(found)} animals"
    return found
