"""Reads an archive front to back, and holds it against the source objects: every byte belongs to a record, every
record agrees with its twin in the directory, every member has the bytes of its object. Written from APPNOTE 6.3.10;
shares nothing with the code under test. zipfile reads the same archive once more.
"""
import struct
import zipfile
import zlib

LOCAL, CENTRAL, END, END64, LOCATOR = b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7"
STORED = 0
CHUNK = 1 << 20


class BadArchive(Exception):
    pass


def demand(condition, text):
    if not condition:
        raise BadArchive(text)


def read(file, count):
    data = file.read(count)
    demand(len(data) == count, f"cut: {len(data)} bytes of {count} at {file.tell()}")
    return data


def wide_values(extra, name):
    """The values of the Zip64 field, in their order. Demands that the fields fill the extra area."""
    values = []
    while extra:
        demand(len(extra) >= 4, f"{name}: half a field")
        kind, size = struct.unpack_from("<HH", extra)
        demand(len(extra) >= 4 + size, f"{name}: a field of {size} bytes in {len(extra) - 4}")
        if kind == 1:
            values = list(struct.unpack_from(f"<{size // 8}Q", extra, 4))
        extra = extra[4 + size:]
    return values


def member_bytes(file, size, expected, name):
    """Reads a member; demands the bytes of expected (a buffer). Returns their CRC-32."""
    demand(size == len(expected), f"{name}: {size} bytes, the object has {len(expected)}")
    crc, at = 0, 0
    while at < size:
        data = read(file, min(CHUNK, size - at))
        demand(data == expected[at:at + len(data)], f"{name}: other bytes than the object between {at} and {at + len(data)}")
        crc, at = zlib.crc32(data, crc), at + len(data)
    return crc


def local_entry(file, objects):
    """The entry whose signature was just read: name -> what the directory must repeat."""
    offset = file.tell() - 4
    version, flags, method, time, date, crc, packed, size, name_size, extra_size = struct.unpack(
        "<HHHHHIIIHH", read(file, 26))
    raw = read(file, name_size)
    wide = wide_values(read(file, extra_size), raw)
    name = raw.decode("utf-8")
    demand(flags & 0x0008 == 0, f"{name}: a data descriptor")
    demand(flags & 0x0800 or raw.isascii(), f"{name}: not marked as UTF-8")
    demand(method == STORED, f"{name}: method {method}")
    if size == 0xFFFFFFFF and wide:
        size = wide.pop(0)
    if packed == 0xFFFFFFFF and wide:
        packed = wide.pop(0)
    demand(packed == size, f"{name}: {packed} bytes stored of {size}")
    demand(name in objects, f"{name}: no such object")
    found = member_bytes(file, size, objects[name], name)
    demand(found == crc, f"{name}: CRC-32 {found:08x}, its header has {crc:08x}")
    return raw, (version, flags, method, time, date, crc, packed, size, offset)


def central_entry(file):
    (_, version, flags, method, time, date, crc, packed, size, name_size, extra_size, comment_size, disk, _, _,
     offset) = struct.unpack("<HHHHHHIIIHHHHHII", read(file, 42))
    raw = read(file, name_size)
    wide = wide_values(read(file, extra_size), raw)
    read(file, comment_size)
    demand(disk == 0, f"{raw}: on disk {disk}")
    values = []
    for value in (size, packed, offset):
        values.append(wide.pop(0) if value == 0xFFFFFFFF and wide else value)
    size, packed, offset = values
    return raw, (version, flags, method, time, date, crc, packed, size, offset)


def check_end(file, signature, begin, count, comment):
    """The end records; begin is where the directory begins."""
    size = file.tell() - 4 - begin
    if signature == END64:
        end64 = file.tell() - 4
        (left, _, _, disk, first_disk, here, total, found_size, found_begin) = struct.unpack("<QHHIIQQQQ", read(file, 52))
        demand(left == 44, f"Zip64 end record of {left} bytes")
        demand((disk, first_disk, here, total) == (0, 0, count, count), f"Zip64 end record: {total} entries of {count}")
        demand((found_size, found_begin) == (size, begin), "Zip64 end record: the directory is elsewhere")
        demand(read(file, 4) == LOCATOR, "no locator")
        demand(struct.unpack("<IQI", read(file, 16)) == (0, end64, 1), "the locator points elsewhere")
        signature = read(file, 4)
    demand(signature == END, f"{signature!r} at {file.tell() - 4}, not an end record")
    disk, first_disk, here, total, found_size, found_begin, comment_size = struct.unpack("<HHHHIIH", read(file, 18))
    for found, right, wide in ((here, count, 0xFFFF), (total, count, 0xFFFF), (found_size, size, 0xFFFFFFFF),
                               (found_begin, begin, 0xFFFFFFFF)):
        demand(found in (right, wide) and (found == right or right >= wide), f"end record: {found}, not {right}")
    demand((disk, first_disk) == (0, 0), "end record: several disks")
    demand(read(file, comment_size) == comment, "another comment")
    demand(not file.read(1), "bytes behind the end record")


def check_front_to_back(path, objects, comment=b""):
    """objects: entry name -> bytes; all of them must be there. Returns how many entries there are."""
    entries = {}
    with open(path, "rb") as file:
        while (signature := read(file, 4)) == LOCAL:
            raw, twin = local_entry(file, objects)
            demand(raw not in entries, f"{raw}: twice")
            entries[raw] = twin
        begin, listed = file.tell() - 4, []
        while signature == CENTRAL:
            raw, twin = central_entry(file)
            demand(entries.get(raw) == twin, f"{raw}: its two headers differ: {entries.get(raw)} and {twin}")
            listed.append(raw)
            signature = read(file, 4)
        demand(listed == list(entries), "the directory has other entries than the archive")
        check_end(file, signature, begin, len(entries), comment)
    missing = set(objects) - {raw.decode() for raw in entries}
    demand(not missing, f"{len(missing)} objects are missing, as {sorted(missing)[:3]}")
    return len(entries)


def check(path, objects):
    """Both readers. Returns how many entries there are."""
    count = check_front_to_back(path, objects)
    with zipfile.ZipFile(path) as file:
        demand(sorted(file.namelist()) == sorted(objects), "zipfile finds other names")
        for info in file.infolist():
            with file.open(info) as member:  # it checks the CRC-32
                at = 0
                while data := member.read(CHUNK):
                    demand(data == objects[info.filename][at:at + len(data)], f"{info.filename}: other bytes in zipfile")
                    at += len(data)
                demand(at == len(objects[info.filename]), f"{info.filename}: {at} bytes in zipfile")
    return count


