#!/usr/bin/env bash
# Other people's readers on our archives, and other people's S3 under our daemon. Called by `./dev interop`.
#
#   BIN=DIR run.sh [PART...] [--small]
#   parts: readers boundaries zoo rgw outage swift dns signatures stores; all without any
#
# --small leaves out what is larger than 1 GiB, and the 1,000,000 entries. `./dev interop` installs readers and servers
# first; a cell whose program is missing is skipped and says so. Prints a line for each cell and at the end how many
# passed, failed and so on; exits with 1 if anything failed. Everything made below ${TMPDIR:-/tmp} is removed.
set -uo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
: "${BIN:?folder with s3zipd, s3zip, s3sim and sign_lines}"
export BIN
small=no
dir=$(mktemp -d "${TMPDIR:-/tmp}/s3zipd-interop.XXXXXX")
export TMPDIR=$dir # what a cell that is killed leaves behind goes with it
s3sim_pid=

# shellcheck source=tests/interop/cells.sh
. "$here/cells.sh"
# shellcheck source=tests/interop/archives.sh
. "$here/archives.sh"
# shellcheck source=tests/interop/servers.sh
. "$here/servers.sh"

end() { # end PID
    [[ -z $1 ]] || { kill "$1" && wait "$1"; } 2>/dev/null
}
clean_up() {
    end "$cell_pid"
    end "$s3sim_pid"
    stop_servers
    rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

with_s3sim=(readers boundaries zoo)
all_parts=("${with_s3sim[@]}" rgw outage swift dns signatures stores)
parts=()
for word in "$@"; do
    if [[ $word == --small ]]; then
        small=yes
    elif [[ " ${all_parts[*]} " == *" $word "* ]]; then
        parts+=("$word")
    else
        echo "usage: BIN=DIR $0 [--small] [PART...], parts: ${all_parts[*]}" >&2
        exit 2
    fi
done
((${#parts[@]})) || parts=("${all_parts[@]}")
wanted() { [[ " ${parts[*]} " == *" $1 "* ]]; }

if wanted readers || wanted boundaries || wanted zoo; then
    mkdir -p "$TOOLS"
    find_readers
    build_go_reader
    build_rust_reader
    cell "s3sim starts" start_s3sim || exit 1
    for part in "${with_s3sim[@]}"; do
        ! wanted "$part" || "$part"
    done
    end "$s3sim_pid"
    s3sim_pid=
    unset AWS_ENDPOINT_URL_S3 AWS_CA_BUNDLE
fi
for part in "${all_parts[@]:${#with_s3sim[@]}}"; do
    ! wanted "$part" || "$part"
done
summary
