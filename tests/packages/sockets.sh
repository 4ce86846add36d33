# shellcheck shell=bash
# A part of deb.sh: the sockets that systemd holds. What it needs of deb.sh: inside, expect, until_is, fail, root, work, here.
: "${root:?}" "${work:?}" "${here:?}"

socket_state() { inside systemctl show -P "$1" s3zipd.socket; }
ask_tcp() { inside curl -fsS -o /dev/null -w '%{http_code}' http://127.0.0.1:8420/healthz; }
ask_unix() { inside curl -fsS -o /dev/null -w '%{http_code}' --unix-socket /run/s3zipd.sock http://localhost/healthz; }

# Clients that connect anew all the time, in the namespaces of the Debian as far as the program allows.
start_asking() {
    nsenter --target "$(<"$root.pid")" --net -- python3 -B "$here/keep_asking.py" \
        127.0.0.1:8420 "/proc/$(<"$root.pid")/root/run/s3zipd.sock" >"$work/asked" 2>&1 &
    asking=$!
    until_is 10 asking head -n 1 "$work/asked"
}
none_refused() { # none_refused WHAT
    kill "$asking"
    wait "$asking" || fail "the clients: $(<"$work/asked")"
    sed -n '2,$p' "$work/asked"
    local kind answered others
    while read -r kind answered others; do
        expect "others: none" "$others" "$1, over $kind"
        ((answered > 50)) || fail "$1: only $answered answers over $kind"
    done < <(sed -n '2,$p' "$work/asked")
}

sockets_enabled() {
    expect disabled "$(inside systemctl is-enabled s3zipd.socket || true)" "socket, as installed"
    expect inactive "$(inside systemctl is-active s3zipd.socket || true)" "socket, as installed"
    inside systemctl --quiet enable s3zipd.socket
    inside systemctl stop s3zipd
    inside systemctl start s3zipd.socket
    expect inactive "$(inside systemctl is-active s3zipd || true)" "service before a connection"
    expect "660 root:s3zipd socket" "$(inside stat -c '%a %U:%G %F' /run/s3zipd.sock)" "Unix socket"
    expect 200 "$(ask_unix)" "the first connection"
    expect active "$(inside systemctl is-active s3zipd)" "service after it"
    expect 200 "$(ask_tcp)" "the other socket"
    expect "serving http://127.0.0.1:8420, unix:/run/s3zipd.sock" "$(inside systemctl show -P StatusText s3zipd)" status
    # Others do not get in, the group does.
    local outcome
    outcome=$(inside setpriv --reuid=65534 --regid=65534 --clear-groups \
        curl -s -o /dev/null -w '%{http_code}' --unix-socket /run/s3zipd.sock http://localhost/healthz || true)
    expect 000 "$outcome" "a user outside of the group"
    outcome=$(inside setpriv --reuid=65534 --regid=65534 --groups="$(inside getent group s3zipd | cut -d: -f3)" \
        curl -s -o /dev/null -w '%{http_code}' --unix-socket /run/s3zipd.sock http://localhost/healthz)
    expect 200 "$outcome" "a user of the group"
}

sockets_over_restarts() {
    start_asking
    for _ in 1 2 3; do inside systemctl restart s3zipd; done
    none_refused "restarts"
}

sockets_over_upgrade() { # sockets_over_upgrade PACKAGE
    local id main
    id=$(socket_state InvocationID)
    main=$(inside systemctl show -P MainPID s3zipd)
    start_asking
    inside dpkg -i "$1" >/dev/null
    none_refused "an upgrade"
    expect enabled "$(inside systemctl is-enabled s3zipd.socket)" "socket after the upgrade"
    expect "$id" "$(socket_state InvocationID)" "the socket, left alone"
    [[ $(inside systemctl show -P MainPID s3zipd) != "$main" ]] || fail "the upgrade has not restarted the service"
}

# Wrong settings: systemd gives up after some starts, and the sockets come back by hand.
sockets_and_wrong_settings() {
    inside systemctl stop s3zipd.socket s3zipd
    echo 'no_such_key = 1' >>"$root/etc/s3zipd/s3zipd.toml"
    inside systemctl start s3zipd.socket
    inside curl -s --max-time 60 -o /dev/null http://127.0.0.1:8420/healthz && fail "served with wrong settings"
    until_is 60 failed inside systemctl is-active s3zipd.socket
    sed -i '/no_such_key/d' "$root/etc/s3zipd/s3zipd.toml"
    inside systemctl start s3zipd.socket s3zipd
    expect 200 "$(ask_tcp)" "with good settings again"
}

# Removed while the sockets are there, and installed again as its administrator left it.
sockets_over_removal() { # sockets_over_removal PACKAGE
    inside dpkg --remove s3zipd >/dev/null
    expect inactive "$(inside systemctl is-active s3zipd || true)" "service after removal"
    expect inactive "$(inside systemctl is-active s3zipd.socket || true)" "socket after removal"
    ! inside test -e /run/s3zipd.sock || fail "the Unix socket is still there"
    inside dpkg -i "$1" >/dev/null
    expect enabled "$(inside systemctl is-enabled s3zipd.socket)" "socket, installed again"
    expect active "$(inside systemctl is-active s3zipd.socket)" "socket, installed again"
    expect active "$(inside systemctl is-active s3zipd)" "service, installed again"
    expect 200 "$(ask_unix)" "the Unix socket, installed again"
}
