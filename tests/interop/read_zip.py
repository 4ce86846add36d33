"""read_zip.py ARCHIVE ENTRIES: Python's zipfile reads every byte (it checks the CRC-32s) and counts the entries."""
import sys
import zipfile

path, expected = sys.argv[1], int(sys.argv[2])
size = 0
with zipfile.ZipFile(path) as archive:
    entries = archive.infolist()
    if len(entries) != expected:
        sys.exit(f"has {len(entries)} entries, expected {expected}")
    for entry in entries:
        with archive.open(entry) as body:
            while piece := body.read(8 << 20):
                size += len(piece)
    if size != sum(entry.file_size for entry in entries):
        sys.exit("sizes differ")
print(f"{len(entries)} entries, {size} bytes")
