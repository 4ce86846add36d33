# Completion of s3zip for bash; the package installs it as /usr/share/bash-completion/completions/s3zip. Commands, options
# and their values come from the command's own --help, ids of jobs from the daemon, so there is no list here to keep.
_s3zip() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]}
    local commands="create plan ls show watch cancel verify" command="" i help choices
    for ((i = 1; i < COMP_CWORD; ++i)); do
        if [[ " $commands " == *" ${COMP_WORDS[i]} "* ]]; then
            command=${COMP_WORDS[i]}
            break
        fi
    done
    COMPREPLY=()
    # shellcheck disable=SC2086  # no command is no argument
    help=$("$program" $command --help 2>/dev/null) || return 0
    [[ -z $command ]] || help+=$'\n'$("$program" --help) # its options may stand behind a command, too
    choices=
    if [[ $before == --* ]]; then # "--names TEXT:{safe,strict,raw}"
        choices=$(sed -n "s/^ .*$before TEXT:{\([^}]*\)}.*/\1/p" <<<"$help")
    fi
    if [[ -n $choices ]]; then
        mapfile -t COMPREPLY < <(compgen -W "${choices//,/ }" -- "$word")
    elif [[ $before == --*-file || $before == --client-* || ($command == verify && $word != -* && $word != s3:*) ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(grep -oE -- '--[a-z][a-z0-9-]+' <<<"$help" | sort -u)" -- "$word")
    elif [[ -z $command ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
    elif [[ " show watch cancel " == *" $command "* ]]; then
        choices=$("$program" --json ls 2>/dev/null | grep -oE '"id": ?"[0-9A-Z]{26}"' | cut -d'"' -f4)
        mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
    fi
}
complete -F _s3zip s3zip
