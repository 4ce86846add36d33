# shellcheck shell=bash
# Sourced by rgw.sh and swift.sh: what a server that lives in a folder needs. Wants $dir, that folder, and $patience_s.
: "${dir:?}" "${patience_s:?}"

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || die "$tool is not installed"
    done
}

# A zombie has ended, too: where pid 1 reaps slowly, kill -0 would say otherwise.
runs() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    [[ ${stat:0:1} != Z ]]
}

launch() { # launch NAME COMMAND...: its own session, so that Ctrl-C at the terminal is left to us
    local name=$1
    shift
    setsid "$@" >>"$dir/log/$name.out" 2>&1 </dev/null &
    echo $! >"$dir/$name.pid"
}

stop_all() { # stop_all NAME...: one after the other; a server that was stopped with SIGSTOP ends, too
    local name pid tries
    for name in "$@"; do
        [[ -s $dir/$name.pid ]] || continue
        pid=$(<"$dir/$name.pid")
        kill -CONT "$pid" 2>/dev/null || true
        kill "$pid" 2>/dev/null || true
        for ((tries = 0; tries < 100; ++tries)); do
            runs "$pid" || break
            ((tries != 90)) || kill -KILL "$pid" 2>/dev/null || true
            sleep 0.03
        done
        rm -f "$dir/$name.pid"
    done
}

wait_for() { # wait_for NAME COMMAND...: until it succeeds, as long as NAME runs
    local name=$1 tries
    shift
    for ((tries = 0; tries < patience_s * 20; ++tries)); do
        runs "$(<"$dir/$name.pid")" || die "$name ended"
        ! "$@" || return 0
        sleep 0.05
    done
    die "$name gives no answer after $patience_s s"
}

answers() { curl -s -o /dev/null --noproxy '*' --cacert "$dir/tls/ca.crt" --max-time 5 "$1"; }

# Ports nobody has at the moment, below the range the kernel gives to outgoing connections.
free_ports() {
    python3 - "$1" <<'PY'
import random, socket, sys
found = []
while len(found) < int(sys.argv[1]):
    port = random.randrange(20000, 32000)
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
    if port not in found:
        found.append(port)
print(*found)
PY
}

# A CA and a certificate for 127.0.0.1, and for no name: so that a client's check of both can be tested.
write_certificates() {
    local new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
    (
        cd "$dir/tls"
        openssl req -x509 "${new_key[@]}" -days 2 -subj '/CN=throw-away CA' -keyout ca.key -out ca.crt
        openssl req "${new_key[@]}" -subj '/CN=throw-away server' -keyout server.key -out server.csr
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out server.crt \
            -extfile <(echo 'subjectAltName=IP:127.0.0.1')
    ) >"$dir/log/openssl.out" 2>&1 || die "openssl: $(tail -n 3 "$dir/log/openssl.out")"
}

write_env() { # write_env HTTP_PORT HTTPS_PORT ACCESS_KEY SECRET_KEY
    cat >"$dir/env" <<ENV
S3_URL=http://127.0.0.1:$1
S3_TLS_URL=https://127.0.0.1:$2
S3_TLS_WRONG_NAME_URL=https://localhost:$2
S3_CA=$dir/tls/ca.crt
S3_ACCESS_KEY=$3
S3_SECRET_KEY=$4
ENV
}
