"""read_zip.py ARCHIVE ENTRIES [FACT=VALUE...]: Python's zipfile reads every byte (it checks the CRC-32s) and counts the
entries. Facts say what the archive was made for, lest it quietly become another: first_size, last_offset,
directory_offset (0x... will do) and comment_size."""
import sys
import zipfile

path, expected = sys.argv[1], int(sys.argv[2])
wanted = {name: int(value, 0) for name, _, value in (word.partition("=") for word in sys.argv[3:])}
size = 0
with zipfile.ZipFile(path) as archive:
    entries = archive.infolist()
    if len(entries) != expected:
        sys.exit(f"has {len(entries)} entries, expected {expected}")
    facts = {"directory_offset": archive.start_dir, "comment_size": len(archive.comment)}
    if entries:
        facts |= {"first_size": entries[0].file_size, "last_offset": entries[-1].header_offset}
    for name, value in wanted.items():
        if facts[name] != value:
            sys.exit(f"{name} is {facts[name]:#x}, expected {value:#x}")
    for entry in entries:
        with archive.open(entry) as body:
            while piece := body.read(8 << 20):
                size += len(piece)
    if size != sum(entry.file_size for entry in entries):
        sys.exit("sizes differ")
print(f"{len(entries)} entries, {size} bytes", *(f"{name} {value:#x}" for name, value in wanted.items()), sep=", ")
