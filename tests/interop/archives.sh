# shellcheck shell=bash
# Sourced by run.sh: the archives of the matrix and who reads them. Each is made by `s3zip create --local` out of
# s3sim's synthetic buckets into `s3sim --root`, where an archive is a plain file; read by everybody; and removed.
: "${BIN:?}" "${dir:?folder of this run}" "${here:?folder of this file}" "${small:?yes or no}"
export TOOLS=$dir/tools
declare -A missing=() # reader -> why it cannot run here

# The readers, and what is printed of them.
readers=(unzip python bsdtar-list bsdtar-list-pipe bsdtar bsdtar-pipe 7z java java-stream go rust rust-pipe s3zip)
declare -A reader_label=(
    [unzip]="unzip -t" [python]="Python zipfile" [bsdtar-list]="bsdtar -tf file"
    [bsdtar-list-pipe]="bsdtar -tf from a pipe" [bsdtar]="bsdtar -x from a file" [bsdtar-pipe]="bsdtar -x from a pipe"
    [7z]="7z t" [java]="Java ZipFile" [java-stream]="Java ZipInputStream" [go]="Go archive/zip"
    [rust]="Rust zip" [rust-pipe]="Rust zip from a pipe" [s3zip]="s3zip verify"
)

find_readers() {
    local reader tool
    for reader in "${readers[@]}"; do
        tool=${reader%%-*}
        [[ $tool != python ]] || tool=python3
        [[ $tool =~ ^(go|rust|s3zip)$ ]] || command -v "$tool" >/dev/null || missing[$reader]="$tool is not installed"
    done
}

# What build_readers leaves out is skipped in each archive, with the reason.
build_go_reader() {
    local go
    go=$(command -v go || echo /usr/local/go/bin/go)
    if [[ ! -x $go ]]; then
        missing[go]="Go is not installed"
        return
    fi
    cell "Go reader builds" env GOCACHE="$dir/go-cache" GOTOOLCHAIN=local GOFLAGS= GO111MODULE=off \
        "$go" build -o "$TOOLS/go_read_zip" "$here/read_zip.go" || missing[go]="its reader was not built"
}

build_rust_reader() {
    local cargo log=$dir/cargo.log why=
    # A copy, because cargo writes its lock file beside the sources; Cargo.toml has exact versions.
    cp -r "$here/rust_reader" "$dir/rust_reader"
    local -a where=(--manifest-path "$dir/rust_reader/Cargo.toml")
    cargo=$(command -v cargo || echo "$HOME/.cargo/bin/cargo")
    if [[ ! -x $cargo ]]; then
        why="cargo is not installed"
    elif ! timeout 120 "$cargo" fetch "${where[@]}" >"$log" 2>&1 </dev/null; then
        why="the zip crate could not be fetched: $(grep -m 1 -i error "$log" || echo "no answer")"
    elif ! cell "Rust reader builds" env CARGO_TARGET_DIR="$dir/cargo" \
        "$cargo" build --quiet --offline --release "${where[@]}"; then
        why="its reader was not built"
    else
        mv "$dir/cargo/release/read_zip" "$TOOLS/rust_read_zip"
    fi
    [[ -z $why ]] || missing[rust]=$why missing[rust-pipe]=$why
}

check_archive() { # check_archive LABEL ARCHIVE ENTRIES [FACT=VALUE...]
    local label=$1 reader name
    shift
    for reader in "${readers[@]}"; do
        name="$label: ${reader_label[$reader]}"
        if [[ -n ${missing[$reader]:-} ]]; then
            skip "$name" "${missing[$reader]}"
        else
            cell "$name" "$here/read_archive.sh" "$reader" "$@"
        fi
    done
}

archive() { # archive LABEL ENTRIES [FACT=VALUE...] [ARGUMENTS OF s3zip create]...
    local label=$1 entries=$2 file=$dir/root/out/x.zip
    local -a facts=()
    shift 2
    while [[ $1 =~ ^[a-z_]+= ]]; do
        facts+=("$1")
        shift
    done
    cell "$label: s3zip create --local" "$BIN/s3zip" create --local "$@" -o s3://out/x.zip --overwrite
    [[ -s $file ]] || return
    check_archive "$label" "$file" "$entries" "${facts[@]}"
    rm -f "$file"
}

large_archive() { # the same, unless --small
    if [[ $small == yes ]]; then
        row '-' "$1" "left out (--small)"
    else
        archive "$@"
    fi
}

# Keys of b- and small buckets are prefix and ten digits: 12 bytes, so a header of 30 + 12 and 9 of timestamp.
boundaries_at=(0xFFFFFFFE 0xFFFFFFFF 0x100000000)
header_size=51 small_size=1000

