# SPDX-License-Identifier: Apache-2.0
"""Pools of one name that come and go: each keeps its own numbers, by the id of its registration.

Arguments: mempoolstat, a program that exports its pools.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import unittest

from exposition import Exposition
from harness import Case, main
from monitoring import HAVE_PROMTOOL, PromtoolMixin, monitoring
from server import document, encode, pool
from test_forms import about, holding, site
from test_top import DOWN, ENTER, Moving, Top

EXPORTER = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
del sys.argv[2:3]

BORN = 1700000000000000


def conn(number, born=BORN, **fields):
    return pool("conn", id=number, registered_time=born, **fields)


def later(pools, **fields):
    return document(pools, **{"time": 1700000110000000, **fields})


class Differences(Case):
    def diff(self, old, new):
        out, err = self.run_tool("--diff", self.write("old", encode(old)),
                                 self.write("new", encode(new)))
        self.assertEqual(err, "")
        return out.splitlines()

    def rows(self, lines):
        """(used, its change, fails, their change, what has become of it) of each row."""
        rows = [line.split() for line in lines[2:]]
        return [(row[3], row[4], row[9], row[10], "".join(row[11:])) for row in rows]

    def test_when_one_ends_the_others_keep_their_numbers(self):
        old = document([conn(1, num_free=9, failed=0), conn(2, num_free=5, failed=7),
                        conn(3, num_free=10, failed=0)])
        new = later([conn(2, num_free=4, failed=7), conn(3, num_free=10, failed=1)])
        lines = self.diff(old, new)
        self.assertEqual(lines[0], "pid 4242 demo: 10.0 s later")
        self.assertEqual(self.rows(lines), [("6", "+1", "7", "0", ""), ("0", "0", "1", "+1", ""),
                                            ("-", "-1", "-", "-", "gone")])

    def test_one_that_is_registered_again_is_another_one(self):
        lines = self.diff(document([conn(1, num_free=2, failed=5)]), later([conn(4, num_free=9, failed=1)]))
        self.assertEqual(self.rows(lines), [("1", "+1", "1", "+1", "new"), ("-", "-8", "-", "-", "gone")])

    def test_ids_that_begin_anew_in_one_process_are_others(self):
        """As execve() leaves the number of a process and its start as they are."""
        lines = self.diff(document([conn(1, failed=5)]), later([conn(1, BORN + 1, failed=1)]))
        self.assertEqual([row[4] for row in self.rows(lines)], ["new", "gone"])

    def test_rates_are_each_pools_own(self):
        lines = self.diff(document([conn(1, gets=10, puts=10), conn(2, gets=10**6, puts=10**6)]),
                          later([conn(2, gets=10**6 + 50, puts=10**6)]))
        self.assertEqual(lines[2].split()[7:9], ["5.0", "0.0"])

    def test_across_a_restart_they_meet_by_order_and_that_is_said(self):
        old = document([conn(1, num_free=9), conn(2, num_free=5)])
        new = later([conn(1, BORN + 7, num_free=8), conn(9, BORN + 7, num_free=1)], pid=4243)
        lines = self.diff(old, new)
        self.assertEqual(lines[0], "pid 4243 demo: another run; before, it was pid 4242; "
                                   "pools matched by name and order")
        self.assertEqual([row[1] for row in self.rows(lines)], ["+1", "+4"])
        # The same number, given again.
        new = later([conn(2, BORN + 7, num_free=8), conn(3, BORN + 7, num_free=1)], start_time=BORN + 5)
        lines = self.diff(old, new)
        self.assertIn("another run; before, it was pid 4242; pools matched by name and order", lines[0])
        self.assertEqual([row[1] for row in self.rows(lines)], ["+1", "+4"])

    def test_where_one_has_no_id_they_meet_by_order(self):
        with_ids, without = [conn(1, num_free=9), conn(2, num_free=5)], [pool("conn", num_free=8)]
        self.assertEqual([row[4] for row in self.rows(self.diff(document(with_ids), later(without)))],
                         ["", "gone"])
        self.assertEqual([row[4] for row in self.rows(self.diff(document(without), later(with_ids)))],
                         ["", "new"])
        mixed = [conn(2, num_free=5), pool("conn", num_free=8)]
        self.assertEqual([row[1] for row in self.rows(self.diff(document(with_ids), later(mixed)))],
                         ["+4", "-3"])


class Rates(Case):
    def test_a_report_that_repeats_gives_nobody_the_rate_of_another(self):
        pools = [[conn(1, gets=10), conn(2, gets=10**9), conn(3, gets=0)],
                 [conn(2, gets=10**9), conn(3, gets=5)]]
        answers = [document(pools[n > 0], time=1700000100000000 + n * 1000000) for n in range(3)]

        def answer(connection, request):
            connection.sendall(encode(answers.pop(0)))
        self.serve(answer=answer)
        out, _ = self.run_tool("-d", "0.05", "-c", "2")
        rows = [line.split() for line in out.split("\n\n")[1].splitlines()]
        self.assertEqual([row[6] for row in rows if row[0] == "conn"], ["0.0", "5.0"])


class Labels(Case):
    def print(self, pools, *arguments):
        out, err = self.run_tool("--openmetrics", "-f", "-", *arguments, data=encode(document(pools)))
        self.assertEqual(err, "")
        return Exposition(out.encode(), openmetrics=True)

    def test_each_series_of_a_pool_has_its_id(self):
        found = self.print([pool("a", id=1, faults=1, failed_time=1, min_time=1), conn(2), conn(30)])
        of_pools = [dict(labels) for _, labels in found.samples if dict(labels).get("pool") is not None]
        self.assertEqual({(labels["pool"], labels["id"]) for labels in of_pools},
                         {("a", "1"), ("conn", "2"), ("conn", "30")})
        self.assertFalse([labels for labels in of_pools if "index" in labels])
        self.assertIn('osmempool_blocks{pid="4242",program="demo",pool="conn",id="30"} 10\n',
                      self.run_tool("--openmetrics", "-f", "-", data=encode(document([conn(30)])))[0])

    def test_when_one_ends_the_others_keep_their_series(self):
        before = self.print([conn(n, failed=n) for n in (1, 2, 3)])
        after = self.print([conn(n, failed=n) for n in (2, 3, 7)])
        for number in ("2", "3"):
            self.assertEqual(before.values("failed_gets_total", id=number), [number])
            self.assertEqual(after.values("failed_gets_total", id=number), [number])
        self.assertEqual(after.values("failed_gets_total", id="1"), [])
        self.assertEqual(self.print([conn(1), conn(2)], "-n", "1", "-r").labels("blocks"),
                         [{"pid": "4242", "program": "demo", "pool": "conn", "id": "2"}])

    def test_ids_are_exact(self):
        found = self.print([conn(2**53 + 1), conn(2**63 - 1)])
        self.assertEqual([labels["id"] for labels in found.labels("blocks")], [str(2**53 + 1), str(2**63 - 1)])

    def test_no_two_series_are_equal_whatever_is_told(self):
        found = self.print([conn(1), conn(1), pool("conn"), pool("conn"), pool("other", id=1)])
        labels = [(l["pool"], l.get("id"), l.get("index")) for l in found.labels("blocks")]
        self.assertEqual(labels, [("conn", "1", None), ("conn", "1", "2"), ("conn", None, None),
                                  ("conn", None, "2"), ("other", "1", None)])


PLACE = {"address": "0x401233", "module": "/usr/bin/demo", "offset": "0x1233", "function": "conn_open"}


class Holders(Case):
    def show(self, *holdings):
        data = encode(about("holders", holdings))
        return self.run_tool("-H", "-f", "-", data=data, environment={"TZ": "UTC"})[0]

    def test_each_pool_is_named_by_its_registration(self):
        out = self.show(holding("conn", out=0, id=3, registered_time=BORN, registered_by=PLACE),
                        holding("conn", out=2, tracked=False, id=4, registered_time=BORN + 1000000),
                        holding("conn", out=0))
        self.assertEqual(out.splitlines(), [
            "pool 'conn': 0 of 10 blocks out; id 3, registered 2023-11-14 22:13:20 "
            "by conn_open (demo+0x1233)",
            "pool 'conn': 2 of 10 blocks out; not tracked (OSMEMPOOL_DEBUG=track tells who holds them); "
            "id 4, registered 2023-11-14 22:13:21",
            "pool 'conn': 0 of 10 blocks out"])

    def test_what_is_told_may_be_little_or_hostile(self):
        self.assertIn("; id 1, registered by 0x401233\n", self.show(
            holding(out=0, id=1, registered_by={"address": "0x401233"})))
        self.assertIn("; id 1, registered\n", self.show(holding(out=0, id=1, registered_by={})))
        self.assertIn(r"by e\x1bvil (de\x0amo)", self.show(holding(out=0, id=1, registered_by={
            "module": "/x/de\nmo", "function": "e\x1bvil", "more": [{"module": 1}]})))

    def test_broken_registrations_are_refused(self):
        for fields in ({"id": 0}, {"id": -1}, {"id": 2**63}, {"id": "1"}, {"id": 1.5},
                       {"registered_time": -1}, {"registered_time": 2**60}, {"registered_by": []},
                       {"registered_by": "main"}, {"registered_by": None},
                       {"registered_by": {"module": 1}}, {"registered_by": {"offset": "12"}}):
            for array, option, entry in (("holders", ["-H"], holding(**fields)),
                                         ("pools", [], pool(**fields))):
                data = encode({**document(), array: [entry]})
                # What no form shows of a pool is not looked at.
                known = array == "holders" or "registered_by" not in fields
                with self.subTest(array=array, fields=fields):
                    _, err = self.run_tool(*option, "-f", "-", data=data, status=3 if known else 0)
                    self.assertEqual("pool 0" in err, known, err)
        _, err = self.run_tool("-H", "-f", "-", data=encode(about("holders", [holding(
            registered_by={"module": 1})])), status=3)
        self.assertIn("pool 0: registered_by: 'module' is not a string", err)

    def test_thousands_from_one_place_are_shown_at_once(self):
        out = self.show(*(holding("conn", out=0, id=n + 1, registered_by=PLACE) for n in range(10000)))
        self.assertEqual(out.count(" by conn_open"), 10000)


def held(number, function):
    return holding("conn", id=number, registered_time=BORN, registered_by={**PLACE, "function": f"by_{number}"},
                   sites=[site(function=function)])


class Screen(Top):
    def test_one_pool_is_shown_with_its_registration_and_holders(self):
        answer = about("holders", [held(1, "of_first"), held(2, "of_second")])
        # The order of the answer is not that of the pools: one may have ended meanwhile.
        self.serve("1.sock", Moving([conn(2), conn(7)], answer))
        terminal = self.top("-d", "0.2", TZ="UTC")
        self.wait_names(terminal, ["conn", "conn"])
        terminal.send(ENTER)
        lines = self.wait_text(terminal, "of_second")
        self.assertEqual(lines[1].rstrip(), "id 2, registered 2023-11-14 22:13:20 by by_2 (demo+0x1233)")
        self.assertNotIn("of_first", "\n".join(lines))
        self.quit(terminal)

    def test_a_pool_that_has_ended_does_not_show_the_holders_of_another(self):
        answer = about("holders", [held(1, "of_first"), held(2, "of_second")])
        self.serve("1.sock", Moving([conn(7)], answer))
        terminal = self.top("-d", "0.2", TZ="UTC")
        self.wait_names(terminal, ["conn"])
        terminal.send(ENTER)
        lines = self.wait_text(terminal, "the pool is not there")
        self.assertEqual(lines[1].rstrip(), "id 7, registered 2023-11-14 22:13:20")
        self.quit(terminal)

    def test_the_selected_one_stays_selected_when_the_one_before_it_ends(self):
        ended = [False]

        def pools(n):
            return [conn(number, num_free=number) for number in (1, 2, 3) if number > ended[0]]
        self.serve("1.sock", Moving(pools, about("holders", [held(n, f"of_{n}") for n in (1, 2, 3)])))
        terminal = self.top("-d", "0.1")
        self.wait_names(terminal, ["conn"] * 3)
        terminal.send(DOWN)
        ended[0] = True
        self.wait_names(terminal, ["conn"] * 2)
        terminal.send(ENTER)
        self.wait_text(terminal, "id 2, registered", "of_2")
        self.quit(terminal)


class Program:
    """A program with pools of one name, which does what it is told."""

    def __init__(self, case):
        self.process = subprocess.Popen([EXPORTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=case.environment())
        self.do("start")

    def do(self, *lines):
        for line in lines:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            assert self.process.stdout.readline().split()[0] == line.split()[0]


class Real(PromtoolMixin, Case):
    @contextlib.contextmanager
    def program(self):
        """Three pools of one name, of which the first has failed once."""
        program = Program(self)
        try:
            program.do("named conn", "named conn", "named conn", "fail conn")
            yield program
        finally:
            program.process.kill()
            program.process.communicate()

    def scrape(self):
        return Exposition(self.run_tool("--openmetrics", "conn")[0].encode(), openmetrics=True)

    def failed(self, found):
        return {labels["id"]: found.values("failed_gets_total", id=labels["id"])
                for labels in found.labels("failed_gets_total")}

    def test_each_keeps_its_series_when_one_ends(self):
        with self.program() as program:
            self.assertEqual(self.failed(self.scrape()), {"2": ["1"], "3": ["0"], "4": ["0"]})
            program.do("unname conn", "fail conn", "fail conn")
            self.assertEqual(self.failed(self.scrape()), {"3": ["2"], "4": ["0"]})
            program.do("rename conn", "fail conn")
            self.assertEqual(self.failed(self.scrape()), {"4": ["1"], "5": ["0"]})

    def test_differences_and_holders_are_by_registration(self):
        with self.program() as program:
            old = self.write("old", self.run_tool("-j")[0].encode())
            program.do("unname conn", "fail conn")
            new = self.write("new", self.run_tool("-j")[0].encode())
            out, _ = self.run_tool("--diff", old, new, "conn")
            self.assertEqual([line.split()[9:] for line in out.splitlines()[2:]],
                             [["1", "+1"], ["0", "0"], ["-", "-", "gone"]])
            out, _ = self.run_tool("-H", "conn")
            rows = re.findall(r"(?m)^pool 'conn': 0 of 0 blocks out.*; id (\d+), registered [-\d]+ [:\d]+ "
                              rf"by .*{re.escape(os.path.basename(EXPORTER))}\+0x", out)
            self.assertEqual(rows, ["3", "4"])
            pools = json.loads(self.run_tool("-j", "conn")[0])["pools"]
            self.assertEqual([one["id"] for one in pools], [3, 4])

    @unittest.skipUnless(HAVE_PROMTOOL, "promtool is not installed")
    def test_no_alarm_when_one_ends_and_one_when_another_fails(self):
        with self.program() as program:
            scrapes = [self.scrape()]
            program.do("unname conn")
            scrapes.append(self.scrape())
            program.do("fail conn")
            scrapes.append(self.scrape())
        keys = dict.fromkeys(key for found in scrapes for key in found.samples)
        series = [{"series": name + "{" + ",".join(f'{label}="{value}"' for label, value in labels) + "}",
                   "values": " ".join(self.course(found.samples.get((name, labels))) for found in scrapes)}
                  for name, labels in keys if name.startswith("osmempool_") and "_info" not in name]
        tests = [{"eval_time": when, "alertname": name, "exp_alerts": []}
                 for name in ("PoolGetsFail", "PoolMisuse") for when in ("25m", "29m", "35m", "39m")]
        self.promtool("test", "rules", self.rules(series, tests))
        # It does look.
        tests = [{"eval_time": "42m", "alertname": "PoolGetsFail", "exp_alerts": []}]
        self.assertIn("ran dry", self.promtool("test", "rules", self.rules(series, tests), status=1))

    def course(self, value):
        """What a scraper has of twenty minutes. The first is long after what has failed first."""
        return f"{value}x19" if value is not None else "stale _x18"

    def rules(self, series, tests):
        return self.write("test.yml", json.dumps({
            "rule_files": [monitoring("alerts.yml")], "evaluation_interval": "1m",
            "tests": [{"interval": "1m", "input_series": series, "alert_rule_test": tests}]}).encode())


if __name__ == "__main__":
    main()
