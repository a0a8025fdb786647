#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds, tests and installs a project that has the library as a subproject, with each kind of
# default_library: what is linked and what is installed follows it. Ends at the first thing wrong.
# usage: subproject.sh WORK
set -eu

work=$1
root=$(cd "$(dirname "$0")/../.." && pwd)

project()
{
    mkdir -p "$work/subprojects"
    cp -r "$root/tests/subproject/meson.build" "$root/tests/install/program.c" \
        "$root/tests/link" "$work"
    ln -s "$root" "$work/subprojects/osmempool"
}

# links PROGRAM KIND: whether it needs the library when it is run is as the kind says.
links()
{
    needs=static
    if readelf -d "$build/$1" | grep -q 'NEEDED.*libosmempool'; then
        needs=shared
    fi
    [ $needs = "$2" ] || { echo "$1 is $needs, not $2" >&2; exit 1; }
}

# installs FILE yes|no
installs()
{
    found=no
    if [ -n "$(find "$build/stage" -name "$1")" ]; then
        found=yes
    fi
    [ $found = "$2" ] || { echo "is $1 installed? $found, not $2" >&2; exit 1; }
}

# built DEFAULT_LIBRARY PROGRAM_IS SHARED_INSTALLED STATIC_INSTALLED
built()
{
    build=$work/$1
    meson setup "$build" "$work" "-Ddefault_library=$1" -Dosmempool:mempoolstat=disabled \
        -Dosmempool:bench=disabled
    ninja -j2 -C "$build"
    meson test -C "$build" --no-rebuild
    meson install -C "$build" --no-rebuild --destdir "$build/stage"
    for program in program in_tree no_tree; do
        links $program "$2"
    done
    links shared shared
    links static static
    installs 'libosmempool.so*' "$3"
    installs libosmempool.a "$4"
    # What only unit tests link is nobody else's.
    installs '*internal*' no
}

project
built shared shared yes no
built static static no yes
built both shared yes yes
