#!/usr/bin/env bash
# files.sh BIN OUT VERSION CONTACT: what the package holds and the tree does not: man pages and changelogs, compressed.
# EMULATOR, a list with semicolons, runs the programs in BIN if the host cannot.
# The same tree gives the same bytes: the date is SOURCE_DATE_EPOCH, or that of CHANGELOG.md's last commit.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
bin=$1 out=$2 version=$3 contact=$4
date=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct -- CHANGELOG.md 2>/dev/null || stat -c %Y CHANGELOG.md)}

rm -rf "$out"
mkdir -p "$out"
python3 -B docs/man/make.py "$bin" "$out"
cp CHANGELOG.md "$out/NEWS.md"
cat >"$out/changelog.Debian" <<TEXT
s3zipd ($version) unstable; urgency=medium

  * What changed is told in NEWS.md.gz.

 -- $contact  $(LC_ALL=C date --utc -d "@$date" '+%a, %d %b %Y %H:%M:%S +0000')
TEXT
gzip -9n "$out"/*
