# shellcheck shell=bash
# Sourced by run.sh: a cell is one line of the matrix. Needs $dir, a folder of the run's own.
: "${dir:?}"
passed=0 failed=0 skipped=0 refused=0
cell_pid=
cell_limit_s=600 # a reader that takes longer hangs

row() { printf '%-5s %-52s %s\n' "$1" "$2" "$3"; }
now_us() { echo "${EPOCHREALTIME//[.,]/}"; }
took() { # took BEGAN_US TEXT: the seconds since then, and the text
    local tenths=$((($(now_us) - $1) / 100000))
    printf '%4d.%d s  %s' $((tenths / 10)) $((tenths % 10)) "$2"
}
last_line() { grep . "$dir/cell.log" | tail -n 1 | tr -d '\000-\037' | cut -c 1-110; }

skip() { # skip NAME REASON
    row skip "$1" "$2"
    skipped=$((skipped + 1))
}

# Where the reader itself is known not to be able to: what its output must say, and why. A refusal that says anything
# else is a failure, and a reader that has learnt it passes.
known_refusal() { # known_refusal NAME: sets refusal_says and refusal_why
    refusal_says='' refusal_why=''
    case $1 in
        "0 entries: Rust zip from a pipe")
            refusal_says=UnexpectedEof
            refusal_why="it expects a local header or a directory header; an empty archive has neither"
            ;;
        *) return 1 ;;
    esac
}

run_limited() { # in a process group of its own, which goes with it; waited for, so that signals to us are heard
    timeout -k 10 "$cell_limit_s" "$@" >"$dir/cell.log" 2>&1 </dev/null &
    cell_pid=$!
    local status=0
    wait "$cell_pid" || status=$?
    cell_pid=
    return $status
}

cell() { # cell NAME COMMAND...: one line; the command's last line of output stands beside it. A function has no limit.
    local name=$1 status=0 began what
    shift
    began=$(now_us)
    if [[ $(type -t "$1") == function ]]; then
        "$@" >"$dir/cell.log" 2>&1 </dev/null || status=$?
    else
        run_limited "$@" || status=$?
    fi
    if ((status == 0)); then
        row pass "$name" "$(took "$began" "$(last_line)")"
        passed=$((passed + 1))
    elif ((status != 124)) && known_refusal "$name" && grep -q -e "$refusal_says" "$dir/cell.log"; then
        row known "$name" "$(took "$began" "refuses: $refusal_why")"
        refused=$((refused + 1))
    else
        what="exit code $status"
        ((status != 124)) || what="no end after $cell_limit_s s"
        row FAIL "$name" "$(took "$began" "$what")"
        tail -n 8 "$dir/cell.log" | sed 's/^/      /'
        failed=$((failed + 1))
        return 1
    fi
}

summary() {
    echo "$passed passed, $failed failed, $skipped skipped, $refused known refusals"
    ((failed == 0))
}
