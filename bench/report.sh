#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures with each locking option and writes doc/benchmarks/*.svg and, in doc/benchmarks.md, the
# targets and all tables. Arguments go to osmempool-bench for the tables, as --quick.
# Needs what the build needs, gnuplot and python3.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
page=$top/doc/benchmarks.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build()
{
    if ! { meson setup -Dbench=enabled -Dtests=disabled -Dlocking="$1" "$work/$1" "$top" &&
        ninja -C "$work/$1"; } >"$work/log" 2>&1; then
        cat "$work/log" >&2
        echo "report.sh: the build with locking=$1 failed; $page is as it was" >&2
        exit 1
    fi
}

quote()
{
    printf '```\n'
    cat "$1"
    printf '```\n'
}

# section LOCKING ARGUMENT...: that option's part of the page.
section()
{
    locking=$1
    shift
    printf '\n### locking=%s\n\nPrinted by osmempool-bench --targets:\n\n' "$locking"
    quote "$work/$locking-targets.txt"
    printf '\n'
    for plot in pairs-64 pairs-2048 threads-own threads-shared handover; do
        if [ -e "$top/doc/benchmarks/$plot-$locking.svg" ]; then
            printf '![%s, locking=%s](benchmarks/%s-%s.svg)\n\n' "$plot" "$locking" \
                "$plot" "$locking"
        fi
    done
    printf 'Printed by osmempool-bench%s:\n\n' "${*:+ $*}"
    quote "$work/$locking.txt"
}

for locking in mutex spinlock; do
    build "$locking"
    bench=$work/$locking/bench/osmempool-bench
    "$bench" --targets >"$work/$locking-targets.txt"
    "$bench" --json "$work/$locking.json" "$@" >"$work/$locking.txt"
    sh "$top/bench/plot.sh" "$work/$locking.json" "$top/doc/benchmarks" "-$locking"
    section "$locking" "$@" >>"$work/sections"
done

python3 - "$page" "$work/sections" <<'END'
import re
import sys

page_path, sections_path = sys.argv[1:]
with open(page_path, encoding="utf-8") as file:
    page = file.read()
with open(sections_path, encoding="utf-8") as file:
    sections = file.read()
marked = re.compile(r"(<!-- results: begin .*?-->\n).*(<!-- results: end -->)", re.DOTALL)
if not marked.search(page):
    sys.exit(f"{page_path} lost its marks: <!-- results: begin --> and <!-- results: end -->")
page = marked.sub(lambda match: match.group(1) + sections + "\n" + match.group(2), page)
with open(page_path, "w", encoding="utf-8") as file:
    file.write(page)
END
echo "$page"
