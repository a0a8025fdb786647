#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Picks a table out of a result of osmempool-bench, for gnuplot.

Usage: plot_data.py RESULT.json CASE-PREFIX
Prints one line per contestant and one column per case whose name begins so; "?" for no figure.
"""
import json
import sys


def main(path, prefix):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    if document.get("schema") != "osmempool-bench/1":
        sys.exit(f"{path} is no result of osmempool-bench; make one with --json")
    cases = [case for case in document["cases"] if case["name"].startswith(prefix)]
    if not cases:
        sys.exit(f"{path} has no case {prefix}*; measure it with --case '{prefix}*'")
    print("contestant", *(json.dumps(case["column"]) for case in cases))
    for who in document["contestants"]:
        figures = [score[case["ratio_of"]] for case in cases for score in case["results"]
                   if score["contestant"] == who["name"]]
        if len(figures) == len(cases):
            print(json.dumps(who["name"]), *figures)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
