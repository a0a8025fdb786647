#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Draws the results of osmempool-bench --json as SVG. Needs gnuplot and python3.
set -eu

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    echo "Usage: plot.sh RESULT.json OUTDIR [SUFFIX]" >&2
    echo "Writes an SVG for each group of cases below that RESULT.json has:" >&2
    echo "OUTDIR/pairs-64SUFFIX.svg, pairs-2048, threads-own, threads-shared, handover." >&2
    exit 64
fi
result=$1
outdir=$2
suffix=${3:-}
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$outdir"

# draw CASE-PREFIX TITLE FILE: nothing if it was not measured.
draw()
{
    if ! grep -q "\"name\": \"$1" "$result"; then
        return 0
    fi
    python3 "$here/plot_data.py" "$result" "$1" >"$work/data"
    # Each column has a quoted heading; the first, that of the names, has none.
    columns=$(($(head -n 1 "$work/data" | tr -cd '"' | wc -c) / 2))
    gnuplot - <<END
set terminal svg size 960,420 font "sans-serif,12" background "white"
set output "$work/plot.svg"
set title "$2"
set ylabel "ns per get+put pair (less is better)"
set style data histogram
set style histogram cluster gap 1
set style fill solid 0.9 border -1
set boxwidth 0.95
set grid ytics linecolor "#cccccc"
set key above horizontal center
set xtics nomirror
set yrange [0:*]
set offsets 0, 0, graph 0.08, 0
# Colours that stay apart for the colour-blind, too.
set linetype 1 linecolor "#0072b2"
set linetype 2 linecolor "#56b4e9"
set linetype 3 linecolor "#e69f00"
set linetype 4 linecolor "#d55e00"
set linetype 5 linecolor "#009e73"
set linetype 6 linecolor "#cc79a7"
n = $columns
place(row, i) = row + (i - 1 - (n - 1) / 2.0) / (n + 1.0)
plot for [i=1:n] "$work/data" using (column(i + 1)):xtic(1) title columnheader(i + 1), \\
    for [i=1:n] "" using (place(\$0, i)):(column(i + 1)):(sprintf("%#.3g", column(i + 1))) \\
        every ::1 with labels font ",8" offset 0,0.4 notitle
END
    mv "$work/plot.svg" "$outdir/$3$suffix.svg"
    echo "$outdir/$3$suffix.svg"
}

draw one/64/ "One thread, 64 B blocks" pairs-64
draw one/2048/ "One thread, 2048 B blocks" pairs-2048
draw own/ "A pool for each thread, 64 B blocks, 32 live: wall time over pairs of all threads" \
    threads-own
draw shared/ "Threads on one pool, 64 B blocks, 32 live: wall time over pairs of all threads" \
    threads-shared
draw handover/64/ "One thread gets, another puts, 64 B blocks" handover
