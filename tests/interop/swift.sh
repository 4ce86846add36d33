#!/usr/bin/env bash
# A throw-away OpenStack Swift with its S3 interface: an account, a container and an object server with one device, two
# proxies (HTTP and HTTPS) and memcached, all on 127.0.0.1. No root, no systemd; what was stored is gone when it stops.
#
#   swift.sh start DIR   makes DIR, starts the six, writes DIR/env (S3_URL, S3_TLS_URL, S3_CA, S3_ACCESS_KEY, S3_SECRET_KEY)
#   swift.sh stop DIR    ends them and removes DIR
#
# DIR must be on a filesystem with user attributes. Debian packages: swift-proxy swift-account swift-container
# swift-object memcached openssl curl
set -euo pipefail

(($# == 2)) || {
    echo "usage: $0 start|stop DIR" >&2
    exit 2
}
dir=$(realpath -m "$2")
patience_s=60
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=tests/interop/throwaway.sh
. "$here/throwaway.sh"

stop() {
    stop_all proxy-http proxy-https object container account memcached
    [[ ! -f $dir/proxy-http.conf ]] || rm -rf "$dir"
}

write_storage_config() { # write_storage_config account|container|object PORT
    cat >"$dir/$1.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $2
swift_dir = $dir
devices = $dir/devices
mount_check = false
disable_fallocate = true
workers = 0
user = $(id -un)
log_address = /dev/null
[pipeline:main]
pipeline = $1-server
[app:$1-server]
use = egg:swift#$1
CONF
}

write_proxy_config() { # write_proxy_config NAME PORT [LINES for TLS]
    local filter
    cat >"$dir/$1.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $2
swift_dir = $dir
workers = 0
user = $(id -un)
log_address = /dev/null
${3:-}
[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$memcached_port
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_interop_tester = interopSecret .admin
CONF
    for filter in catch_errors gatekeeper listing_formats copy slo dlo; do
        printf '[filter:%s]\nuse = egg:swift#%s\n' "$filter" "$filter" >>"$dir/$1.conf"
    done
}

# Where data lies: one replica on one device. Swift's own Python is Debian's, whatever python3 is first in the path.
write_rings() {
    /usr/bin/python3 - "$dir" "$account_port" "$container_port" "$object_port" <<'PY'
import sys
from swift.common.ring import RingBuilder
for name, port in zip(("account", "container", "object"), sys.argv[2:]):
    ring = RingBuilder(2, 1, 0)
    ring.add_dev({"id": 0, "region": 1, "zone": 1, "device": "one", "weight": 1.0, "meta": "", "ip": "127.0.0.1",
                  "port": int(port), "replication_ip": "127.0.0.1", "replication_port": int(port)})
    ring.rebalance()
    ring.get_ring().save(f"{sys.argv[1]}/{name}.ring.gz")
PY
}

all_listen() {
    local port
    for port in "$@"; do
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 1
    done
}

start() {
    local name
    need swift-proxy-server swift-account-server swift-container-server swift-object-server memcached openssl curl python3
    [[ ! -e $dir ]] || die "$dir exists"
    mkdir -p "$dir"/{log,tls,devices/one}
    trap 'tail -n 3 "$dir"/log/*.out >&2 || true; stop' EXIT
    read -r account_port container_port object_port memcached_port http_port https_port < <(free_ports 6)
    write_certificates
    write_storage_config account "$account_port"
    write_storage_config container "$container_port"
    write_storage_config object "$object_port"
    write_proxy_config proxy-http "$http_port"
    write_proxy_config proxy-https "$https_port" "cert_file = $dir/tls/server.crt
key_file = $dir/tls/server.key"
    write_rings
    launch memcached memcached -u nobody -l 127.0.0.1 -p "$memcached_port" -U 0
    for name in account container object; do launch $name "swift-$name-server" "$dir/$name.conf"; done
    launch proxy-http swift-proxy-server "$dir/proxy-http.conf"
    launch proxy-https swift-proxy-server "$dir/proxy-https.conf"
    wait_for proxy-http all_listen "$account_port" "$container_port" "$object_port" "$memcached_port"
    # Any answer will do: a request that is not signed is refused.
    wait_for proxy-http answers "http://127.0.0.1:$http_port/"
    wait_for proxy-https answers "https://127.0.0.1:$https_port/"
    write_env "$http_port" "$https_port" interop:tester interopSecret
    trap - EXIT
}

case $1 in
    start) start ;;
    stop) stop ;;
    *) die "unknown command '$1'" ;;
esac