start_s3sim() {
    local -a synthetic=(
        'empty=count=1,size=0,prefix=empty/' 'tiny=count=2000,size=1000,prefix=tiny/'
        'middle=count=512,sizes=normal:6291456:2097152:0:12582912,total=3221225472,prefix=middle/'
        'large=count=3,size=1GiB,prefix=large/' 'huge=count=1,size=5GiB,prefix=huge/'
        'many=count=70000,size=100,prefix=many/' 'million=count=1000000,size=1024,prefix=million/'
        'n65534=count=65534,size=100,prefix=n/' 'n65535=count=65535,size=100,prefix=n/'
        'n65536=count=65536,size=100,prefix=n/' "small=count=1,size=$small_size,prefix=s/"
    )
    local at tries url='' word
    local -a words=()
    for at in "${boundaries_at[@]}"; do
        synthetic+=("size-${at,,}=count=1,size=$((at)),prefix=b/"
            "offset-${at,,}=count=1,size=$((at - header_size)),prefix=b/"
            "directory-${at,,}=count=1,size=$((at - 2 * header_size - small_size)),prefix=b/")
    done
    for word in "${synthetic[@]}"; do words+=(--synthetic "$word"); done
    for word in out nothing folders zoo zoo-named; do words+=(--bucket "$word"); done
    mkdir -p "$dir/root"
    "$BIN/s3sim" --listen 127.0.0.1:0 --root "$dir/root" "${words[@]}" >"$dir/s3sim.log" 2>&1 &
    s3sim_pid=$!
    for ((tries = 0; tries < 200; ++tries)); do
        url=$(sed -n 's/^s3sim listening on //p' "$dir/s3sim.log")
        [[ -z $url ]] || break
        kill -0 "$s3sim_pid" 2>/dev/null || break
        sleep 0.05
    done
    export AWS_ENDPOINT_URL_S3=$url AWS_ACCESS_KEY_ID=s3sim AWS_SECRET_ACCESS_KEY=s3simsecret AWS_REGION=us-east-1
    [[ -n $url ]] || cat "$dir/s3sim.log"
    [[ -n $url ]]
}

readers() {
    local long_comment
    archive "0 entries" 0 s3://nothing/ --on-empty archive
    archive "1 empty entry" 1 s3://empty/
    archive "70,000 entries" 70000 s3://many/
    archive "a comment" 1 comment_size=30 s3://small/ --comment 'größer als nichts: 文件 PK'
    printf -v long_comment '%65535s' ''
    archive "the longest comment" 2000 comment_size=65535 s3://tiny/ --comment "${long_comment// /c}"
    cell "folders: objects" python3 "$here/folders.py" folders
    archive "folders" 8 s3://folders/
    large_archive "one 5 GiB entry" 1 s3://huge/
    large_archive "6 GiB mixed" 2516 s3://tiny/ s3://middle/ s3://large/ s3://empty/
}

boundaries() {
    local at count
    for count in 65534 65535 65536; do archive "$count entries" $count "s3://n$count/"; done
    for at in "${boundaries_at[@]}"; do
        large_archive "entry of $at bytes" 2 "first_size=$at" "s3://size-${at,,}/" s3://small/
        large_archive "header at $at" 2 "last_offset=$at" "s3://offset-${at,,}/" s3://small/
        large_archive "directory at $at" 2 "directory_offset=$at" "s3://directory-${at,,}/" s3://small/
    done
    large_archive "1,000,000 entries" 1000000 s3://million/
}

zoo() {
    local reader
    local -a zoo=(python3 "$here/zoo.py" "$dir/zoo")
    cell "zoo: objects" "${zoo[@]}" put || return
    cell "zoo: s3zip create --local" "${zoo[@]}" create "$dir/root/out/zoo.zip" || return
    cell "zoo: again, with --json" "${zoo[@]}" again "$dir/root/out/zoo.zip"
    check_archive zoo "$dir/root/out/zoo.zip" "$(<"$dir/zoo.entries")"
    cell "zoo: jobs through the daemon" python3 "$here/zoo_daemon.py"
    rm -f "$dir/root/out/zoo-"*
    cell "zoo: names" "${zoo[@]}" names "$dir/root/out/zoo.zip"
    for reader in unzip 7z bsdtar bsdtar-pipe python; do
        if [[ -n ${missing[$reader]:-} ]]; then
            skip "zoo: extracted by $reader" "${missing[$reader]}"
        else
            cell "zoo: extracted by $reader" "${zoo[@]}" extract "$dir/root/out/zoo.zip" "$reader"
            rm -rf "$dir/zoo"
        fi
    done
    rm -f "$dir/root/out/zoo.zip"
}
