#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles and runs a program with get and put inline under flags that change the assembler's
# dialect, the layout of structures, or what the compiler adds to functions, with each compiler
# present. The library stays as it is: both must see the same. Speaks TAP.
# usage: flags.sh INCLUDE_DIR SHARED_LIBRARY FLAGS_USER_C
set -u

include=$1
library=$2
user=$3
flags="-Wall -Wextra -Wpedantic -Werror -O2 -pthread -I$include -I$include/os"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0

report() { # STATUS WORDS
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
    fi
}

skip() { # WORDS
    n=$((n + 1))
    echo "ok $n - $1 # SKIP compiler not present"
}

runs() { # COMPILER LANGUAGE FLAG...
    compiler=$1
    language=$2
    shift 2
    # shellcheck disable=SC2086 # flags are many words
    "$compiler" -x "$language" $flags -DFLAGS_PLAIN -c "$user" -o "$work/plain.o" &&
        "$compiler" -x "$language" $flags "$@" -c "$user" -o "$work/user.o" &&
        "$compiler" "$@" "$work/user.o" "$work/plain.o" "$library" \
            -Wl,-rpath,"$(dirname "$library")" -pthread -o "$work/program" &&
        "$work/program"
}

try() { # 'COMPILER LANGUAGE' FLAG...
    pair=$1
    shift
    if command -v "${pair% *}" >/dev/null; then
        runs "${pair% *}" "${pair#* }" "$@" >&2
        report $? "$pair $*"
    else
        skip "$pair $*"
    fi
}

clangs() { # FLAG...
    try 'clang c' "$@"
    try 'clang++ c++' "$@"
}

each() { # FLAG...
    try 'gcc c' "$@"
    try 'g++ c++' "$@"
    clangs "$@"
}

each -O2
each -O0
each -fshort-enums
each -fpack-struct=1
each -fpack-struct=2 -fshort-enums -O0
each -finstrument-functions
each -finstrument-functions -O0
each -fsanitize=undefined -fno-sanitize-recover=all
case $(uname -m) in
x86_64)
    each -masm=intel
    each -masm=intel -O0
    ;;
esac
clangs -fsanitize=integer,undefined -fno-sanitize-recover=all
clangs -fsanitize=integer,undefined -fno-sanitize-recover=all -O0
echo "1..$n"
