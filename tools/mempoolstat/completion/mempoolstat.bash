# SPDX-License-Identifier: Apache-2.0
# Completion of mempoolstat(1) for bash. Options come from --help, pools and processes from what
# runs at the moment. Needs nothing else, not even the package bash-completion.

# Options, one in a line: letter or "-", name, argument and help.
_mempoolstat_options()
{
    "$1" --help 2>/dev/null | sed -n 's/^  -\(.\), --/\1 /p; s/^      --/- /p'
}

# What an option takes, by its letter or name with the dashes: PID, "OLD NEW", or nothing.
_mempoolstat_argument()
{
    local letter name rest

    while read -r letter name rest; do
        if [[ $2 == "-$letter" || $2 == "--$name" ]]; then
            [[ $rest =~ ^[A-Z][A-Z:]*(' '[A-Z]+)* ]] && echo "${BASH_REMATCH[0]}"
            return
        fi
    done < <(_mempoolstat_options "$1")
}

_mempoolstat_keys()
{
    "$1" --help 2>/dev/null | sed -n 's/^ .* --sort KEY .* by //p' | tr -d ,
}

# Numbers of processes that export their pools.
_mempoolstat_pids()
{
    "$1" -l 2>/dev/null | sed -n 's/^ *\([0-9]\{1,\}\) .*/\1/p'
}

# Names of pools, as globs that match just them. Those that hold control characters are left out.
_mempoolstat_pools()
{
    "$1" -m 2>/dev/null | sed -n '/\\/d
        s/^ *\(.*[^ ]\)  *[0-9]\{1,\}  *[0-9]\{1,\}  *[0-9]\{1,\}  *[0-9]\{1,\}$/\1/
        t found
        d
        : found
        s/[][*?]/\\&/g
        p' | sort -u
}

# Offers the lines of the input that go on as the word does, quoted.
_mempoolstat_offer()
{
    local line quoted

    while read -r line; do
        printf -v quoted %q "$line"
        if [[ $quoted == "$1"* ]]; then
            COMPREPLY+=("${quoted#"$2"}")
        fi
    done
}

# _mempoolstat_values TOOL ARGUMENT WORD DONE: values of an option's argument. What is DONE stands
# on the line already, before what readline replaces.
_mempoolstat_values()
{
    case $2 in
    PID) _mempoolstat_offer "$3" "$4" < <(_mempoolstat_pids "$1") ;;
    KEY) _mempoolstat_offer "$3" "$4" < <(_mempoolstat_keys "$1" | tr ' ' '\n') ;;
    PATH | FILE | OLD*)
        compopt -o filenames 2>/dev/null
        while read -r line; do
            COMPREPLY+=("$line")
        done < <(compgen -f -- "${3#"$4"}")
        ;;
    esac
}

_mempoolstat()
{
    local tool=$1 line=${COMP_LINE:0:COMP_POINT} current=${COMP_WORDS[COMP_CWORD]}
    local previous=$3 before='' word argument letter name rest

    # The whole word: readline has cut it at each ":" and "=", and replaces what is behind the last.
    [[ $line =~ (([^[:space:]\\]|\\.)*)$ ]] && word=${BASH_REMATCH[1]}
    [[ $current == [:=] ]] && current=''
    local done_part=${word%"$current"}
    line=${line%"$word"}
    [[ $line =~ ([^[:space:]]+)[[:space:]]+$ ]] && previous=${BASH_REMATCH[1]}
    line=${line%"${BASH_REMATCH[0]}"}
    [[ $line =~ ([^[:space:]]+)[[:space:]]+$ ]] && before=${BASH_REMATCH[1]}

    COMPREPLY=()
    argument=$(_mempoolstat_argument "$tool" "$previous")
    if [[ -z $argument ]]; then
        # The second word of an option that takes two.
        argument=$(_mempoolstat_argument "$tool" "$before")
        [[ $argument == *' '* ]] || argument=''
    fi
    if [[ -n $argument ]]; then
        _mempoolstat_values "$tool" "$argument" "$word" "$done_part"
    elif [[ $word == --*=* ]]; then
        argument=$(_mempoolstat_argument "$tool" "${word%%=*}")
        _mempoolstat_values "$tool" "$argument" "${word#*=}" "${done_part#*=}"
    elif [[ $word == -* ]]; then
        while read -r letter name rest; do
            [[ --$name == "$word"* ]] && COMPREPLY+=("--$name")
            [[ $letter != - && -$letter == "$word"* ]] && COMPREPLY+=("-$letter")
        done < <(_mempoolstat_options "$tool")
    else
        _mempoolstat_offer "$word" "$done_part" < <(_mempoolstat_pools "$tool")
    fi
}

complete -F _mempoolstat mempoolstat
