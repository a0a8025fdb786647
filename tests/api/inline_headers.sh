#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles programs that define OSMEMPOOL_INLINE, in each language version, at two levels of
# optimisation, with each compiler present, without a warning; and proves that the owner's path is
# inline, and that under a sanitizer it is not. Speaks TAP.
# usage: inline_headers.sh INCLUDE_DIR DIR_OF_INLINE_USER_H
set -u

include=$1
user=$2
flags="-Wall -Wextra -Wpedantic -Werror -DOSMEMPOOL_INLINE -I$include -I$include/os -I$user -pthread"
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

program() {
    cat <<END
#include "inline_user.h"
#include <osmempool.h>
os_error_t use(struct os_mempool *mp);
void *address(void);
#ifndef __cplusplus
extern os_error_t user_inline_put(struct os_mempool *mp, void *block);
#endif
os_error_t
use(struct os_mempool *mp)
{
    return user_inline_put(mp, user_static_get(mp));
}
void *
address(void)
{
    return (void *)(uintptr_t)&os_memblock_get;
}
END
}

compile() { # COMPILER LANGUAGE VERSION FLAG...
    compiler=$1
    language=$2
    version=$3
    shift 3
    # shellcheck disable=SC2086 # flags are many words
    program | "$compiler" -x "$language" -std="$version" $flags "$@" -c -o "$work/program.o" - >&2
}

compile_all() { # COMPILER LANGUAGE VERSION...
    compiler=$1
    language=$2
    shift 2
    for version in "$@"; do
        for level in -O0 -O2; do
            words="$compiler $version $level"
            if command -v "$compiler" >/dev/null; then
                compile "$compiler" "$language" "$version" $level
                report $? "$words"
            else
                skip "$words"
            fi
        done
    done
}

# The calls that remain in use(), by what its code refers to; the thread pointer shows the inline
# path, on the machine where it has a name of its own.
reads_thread_pointer() {
    objdump -d "$work/program.o" | grep -q '%fs:\|tpidr_el0'
}

inline_or_not() { # COMPILER
    if ! command -v "$1" >/dev/null; then
        skip "$1: the owner's path is inline"
        skip "$1: not with AddressSanitizer"
        skip "$1: not with ThreadSanitizer"
        return
    fi
    compile "$1" c c11 -O2 && reads_thread_pointer
    report $? "$1: the owner's path is inline"
    compile "$1" c c11 -O2 -fsanitize=address && ! reads_thread_pointer
    report $? "$1: not with AddressSanitizer"
    compile "$1" c c11 -O2 -fsanitize=thread && ! reads_thread_pointer
    report $? "$1: not with ThreadSanitizer"
}

for compiler in gcc clang; do
    compile_all "$compiler" c c99 c11 c17
done
for compiler in g++ clang++; do
    compile_all "$compiler" c++ c++11 c++14 c++17 c++20
done
case $(uname -m) in
x86_64 | aarch64)
    inline_or_not gcc
    inline_or_not clang
    ;;
esac
echo "1..$n"
