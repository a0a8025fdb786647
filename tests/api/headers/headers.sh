#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles each public header alone, in each language version, with each compiler present, without
# a warning; and proves that none needs a header of another project. Speaks TAP.
# usage: headers.sh INCLUDE_DIR DIR_OF_SIZES_H
set -u

include=$1
sizes=$2
flags="-Wall -Wextra -Wpedantic -Werror -fsyntax-only -I$include -I$include/os -I$sizes"
forms='os_mempool.h os/os_mempool.h osmempool.h os_arch.h os_error.h os/os_arch.h os/os_error.h sizes.h'
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

# The header twice, as its include guard must stand, and nothing before it.
compile() { # COMPILER LANGUAGE VERSION HEADER
    # shellcheck disable=SC2086 # flags are many words
    printf '#include <%s>\n#include <%s>\nint headers_unused;\n' "$4" "$4" |
        "$1" -x "$2" -std="$3" $flags -
}

compile_all() { # COMPILER LANGUAGE VERSION...
    compiler=$1
    language=$2
    shift 2
    for version in "$@"; do
        for header in $forms; do
            words="$compiler $version <$header>"
            if command -v "$compiler" >/dev/null; then
                compile "$compiler" "$language" "$version" "$header" >&2
                report $? "$words"
            else
                skip "$words"
            fi
        done
    done
}

needs_only_libc() { # HEADER
    echo "#include <$1>" | "${CC:-cc}" -x c -E "-I$include" "-I$include/os" - |
        grep -E '^# [0-9]+ ".*(/bsd/|sys/queue\.h|sys/tree\.h)' >&2
    [ $? -eq 1 ]
}

for compiler in gcc clang; do
    compile_all "$compiler" c c99 c11 c17
done
for compiler in g++ clang++; do
    compile_all "$compiler" c++ c++11 c++14 c++17 c++20
done
for header in os_mempool.h osmempool.h; do
    needs_only_libc "$header"
    report $? "<$header> needs neither libbsd nor sys/queue.h"
done
echo "1..$n"
