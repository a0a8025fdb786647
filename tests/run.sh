#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run.sh: builds and tests every configuration.
#
#   sh tests/run.sh [--quick] [--long]
#
#   --quick  only the two plain builds, with all their tests
#   --long   stress and litmus tests run for minutes, larger models are verified (14 GB of memory),
#            and the library is built for other architectures, whose tests qemu-user runs
#
# Installs what is missing first (tools/deps.sh). Builds outside the source tree, in a directory
# under $OSMEMPOOL_TEST_DIR or $TMPDIR or /tmp; it is kept if something failed. One line for each
# configuration, and "N passed, N failed" at the end; exit status 0 only if nothing failed.
set -u

root=$(cd "$(dirname "$0")/.." && pwd)
total_passed=0
total_failed=0

main()
{
    quick=no
    for option in "$@"; do
        case $option in
        --quick) quick=yes ;;
        --long) export OSMEMPOOL_TEST_LONG=1 ;;
        *)
            echo "usage: sh tests/run.sh [--quick] [--long]" >&2
            exit 64
            ;;
        esac
    done
    prepare
    for locking in mutex spinlock; do
        run_plain
        if [ $quick = no ]; then
            run_more
        fi
    done
    if [ $quick = no ]; then
        run_once
    fi
    if [ -n "${OSMEMPOOL_TEST_LONG:-}" ]; then
        run_targets
    fi
    finish
}

prepare()
{
    exec </dev/null
    if ! sh "$root/tools/deps.sh" build test; then
        echo "run.sh: packages are missing, see above" >&2
        exit 1
    fi
    for tool in gcc g++ clang meson ninja pkg-config python3 valgrind strace mandoc nm readelf \
        clang-format shellcheck prometheus promtool zsh fish spin; do
        if ! command -v $tool >/dev/null; then
            echo "run.sh: '$tool' is not in the PATH though its package is installed" >&2
            exit 1
        fi
    done
    parent=${OSMEMPOOL_TEST_DIR:-${TMPDIR:-/tmp}}
    mkdir -p "$parent" && work=$(mktemp -d "$parent/osmempool-test.XXXXXX") || exit 1
    # Some tests, run by root, start programs as another user.
    chmod 755 "$work"
    trap 'interrupted INT' INT
    trap 'interrupted TERM' TERM
    trap 'interrupted HUP' HUP
    # ThreadSanitizer's runtime needs a layout of memory that address randomisation may spoil.
    no_randomisation=
    if setarch "$(uname -m)" -R true 2>/dev/null; then
        no_randomisation="setarch $(uname -m) -R"
    fi
    export PYTHONDONTWRITEBYTECODE=1
    # Twice as many tests at once as there are cores: many of them mostly wait.
    processes=$((2 * $(nproc)))
    started=$(date +%s)
}

# An interrupted run leaves nothing behind.
interrupted()
{
    echo "run.sh: ended by SIG$1" >&2
    rm -rf "$work"
    exit 130
}

# The inspector, the protocols' models and the deleted checks know nothing of locks.
run_plain()
{
    built gcc plain --werror || return
    if [ $locking = mutex ]; then
        tested plain
    else
        tested plain '' --no-suite models --no-suite cli --no-suite mutants --no-suite bench
    fi
}

# For each way of locking: the suites that a tool can make a difference to. One benchmark is enough.
# The tools see all of the library's code in the shared one; the suite rules runs compilers and
# scripts, which the plain builds have done.
run_more()
{
    tested plain valgrind --setup=valgrind
    tested plain helgrind --setup=helgrind
    checked plain install install_and_use
    built gcc asan -Db_sanitize=address,undefined -Dbench=disabled &&
        tested asan '' --suite unit --suite api --suite stress --no-suite static --no-suite rules
    built gcc tsan -Db_sanitize=thread -Dbench=disabled &&
        tested tsan '' --suite unit --suite api --suite stress --suite watched \
            --no-suite static --no-suite rules
}

