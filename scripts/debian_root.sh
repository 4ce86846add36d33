#!/usr/bin/env bash
# debian_root.sh ARCHITECTURE PACKAGES...: writes a tar of a Debian of another architecture to standard output: the packages
# and what they depend on, unpacked, and known to its dpkg as installed. No script of theirs has run, so no program of that
# architecture is needed. Enough to build against, and to boot if the packages are. A package may be a pattern of apt's.
set -euo pipefail
if [[ $1 == --register ]]; then # mmdebstrap calls it, once all is unpacked
    root=$2
    for package in "$root"/var/cache/apt/archives/*.deb; do
        control=$(mktemp -d)
        dpkg-deb -e "$package" "$control"
        name=$(dpkg-deb -f "$package" Package)
        # dpkg names the files of packages that can stand beside those of another architecture so.
        [[ $(dpkg-deb -f "$package" Multi-Arch) != same ]] || name=$name:$(dpkg-deb -f "$package" Architecture)
        sed '/^Package: /a Status: install ok installed' "$control/control" >>"$root/var/lib/dpkg/status"
        [[ ! -f $control/conffiles ]] || { # with their sums, as dpkg wants them
            echo "Conffiles:"
            while read -r file; do
                [[ ! -f $root$file ]] || echo " $file $(md5sum <"$root$file" | cut -d' ' -f1)"
            done <"$control/conffiles"
        } >>"$root/var/lib/dpkg/status"
        echo >>"$root/var/lib/dpkg/status"
        rm "$control/control"
        for file in "$control"/*; do
            [[ ! -f $file ]] || cp -p "$file" "$root/var/lib/dpkg/info/$name.${file##*/}"
        done
        dpkg-deb --fsys-tarfile "$package" | tar -t | sed 's|^\./|/|; s|\(.\)/$|\1|; s|^/$|/.|' \
            >"$root/var/lib/dpkg/info/$name.list"
        rm -r "$control"
    done
    exit 0
fi

architecture=$1
shift
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mmdebstrap --quiet --variant=extract --arch="$architecture" --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    --extract-hook="'$(readlink -f "${BASH_SOURCE[0]}")' --register \"\$1\"" "${@/#/--include=}" "$suite" -
