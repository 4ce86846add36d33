# shellcheck shell=bash
# Sourced by run.sh: the parts that need other people's servers, or another judge of our signatures.
: "${BIN:?}" "${dir:?folder of this run}" "${here:?folder of this file}"

stop_servers() {
    local name
    for name in rgw swift; do
        [[ ! -d $dir/$name ]] || "$here/$name.sh" stop "$dir/$name"
    done
}

start_server() { # start_server rgw|swift LABEL PROGRAM: and puts the source objects there; sets S3_URL and so on
    if ! command -v "$3" >/dev/null; then
        skip "$2" "$3 is not installed"
        return 1
    fi
    cell "$2 starts" "$here/$1.sh" start "$dir/$1"
    [[ -f $dir/$1/env ]] || return 1
    # shellcheck disable=SC1090  # written by rgw.sh and swift.sh
    . "$dir/$1/env"
    jobs=(python3 -B "$here/server_jobs.py" "$dir/$1/env")
    cell "$2: source objects" "${jobs[@]}" fill
}

kinds_of_jobs() { # kinds_of_jobs LABEL
    cell "$1: job over HTTP" "${jobs[@]}" zip "$S3_URL" -
    cell "$1: job over TLS, CA given" "${jobs[@]}" zip "$S3_TLS_URL" "$S3_CA"
    cell "$1: small archives, odd keys" "${jobs[@]}" odd "$S3_URL" -
    cell "$1: small archives, odd keys, over TLS" "${jobs[@]}" odd "$S3_TLS_URL" "$S3_CA"
    cell "$1: what is there is kept" "${jobs[@]}" occupied "$S3_URL" -
    cell "$1: CA not given, refused" "${jobs[@]}" refused "$S3_TLS_URL" -
    cell "$1: name not in the certificate, refused" "${jobs[@]}" refused "$S3_TLS_WRONG_NAME_URL" "$S3_CA"
}

rgw() {
    ! start_server rgw "RGW" radosgw || kinds_of_jobs "RGW"
    stop_servers
}

swift() {
    ! start_server swift "Swift" swift-proxy-server || kinds_of_jobs "Swift"
    stop_servers
}

outage() {
    if start_server rgw "RGW, outages" radosgw; then
        local -a away=(python3 -B "$here/outage.py" "$dir/rgw/env" "$dir/rgw/rgw.pid")
        local -a again=("$here/rgw.sh" start-gateway "$dir/rgw")
        cell "RGW is killed, back after 5 s" "${away[@]}" 4 kill 5 "${again[@]}"
        cell "RGW is killed, back after 15 s; one connection" "${away[@]}" 1 kill 15 "${again[@]}"
        cell "RGW stands still for 10 s" "${away[@]}" 4 stop 10
    fi
    stop_servers
}

dns() { # a network, a mount and a user of its own: the name server has port 53, and no root is needed
    local name="a host of many addresses, some dead"
    local -a alone=(unshare --user --map-root-user --net --mount)
    if ! command -v dnsmasq >/dev/null; then
        skip "$name" "dnsmasq is not installed"
    elif ! "${alone[@]}" true 2>"$dir/unshare.log"; then
        skip "$name" "no network of its own: $(head -n 1 "$dir/unshare.log")"
    else
        cell "$name" "${alone[@]}" python3 -B "$here/dns_jobs.py"
    fi
}

signatures() {
    local name="signatures as the newest botocore's" judge=$dir/judge log=$dir/judge.log
    cell "signatures as Debian's botocore's" /usr/bin/python3 -B "$here/signatures.py" "$BIN/sign_lines"
    if ! python3 -m venv "$judge" >"$log" 2>&1; then
        skip "$name" "no place for it: $(tail -n 1 "$log")"
    elif ! timeout 120 "$judge/bin/pip" install --quiet --retries 1 --timeout 20 botocore >"$log" 2>&1 </dev/null; then
        skip "$name" "Python's package index does not give it: $(tail -n 1 "$log" | cut -c 1-80)"
    else
        cell "$name" "$judge/bin/python" -B "$here/signatures.py" "$BIN/sign_lines"
    fi
}

# run.py prints a line for each check itself, and writes the counts.
stores() {
    local counts=$dir/stores.counts ok=0 bad=1 left_out=0 # bad: it ended before it could count
    python3 -B "$here/stores/run.py" --counts "$counts" &
    cell_pid=$!
    wait "$cell_pid"
    cell_pid=
    [[ ! -s $counts ]] || read -r ok bad left_out <"$counts"
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + left_out))
}