# Where no test asks for the inspector it is not built.
run_once()
{
    locking=spinlock
    built clang clang --werror -Dbench=disabled -Dmempoolstat=disabled &&
        tested clang '' --suite unit --suite api --suite litmus
    locking=mutex
    tested tsan tsan-export --suite export --no-suite static
    built gcc ndebug --werror -Dbuildtype=release -Db_ndebug=true -Dbench=disabled \
        -Dmempoolstat=disabled && tested ndebug '' --suite unit --suite api
    built gcc prio --werror -Dprio_inherit=true -Dbench=disabled -Dmempoolstat=disabled &&
        tested prio '' --suite unit
    # Without AddressSanitizer, for which no thread owns a pool or has a cache.
    built gcc ubsan -Db_sanitize=undefined -Dbench=disabled -Dmempoolstat=disabled &&
        tested ubsan '' --suite unit --suite api --no-suite static --no-suite rules
    tested asan asan-tool --suite export --suite hostile --no-suite static
    checked library library_alone
    checked static static_library_alone
    checked no-listen tool_without_listen
    checked refused priority_needs_a_mutex
    checked subproject subproject_works
}

# One target of 32 bits and one of 64 whose code differs from that of this machine: its compilers
# cannot stand beside gcc-multilib. An emulator is slow and cannot do all: tests are short, and some
# leave something out.
run_targets()
{
    before=$(date +%s)
    if ! logged targets packages sh "$root/tools/deps.sh" cross; then
        report targets 0 1 0
        tail -n 5 "$(log_of targets packages)"
        return
    fi
    for architecture in armhf ppc64el; do
        for locking in mutex spinlock; do
            run_target
        done
    done
}

run_target()
{
    target=$work/root-$architecture
    if [ ! -e "$target/root.ini" ] &&
        ! logged "$architecture" root sh "$root/tests/cross/root.sh" "$architecture" "$target"; then
        report "$architecture root" 0 1 0
        tail -n 5 "$(log_of "$architecture" root)"
        return
    fi
    export OSMEMPOOL_TEST_EMULATED=1 OSMEMPOOL_TEST_SHORT=1
    built gcc "$architecture" --werror --cross-file "$target/root.ini" \
        --cross-file "$root/tests/cross/$architecture.ini" -Dbench=disabled \
        -Dmempoolstat=disabled -Dvalgrind=disabled &&
        tested "$architecture" '' --suite unit --suite api --no-suite rules
    unset OSMEMPOOL_TEST_EMULATED OSMEMPOOL_TEST_SHORT
}

# built COMPILER NAME OPTION...: configures and compiles. Says nothing if all is well: the line is
# that of the tests.
built()
{
    compiler=$1
    name=$2
    shift 2
    before=$(date +%s)
    if ! logged "$name" build env CC="$compiler" CXX=g++ meson setup "$(dir_of "$name")" "$root" \
        "-Dlocking=$locking" -Dtests=enabled "$@" ||
        ! logged "$name" build ninja -j2 -C "$(dir_of "$name")"; then
        report "$name build" 0 1 0
        tail -n 40 "$(log_of "$name" build)"
        return 1
    fi
}

