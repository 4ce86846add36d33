#!/usr/bin/env bash
# A throw-away Ceph RADOS Gateway: one mon, one osd with its data in memory, one radosgw that speaks S3 over HTTP and
# HTTPS on 127.0.0.1. No root, no systemd, nothing outside DIR; what was stored is gone when it stops.
#
#   rgw.sh start DIR   makes DIR, starts the three, writes DIR/env (S3_URL, S3_TLS_URL, S3_CA, S3_ACCESS_KEY, S3_SECRET_KEY)
#   rgw.sh stop DIR    ends them and removes DIR
#
# Debian packages: radosgw ceph-mon ceph-osd ceph-common openssl curl uuid-runtime
set -euo pipefail

(($# == 2)) || {
    echo "usage: $0 start|stop DIR" >&2
    exit 2
}
dir=$(realpath -m "$2")
patience_s=60

die() {
    printf 'rgw: %s\n' "$*" >&2
    exit 1
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

stop() {
    local name pid tries
    for name in rgw osd mon; do # the gateway first: without its osd it would wait
        [[ -s $dir/$name.pid ]] || continue
        pid=$(<"$dir/$name.pid")
        kill "$pid" 2>/dev/null || true
        for ((tries = 0; tries < 100; ++tries)); do
            runs "$pid" || break
            ((tries != 90)) || kill -KILL "$pid" 2>/dev/null || true
            sleep 0.03
        done
    done
    [[ ! -f $dir/ceph.conf ]] || rm -rf "$dir"
}

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

write_config() {
    cat >"$dir/ceph.conf" <<CONF
[global]
fsid = $(uuidgen)
mon host = [v2:127.0.0.1:$mon_port/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr1 = false
# No keys anywhere; then the gateway must be told not to insist on an encrypted line to the mon.
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
# Each new pool is a vote of the (one) mon; by default it waits a second in each.
paxos propose interval = 0.02
paxos min wait = 0.01
run dir = $dir/run
admin socket = $dir/run/\$name.\$pid.asok
log file = $dir/log/\$name.log
mon cluster log file = $dir/log/cluster.log
crash dir = $dir/crash
mon data = $dir/mon
mon data avail crit = 0
mon allow pool size one = true
mon max pg per osd = 1000
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
[osd]
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = 8589934592
[client]
# Without tcp_nodelay every answer on a kept connection waits 40 ms for our ACK.
rgw frontends = beast tcp_nodelay=1 endpoint=127.0.0.1:$http_port ssl_endpoint=127.0.0.1:$https_port \
ssl_certificate=$dir/tls/server.crt ssl_private_key=$dir/tls/server.key
rgw data = $dir/rgw
rgw enable gc threads = false
rgw enable lc threads = false
rgw enable quota threads = false
rgw run sync thread = false
CONF
}

# A CA and a certificate for 127.0.0.1, and for no name: so that a client's check of both can be tested.
write_certificates() {
    local new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
    (
        cd "$dir/tls"
        openssl req -x509 "${new_key[@]}" -days 2 -subj '/CN=throw-away CA' -keyout ca.key -out ca.crt
        openssl req "${new_key[@]}" -subj '/CN=throw-away gateway' -keyout server.key -out server.csr
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out server.crt \
            -extfile <(echo 'subjectAltName=IP:127.0.0.1')
    ) >"$dir/log/openssl.out" 2>&1 || die "openssl: $(tail -n 3 "$dir/log/openssl.out")"
}

start() {
    local tool tries osd_uuid
    for tool in ceph-mon ceph-osd radosgw radosgw-admin monmaptool ceph openssl curl uuidgen python3; do
        command -v "$tool" >/dev/null || die "$tool is not installed"
    done
    [[ ! -e $dir ]] || die "$dir exists"
    mkdir -p "$dir"/{run,log,crash,mon,osd,rgw,tls}
    read -r mon_port http_port https_port < <(free_ports 3)
    write_config
    write_certificates
    export CEPH_CONF=$dir/ceph.conf
    trap 'tail -n 3 "$dir"/log/*.out >&2 || true; stop' EXIT

    monmaptool --create --fsid "$(sed -n 's/^fsid = //p' "$dir/ceph.conf")" \
        --addv a "[v2:127.0.0.1:$mon_port/0]" "$dir/monmap" >/dev/null
    ceph-mon -i a --mkfs --monmap "$dir/monmap"
    launch mon ceph-mon -i a -f
    osd_uuid=$(uuidgen)
    ceph --connect-timeout $patience_s osd new "$osd_uuid" 0 >/dev/null
    ceph-osd -i 0 --mkfs --osd-uuid "$osd_uuid" >>"$dir/log/osd.out" 2>&1
    launch osd ceph-osd -i 0 -f
    timeout $patience_s radosgw-admin user create --uid=tester --display-name=tester \
        --access-key=INTEROPACCESSKEY0001 --secret-key='interop/Secret+Key000000000000000000001' \
        >"$dir/log/user.json" 2>"$dir/log/user.out" || die "radosgw-admin: $(tail -n 3 "$dir/log/user.out")"
    launch rgw radosgw -n client.rgw -f
    for ((tries = 0; tries < patience_s * 20; ++tries)); do
        runs "$(<"$dir/rgw.pid")" || die "radosgw ended"
        ! curl -fs -o /dev/null --noproxy '*' --max-time 5 "http://127.0.0.1:$http_port/" || break
        sleep 0.05
    done
    ((tries < patience_s * 20)) || die "no answer after $patience_s s"
    cat >"$dir/env" <<ENV
S3_URL=http://127.0.0.1:$http_port
S3_TLS_URL=https://127.0.0.1:$https_port
S3_TLS_WRONG_NAME_URL=https://localhost:$https_port
S3_CA=$dir/tls/ca.crt
S3_ACCESS_KEY=INTEROPACCESSKEY0001
S3_SECRET_KEY=interop/Secret+Key000000000000000000001
ENV
    trap - EXIT
}

case $1 in
    start) start ;;
    stop) stop ;;
    *) die "unknown command '$1'" ;;
esac
