#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the library with MemorySanitizer, where clang has it, with a program that puts blocks whose
# words nobody wrote: that is no fault, and none is reported. Speaks TAP.
# usage: msan.sh SOURCE_ROOT DIR_OF_BUILD_CONFIG PROGRAM.c
set -u

lib=$1/lib
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags="-fsanitize=memory -std=gnu11 -O1 -g -pthread -D_GNU_SOURCE"
rooms="-DOSMP_LIBRARY -I$lib -I$lib/sync/mutex -I$lib/base/native -I$1/include -I$1/include/os -I$2"

echo 1..1
echo 'int main(void) { return 0; }' >"$work/empty.c"
# shellcheck disable=SC2086
if ! clang $flags -o "$work/empty" "$work/empty.c" 2>/dev/null || ! "$work/empty" 2>/dev/null; then
    echo "ok 1 - nothing to see # SKIP no MemorySanitizer here"
    exit 0
fi
# shellcheck disable=SC2086
if clang $flags $rooms -o "$work/user" "$lib"/*/*.c "$lib"/sync/mutex/*.c "$3" -lbsd >"$work/words" 2>&1 &&
    "$work/user" >"$work/words" 2>&1; then
    echo "ok 1 - a block that its user never wrote is put without a report"
else
    sed 's/^/# /' "$work/words"
    echo "not ok 1 - a block that its user never wrote is put without a report"
fi
