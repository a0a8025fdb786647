#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs test programs where membarrier(2) is missing from the start, and where it fails later, as
# behind a filter that was loaded after the start: all of it must work, only without ownership and
# caches. strace makes the calls fail. Speaks TAP.
# usage: without_membarrier.sh PROGRAM... LIBRARY
set -u

n=0

report() { # STATUS WORDS
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
    fi
}

# The last argument: where the program finds the shared library.
for library in "$@"; do
    :
done
LD_LIBRARY_PATH=$(dirname "$library")
export LD_LIBRARY_PATH

if ! strace -f -o /dev/null true 2>/dev/null; then
    echo "1..0 # SKIP strace is not installed, or may not trace here"
    exit 0
fi
trace=$(mktemp)
trap 'rm -f "$trace"' EXIT

while [ $# -gt 1 ]; do
    for fault in error=ENOSYS error=EPERM:when=2+ error=EPERM:when=5+; do
        strace -f -e trace=membarrier -e inject="membarrier:$fault" -o "$trace" "$1" >&2
        report $? "$(basename "$1") with $fault"
    done
    # The registration at the start is refused, and nobody asks again.
    strace -f -e trace=membarrier -e inject=membarrier:error=ENOSYS -o "$trace" "$1" >/dev/null 2>&1
    [ "$(grep -c 'membarrier(' "$trace")" -eq "$(grep -c 'REGISTER' "$trace")" ]
    report $? "$(basename "$1") asks once"
    shift
done
echo "1..$n"