# tested NAME [LABEL] OPTION...: runs the tests of a build.
tested()
{
    name=$1
    label=${2:-$1}
    [ $# -lt 2 ] || shift
    shift
    if [ "$label" != "$name" ]; then
        before=$(date +%s)
    fi
    dir=$(dir_of "$name")
    rm -f "$dir"/meson-logs/testlog*
    # shellcheck disable=SC2086 # none or several words
    logged "$label" test $no_randomisation meson test -C "$dir" --no-rebuild \
        --num-processes "$processes" "$@"
    status=$?
    results='0 0 0'
    for testlog in "$dir"/meson-logs/testlog*.json; do
        if [ -e "$testlog" ]; then
            results=$(python3 "$root/tests/results.py" "$testlog")
        fi
    done
    # shellcheck disable=SC2046 # three words
    set -- $(echo "$results" | head -n 1)
    # What Meson finds wrong though each test was well, and a configuration without tests.
    if [ "$2" -eq 0 ] && { [ $status -ne 0 ] || [ "$1" -eq 0 ]; }; then
        results="$results
$(tail -n 20 "$(log_of "$label" test)")"
        set -- "$1" 1 "$3"
    fi
    report "$label" "$@"
    if [ "$2" -gt 0 ]; then
        echo "$results" | sed '1d; s/^/    /'
    fi
}

# checked [NAME] LABEL FUNCTION: a check that is no Meson test, done in the build NAME.
checked()
{
    before=$(date +%s)
    if [ $# -eq 3 ]; then
        dir=$(dir_of "$1")
        shift
    fi
    if logged "$1" check "$2"; then
        report "$1" 1 0 0
    else
        report "$1" 0 1 0
        tail -n 40 "$(log_of "$1" check)"
    fi
}

dir_of()
{
    echo "$work/$1-$locking"
}

log_of()
{
    echo "$work/$1-$locking.$2.log"
}

# logged NAME STEP COMMAND...: its words go to the log.
logged()
{
    log=$(log_of "$1" "$2")
    shift 2
    "$@" >>"$log" 2>&1
}

report()
{
    total_passed=$((total_passed + $2))
    total_failed=$((total_failed + $3))
    skipped=
    if [ "$4" -gt 0 ]; then
        skipped=", $4 skipped"
    fi
    printf '%-20s %5d passed, %d failed%s, %d s\n' "$1 ($locking)" "$2" "$3" "$skipped" \
        $(($(date +%s) - before))
}

# Installs into a staging directory and uses what is there as a program's author would.
install_and_use()
{
    stage=$work/stage-$locking
    meson install -C "$dir" --no-rebuild --destdir "$stage" &&
        sh "$root/tests/install/installed.sh" "$stage"
}

# Without tests, tool and bench nothing but the C library and libbsd is needed.
library_alone()
{
    meson setup "$work/library" "$root" --werror -Dtests=disabled -Dmempoolstat=disabled \
        -Dbench=disabled -Dvalgrind=disabled &&
        ninja -j2 -C "$work/library" &&
        [ -z "$(readelf -d "$work/library/lib/libosmempool.so" |
            sed -n '/NEEDED/{s/.*\[//;s/\].*//;/^libc\.\|^libbsd\.\|^ld-linux/!p}')" ]
}

# With default_library=static, whoever asks pkg-config gets the static library and what it needs.
static_library_alone()
{
    stage=$work/stage-static
    meson setup "$work/static" "$root" --werror -Ddefault_library=static -Dtests=disabled \
        -Dmempoolstat=disabled -Dbench=disabled &&
        ninja -j2 -C "$work/static" &&
        meson install -C "$work/static" --no-rebuild --destdir "$stage" &&
        [ -z "$(find "$stage" -name 'libosmempool.so*')" ] &&
        sh "$root/tests/install/installed.sh" "$stage"
}

# Without libmicrohttpd the tool is whole but for --listen, and says what is missing.
tool_without_listen()
{
    meson setup "$work/no-listen" "$root" --werror -Dtests=disabled -Dlisten=disabled \
        -Dbench=disabled &&
        ninja -j2 -C "$work/no-listen" || return 1
    tool=$work/no-listen/tools/mempoolstat/mempoolstat
    if "$tool" --listen 0 2>"$work/no-listen/message"; then
        return 1
    fi
    grep -q 'built without --listen' "$work/no-listen/message" &&
        "$tool" --openmetrics -f "$root/tests/cli/golden/demo.json" | grep -q '^# EOF$'
}

# A configuration that makes no sense is refused, and the message says why.
priority_needs_a_mutex()
{
    if meson setup "$work/refused" "$root" -Dlocking=spinlock -Dprio_inherit=true; then
        return 1
    fi
    grep -q 'prio_inherit=true needs locking=mutex' "$work/refused/meson-logs/meson-log.txt"
}

subproject_works()
{
    sh "$root/tests/subproject/subproject.sh" "$work/user"
}

finish()
{
    if [ $total_failed -eq 0 ]; then
        rm -rf "$work"
    else
        echo "logs and builds: $work"
    fi
    echo "all of it took $(($(date +%s) - started)) s"
    echo "$total_passed passed, $total_failed failed"
    [ $total_failed -eq 0 ]
}

main "$@"
