"""The zoo: hostile keys (zoo_keys.py) through s3sim and s3zip, and out again with other people's readers.

    zoo.py GUARD put                       puts the objects into the buckets zoo and zoo-named
    zoo.py GUARD create ARCHIVE            s3zip create --local into s3://out/zoo.zip, which is the file ARCHIVE;
                                           writes how many entries it has to GUARD.entries
    zoo.py GUARD again ARCHIVE             the same with --json: the same bytes, and JSON that others read
    zoo.py GUARD names ARCHIVE             what the names must be for any system, and that no content is missing
    zoo.py GUARD extract ARCHIVE READER    into a target folder deep inside GUARD: all contents arrive, none outside
                                           of it, only files and folders, no two alike for macOS or Windows

$BIN is the folder with s3zip; where the S3 is, and who we are, stands in the AWS_ variables. Ends with 0 if all is well.
"""
import json
import os
import re
import stat
import subprocess
import sys
import unicodedata
import zipfile
from collections import Counter

from s3 import S3
from zoo_keys import RESERVED, SENTINEL, zoo

SHOWN = 5  # of what is wrong
DEPTH = "1/2/3/4/5"  # between the guard and the target: climbing names stay in sight
EXTRACT = {
    "unzip": ["unzip", "-q", "{archive}", "-d", "{target}"],
    "7z": ["7z", "x", "-bso0", "-bsp0", "-y", "{archive}", "-o{target}"],
    "bsdtar": ["bsdtar", "-xf", "{archive}", "-C", "{target}"],
    "bsdtar-pipe": ["bsdtar", "-xf", "-", "-C", "{target}"],
    "python": [sys.executable, "-m", "zipfile", "-e", "{archive}", "{target}"],
}


def fail_if(problems):
    for problem in problems[:SHOWN]:
        print(problem)
    if problems:
        sys.exit(f"{len(problems)} problems")


def is_folder(animal):
    return not animal.body


