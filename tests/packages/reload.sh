# shellcheck shell=bash
# A part of deb.sh: tokens, and systemctl reload, with the commands of docs/OPERATIONS.md, "Access".
: "${root:?}" "${work:?}" "${here:?}"

# Status of GET /archives with a token.
ask_with() { inside curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $1" http://127.0.0.1:8420/archives; }
says() { inside journalctl -u s3zipd --no-pager -o cat | grep -c -- "$1" || true; }
tokens_file() { # tokens_file TOKEN...: one entry, with the hash of each
    local hashes=()
    for token in "$@"; do hashes+=("\"$(printf %s "$token" | sha256sum | cut -d' ' -f1)\""); done
    local IFS=,
    printf '[[token]]\nname = "web"\nsha256 = [%s]\nscopes = ["submit", "read"]\n' "${hashes[*]}"
}

reload_changes_tokens() {
    local old new
    old=$(openssl rand -hex 32)
    new=$(openssl rand -hex 32)
    expect 200 "$(ask_with "$old")" "without tokens everybody may"
    tokens_file "$old" >"$root/etc/s3zipd/tokens.toml"
    inside chown root:s3zipd /etc/s3zipd/tokens.toml
    inside chmod 0640 /etc/s3zipd/tokens.toml
    echo 'tokens_file = "/etc/s3zipd/tokens.toml"' >>"$root/etc/s3zipd/s3zipd.toml"
    inside systemctl reload s3zipd
    until_is 10 200 ask_with "$old"
    until_is 10 401 ask_with "$new"

    tokens_file "$old" "$new" >"$root/etc/s3zipd/tokens.toml"
    inside systemctl reload s3zipd
    until_is 10 200 ask_with "$new"
    expect 200 "$(ask_with "$old")" "the old token, while both are good"

    tokens_file "$new" >"$root/etc/s3zipd/tokens.toml"
    inside systemctl reload s3zipd
    until_is 10 401 ask_with "$old"
    expect 200 "$(ask_with "$new")" "the new token"
    token=$new
}

reload_refuses_what_is_wrong() {
    local before
    echo 'sha256 = "none"' >>"$root/etc/s3zipd/tokens.toml"
    inside systemctl reload s3zipd 2>/dev/null && fail "systemctl reload did not notice the broken tokens file"
    ((0 < $(says '^/etc/s3zipd/tokens.toml:5:'))) || fail "the journal does not say what is wrong"
    expect active "$(inside systemctl is-active s3zipd)" "service after a reload that failed"
    # Without the look before, by the signal alone.
    before=$(says 'settings not reloaded.*tokens.toml:5:')
    inside systemctl kill --kill-whom=main -s HUP s3zipd
    until_is 10 $((before + 1)) says 'settings not reloaded.*tokens.toml:5:'
    expect 200 "$(ask_with "$token")" "the token from before"
    expect 401 "$(ask_with none)" "another"
    # A file that others may write makes tokens for them.
    sed -i '$d' "$root/etc/s3zipd/tokens.toml"
    chmod 0660 "$root/etc/s3zipd/tokens.toml"
    inside systemctl reload s3zipd 2>/dev/null && fail "a tokens file that its group may write was taken"
    chmod 0640 "$root/etc/s3zipd/tokens.toml"
}

# What is logged at level info shows the level. That a reload is over shows in what it changes besides: a token, and an error.
reload_changes_log_level() {
    local reloaded refused
    echo 'log_level = "error"' >>"$root/etc/s3zipd/s3zipd.toml"
    reloaded=$(says 'settings reloaded')
    refused=$(says 'settings not reloaded')
    tokens_file "$token" quiet >"$root/etc/s3zipd/tokens.toml"
    inside systemctl reload s3zipd
    until_is 10 200 ask_with quiet
    echo '[[' >>"$root/etc/s3zipd/tokens.toml"
    inside systemctl kill --kill-whom=main -s HUP s3zipd
    until_is 10 $((refused + 1)) says 'settings not reloaded'
    expect "$reloaded" "$(says 'settings reloaded')" "lines of level info at level error"
    sed -i '/^log_level/d' "$root/etc/s3zipd/s3zipd.toml"
    tokens_file "$token" >"$root/etc/s3zipd/tokens.toml"
    inside systemctl reload s3zipd
    until_is 10 $((reloaded + 1)) says 'settings reloaded'
}

reload_without_tokens() {
    sed -i '/^tokens_file/d' "$root/etc/s3zipd/s3zipd.toml"
    inside systemctl reload s3zipd
    until_is 10 1 says 'without tokens everybody could use the API'
    expect 401 "$(ask_with none)" "tokens are still needed"
    inside systemctl restart s3zipd
    expect 200 "$(ask_with none)" "after a restart without tokens"
}

# The commands of the section as they stand, with files such as they ask for. It leaves TLS, tokens and a socket behind.
commands_of_the_documentation() {
    local at=$root/root/access
    mkdir "$at"
    (
        cd "$at"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
            -addext subjectAltName=DNS:localhost -keyout key.pem -out fullchain.pem
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=operator.internal \
            -keyout operator.key -out operator.pem
        cp operator.pem clients.pem
    ) 2>"$work/openssl.log" || fail "openssl: $(<"$work/openssl.log")"
    sed -n '/^## Access$/,/^## What/s/^    //p' "$here/../../docs/OPERATIONS.md" >"$at/commands"
    (($(wc -l <"$at/commands") > 30)) || fail "no commands in docs/OPERATIONS.md"
    inside sh -exc 'cd /root/access && . ./commands' >"$work/commands.log" 2>&1 || {
        cat "$work/commands.log" >&2
        fail "docs/OPERATIONS.md, Access: a command has failed"
    }
    expect "640 root:s3zipd" "$(inside stat -c '%a %U:%G' /etc/s3zipd/key.pem)" "the key"
    expect "660 root:www-data" "$(inside stat -c '%a %U:%G' /run/s3zipd.sock)" "the Unix socket"
    until_is 10 epoll io_over_tls
    rm -r "$root"/etc/systemd/system/s3zipd.{socket,service}.d "$at"
    inside systemctl daemon-reload
}
io_over_tls() {
    inside sh -c 'cd /root/access && curl -fsS --cacert fullchain.pem --cert operator.pem --key operator.key \
        https://localhost:8420/version' | field io
}
