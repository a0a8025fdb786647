#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs osmempool-bench for a moment and checks the shape of what it prints and writes.

No speed is checked: that would fail on a busy machine.
"""
import json
import os
import pty
import subprocess
import sys
import tempfile

BENCH = sys.argv[1]
TINY = ["--rounds", "3", "--ms", "1"]
PERCENTILES = ["p50", "p99", "p99.9", "p99.99", "worst"]


def run(*args, status=0, **more):
    done = subprocess.run([BENCH, *args], capture_output=True, text=True, **more)
    assert done.returncode == status, (args, done.returncode, done.stdout, done.stderr)
    return done


def measure(*cases):
    """Output and JSON document of a tiny run of some cases."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "result.json")
        globs = [word for case in cases for word in ("--case", case)]
        done = run(*TINY, *globs, "--json", path)
        with open(path, encoding="utf-8") as file:
            return done.stdout, json.load(file)


def figures_are_consistent(case, n_rounds):
    for score in case["results"]:
        if "get" in score:
            for call in (score["get"], score["put"]):
                values = [call[name] for name in PERCENTILES]
                assert values == sorted(values) and values[-1] > 0, score
            continue
        rounds = sorted(score["rounds"][:score["n_counted"]])
        assert len(score["rounds"]) == n_rounds and rounds[0] > 0, score
        assert abs(score["min"] - rounds[0]) < 1e-6, score
        assert rounds[(len(rounds) - 1) // 2] <= score["median"] <= rounds[len(rounds) // 2], score


def number(value):
    return "%.*f" % (2 if value < 9.995 else 1 if value < 99.95 else 0, value)


def tables_line_up(text):
    """In each table all lines end in the same column, and none is wider than 80."""
    for block in text.split("\n\n"):
        lines = block.strip("\n").split("\n")
        if lines[0].startswith(("libosmempool", "In short")):
            continue
        widths = {len(line) for line in lines[1:] if len(line.split()) > 1}
        assert len(widths) == 1 and widths.pop() <= 80, block


def the_table_shows_what_the_json_says():
    text, document = measure("one/64/*", "init/*", "register/1000", "handover/64/512")
    assert document["schema"] == "osmempool-bench/1"
    assert [case["name"] for case in document["cases"]] == [
        "one/64/1", "one/64/32", "one/64/512", "handover/64/512", "register/1000", "init/1000000"]
    tables_line_up(text)
    assert "\033" not in text
    for case in document["cases"]:
        figures_are_consistent(case, 3)
        for score in case["results"]:
            shown = "%s %*s%s)" % (number(score["min"]), 7 - len(number(score["median"])), "(",
                                   number(score["median"]))
            rows = [line for line in text.split("\n") if line.startswith(score["contestant"] + " ")]
            assert any(shown in row for row in rows), (shown, rows)


def every_contestant_here_took_part():
    text, document = measure("one/64/32")
    here = {who["name"] for who in document["contestants"]
            if who["here"] and who["role"] != "debug"}
    took_part = {score["contestant"] for score in document["cases"][0]["results"]}
    assert took_part == here - {"clock", "locked", "both touch"}, (took_part, here)
    assert {"pool", "inline", "cached", "bulk", "limit"} <= took_part
    for who in document["contestants"]:
        assert who["here"] or "Left out: " + who["name"] in text, who
        if who["here"] and who["role"] == "malloc" and who["name"] != "glibc":
            assert who["name"] in who["malloc_from"], who


def ratios_and_the_summary_follow_from_the_figures():
    text, document = measure("one/64/32")
    scores = {score["contestant"]: score["min"] for score in document["cases"][0]["results"]}
    rivals, own = ({who["name"] for who in document["contestants"] if who["role"] == role}
                   & set(scores) for role in ("malloc", "pool"))
    assert "pool / limit" in text
    if not rivals:
        return
    best = min(rivals, key=scores.get)
    for name in own | {"bulk"}:
        ratio = scores[name] / scores[best]
        row = [line for line in text.split("\n") if line.startswith(name + " / best malloc")][0]
        assert abs(float(row.split()[-1].rstrip("x")) - ratio) < 0.006, (row, ratio)
    summary = text[text.index("In short"):].split("\n")
    row = [line for line in summary if line[2:].startswith("32 live")][0]
    mallocs = [best] + [name for name in ("glibc",) if name in scores]
    expected = []
    for name in ("pool", "inline", "cached"):
        expected += ["%.2fx" % (scores[name] / scores[rival]) for rival in mallocs]
    expected += [number(scores[best]), best, number(scores[mallocs[-1]])]
    assert row[12:].split() == expected and len(row) <= 80, (row, expected)
    for rival, title in zip(mallocs, ("the best malloc:", "glibc's:")):
        told = [line for line in summary if "no slower than " + title in line][0]
        for name in ("pool", "inline", "cached"):
            won = "%s %d of 1" % (name, scores[name] <= scores[rival])
            assert won in told, (told, won)


def latencies_are_percentiles_of_get_and_put():
    text, document = measure("latency/*")
    tables_line_up(text)
    assert len(document["cases"]) == 2
    for case in document["cases"]:
        figures_are_consistent(case, 3)
        assert "clock" in {score["contestant"] for score in case["results"]}


def debug_words_are_compared_with_the_pool_without():
    text, document = measure("debug/64/*")
    tables_line_up(text)
    for case in document["cases"]:
        figures_are_consistent(case, 3)
        assert [score["contestant"] for score in case["results"]] == [
            "pool", "check", "poison", "track", "fence", "fail", "three words"]
    for word in ("check", "poison", "track", "fence", "fail", "three words"):
        assert word + " / stock" in text


def threads_share_and_own_pools():
    text, document = measure("shared/2", "own/2", "unregister/1000", "shuffled/*")
    tables_line_up(text)
    by_name = {case["name"]: case for case in document["cases"]}
    assert by_name["shared/2"]["ratio_of"] == "median"
    assert by_name["own/2"]["ratio_of"] == "min"
    names = {score["contestant"] for score in by_name["shared/2"]["results"]}
    assert "limit" not in names and {"pool", "cached", "locked"} <= names
    assert "limit" in {score["contestant"] for score in by_name["own/2"]["results"]}


def snapshots_are_read_and_an_owner_succeeded():
    text, document = measure("snapshot/10000", "reader/100/100", "succession/64", "last/64")
    tables_line_up(text)
    assert len(document["cases"]) == 4
    for case in document["cases"]:
        figures_are_consistent(case, 3)
        assert "pool" in {score["contestant"] for score in case["results"]}, case


def holds(row, bound):
    return bound == 0 or (row["ratio"] >= bound if row["more_is_better"] else row["ratio"] <= bound)


def the_targets_are_judged_by_their_figures():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "result.json")
        text = run(*TINY, "--targets", "--case", "one/64/*", "--case", "shared/*",
                   "--json", path).stdout
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    names = {case["name"] for case in document["cases"]}
    assert names == {"one/64/1", "one/64/32", "one/64/512", "shared/1", "shared/2"}, names
    verdicts = set()
    for row in document["targets"]:
        verdicts.add(row["verdict"])
        if row["case"] not in names:
            assert row["verdict"] == "not measured", row
        if row["verdict"] == "not measured":
            continue
        better, worse = row["figure"], row["against_figure"]
        if row["more_is_better"]:
            better, worse = worse, better
        assert abs(row["ratio"] - better / worse) < 1e-6, row
        expected = "missed" if not holds(row, row["must"]) else \
            "goal met" if row["goal"] and holds(row, row["goal"]) else "must met"
        assert row["verdict"] == expected, row
        assert any(row["work"] in line and "%.2f" % row["ratio"] in line
                   for line in text.split("\n")), row
    assert "not measured" in verdicts and len(verdicts) > 1, verdicts
    assert "goals met" in text


