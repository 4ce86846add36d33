# shellcheck shell=bash
# A part of deb.sh: what the unit allows, by trying it. sandbox_probe takes the daemon's place: in the unit as it is; in it
# but as root, so that what refuses is the sandbox and not a file's mode; and without any.
: "${root:?}" "${work:?}" "${here:?}"

prepare_outside() {
    mkdir -p "$root/var/lib/other" "$root/usr/lib/modules" "$root/home/someone"
    chmod 777 "$root/var/lib/other"
    echo x | tee "$root/usr/lib/modules/file" "$root/home/someone/file" >"$root/root/file"
    chmod 755 "$root/root"
    cp "$BIN/sandbox_probe" "$root/opt/test/"
    inside sh -c 'echo x >/tmp/of-others; mkdir /run/outside /var/lib/outside; mknod -m 666 /dev/mem c 1 1
        mknod -m 666 /dev/kmsg c 1 11'
    inside systemd-run --quiet --unit=same --uid=s3zipd sleep infinity
    inside systemd-run --quiet --unit=other --uid=games sleep infinity
    local dropin=$root/etc/systemd/system/s3zipd.service.d
    mkdir -p "$dropin"
    cat >"$dropin/probe.conf" <<TEXT
[Service]
Type=oneshot
ExecStart=
ExecStart=/opt/test/sandbox_probe
WatchdogSec=0
StandardOutput=truncate:/var/log/probe
Environment=PROBE_SAME_USER=$(inside systemctl show -P MainPID same)
Environment=PROBE_OTHER_USER=$(inside systemctl show -P MainPID other)
TEXT
}

probe_unit() { # probe_unit PLACE
    inside systemctl daemon-reload
    inside systemctl start s3zipd || fail "the probe, $1"
    cp "$root/var/log/probe" "$work/probe.$1"
}
# The results, in $work/probe.*.
probe_everywhere() {
    local dropin=$root/etc/systemd/system/s3zipd.service.d
    probe_unit unit
    # As docs/OPERATIONS.md, "The sandbox", has it.
    printf '[Service]\nSystemCallFilter=~io_uring_setup io_uring_enter io_uring_register\n' >"$dropin/test.conf"
    probe_unit no_ring
    printf '[Service]\nUser=root\nGroup=root\n' >"$dropin/test.conf"
    probe_unit root
    inside env "STATE_DIRECTORY=/var/lib/outside" RUNTIME_DIRECTORY=/run/outside \
        "PROBE_SAME_USER=$(inside systemctl show -P MainPID same)" \
        "PROBE_OTHER_USER=$(inside systemctl show -P MainPID other)" /opt/test/sandbox_probe >"$work/probe.outside"
    rm -r "$dropin"
    inside systemctl daemon-reload
    inside systemctl stop same other
}

result() { sed -n "s|^$2 ||p" "$work/probe.$1"; } # result PLACE NAME

# Compares with the table: an attempt and its result in each place; a|b where kernels differ, = for the same as outside.
compare_with_table() {
    local name place expected found rows=0 differences=0
    local -a row
    # A container may have no right to raise limits: then the unit gets what there is, and what it asks for has to do.
    local raised
    raised=$(result outside limit:raise)
    while read -ra row; do
        name=${row[0]}
        rows=$((rows + 1))
        for place in unit no_ring root outside; do
            row=("${row[@]:1}")
            expected=${row[0]}
            [[ $name != limit:* || $raised == "done" || $name == limit:raise ]] || expected="="
            [[ $expected != "=" ]] || expected=$(result outside "$name")
            found=$(result "$place" "$name")
            [[ -z $found || "|$expected|" != *"|$found|"* ]] || continue
            echo "$name, $place: expected $expected, found ${found:-nothing}" >&2
            differences=$((differences + 1))
        done
    done < <(grep -v '^#' "$here/sandbox.txt")
    expect "$rows" "$(wc -l <"$work/probe.unit")" "attempts that the table has"
    ((differences == 0)) || fail "$differences results differ from sandbox.txt"
    expect "65536 infinity" "$(inside systemctl show -P LimitNOFILE s3zipd) $(inside systemctl show -P LimitMEMLOCK s3zipd)" \
        "limits that the unit asks for"
    echo "$rows attempts, each in four places: as expected"
    [[ $raised == "done" ]] || echo "limits not tried: nobody may raise them here (CAP_SYS_RESOURCE)"
}

exposure() {
    local said score
    said=$(inside systemd-analyze verify --man=no s3zipd.service s3zipd.socket 2>&1) || fail "verify: $said"
    expect "" "$said" "systemd-analyze verify"
    score=$(inside systemd-analyze security --no-pager s3zipd.service |
        sed -n 's/.*Overall exposure level for s3zipd.service: \([0-9.]*\).*/\1/p')
    [[ $score == [01].[0-9] ]] || fail "systemd-analyze security: $score, which is not below 2"
    echo "systemd-analyze security: $score"
}
