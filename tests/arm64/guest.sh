#!/usr/bin/env bash
# guest.sh PACKAGE.deb BUILD: boots a Debian arm64 in qemu, whole machine and kernel emulated, installs the package there and
# runs inside.sh: the tests that need io_uring, or the daemon as a process. BUILD is the tree of the preset arm64. Called
# by `./dev test --arm64`; needs root, and no network once BUILD/guest has its Debian.
#
# Its last line counts; the guest's console is kept in BUILD/guest/console.log.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
source=${here%/tests/arm64}
package=$(readlink -f "$1") build=$(readlink -f "$2")
limit=${S3ZIPD_GUEST_SECONDS:-2400}
kernel_package=${S3ZIPD_GUEST_KERNEL:-linux-image-cloud-arm64}
tests=(base_test s3client_test io_test connection_pool_test engine_test client_test upload_release_test engine_nth_test
    engine_storm cli_test daemon_e2e_test daemon_survival_test daemon_kill_runs notifier_test)
((EUID == 0)) || { echo "guest.sh: needs root" >&2 && exit 1; }

work=$(mktemp -d "${TMPDIR:-/var/tmp}/s3zipd-arm64.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM
step() { printf '==> %s\n' "$*" >&2; }

# The Debian: what every Debian has, a kernel, and of libraries only what the package itself depends on.
mapfile -t depends < <(dpkg-deb -f "$package" Depends | tr ',' '\n' | sed -E 's/\|.*//; s/\(.*//; s/ //g')
wanted=('?essential' systemd-sysv curl busybox-static "$kernel_package" "${depends[@]}")
mkdir -p "$build/guest"
base=$build/guest/base-$(cat "$source/scripts/debian_root.sh" - <<<"${wanted[*]}" | sha256sum | cut -c1-16).tar
if [[ ! -f $base ]]; then
    step "a Debian arm64"
    rm -f "$build"/guest/base-*.tar
    "$source/scripts/debian_root.sh" arm64 "${wanted[@]}" >"$base.new"
    mv "$base.new" "$base"
fi
root=$work/root
mkdir "$root"
tar -x -C "$root" -f "$base" --exclude=./dev --exclude=./usr/share/doc --exclude=./usr/share/locale
mkdir -p "$root"/{dev,proc,sys,run,root}

# What the maintainer scripts of the base system would have done, as far as it matters here.
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
cp "$root/usr/share/libc-bin/nsswitch.conf" "$root/etc/nsswitch.conf"
for part in auth account password session; do
    echo "$part required pam_permit.so" >"$root/etc/pam.d/common-$part"
done
echo "127.0.0.1 localhost" >"$root/etc/hosts"
: >"$root/etc/machine-id"
ln -sf /dev/null "$root/etc/systemd/system/serial-getty@ttyAMA0.service"
ln -sf /usr/lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"

# The tests, and the files they read, where they were built. The daemon they start is the installed one.
mkdir -p "$root/opt/test" "$root$build/bin" "$root$source"
for name in "${tests[@]}" s3sim; do llvm-strip-19 -o "$root/opt/test/$name" "$build/bin/$name"; done
ln -s /usr/bin/s3zipd "$root$build/bin/s3zipd"
(cd "$source" && tar -c config/s3zipd.toml docs/API.md tests/zip/golden) | tar -x -C "$root$source"
cp "$package" "$root/opt/test/s3zipd.deb"
cp "$here/inside.sh" "$root/opt/test/"
cat >"$root/etc/systemd/system/tests.service" <<'TEXT'
[Service]
ExecStart=/opt/test/inside.sh
# However it ended.
ExecStopPost=/usr/bin/systemctl poweroff --force --force
Environment=HOME=/root
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyAMA0
# What a console of people is allowed.
LimitMEMLOCK=8M
[Install]
WantedBy=multi-user.target
TEXT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../tests.service "$root/etc/systemd/system/multi-user.target.wants/"

step "a disk"
version=$(ls "$root/usr/lib/modules")
find "$root/usr/lib/modules" -name '*.ko.xz' -exec xz -d {} +
depmod -b "$root" "$version"
mkdir -p "$work/initrd/"{bin,dev,root}
cp "$root/usr/bin/busybox" "$work/initrd/bin/"
cp "$here/init" "$work/initrd/"
for name in virtio_pci virtio_blk ext4; do
    modprobe -d "$root" -S "$version" --show-depends "$name" 2>/dev/null || true
done | sed -n 's/^insmod \([^ ]*\) *$/\1/p' | while read -r file; do
    [[ ! -f $work/initrd/${file##*/} ]] || continue
    cp "$file" "$work/initrd/"
    echo "/${file##*/}" >>"$work/initrd/modules"
done
mv "$root/boot/vmlinuz-$version" "$work/kernel"
(cd "$work/initrd" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initrd.gz"
truncate -s 2G "$work/disk"
mke2fs -q -t ext4 -d "$root" "$work/disk"
rm -rf "$root"

step "the guest: Linux $version, at most $limit s"
console=$build/guest/console.log
status=0
# No machine has the virtualisation of another architecture: all is emulated.
timeout --foreground --kill-after=10 "$limit" qemu-system-aarch64 -M virt -cpu "${S3ZIPD_GUEST_CPU:-max,pauth-impdef=on}" \
    -accel tcg,thread=multi -smp 2 -m 4096 -nographic -no-reboot -nic none \
    -drive "if=virtio,format=raw,cache=unsafe,file=$work/disk" -kernel "$work/kernel" -initrd "$work/initrd.gz" \
    -append "console=ttyAMA0 panic=-1 quiet rw systemd.show_status=false" </dev/null 2>&1 |
    sed -u 's/\r//g' | tee "$console" | sed -u -n 's/^@@ /    /p' >&2 || status=$?

python3 -B "$here/summary.py" "$console" "$status"