def on_a_terminal(**environment):
    """What a run prints when its output is a terminal."""
    leader, follower = pty.openpty()
    with subprocess.Popen([BENCH, *TINY, "--case", "one/64/1"], stdout=follower,
                          env={**os.environ, **environment}) as process:
        os.close(follower)
        parts = []
        try:
            while part := os.read(leader, 65536):
                parts.append(part)
        except OSError:
            pass  # how Linux says that the other end is closed
        os.close(leader)
    assert process.returncode == 0
    return b"".join(parts).decode()


def colour_is_for_terminals_that_want_it():
    env = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    os.environ.clear()
    os.environ.update(env)
    text = on_a_terminal(TERM="xterm")
    assert ("\033[3" in text) == ("wins, by" in text)
    assert "\033" not in on_a_terminal(TERM="xterm", NO_COLOR="1")
    assert "\033" not in on_a_terminal(TERM="dumb")


def mistakes_are_told():
    for wrong in (["--rounds", "0"], ["--rounds", "3x"], ["--ms", "-1"], ["--nonsense"], ["stray"]):
        done = run(*wrong, status=64)
        assert done.stdout == "" and "--help" in done.stderr, done
    assert "--list" in run("--case", "nothing/like/this", status=1).stderr
    done = run(*TINY, "--case", "one/64/1", "--json", "/nonexistent/result.json", status=1)
    assert "/nonexistent/result.json" in done.stderr
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([BENCH, "--list"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "standard output" in done.stderr


def help_fits_the_terminal():
    for line in run("--help").stdout.split("\n"):
        assert len(line) <= 80, line
    assert run("--version").stdout.startswith("osmempool-bench ")
    assert "one/64/32" in run("--list").stdout


for check in (the_table_shows_what_the_json_says, every_contestant_here_took_part,
              ratios_and_the_summary_follow_from_the_figures,
              latencies_are_percentiles_of_get_and_put, threads_share_and_own_pools,
              debug_words_are_compared_with_the_pool_without,
              snapshots_are_read_and_an_owner_succeeded, the_targets_are_judged_by_their_figures,
              colour_is_for_terminals_that_want_it, mistakes_are_told, help_fits_the_terminal):
    print(check.__name__.replace("_", " "), flush=True)
    check()
