#!/usr/bin/env bash
# boot.sh ROOT: starts the systemd of the Debian in ROOT as process 1 of namespaces of its own (files, processes, network,
# cgroups...), and ends when that ends, or with SIGTERM. Its process id is written into ROOT.pid. Needs root and cgroup2,
# no container program.
set -euo pipefail
root=$1
[[ ${2:-} ]] || exec unshare --mount --propagation private "$0" "$root" cgroup

if [[ $2 == cgroup ]]; then
    # A cgroup of its own first: it is what the new namespace has as its root.
    mount --bind "$root" "$root"
    mount -t cgroup2 cgroup2 "$root/mnt"
    cgroup=$root/mnt/s3zipd-test-$$
    mkdir "$cgroup"
    # shellcheck disable=SC2016  # the inner shell expands them
    # It ignores SIGTERM, and its end is the end of what it started.
    unshare --kill-child --fork --pid --mount --cgroup --net --ipc --uts -- bash -c '
        echo 0 >"$1/cgroup.procs"
        exec unshare --cgroup "$2" "$3" boot' - "$cgroup" "$0" "$root" &
    child=$!
    while pid=$(cat "/proc/$child/task/$child/children" 2>/dev/null) && [[ -z $pid ]]; do sleep 0.05; done
    echo "${pid% }" >"$root.pid"
    # shellcheck disable=SC2064  # the child is known now
    trap "kill -KILL $child 2>/dev/null || true" EXIT TERM INT
    wait "$child" || true
    # What is in a cgroup goes with its last process, and that may take a moment.
    for _ in {1..100}; do
        find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null && break
        sleep 0.1
    done
    exit 0
fi

umount "$root/mnt"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for at in run tmp dev; do mount -t tmpfs -o mode=755 "$at" "$root/$at"; done
chmod 1777 "$root/tmp"
# Nodes of its own: systemd changes the modes of those it finds.
while read -r name major minor; do
    mknod -m 666 "$root/dev/$name" c "$major" "$minor"
done <<'TEXT'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
TEXT
mkdir "$root/dev/shm" "$root/dev/pts"
ln -s /proc/self/fd "$root/dev/fd"
ln -s pts/ptmx "$root/dev/ptmx" # PrivateDevices= asks for it
# Not only chroot: the sandbox of a unit needs a root that can be changed again.
cd "$root"
pivot_root . mnt
umount -l /mnt
exec env -i container=unshare PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=console
