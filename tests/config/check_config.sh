#!/usr/bin/env bash
# check_config.sh S3ZIPD FILE: --check-config of the program: 0 and a summary for the FILE that is shipped; 2, every error
# and nothing else for one that is wrong; no start in either case.
set -euo pipefail
s3zipd=$1 shipped=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "check_config.sh: $1" >&2 && exit 1; }
run() { env -i "$s3zipd" --check-config --config "$@" >"$work/out" 2>"$work/err"; }

run "$shipped" || fail "the shipped file: $(cat "$work/err")"
[[ $(<"$work/out") == "$shipped: ok" && ! -s $work/err ]] || fail "of the shipped file it says: $(cat "$work/out" "$work/err")"

printf '[[=,\nmemroy = 1\npart_size = "1"\n' >"$work/bad.toml"
printf short >"$work/secret"
code=0
run "$work/bad.toml" --notify-secret-file "$work/secret" || code=$?
((code == 2)) || fail "exit code $code"
[[ ! -s $work/out ]] || fail "errors on standard output"
for expected in 'bad.toml:1:1: ' 'bad.toml:2: memroy: ' 'bad.toml:3: part_size: ' 'secret: '; do
    grep -qF "$expected" "$work/err" || fail "does not say '$expected': $(cat "$work/err")"
done
(($(wc -l <"$work/err") == 4)) || fail "says more: $(cat "$work/err")"