def fold(path):
    """Equal for two paths that are one on a file system that knows neither case nor normalisation (Unicode, D145)."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


def clashes(files, folders):
    """Files that would be one with another file, or with a folder, where case and normalisation do not count."""
    taken = {fold(path): path for path in folders}
    for path in sorted(files):
        other = taken.setdefault(fold(path), path)
        if other is not path:
            yield f"{path!a} and {other!a} clash"


def compare_bodies(animals, bodies):
    wanted = Counter(a.body for a in animals if not is_folder(a))
    got = Counter(bodies)
    by_body = {a.body: a for a in animals}
    for body in sorted(wanted - got):
        yield f"lost: the content of {by_body[body].key!r}, name {by_body[body].name!r}"
    for body in sorted(got - wanted):
        yield f"nobody put the content {body[:60]!r}"


def put(animals, _):
    s3 = S3(os.environ["AWS_ENDPOINT_URL_S3"], os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    for animal in animals:
        s3.put("zoo" if animal.name is None else "zoo-named", animal.key, animal.body)
    print(len(animals), "objects")


def s3zip_create(animals, archive, *flags):
    named = [a for a in animals if a.name is not None]
    words = [b"s3://zoo/", *(b"s3://zoo-named/" + a.key for a in named), *(b"--name=" + a.name for a in named)]
    command = [os.environ["BIN"] + "/s3zip", *flags, "create", "--local", *words, "--on-duplicate", "rename",
               "-o", "s3://out/" + os.path.basename(archive)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"exit code {done.returncode}\n" + done.stdout.decode("utf-8", "replace"))
    return done.stdout


def create(animals, guard, archive):
    said = s3zip_create(animals, archive).decode()
    entries = int(re.search(r": ([\d,]+) entries", said)[1].replace(",", ""))
    with open(guard + ".entries", "w", encoding="ascii") as file:
        file.write(f"{entries}\n")
    print(entries, "entries")


def again(animals, guard, archive):
    """The same archive once more, and what is said of it is JSON."""
    other = os.path.join(os.path.dirname(archive), "again.zip")
    job = json.loads(s3zip_create(animals, other, "--json").decode())
    with open(archive, "rb") as first, open(other, "rb") as second:
        fail_if([] if first.read() == second.read() else ["the second archive has other bytes than the first"])
    os.unlink(other)
    print(job["result"]["entries"], "entries, the same bytes")


def component_problem(text):
    """Why Windows, Linux or macOS could not have a file of this name; None if all can."""
    if not 1 <= len(text.encode()) <= 255:
        return f"{len(text.encode())} bytes"
    if any(c in '<>:"|?*\\' or ord(c) < 32 or ord(c) == 127 for c in text):
        return "a character that Windows forbids"
    if text[-1] in ". ":  # holds for . and .., too
        return "ends in a dot or space"
    if text.split(".")[0].rstrip(" ").upper() in set(RESERVED) - {"COM0"}:
        return "reserved by Windows"
    return None


def name_problems(entry):
    if not entry.filename.isascii() and not entry.flag_bits & 0x800:
        yield f"{entry.orig_filename!a} is not marked as UTF-8"
    for component in entry.filename.removesuffix("/").split("/"):
        if problem := component_problem(component):
            yield f"{entry.filename!a}: {problem}"


def names(animals, _, archive):
    with zipfile.ZipFile(archive) as file:
        entries = file.infolist()
        bodies = [file.read(entry) for entry in entries if not entry.is_dir()]
    problems = [problem for entry in entries for problem in name_problems(entry)]
    files = [entry.filename for entry in entries if not entry.is_dir()]
    folders = {entry.filename.removesuffix("/") for entry in entries if entry.is_dir()}
    for path in [*files, *folders]:
        above = path.split("/")[:-1]
        folders |= {"/".join(above[:n]) for n in range(1, len(above) + 1)}
    problems += clashes(files, folders)
    problems += compare_bodies(animals, bodies)
    fail_if(problems)
    print(len(files), "files,", len(folders), "folders, all names good everywhere")


def tree(root, leave_out=None):
    """What is below root: path -> what it is and holds. Does not follow links; not recursive, for deep trees."""
    found, todo = {}, [root]
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in entries:
                info = entry.stat(follow_symlinks=False)
                content = None
                if stat.S_ISREG(info.st_mode):
                    with open(entry.path, "rb") as file:
                        content = file.read()
                links = 1 if stat.S_ISDIR(info.st_mode) else info.st_nlink
                found[entry.path] = (stat.S_IFMT(info.st_mode), stat.S_IMODE(info.st_mode), links, content)
                if stat.S_ISDIR(info.st_mode) and entry.path != leave_out:
                    todo.append(entry.path)
    return found


def make_guard(guard, reader):
    """A fresh target, and sentinels wherever names may lead to; not in the target. Returns the target."""
    target = os.path.join(guard, DEPTH, reader, "target")
    os.makedirs(target)
    for folder in ("absolute", "home", "tmp"):
        os.makedirs(os.path.join(guard, folder), exist_ok=True)
    for folder in tree(guard):
        if os.path.isdir(folder) and folder != target:
            with open(os.path.join(folder, SENTINEL), "w", encoding="ascii") as file:
                file.write("untouched")
    with open(os.path.join(guard, SENTINEL), "w", encoding="ascii") as file:
        file.write("untouched")
    return target


def run_reader(guard, archive, reader, target):
    words = [word.format(archive=archive, target=target) for word in EXTRACT[reader]]
    variables = os.environ | {"LC_ALL": "C.UTF-8", "HOME": guard + "/home", "TMPDIR": guard + "/tmp"}
    with open(archive, "rb") as file:
        piped = file.read() if reader.endswith("-pipe") else b""
    done = subprocess.run(words, input=piped, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          cwd=os.path.dirname(target), env=variables)
    if done.returncode != 0:
        print(done.stdout[-600:].decode("utf-8", "replace"))
        return [f"{words[0]}: exit code {done.returncode}"]
    return []


def outside_problems(before, after):
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            what = "made" if path not in before else "removed" if path not in after else "changed"
            yield f"outside of the target: {what} {path!a}"


def extract(animals, guard, archive, reader):
    target = make_guard(guard, reader)
    before = tree(guard, leave_out=target)
    problems = run_reader(guard, archive, reader, target)
    problems += outside_problems(before, tree(guard, leave_out=target))
    found = tree(target)
    files = {path: content for path, (kind, _, _, content) in found.items() if kind == stat.S_IFREG}
    folders = [path for path, (kind, *_) in found.items() if kind == stat.S_IFDIR]
    problems += [f"{path!a} is neither file nor folder" for path in found.keys() - files.keys() - set(folders)]
    problems += [f"{path!a} has {links} links" for path, (_, _, links, _) in found.items() if links != 1]
    problems += clashes(files, folders)
    problems += compare_bodies(animals, files.values())
    fail_if(problems)
    with zipfile.ZipFile(archive) as file:
        listed = {os.path.join(target, name) for name in file.namelist()}
    print(f"{len(files)} files, {len(folders)} folders, {len(files.keys() - listed)} under another name")


def main():
    guard, command = os.path.abspath(sys.argv[1]), sys.argv[2]
    commands = {"put": put, "create": create, "again": again, "names": names, "extract": extract}
    commands[command](zoo(guard), guard, *sys.argv[3:])


if __name__ == "__main__":
    main()
