# SPDX-License-Identifier: Apache-2.0
# Completion of mempoolstat(1) for fish. Options come from --help, pools and processes from what
# runs at the moment.

# Numbers of processes that export their pools, and their programs.
function __mempoolstat_pids
    mempoolstat -l 2>/dev/null |
        string replace -rf '^ *(\d+) +\S+ +(\S*).*' '$1\t$2'
end

# Names of pools, as globs that match just them. Those that hold control characters are left out.
function __mempoolstat_pools
    mempoolstat -m 2>/dev/null | string match -rv '\\\\' |
        string replace -rf '^ *(.*\S) +\d+ +\d+ +\d+ +\d+$' '$1' |
        string replace -ra '[][*?]' '\\\\$0' | sort -u
end

function __mempoolstat_keys
    mempoolstat --help | string replace -rf '^ .* --sort KEY .* by ' '' | string split ', '
end

# Whether the word follows OLD: the second of an option that takes two.
function __mempoolstat_wants_file
    set -l words (commandline -opc)
    test (count $words) -ge 2; and string match -q -- '--diff' $words[-2]
end

complete -c mempoolstat -f
complete -c mempoolstat -n 'not __mempoolstat_wants_file' -a '(__mempoolstat_pools)' -d pool
complete -c mempoolstat -n __mempoolstat_wants_file -F

for line in (mempoolstat --help 2>/dev/null)
    string match -rq '^  (-(?<letter>\w),|   ) --(?<name>[a-z-]+)( (?<argument>[A-Z][A-Z:]*( [A-Z]+)*))? +(?<help>.*)$' -- $line
    or continue
    set -l option -l $name -d $help
    if test -n "$letter"
        set -a option -s $letter
    end
    switch "$argument"
        case ''
            complete -c mempoolstat $option
        case PID
            complete -c mempoolstat $option -x -a '(__mempoolstat_pids)'
        case KEY
            complete -c mempoolstat $option -x -a '(__mempoolstat_keys)'
        case PATH FILE 'OLD*'
            complete -c mempoolstat $option -r -F
        case '*'
            complete -c mempoolstat $option -x
    end
end
