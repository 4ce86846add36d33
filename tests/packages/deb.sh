#!/usr/bin/env bash
# The Debian package on a clean Debian: what it brings, serves, keeps over an upgrade and leaves behind. Called by
# `./dev package --test`; needs root, mmdebstrap, lintian and a network to Debian's archive, and takes some minutes.
#
#   BIN=DIR deb.sh PACKAGE.deb
#
# BIN has s3sim and sandbox_probe. Parts are in sockets.sh, reload.sh and sandbox.sh. S3ZIPD_TEST_BASE names a tar of a Debian made here before (--keep-base FILE), which saves making one.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
: "${BIN:?folder with s3sim}"
package=$(readlink -f "$1")
keep_base=
[[ ${2:-} != --keep-base ]] || keep_base=$3
((EUID == 0)) || { echo "deb.sh: needs root" >&2 && exit 77; }
for program in mmdebstrap lintian nsenter; do
    command -v "$program" >/dev/null || { echo "deb.sh: needs $program" >&2 && exit 77; }
done
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
work=$(mktemp -d "${TMPDIR:-/var/tmp}/s3zipd-package.XXXXXX")
root=$work/root
boot=

finish() {
    local status=$?
    trap - EXIT
    if ((status != 0)) && [[ -f $root.pid ]]; then
        tail -n 5 "$work/boot.log" >&2 2>/dev/null || true
        inside journalctl -u s3zipd -u s3sim --no-pager -n 30 >&2 2>/dev/null || true
    fi
    [[ -z $boot ]] || { kill "$boot" && wait "$boot"; } 2>/dev/null || true
    rm -rf --one-file-system "$work"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

step() { printf '==> %s\n' "$*"; }
fail() {
    echo "deb.sh: $*" >&2
    exit 1
}
expect() { # expect EXPECTED FOUND WHAT
    [[ $2 == "$1" ]] || fail "$3: expected '$1', found '$2'"
}
# Runs a command in the Debian before it is booted.
# shellcheck disable=SC2016  # the inner shell expands them
in_root() {
    unshare --mount --pid --fork --kill-child -- bash -c '
        root=$1 && shift
        mount -t proc proc "$root/proc"
        mount -t tmpfs -o mode=755 dev "$root/dev"
        mknod -m 666 "$root/dev/null" c 1 3
        mknod -m 666 "$root/dev/urandom" c 1 9
        ln -s /proc/self/fd "$root/dev/fd"
        exec chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"' - "$root" "$@"
}
# And once it is.
inside() {
    nsenter --target "$(<"$root.pid")" --mount --pid --net --cgroup --ipc --uts -- \
        env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"
}
until_is() { # until_is SECONDS EXPECTED COMMAND...
    local seconds=$1 expected=$2 found=
    shift 2
    for ((i = 0; i < seconds * 5; ++i)); do
        found=$("$@" 2>/dev/null) || true
        [[ $found != "$expected" ]] || return 0
        sleep 0.2
    done
    fail "$*: expected '$expected' within $seconds s, found '$found'"
}
nothing_left() {
    expect "" "$(find "$root" -xdev -name '*s3zip*' ! -path "$root/var/log/*")" "left after the purge"
    expect "" "$(grep -h '^s3zipd:' "$root"/etc/{passwd,group,shadow} || true)" "users left after the purge"
}
for part in sockets reload sandbox; do
    # shellcheck source=/dev/null  # each is looked at by itself
    source "$here/$part.sh"
done
field() { python3 -c 'import json, sys
for name in sys.argv[1].split("."): value = (value if "value" in dir() else json.load(sys.stdin))[name]
print(value)' "$1"; }

step "lintian"
# There is no bug in Debian's tracker to close.
lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs "$package"

step "a clean $suite"
mkdir "$root"
base=${S3ZIPD_TEST_BASE:-$work/base.tar}
if [[ ! -f $base ]]; then
    mmdebstrap --quiet --variant=minbase --include=systemd,systemd-sysv,dbus,curl "$suite" "$base"
    [[ -z $keep_base ]] || cp "$base" "$keep_base"
fi
tar -xf "$base" -C "$root"
cp /etc/resolv.conf "$root/etc/"
echo '127.0.0.1 localhost' >"$root/etc/hosts" # minbase has none

step "installed, with what it needs, where no systemd runs"
cp "$package" "$root/root/v1.deb"
in_root apt-get -qq update
in_root apt-get -qq install -y --no-install-recommends /root/v1.deb >"$work/apt.log" 2>&1 || {
    cat "$work/apt.log" >&2
    fail "apt-get install"
}
in_root s3zipd --version
in_root s3zip --version
[[ -f $root/usr/share/man/man8/s3zipd.8.gz ]] || fail "no man page"
in_root dpkg --purge s3zipd >/dev/null 2>&1
nothing_left

# The same package as a later version: what an upgrade does is in the scripts.
dpkg-deb -R "$package" "$work/v2"
version=$(sed -n 's/^Version: //p' "$work/v2/DEBIAN/control")
sed -i "s/^Version: .*/Version: $version+next/" "$work/v2/DEBIAN/control"
dpkg-deb --root-owner-group -b "$work/v2" "$root/root/v2.deb" >/dev/null

step "systemd starts"
mkdir -p "$root/opt/test"
cp "$BIN/s3sim" "$root/opt/test/"
"$here/boot.sh" "$root" >"$work/boot.log" 2>&1 &
boot=$!
until_is 30 running inside systemctl is-system-running

step "installed: enabled, ready and sandboxed"
inside dpkg -i /root/v1.deb >/dev/null
expect active "$(inside systemctl is-active s3zipd)" "service"
expect enabled "$(inside systemctl is-enabled s3zipd)" "service"
expect s3zipd "$(inside stat -c %U "/proc/$(inside systemctl show -P MainPID s3zipd)")" "its user"
expect "700 s3zipd" "$(inside stat -c '%a %U' /var/lib/s3zipd)" "state directory"
expect "750 root:s3zipd" "$(inside stat -c '%a %U:%G' /etc/s3zipd)" "directory of the settings"
status=$(inside systemctl show -P StatusText s3zipd)
[[ $status == "serving http://127.0.0.1:8420" ]] || fail "status text: $status"
# The same I/O as outside of the sandbox: io_uring, if this kernel has it.
inside systemd-run --quiet --unit=free s3zipd --listen 127.0.0.1:8421 --state-dir /run/free
until_is 20 0 inside sh -c 'curl -fs http://127.0.0.1:8421/version >/dev/null; echo $?'
free=$(inside curl -fsS http://127.0.0.1:8421/version | field io)
expect "$free" "$(inside curl -fsS http://127.0.0.1:8420/version | field io)" "I/O in the sandbox"
inside systemctl stop free
echo "I/O: $free"

step "a job"
inside systemd-run --quiet --unit=s3sim /opt/test/s3sim --listen 127.0.0.1:9000 --bucket out --sink sink \
    --synthetic small=count=20,size=100KiB --synthetic big=count=300,size=3000000 --fault 'UploadPart delay=300'
cat >>"$root/etc/default/s3zipd" <<'TEXT'
AWS_ACCESS_KEY_ID=s3sim
AWS_SECRET_ACCESS_KEY=s3simsecret
AWS_ENDPOINT_URL=http://127.0.0.1:9000
S3ZIPD_MEMORY=32MiB
S3ZIPD_REACTORS=1
S3ZIPD_DRAIN_SECONDS=1
TEXT
inside systemctl restart s3zipd
inside s3zip create s3://small/ -o s3://out/small.zip --wait
inside env AWS_ACCESS_KEY_ID=s3sim AWS_SECRET_ACCESS_KEY=s3simsecret AWS_ENDPOINT_URL=http://127.0.0.1:9000 \
    s3zip verify s3://out/small.zip

step "an upgrade while a job runs"
id=$(inside s3zip create s3://big/ -o s3://sink/big.zip --part-size 5MiB)
parts_done() { inside s3zip --json show "$id" | field progress.parts_done; }
for _ in {1..100}; do
    (($(parts_done) < 5)) || break
    sleep 0.2
done
before=$(parts_done)
((before >= 5)) || fail "the job does not get on: $before parts"
inside dpkg -i /root/v2.deb >/dev/null
# shellcheck disable=SC2016  # dpkg-query expands it
expect "$version+next" "$(inside dpkg-query -W -f '${Version}' s3zipd)" "version"
expect active "$(inside systemctl is-active s3zipd)" "service after the upgrade"
expect 0 "$(inside systemctl show -P NRestarts s3zipd)" "crashes"
inside s3zip watch "$id" >/dev/null 2>&1 || fail "the job: $(inside s3zip show "$id")"
expect succeeded "$(inside s3zip --json show "$id" | field state)" "the job"
total=$(inside s3zip --json show "$id" | field progress.parts_total)
sent=$(inside curl -fsS http://127.0.0.1:8420/metrics |
    sed -n 's/^s3zipd_s3_requests_total{operation="UploadPart"} //p')
((sent <= total - before)) || fail "begun anew: $sent of $total parts sent, $before were done"
echo "$before of $total parts before the upgrade, $sent after it"

step "a daemon that hangs is started anew"
mkdir -p "$root/etc/systemd/system/s3zipd.service.d"
printf '[Service]\nWatchdogSec=1\nRestartSec=100ms\n' >"$root/etc/systemd/system/s3zipd.service.d/test.conf"
inside systemctl daemon-reload
inside systemctl restart s3zipd
inside sleep 3
expect 0 "$(inside systemctl show -P NRestarts s3zipd)" "restarts of a daemon that is well"
inside sh -c "kill -STOP $(inside systemctl show -P MainPID s3zipd)"
until_is 30 1 inside systemctl show -P NRestarts s3zipd
until_is 30 active inside systemctl is-active s3zipd
expect succeeded "$(inside s3zip --json show "$id" | field state)" "the job, after that"
rm -r "$root/etc/systemd/system/s3zipd.service.d"
inside systemctl daemon-reload

step "exposure"
exposure

step "what the sandbox refuses and allows"
inside systemctl stop s3zipd
prepare_outside
probe_everywhere
compare_with_table
inside systemctl start s3zipd
expect "700 s3zipd" "$(inside stat -c '%a %U' /var/lib/s3zipd)" "state directory"

step "the sockets: a connection starts the service"
sockets_enabled
step "restarts while clients connect"
sockets_over_restarts
step "an upgrade while clients connect"
sockets_over_upgrade /root/v2.deb
step "wrong settings"
sockets_and_wrong_settings

step "tokens and reload"
reload_changes_tokens
reload_refuses_what_is_wrong
reload_changes_log_level
reload_without_tokens

step "removed with its sockets, installed again"
sockets_over_removal /root/v2.deb

step "the commands of docs/OPERATIONS.md, Access"
inside systemctl --quiet disable --now s3zipd.socket
inside systemctl restart s3zipd
commands_of_the_documentation

step "removed: the journal and the settings stay; purged: nothing does"
inside dpkg --remove s3zipd >/dev/null
expect inactive "$(inside systemctl is-active s3zipd || true)" "service after removal"
[[ -f $root/var/lib/s3zipd/journal.db ]] || fail "the journal went with the package"
[[ -f $root/etc/s3zipd/s3zipd.toml ]] || fail "the settings went with the package"
inside dpkg --purge s3zipd >/dev/null
nothing_left
step "all is well"
