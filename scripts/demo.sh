#!/usr/bin/env bash
# ./dev demo: one whole job on this machine, against the S3 of the repository, in a temporary folder.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
bin=${BIN:-$PWD/build/release/bin}
at=$(mktemp -d)
pids=()

finish() {
    local status=$?
    trap - EXIT
    if ((status != 0)); then
        for log in "$at"/*.log; do
            [[ -s $log ]] || continue
            echo "--- last lines of ${log##*/}" >&2
            tail -n 15 "$log" >&2
        done
    fi
    ((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null || true
    wait
    rm -rf "$at"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

step() { printf '\n==> %s\n' "$*"; }

# start NAME ARGS: runs a server in the background and sets url to what its ready line says.
start() {
    local name=$1 log=$at/$1.log
    shift
    : >"$log"
    "$bin/$name" "$@" >>"$log" 2>&1 &
    pids+=($!)
    for _ in {1..150}; do
        url=$(sed -n "s/^$name listening on \(http[^ ]*\).*/\1/p" "$log")
        [[ -z $url ]] || return 0
        kill -0 "${pids[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    echo "demo: $name did not start" >&2
    return 1
}

step "A bucket of some hundred files"
python3 scripts/demo_files.py "$at/s3/photos"

step "An S3 (s3sim) and the daemon (s3zipd)"
export AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo-secret AWS_REGION=us-east-1
unset AWS_SESSION_TOKEN AWS_PROFILE AWS_ENDPOINT_URL_S3 AWS_CA_BUNDLE
start s3sim --listen 127.0.0.1:0 --root "$at/s3" --bucket photos --bucket out --region "$AWS_REGION" \
    --access-key "$AWS_ACCESS_KEY_ID" --secret-key "$AWS_SECRET_ACCESS_KEY"
export AWS_ENDPOINT_URL=$url
echo "s3sim   $AWS_ENDPOINT_URL"
start s3zipd --listen 127.0.0.1:0 --state-dir "$at/state"
export S3ZIPD_URL=$url
echo "s3zipd  $S3ZIPD_URL"

step "s3zip create s3://photos/ -o s3://out/demo.zip --wait"
"$bin/s3zip" create s3://photos/ -o s3://out/demo.zip --wait

step "Download through the daemon, then check"
id=$(curl -fsS "$S3ZIPD_URL/archives?limit=1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["archives"][0]["id"])')
curl -fsSL -o "$at/demo.zip" "$S3ZIPD_URL/archives/$id/download"
echo "unzip -t:     $(LC_ALL=C.UTF-8 unzip -tq "$at/demo.zip" | sed "s|$at/||")"
echo "s3zip verify: $("$bin/s3zip" verify s3://out/demo.zip)"
echo "byte for byte: $(python3 scripts/demo_files.py "$at/s3/photos" --compare "$at/demo.zip")"

step "What it took"
"$bin/s3zip" show "$id" --json | python3 scripts/demo_report.py

cat <<TEXT

Next: README.md (the REST API in one curl), docs/ARCHITECTURE.md (how it works, folder by folder),
      build/release/bin/s3zip --help, ./dev test.
TEXT
