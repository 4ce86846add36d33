#!/usr/bin/env bash
# One reader on one archive: it must read every byte, find every CRC-32 right and as many entries as there are.
#
#   TOOLS=DIR read_archive.sh READER ARCHIVE ENTRIES [FACT=VALUE...]    the facts are read_zip.py's
#
# READER is one of the names below; TOOLS is where build_readers put what had to be compiled.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
reader=$1 archive=$2 entries=$3
facts=("${@:4}")

expect_lines() { # expect_lines COMMAND...: as many lines as entries
    local got
    got=$("$@" | wc -l)
    echo "$got entries"
    ((got == entries))
}

read_unzip() {
    local status=0
    unzip -tqq "$archive" || status=$?
    # Info-ZIP calls an archive of no entries a warning (1: "zipfile is empty"), and so does its listing.
    ((status == (entries == 0))) || return 1
    ((entries == 0)) || expect_lines unzip -Z1 "$archive"
}

list_7z() { 7z l -ba -slt "$archive" | sed -n '/^Path = /p'; }
read_7z() {
    7z t -bso0 -bsp0 "$archive"
    expect_lines list_7z
}

read_s3zip() {
    "$BIN/s3zip" verify "$archive"
    "$BIN/s3zip" verify --json "$archive" | grep -q "\"entries\":$entries," || {
        echo "s3zip verify does not count $entries entries"
        return 1
    }
}

# What reads from it cannot seek, and need not read on to the end of the directory (141: SIGPIPE).
pipe() { cat "$archive" || (($? == 141)); }

case $reader in
    unzip) read_unzip ;;
    python) python3 "$here/read_zip.py" "$archive" "$entries" "${facts[@]}" ;;
    bsdtar-list) expect_lines bsdtar -tf "$archive" ;;
    bsdtar-list-pipe) pipe | expect_lines bsdtar -tf - ;;
    bsdtar) bsdtar -xOf "$archive" >/dev/null ;;
    bsdtar-pipe) pipe | bsdtar -xOf - >/dev/null ;;
    7z) read_7z ;;
    java) java -Xmx1g "$here/ReadZip.java" file "$archive" "$entries" ;;
    java-stream) java -Xmx256m "$here/ReadZip.java" stream "$archive" "$entries" ;;
    go) "$TOOLS/go_read_zip" "$archive" "$entries" ;;
    rust) "$TOOLS/rust_read_zip" file "$archive" "$entries" ;;
    rust-pipe) pipe | "$TOOLS/rust_read_zip" stream - "$entries" ;;
    s3zip) read_s3zip ;;
    *)
        echo "unknown reader $reader" >&2
        exit 2
        ;;
esac
