#!/usr/bin/env bash
# Other people's readers on our archives, and other people's S3 under our daemon. Called by `./dev interop`.
#
#   BIN=DIR run.sh [readers] [boundaries] [zoo] [rgw] [--small]     default: all four
#
# --small leaves out what is larger than 1 GiB, and the 1,000,000 entries. `./dev interop` installs the readers and Ceph
# first; a cell whose program is missing is skipped and says so. Prints a line for each cell and at the end how many
# passed, failed and so on; exits with 1 if anything failed. Everything made below ${TMPDIR:-/tmp} is removed.
set -uo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
: "${BIN:?folder with s3zipd, s3zip and s3sim}"
export BIN
small=no
dir=$(mktemp -d "${TMPDIR:-/tmp}/s3zipd-interop.XXXXXX")
s3sim_pid=

# shellcheck source=tests/interop/cells.sh
. "$here/cells.sh"
# shellcheck source=tests/interop/archives.sh
. "$here/archives.sh"

end() { # end PID
    [[ -z $1 ]] || { kill "$1" && wait "$1"; } 2>/dev/null
}
clean_up() {
    end "$cell_pid"
    end "$s3sim_pid"
    [[ ! -d $dir/rgw ]] || "$here/rgw.sh" stop "$dir/rgw"
    rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

rgw() { # the last, with no s3sim beside it
    local ca
    end "$s3sim_pid"
    s3sim_pid=
    unset AWS_ENDPOINT_URL_S3 AWS_CA_BUNDLE
    if ! command -v radosgw >/dev/null; then
        skip "RGW" "radosgw is not installed"
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

parts=()
for word in "$@"; do
    case $word in
        --small) small=yes ;;
        readers | boundaries | zoo | rgw) parts+=("$word") ;;
        *)
            echo "usage: BIN=DIR $0 [readers] [boundaries] [zoo] [rgw] [--small]" >&2
            exit 2
            ;;
    esac
done
((${#parts[@]})) || parts=(readers boundaries zoo rgw)

if [[ "${parts[*]}" != rgw ]]; then
    mkdir -p "$TOOLS"
    find_readers
    build_go_reader
    build_rust_reader
    cell "s3sim starts" start_s3sim || exit 1
fi
for part in readers boundaries zoo rgw; do
    [[ " ${parts[*]} " != *" $part "* ]] || "$part"
done
summary
