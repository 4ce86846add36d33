#!/usr/bin/env bash
# The bash completion of s3zip, asked as bash asks it. BIN is the folder of the binary.
set -uo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
: "${BIN:?folder with s3zip}"
# shellcheck source=cli/s3zip.bash
. "$here/../../cli/s3zip.bash"
export S3ZIPD_URL=http://127.0.0.1:1 # nobody listens: no ids, and no failure
failed=0

# check EXPECTED WORD...: what completing the last word gives; "..." after EXPECTED: at least that
check() {
    local expected=$1
    shift
    COMP_WORDS=("$BIN/s3zip" "$@")
    COMP_CWORD=$#
    _s3zip
    local found="${COMPREPLY[*]}"
    if [[ $expected == *... ]]; then
        [[ " $found " != *" ${expected%...} "* ]] || return 0
    elif [[ $found == "$expected" ]]; then
        return 0
    fi
    echo "s3zip $*: expected '$expected', found '$found'" >&2
    failed=1
}

check "create plan ls show watch cancel verify" ""
check "create cancel" c
check "--daemon" --d
check "--overwrite" create s3://a/ --over
check "--strip-prefix..." create --
check "safe strict raw" create --names ""
check "aws:kms aws:kms:dsse" create s3://a/ --sse aws
check "raw" verify --names r
check "queued" ls --state q
check "--token-file --token-over-http" --token
check "--ca-file" create s3://a/ --ca-
check "" show ""
check "" create s3://

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
touch "$folder/me.pem"
for option in --token-file --ca-file --client-cert --client-key; do check "$folder/me.pem" "$option" "$folder/m"; done
exit $failed
