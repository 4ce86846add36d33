"""The strict reader finds every damaged byte that a reader could notice, every cut and every addition."""
import io
import os
import struct
import sys
import tempfile
import unittest
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import strict_zip  # noqa: E402

OBJECTS = {"a.txt": b"first", "größe/b.bin": bytes(range(40)), "empty": b"", "z/last": b"x" * 60}
# Fields of a central header that describe the file in its file system; local headers do not have them.
FREE_OFFSETS = {4, 5, 36, 37, 38, 39, 40, 41}


def archive(objects):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        for name, body in objects.items():
            file.writestr(zipfile.ZipInfo(name, (2026, 11, 30, 12, 0, 0)), body)
    return out.getvalue()


def free_positions(data):
    """Where the strict reader looks at nothing."""
    begin, count = struct.unpack("<I", data[-6:-2])[0], struct.unpack("<H", data[-12:-10])[0]
    found = set()
    for _ in range(count):
        name, extra, comment = struct.unpack_from("<HHH", data, begin + 28)
        found |= {begin + offset for offset in FREE_OFFSETS}
        begin += 46 + name + extra + comment
    return found


class StrictZip(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "a.zip")

    def check(self, data, objects, reader=strict_zip.check_front_to_back):
        with open(self.path, "wb") as file:
            file.write(data)
        return reader(self.path, objects)

    def assert_refused(self, data, what, objects=None):
        with self.assertRaises((strict_zip.BadArchive, UnicodeDecodeError), msg=what):
            self.check(data, objects or OBJECTS)

    def test_a_right_archive(self):
        self.assertEqual(self.check(archive(OBJECTS), OBJECTS, strict_zip.check), 4)
        self.assertEqual(self.check(archive({}), {}, strict_zip.check), 0)

    def test_every_changed_byte(self):
        data = archive(OBJECTS)
        free = free_positions(data)
        self.assertEqual(len(free), 4 * len(FREE_OFFSETS))
        for position in set(range(len(data))) - free:
            damaged = bytearray(data)
            damaged[position] ^= 0x41
            self.assert_refused(bytes(damaged), f"byte {position}")

    def test_every_cut_and_additions(self):
        data = archive(OBJECTS)
        for size in range(len(data)):
            self.assert_refused(data[:size], f"cut to {size} bytes")
        self.assert_refused(data + b"\0", "a byte behind it")
        self.assert_refused(b"\0" + data, "a byte before it")

    def test_other_objects(self):
        data = archive(OBJECTS)
        self.assert_refused(data, "an object is missing", OBJECTS | {"more": b""})
        self.assert_refused(data, "an entry too many", {k: v for k, v in OBJECTS.items() if k != "empty"})
        self.assert_refused(data, "another size", OBJECTS | {"a.txt": b"first!"})

    def test_half_old_half_new(self):
        mixed = bytearray(OBJECTS["z/last"])
        mixed[30:] = b"y" * 30
        self.assert_refused(archive(OBJECTS | {"z/last": bytes(mixed)}), "right by its own CRC, not the object")

    def test_an_entry_twice(self):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as file, self.assertWarns(UserWarning):
            for _ in range(2):
                file.writestr(zipfile.ZipInfo("a.txt"), b"first")
        self.assert_refused(out.getvalue(), "twice", {"a.txt": b"first"})


if __name__ == "__main__":
    unittest.main()
