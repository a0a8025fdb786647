#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures with each locking option and writes doc/benchmarks/*.svg and the tables of
# doc/benchmarks.md. Arguments go to osmempool-bench, as --quick or --rounds 100.
# Needs what the build needs, gnuplot and python3.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
page=$top/doc/benchmarks.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build()
{
    if ! { meson setup -Dbench=enabled -Dlocking="$1" "$work/$1" "$top" &&
        ninja -C "$work/$1" bench/osmempool-bench; } >"$work/log" 2>&1; then
        cat "$work/log" >&2
        echo "report.sh: the build with locking=$1 failed; $page is as it was" >&2
        exit 1
    fi
}

# section LOCKING: that option's part of the page.
section()
{
    printf '\n### locking=%s\n\n' "$1"
    for plot in pairs-64 threads-own; do
        if [ -e "$top/doc/benchmarks/$plot-$1.svg" ]; then
            printf '![%s, locking=%s](benchmarks/%s-%s.svg)\n\n' "$plot" "$1" "$plot" "$1"
        fi
    done
    printf '```\n'
    cat "$work/$1.txt"
    printf '```\n'
}

for locking in mutex spinlock; do
    build "$locking"
    "$work/$locking/bench/osmempool-bench" --json "$work/$locking.json" "$@" >"$work/$locking.txt"
    sh "$top/bench/plot.sh" "$work/$locking.json" "$top/doc/benchmarks" "-$locking"
    section "$locking" >>"$work/sections"
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
