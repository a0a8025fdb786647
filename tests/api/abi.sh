#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The layout that programs compile in, against tables that are checked in, for each kind of machine:
# clang alone compiles assertions for all of them. A change of a table is a new soname. Speaks TAP.
# usage: abi.sh INCLUDE_DIR DIR_OF_TABLES
set -u

include=$1
tables=$2
n=0

# assertions TABLE: a C program that a compiler accepts only if the table is true.
assertions() {
    echo '#include <osmempool.h>'
    sed -n \
        -e 's/^\([a-z_]*\)\.\([a-z_]*\) \([0-9]*\) \([0-9]*\)$/_Static_assert(offsetof(struct \1, \2) == \3 \&\& sizeof(((struct \1 *)0)->\2) == \4, "\1.\2");/p' \
        -e 's/^\([a-z_]*\) 0 \([0-9]*\)$/_Static_assert(sizeof(struct \1) == \2, "\1");/p' \
        "$1"
}

check() { # TABLE TARGET
    n=$((n + 1))
    if assertions "$tables/abi_$1.txt" |
        clang --target="$2" -ffreestanding -fsyntax-only -std=c11 -Wall -Wextra -Wpedantic \
            -Werror -I"$include" -I"$include/os" -x c -; then
        echo "ok $n - $1 is that of $2"
    else
        echo "not ok $n - $1 is that of $2"
    fi
}

if ! command -v clang >/dev/null; then
    echo '1..0 # SKIP clang is not present'
    exit 0
fi
echo 1..12
check lp64_le x86_64-linux-gnu
check lp64_le aarch64-linux-gnu
check lp64_le riscv64-linux-gnu
check lp64_le powerpc64le-linux-gnu
check lp64_be s390x-linux-gnu
check lp64_be powerpc64-linux-gnu
check ilp32_le arm-linux-gnueabihf
check ilp32_le mipsel-linux-gnu
check ilp32_be powerpc-linux-gnu
check i386 i386-linux-gnu

# The tables say something about every member that get and put touch, and a wrong one is noticed.
n=$((n + 1))
missing=0
for table in "$tables"/abi_*.txt; do
    [ "$(assertions "$table" | wc -l)" -eq "$(($(wc -l <"$table") + 1))" ] || missing=1
    [ "$(cut -d' ' -f1 "$table")" = "$(cut -d' ' -f1 "$tables/abi_lp64_le.txt")" ] || missing=1
done
[ $missing -eq 0 ] || printf 'not '
echo "ok $n - each line of each table is an assertion, and all have the same members"
n=$((n + 1))
if assertions "$tables/abi_lp64_be.txt" |
    clang --target=x86_64-linux-gnu -ffreestanding -fsyntax-only -I"$include" -x c - 2>/dev/null; then
    printf 'not '
fi
echo "ok $n - a table of another machine is refused"
