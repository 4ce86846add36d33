#!/usr/bin/env bash
# The units: systemd reads them without a word, and the sandbox is tight. BIN is the folder of the binaries.
# 77, skipped, where there is no systemd-analyze of 250 or newer.
set -euo pipefail
units=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../systemd
: "${BIN:?folder with s3zipd}"
version=$(systemd-analyze --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p') || true
((${version:-0} >= 250)) || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Where the binary is today: verify looks whether it exists.
sed "s|=/usr/bin/|=$BIN/|" "$units/s3zipd.service" >"$work/s3zipd.service"
cp "$units/s3zipd.socket" "$work/"
said=$(systemd-analyze verify --man=no "$work/s3zipd.service" "$work/s3zipd.socket" 2>&1) || { echo "$said" && exit 1; }
[[ -z $said ]] || { echo "$said" && exit 1; }

# Exposure, in tenths: 12 today.
systemd-analyze security --no-pager --offline=true --threshold=19 "$work/s3zipd.service" >"$work/security" ||
    { cat "$work/security" && exit 1; }
