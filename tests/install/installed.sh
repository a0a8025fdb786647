#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Uses what is installed in a staging directory as a program's author would: by pkg-config, with the
# shared and the static library, each of the three sets of headers; and as an operator would, who
# takes alert rules and dashboard. Ends at the first thing wrong.
# usage: installed.sh STAGE
set -eu

stage=$1
tests=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

PKG_CONFIG_PATH=$(dirname "$(find "$stage" -name osmempool.pc)")
PKG_CONFIG_SYSROOT_DIR=$stage
LD_LIBRARY_PATH=$(dirname "$(find "$stage" -name libosmempool.so)")
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR LD_LIBRARY_PATH

# built_and_run PACKAGE FILE...: options of the compiler may stand among the files.
built_and_run() {
    package=$1
    shift
    for static in '' --static; do
        # shellcheck disable=SC2046,SC2086 # lists of words
        gcc -Wall -Wextra -Wpedantic -Werror "$@" ${static:+-static} -o "$work/program" \
            $(pkg-config $static --cflags --libs "$package")
        "$work/program"
    done
}

built_and_run osmempool -std=c99 "$tests/install/program.c"
# Its directory has one header and comes first, wherever the tree's stand on the command line.
directories=$(pkg-config --cflags-only-I osmempool-mynewt)
[ "$(find "$stage" -path '*/mynewt/*' -type f | wc -l)" -eq 1 ]
case $directories in
*/osmempool/mynewt*) ;;
*) exit 1 ;;
esac
case $directories in
*/osmempool\ * | */osmempool/os\ * | */compat*) exit 1 ;;
esac
# shellcheck disable=SC2086 # a list of words
built_and_run osmempool-mynewt $directories -I"$tests/link/tree" -DPARTS=ours \
    "$tests/link/in_tree.c" "$tests/link/program.c"
built_and_run osmempool-compat -std=gnu99 -DPARTS=ours \
    "$tests/link/no_tree.c" "$tests/link/program.c"

# Rules and dashboard, used from where they are: they come with mempoolstat, whose endpoint they ask.
if [ -n "$(find "$stage" -name mempoolstat -type f)" ]; then
    monitoring=$(dirname "$(find "$stage" -name alerts.yml)")
    promtool check rules "$monitoring/alerts.yml"
    promtool check config "$monitoring/prometheus.yml"
    promtool test rules "$monitoring"/*_test.yml
    python3 -m json.tool "$monitoring/dashboard.json" /dev/null
fi
