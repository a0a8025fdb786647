#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# quickstart.sh: from a bare Debian 12 machine to pools at work, in less than 4 minutes.
#
#   sh tools/quickstart.sh
#
# Installs packages, builds into a temporary directory, lets a program copy a file through pools
# while mempoolstat watches it, and measures. Needs root or sudo for the packages, no terminal, and
# asks nothing. Ends what it started and removes what it wrote, also when it fails.
set -eu

source_dir=$(cd "$(dirname "$0")/.." && pwd)
began=$(date +%s)
work=
child=
copier=

step()
{
    printf '\n== %s\n' "$*"
}

fail()
{
    printf '\nquickstart.sh: %s\n' "$*" >&2
    exit 1
}

end_process()
{
    if [ -n "$1" ] && kill "$1" 2>/dev/null; then
        wait "$1" || true
    fi
}

clean_up()
{
    status=$?
    trap - EXIT
    end_process "$child"
    end_process "$copier"
    if [ -n "$work" ]; then
        rm -rf "$work"
    fi
    exit "$status"
}

# Runs a command that the shell waits for in a way that a signal ends: the trap comes at once.
run()
{
    "$@" &
    child=$!
    wait "$child" || { status=$?; child=; return "$status"; }
    child=
}

# Shows a command as one would type it, then runs it.
show()
{
    printf '$ %s\n' "$*"
    run "$@"
}

install_packages()
{
    step "1/5  Packages for building and measuring"
    sh "$source_dir/tools/deps.sh" build bench ||
        fail "the packages could not be installed; what is said above comes from tools/deps.sh"
}

build()
{
    step "2/5  Build, in $work/build"
    log=$work/build.log
    run meson setup -Dtests=disabled -Dmempoolstat=enabled -Dbench=enabled \
        "$work/build" "$source_dir" >"$log" 2>&1 ||
        { cat "$log" >&2; fail "meson setup failed; its output is above"; }
    sed -n '/^osmempool/,/^Found ninja/{/^Found ninja/d;p;}' "$log"
    run ninja -C "$work/build" >"$log" 2>&1 ||
        { tail -n 50 "$log" >&2; fail "the build failed; the end of its output is above"; }
    tail -n 1 "$log"
}

# A real file of some size: the compiler itself, or else the library that was just built.
choose_file()
{
    file=$(cc -print-prog-name=cc1 2>/dev/null || true)
    if [ ! -f "$file" ]; then
        file=$work/build/lib/libosmempool.so
    fi
}

wait_for_export()
{
    tries=0
    until mempoolstat -p "$copier" >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -ge 50 ] || ! kill -0 "$copier" 2>/dev/null; then
            fail "the copier does not export its pools; what it said is above"
        fi
        sleep 0.1
    done
}

copy_a_file()
{
    choose_file
    step "3/5  Three workers copy a file through pools, again and again, and export them"
    printf '$ OSMEMPOOL_EXPORT=1 copier --workers 3 --seconds 6 %s copy &\n' "$file"
    OSMEMPOOL_EXPORT=1 copier --workers 3 --seconds 6 "$file" "$work/copy" >"$work/copier.out" &
    copier=$!
    wait_for_export
}

watch_it()
{
    step "4/5  mempoolstat looks at it from outside"
    show mempoolstat -l || fail "mempoolstat -l failed"
    show mempoolstat -d 1 -c 3 || fail "mempoolstat failed"
    wait "$copier" || { copier=; fail "the copier failed"; }
    copier=
    printf '\nThe copier has ended, and says:\n'
    cat "$work/copier.out"
    cmp "$file" "$work/copy" || fail "the copy differs from the original"
    echo "The copy and the original are the same, byte by byte."
}

# The tables are long; what they come to is at their end.
measure()
{
    step "5/5  The pool beside malloc (what it comes to; without the sed, the tables too)"
    printf "$ osmempool-bench --quick | sed -n '1,/^\$/p; /^In short/,\$p'\n"
    run osmempool-bench --quick >"$work/bench.out" ||
        { cat "$work/bench.out" >&2; fail "the benchmark failed; its output is above"; }
    sed -n '1,/^$/p; /^In short/,$p' "$work/bench.out"
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

install_packages
work=$(mktemp -d "${TMPDIR:-/tmp}/osmempool.XXXXXX") ||
    fail "no temporary directory; set TMPDIR to a directory that can be written"
build
PATH=$work/build/doc/examples:$work/build/tools/mempoolstat:$work/build/bench:$PATH
OSMEMPOOL_DIR=$work/run
export PATH OSMEMPOOL_DIR
copy_a_file
watch_it
measure
step "quickstart: all steps done in $(($(date +%s) - began)) s; nothing of it is left behind"
