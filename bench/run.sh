#!/usr/bin/env bash
# The benchmarks; called by `./dev bench [ARGS]`, `./dev bench api-load [ARGS]`. What the arguments mean:
# bench/challenge.py --help, api_load --help.
# Prints the machine, then a Markdown table that can go into bench/RESULTS.md as it is.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
: "${BIN:?folder with s3zipd and s3sim}"
export BIN

model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
memory=$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)
# shellcheck disable=SC1091
system=$(. /etc/os-release && echo "$PRETTY_NAME")
cat <<TEXT
machine: ${model:-$(uname -m)}, $(nproc) cores, $memory; $system, Linux $(uname -r)
program: $("$BIN/s3zipd" --version | head -n 1), $(git -C "$here" rev-parse --short HEAD 2>/dev/null || echo 'no commit')
command: ./dev bench $*

TEXT
if [[ ${1:-} == api-load ]]; then
    shift
    exec "$BIN/api_load" "$@"
fi
exec python3 "$here/challenge.py" "$@"
