#!/usr/bin/env bash
# Other people's readers on our archives, and other people's S3 under our daemon. Called by `./dev interop`.
#
#   BIN=DIR run.sh [readers] [rgw] [--small]     default: both; --small leaves the two archives of 5 and 6 GiB out
#
# `./dev interop` installs the readers and Ceph first; a cell whose program is missing is skipped and says so.
# Prints a line for each cell and at the end "N passed, N failed, N skipped"; exits with 1 if anything failed. Needs at
# most one archive's room on the disk (6.5 GB) below ${TMPDIR:-/tmp}; everything made there is removed.
set -uo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
: "${BIN:?folder with s3zipd, s3zip and s3sim}"
export BIN
dir=$(mktemp -d "${TMPDIR:-/tmp}/s3zipd-interop.XXXXXX")
passed=0 failed=0 skipped=0
s3sim_pid=

clean_up() {
    [[ -z $s3sim_pid ]] || { kill "$s3sim_pid" && wait "$s3sim_pid"; } 2>/dev/null
    [[ ! -d $dir/rgw ]] || "$here/rgw.sh" stop "$dir/rgw"
    rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

cell() { # cell NAME COMMAND...: one line; the command's last line of output stands beside it
    local name=$1 status=0 began=$SECONDS
    shift
    if ! command -v "$1" >/dev/null; then
        printf 'skip  %-48s %s is not installed\n' "$name" "$1"
        skipped=$((skipped + 1))
        return
    fi
    "$@" >"$dir/cell.log" 2>&1 </dev/null || status=$?
    if ((status == 0)); then
        printf 'pass  %-48s %3d s  %s\n' "$name" $((SECONDS - began)) "$(tail -n 1 "$dir/cell.log" | cut -c 1-100)"
        passed=$((passed + 1))
    else
        printf 'FAIL  %-48s %3d s  exit code %d\n' "$name" $((SECONDS - began)) $status
        tail -n 8 "$dir/cell.log" | sed 's/^/      /'
        failed=$((failed + 1))
    fi
}

# --- readers: each is called with an archive and how many entries it must have ---

expect_lines() { # expect_lines COUNT COMMAND...
    local want=$1 got
    shift
    got=$("$@" | wc -l) || return
    echo "$got names"
    ((got == want))
}
read_unzip() {
    local status=0
    unzip -tqq "$1" || status=$?
    # Info-ZIP calls an archive of no entries a warning (1: "zipfile is empty").
    ((status == ($2 == 0)))
}
list_bsdtar() { expect_lines "$2" bsdtar -tf "$1"; }
# shellcheck disable=SC2002  # a pipe is the point
bsdtar_from_pipe() { cat "$1" | bsdtar "$2" -; }
list_bsdtar_pipe() { expect_lines "$2" bsdtar_from_pipe "$1" -tf; }
read_bsdtar() { bsdtar -xOf "$1" >/dev/null; }
read_bsdtar_pipe() { bsdtar_from_pipe "$1" -xOf >/dev/null; }
read_7z() { 7z t -bso0 -bsp0 "$1"; }
read_python() { python3 "$here/read_zip.py" "$1" "$2"; }
java_file() { java -Xmx256m "$here/ReadZip.java" file "$1" "$2"; }
java_stream() { java -Xmx256m "$here/ReadZip.java" stream "$1" "$2"; }
verify() { "$BIN/s3zip" verify "$1"; }

reader_cell() { # reader_cell TOOL FUNCTION LABEL ARCHIVE ENTRIES
    local tool=$1
    shift
    if command -v "$tool" >/dev/null; then
        cell "$2" "$1" "$3" "$4"
    else
        cell "$2" "$tool"
    fi
}

check_archive() { # check_archive LABEL ARCHIVE ENTRIES
    reader_cell unzip read_unzip "$1: unzip -t" "$2" "$3"
    reader_cell python3 read_python "$1: Python zipfile" "$2" "$3"
    reader_cell bsdtar list_bsdtar "$1: bsdtar -tf file" "$2" "$3"
    reader_cell bsdtar list_bsdtar_pipe "$1: bsdtar -tf from a pipe" "$2" "$3"
    reader_cell bsdtar read_bsdtar "$1: bsdtar -x from a file" "$2" "$3"
    reader_cell bsdtar read_bsdtar_pipe "$1: bsdtar -x from a pipe" "$2" "$3"
    reader_cell 7z read_7z "$1: 7z t" "$2" "$3"
    reader_cell java java_file "$1: Java ZipFile" "$2" "$3"
    reader_cell java java_stream "$1: Java ZipInputStream" "$2" "$3"
    cell "$1: s3zip verify" verify "$2"
}

archive() { # archive LABEL ENTRIES ARGUMENTS OF s3zip create...: made, read by everybody, removed
    local label=$1 entries=$2 file=$dir/root/out/x.zip
    shift 2
    cell "$label: s3zip create --local" "$BIN/s3zip" create --local "$@" -o s3://out/x.zip --overwrite
    [[ -s $file ]] || return
    check_archive "$label" "$file" "$entries"
    rm -f "$file"
}

start_s3sim() {
    mkdir -p "$dir/root"
    "$BIN/s3sim" --listen 127.0.0.1:0 --root "$dir/root" --bucket out --bucket nothing \
        --synthetic 'empty=count=1,size=0,prefix=empty/' \
        --synthetic 'many=count=70000,size=100,prefix=many/' \
        --synthetic 'huge=count=1,size=5GiB,prefix=huge/' \
        --synthetic 'tiny=count=2000,size=1000,prefix=tiny/' \
        --synthetic 'middle=count=512,sizes=normal:6291456:2097152:0:12582912,total=3221225472,prefix=middle/' \
        --synthetic 'large=count=3,size=1GiB,prefix=large/' >"$dir/s3sim.log" 2>&1 &
    s3sim_pid=$!
    local tries url=
    for ((tries = 0; tries < 200; ++tries)); do
        url=$(sed -n 's/^s3sim listening on //p' "$dir/s3sim.log")
        [[ -z $url ]] || break
        kill -0 $s3sim_pid 2>/dev/null || break
        sleep 0.05
    done
    export AWS_ENDPOINT_URL_S3=$url AWS_ACCESS_KEY_ID=s3sim AWS_SECRET_ACCESS_KEY=s3simsecret AWS_REGION=us-east-1
    [[ -n $url ]]
}

readers() {
    cell "s3sim starts" start_s3sim
    [[ -n ${AWS_ENDPOINT_URL_S3:-} ]] || {
        cat "$dir/s3sim.log"
        return
    }
    archive "0 entries" 0 s3://nothing/ --on-empty archive
    archive "1 empty entry" 1 s3://empty/
    archive "70,000 entries" 70000 s3://many/
    if [[ $small == no ]]; then
        archive "one 5 GiB entry" 1 s3://huge/
        archive "6 GiB mixed" 2516 s3://tiny/ s3://middle/ s3://large/ s3://empty/
    fi
    kill "$s3sim_pid" && wait "$s3sim_pid" 2>/dev/null
    s3sim_pid=
}

rgw() {
    local ca
    unset AWS_ENDPOINT_URL_S3 AWS_CA_BUNDLE
    if ! command -v radosgw >/dev/null; then
        cell "RGW" radosgw
        return
    fi
    cell "RGW starts" "$here/rgw.sh" start "$dir/rgw"
    [[ -f $dir/rgw/env ]] || return
    # shellcheck disable=SC1091  # written by rgw.sh
    . "$dir/rgw/env"
    ca=$S3_CA
    local -a jobs=(python3 "$here/rgw_jobs.py" "$dir/rgw/env")
    cell "RGW: source objects" "${jobs[@]}" fill
    cell "RGW: job over HTTP" "${jobs[@]}" zip "$S3_URL" -
    cell "RGW: job over TLS, CA given" "${jobs[@]}" zip "$S3_TLS_URL" "$ca"
    cell "RGW: CA not given, refused" "${jobs[@]}" refused "$S3_TLS_URL" -
    cell "RGW: name not in the certificate, refused" "${jobs[@]}" refused "$S3_TLS_WRONG_NAME_URL" "$ca"
    "$here/rgw.sh" stop "$dir/rgw"
}

small=no parts=()
for word in "$@"; do
    case $word in
        --small) small=yes ;;
        readers | rgw) parts+=("$word") ;;
        *)
            echo "usage: BIN=DIR $0 [readers] [rgw] [--small]" >&2
            exit 2
            ;;
    esac
done
((${#parts[@]})) || parts=(readers rgw)
for part in "${parts[@]}"; do "$part"; done
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
