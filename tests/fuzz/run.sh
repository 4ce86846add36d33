#!/usr/bin/env bash
# run.sh BINARY WORK [--fresh] [FLAGS]: runs the fuzz target BINARY (fuzz_NAME) on corpus/NAME, which is only read: new
# inputs go to WORK/corpus, failures to WORK. --fresh empties WORK first, so that every run is the same. FLAGS are
# libFuzzer's: -runs=0 replays the corpus, -max_total_time=60 looks for more for a minute.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
binary=$1 work=$2
shift 2
name=${binary##*/fuzz_}
corpus=$here/corpus/$name

[[ -n $(ls -A "$corpus") ]] || { echo "run.sh: $corpus is empty" >&2; exit 1; }
if [[ ${1:-} == --fresh ]]; then
    shift
    rm -rf "$work"
fi
mkdir -p "$work/corpus"
flags=(-max_len=2048 -timeout=20 -seed=1 "-artifact_prefix=$work/")
[[ ! -e $here/dict/$name.dict ]] || flags+=("-dict=$here/dict/$name.dict")
# Freed memory is soon used again: page faults cost more than what a longer quarantine would find in a call this short.
export ASAN_OPTIONS=quarantine_size_mb=16:${ASAN_OPTIONS:-}
# EMULATOR runs what was built for another architecture.
read -ra emulator <<<"${EMULATOR:-}"
exec "${emulator[@]}" "$binary" "${flags[@]}" "$@" "$work/corpus" "$corpus"
