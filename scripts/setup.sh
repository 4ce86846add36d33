#!/usr/bin/env bash
# Installs what is missing of the groups named (scripts/packages.txt), from the Debian the machine is already
# configured for. Quick when nothing is missing; as root, or with sudo.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

wanted=${*:-build test}

die() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "not root, and no sudo: run ./dev setup $wanted as root once"
    fi
}

apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 "$@"; }

updated=no
update_lists() {
    [[ $updated == no ]] || return 0
    # A source that does not answer is no reason to stop: whether the packages are there is decided below.
    apt -qq update >&2 || echo "setup: apt-get update failed; going on with the lists that are here" >&2
    updated=yes
}

available() { [[ -n $(apt-cache madison "$1" 2>/dev/null) ]]; }

# Prints the wanted lines of packages.txt of which no alternative is installed.
missing() {
    local group spec name found
    local -A installed=()
    while read -r name; do installed[$name]=1; done < <(
        dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p')
    while read -r group spec; do
        [[ " $wanted " == *" $group "* ]] || continue
        found=no
        for name in ${spec//|/ }; do [[ -z ${installed[$name]:-} ]] || found=yes; done
        [[ $found == yes ]] || echo "$spec"
    done < <(grep -v '^#' scripts/packages.txt)
}

install_packages() {
    local -a specs=() names=()
    local spec name
    mapfile -t specs < <(missing)
    ((${#specs[@]})) || return 0
    command -v apt-get >/dev/null || die "needs a Debian system; missing here: ${specs[*]}"
    update_lists
    for spec in "${specs[@]}"; do
        for name in ${spec//|/ }; do
            if available "$name"; then
                names+=("$name")
                continue 2
            fi
        done
        die "no package for '$spec': s3zipd builds on Debian 12 and newer"
    done
    echo "setup: installing ${names[*]}" >&2
    apt install -qq -y --no-install-recommends "${names[@]}" >&2
}

# llhttp: Debian 13 has libllhttp-dev. Debian 12 has only node-llhttp, which would bring Node.js along but holds the
# C sources: unpacked into .deps/, where cmake/Dependencies.cmake looks for them. That needs no root.
install_llhttp() {
    local include
    for include in /usr/include/llhttp.h /usr/share/llhttp/llhttp.c .deps/usr/share/llhttp/llhttp.c; do
        [[ ! -e $include ]] || return 0
    done
    available libllhttp-dev || available node-llhttp || update_lists
    if available libllhttp-dev; then
        apt install -qq -y --no-install-recommends libllhttp-dev >&2
        return 0
    fi
    echo "setup: unpacking node-llhttp into .deps/" >&2
    local at
    at=$(mktemp -d)
    # shellcheck disable=SC2064  # the folder's name is wanted now
    trap "rm -rf '$at'" EXIT
    (cd "$at" && apt-get -qq -o APT::Sandbox::User=root download node-llhttp >&2)
    dpkg -x "$at"/node-llhttp_*.deb "$at/tree"
    mkdir -p .deps
    cp -r "$at/tree/usr" .deps/
}

# What is built against for arm64: a Debian of that architecture in .deps/arm64, only unpacked. The machine itself gets no
# second architecture, and nothing of it is upgraded for that.
install_arm64() {
    local list=.deps/arm64.list spec name names=()
    while read -r spec; do
        for name in ${spec//|/ }; do ! available "$name" || { names+=("$name") && break; }; done
    done < <(sed -nE 's/^(build|test) (.*-dev.*)/\2/p' scripts/packages.txt)
    ! available libllhttp-dev || names+=(libllhttp-dev)
    [[ ! -f $list || $(<"$list") != "${names[*]}" ]] || return 0
    echo "setup: unpacking a Debian arm64 into .deps/" >&2
    rm -rf .deps/arm64{,.new} "$list"
    mkdir -p .deps/arm64.new
    scripts/debian_root.sh arm64 "${names[@]}" | tar -x --no-same-owner --exclude=./dev -C .deps/arm64.new
    # Some links begin at the root, which is the host's.
    find .deps/arm64.new -type l -lname '/*' -printf '%p %l\n' | while read -r link to; do
        ln -sfnr ".deps/arm64.new$to" "$link"
    done
    mv .deps/arm64.new .deps/arm64
    echo "${names[*]}" >"$list"
}

install_packages
[[ " $wanted " != *" build "* ]] || install_llhttp
[[ " $wanted " != *" arm64 "* ]] || install_arm64
