#!/usr/bin/env bash
# A throw-away Ceph RADOS Gateway: one mon, one osd with its data in memory, one radosgw that speaks S3 over HTTP and
# HTTPS on 127.0.0.1. No root, no systemd, nothing outside DIR; what was stored is gone when it stops.
#
#   rgw.sh start DIR   makes DIR, starts the three, writes DIR/env (S3_URL, S3_TLS_URL, S3_CA, S3_ACCESS_KEY, S3_SECRET_KEY)
#   rgw.sh stop DIR    ends them and removes DIR
#   rgw.sh start-gateway DIR    after the gateway alone (DIR/rgw.pid) was killed: the same ports, the same objects
#
# Debian packages: radosgw ceph-mon ceph-osd ceph-common openssl curl uuid-runtime
set -euo pipefail

(($# == 2)) || {
    echo "usage: $0 start|stop|start-gateway DIR" >&2
    exit 2
}
dir=$(realpath -m "$2")
patience_s=60

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=tests/interop/throwaway.sh
. "$here/throwaway.sh"

stop() {
    stop_all rgw osd mon # the gateway first: without its osd it would wait
    [[ ! -f $dir/ceph.conf ]] || rm -rf "$dir"
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

start_gateway() {
    export CEPH_CONF=$dir/ceph.conf
    launch rgw radosgw -n client.rgw -f
    wait_for rgw answers "$(sed -n 's/.* endpoint=\([^ ]*\) .*/http:\/\/\1\//p' "$dir/ceph.conf")"
}

start() {
    local osd_uuid
    need ceph-mon ceph-osd radosgw radosgw-admin monmaptool ceph openssl curl uuidgen python3
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
    start_gateway
    write_env "$http_port" "$https_port" INTEROPACCESSKEY0001 interop/Secret+Key000000000000000000001
    trap - EXIT
}

case $1 in
    start) start ;;
    stop) stop ;;
    start-gateway) start_gateway ;;
    *) die "unknown command '$1'" ;;
esac
