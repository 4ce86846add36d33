#!/usr/bin/env bash
# ./dev fuzz [TARGET] [--seconds N] [--keep]: each fuzz target, or one, for N seconds. What is new stays in build/fuzz/fuzz;
# --keep adds to tests/fuzz/corpus the smallest inputs that reach something no input there reaches.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
bin=${BIN:-$PWD/build/fuzz/bin}
work=$PWD/build/fuzz/fuzz
seconds=60
keep=no
targets=()

die() {
    printf 'fuzz: %s\n' "$*" >&2
    exit 2
}

while (($#)); do
    case $1 in
        --seconds)
            [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || die "--seconds needs a number"
            seconds=$2
            shift
            ;;
        --keep) keep=yes ;;
        -*) die "unknown option '$1'" ;;
        *)
            [[ -x $bin/fuzz_$1 ]] || die "no target '$1' in tests/fuzz"
            targets+=("$1")
            ;;
    esac
    shift
done
if ((${#targets[@]} == 0)); then
    for target in "$bin"/fuzz_*; do targets+=("${target##*/fuzz_}"); done
fi

failed=()
for name in "${targets[@]}"; do
    log=$work/$name.log
    mkdir -p "$work/$name/corpus"
    echo "==> $name, $seconds s" >&2
    if ! tests/fuzz/run.sh "$bin/fuzz_$name" "$work/$name" -seed=0 -max_total_time="$seconds" >"$log" 2>&1; then
        failed+=("$name")
        tail -n 40 "$log" >&2
        continue
    fi
    grep -E '^(#[0-9]+[[:space:]]DONE|Done )' "$log"
    [[ $keep == no ]] || "$bin/fuzz_$name" -set_cover_merge=1 -max_len=2048 "tests/fuzz/corpus/$name" "$work/$name/corpus" \
        >>"$log" 2>&1
done
((${#failed[@]} == 0)) || {
    echo "failed: ${failed[*]}; the inputs are in $work/TARGET/crash-*, timeout-*" >&2
    exit 1
}
