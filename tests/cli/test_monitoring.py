# SPDX-License-Identifier: Apache-2.0
"""Alert rules and dashboard: promtool tries them, with and without the labels of single pools.

Arguments: mempoolstat, the build's root.
"""

import json
import math
import os
import random
import re
import sys
import unittest

from exposition import Exposition
from harness import Case, main
from monitoring import (HAVE_PROMTOOL, MONITORING, RULE_TESTS, PromtoolMixin, dashboard,
                        dashboard_queries, manual_queries, monitoring, panel_queries, read,
                        rule_names)
from server import document, encode, pool

BUILD = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
del sys.argv[2:3]

DAY = 24 * 12  # steps of five minutes


def names_in(text):
    """(metrics, recorded series): the names in a text."""
    names = set(re.findall(r"[\w:]*\bosmempool_[\w:]+", text))
    recorded = {name for name in names if ":" in name}
    return names - recorded, recorded


def numbered(text, label, keeps_index):
    """A file of rule tests in which each pool has one label more, which tells it from all others."""
    def series(match):
        index = match[2] or "1"
        kept = f', index="{match[2]}"' if match[2] and keeps_index else ""
        return f'{match[1]}{kept}, {label}="{index}"}}'
    return re.sub(r'(series: .*pool="\w+")(?:, index="(\d+)")?}', series, text)


def used_series(name, used, blocks=1000):
    labels = f'{{pid="1", program="server", pool="{name}"}}'
    return [{"series": "osmempool_blocks" + labels, "values": f"{blocks}x{len(used) - 1}"},
            {"series": "osmempool_free_blocks" + labels,
             "values": " ".join(str(blocks - n) for n in used)}]


@unittest.skipUnless(HAVE_PROMTOOL, "promtool is not installed")
class Alerts(PromtoolMixin, Case):
    def rule_test(self, test, interval):
        """Runs one test, given as promtool wants it. JSON is YAML."""
        self.promtool("test", "rules", self.write("test.yml", json.dumps({
            "rule_files": [monitoring("alerts.yml")], "evaluation_interval": interval,
            "tests": [{"interval": interval, **test}]}).encode()))

    def test_alerts_are_rules_and_fire_when_they_should(self):
        self.promtool("check", "rules", monitoring("alerts.yml"))
        self.promtool("test", "rules", *map(monitoring, RULE_TESTS))
        # As often as prometheus.yml has them evaluated.
        self.write("alerts.yml", read("alerts.yml").encode())
        often = read("alerts_test.yml").replace("evaluation_interval: 1m", "evaluation_interval: 15s")
        self.promtool("test", "rules", self.write("often.yml", often.encode()))
        self.promtool("check", "config", monitoring("prometheus.yml"))
        tested = re.findall(r"alertname: (\w+)\n *eval_time: .*\n *exp_alerts:(?: &\w+)?\n",
                            "".join(map(read, RULE_TESTS)))
        self.assertEqual(set(rule_names("alert")), set(tested))

    def test_they_fire_as_well_when_each_pool_has_an_id(self):
        self.write("alerts.yml", read("alerts.yml").encode())
        for keeps_index in (False, True):
            for name in RULE_TESTS:
                text = numbered(read(name), "id", keeps_index)
                self.assertEqual(text.count(" id="), text.count("pool=\""), name)
                self.promtool("test", "rules", self.write(name, text.encode()))

    def test_a_label_that_is_not_aggregated_away_is_noticed(self):
        self.write("alerts.yml", read("alerts.yml").encode())
        for name in RULE_TESTS:
            text = numbered(read(name), "other", True)
            self.promtool("test", "rules", self.write(name, text.encode()), status=1)

    def never_leaks(self, used):
        self.rule_test({
            "input_series": [series for name, values in used.items()
                             for series in used_series(name, values)],
            "alert_rule_test": [{"alertname": "PoolLeak", "eval_time": f"{minute}m",
                                 "exp_alerts": []} for minute in range(24 * 60, 10 * 24 * 60, 15)],
        }, "5m")

    def test_load_that_goes_up_and_down_by_chance_and_by_day_is_no_leak(self):
        source = random.Random(20)
        day = [math.sin(2 * math.pi * i / DAY) for i in range(10 * DAY)]
        sessions, slow = [], 300.0
        for _ in day:
            # Returns to its mean within the hour.
            slow += (300 - slow) / 12 + source.gauss(0, 10)
            sessions.append(int(slow))
        self.never_leaks({
            "busy": [source.randrange(100, 300) for _ in day],
            "sessions": sessions,
            "daily": [int(400 + 300 * phase + source.gauss(0, 20)) for phase in day],
            "nightly": [max(0, int(600 * phase + source.gauss(0, 20))) for phase in day],
        })

    def test_a_leak_under_load_is_found_within_hours(self):
        source = random.Random(13)
        self.rule_test({
            "input_series": used_series(
                "busy", [i + source.randrange(10) for i in range(DAY)]),
            "alert_rule_test": [{
                "alertname": "PoolLeak", "eval_time": "3h", "exp_alerts": []}],
            "promql_expr_test": [{
                "expr": 'count(ALERTS{alertname="PoolLeak"})', "eval_time": f"{hour}h",
                "exp_samples": [{"value": 1}]} for hour in range(5, 24)],
        }, "5m")


@unittest.skipUnless(HAVE_PROMTOOL, "promtool is not installed")
class Queries(PromtoolMixin, Case):
    # With id the pools of one name; the first has failed before, and ends after two failures more.
    SERIES = {
        '{pid="7", program="new", pool="a"}': "_x15 3x30",
        '{pid="8", program="old", pool="a"}': "1000x45",
        '{pid="9", program="away", pool="a"}': "500x7 stale _x4 500x30",
        '{pid="8", program="old", pool="conn", id="1"}': "40x12 42 42 stale",
        '{pid="8", program="old", pool="conn", id="2"}': "_x17 5x30",
    }

    def test_queries_of_dashboard_and_manual_can_be_parsed(self):
        queries = dashboard_queries() + manual_queries()
        self.assertGreater(len(manual_queries()), 4)
        rules = {"groups": [{"name": "dashboard", "rules": [
            {"record": f"query:{i}", "expr": text} for i, text in enumerate(queries)]}]}
        self.promtool("check", "rules", self.write("rules.yml", json.dumps(rules).encode()))
        # It does look.
        rules["groups"][0]["rules"][0]["expr"] += ")"
        self.promtool("check", "rules", self.write("rules.yml", json.dumps(rules).encode()),
                      status=1)

    def answers(self, metric, *tests):
        """Tests are (query, time, {labels: value})."""
        self.promtool("test", "rules", self.write("test.yml", json.dumps({
            "evaluation_interval": "1m",
            "tests": [{
                "interval": "1m",
                "input_series": [{"series": metric + labels, "values": values}
                                 for labels, values in self.SERIES.items()],
                "promql_expr_test": [{
                    "expr": query, "eval_time": when,
                    "exp_samples": [{"labels": labels, "value": value}
                                    for labels, value in samples.items()]}
                    for query, when, samples in tests],
            }]}).encode()))

    def test_panels_of_counters_show_what_is_there_at_the_first_sample(self):
        for metric, total, panel, nth in (
                ("osmempool_failed_gets_total", "Failed gets", "Failed gets", 0),
                ("osmempool_refused_puts_total", "Refused puts", "Misuse and faults", 0),
                ("osmempool_faults_total", None, "Misuse and faults", 1)):
            # Two panels may have one title: a number first, and its course below.
            course = panel_queries(panel)[nth - 1 if panel == total else nth]
            tests = [(course, "15m", {'{pid="7", program="new", pool="a"}': 3}),
                     (course, "13m", {'{pid="8", program="old", pool="conn"}': 2}),
                     (course, "17m", {'{pid="8", program="old", pool="conn"}': 5}),
                     (course, "21m", {})]
            if total is not None:
                tests.append((panel_queries(total, range="10m")[0], "20m", {"{}": 10}))
            self.answers(metric, *tests)

    def test_pools_of_one_name_are_one_row(self):
        rows = {'{pid="8", program="old", pool="conn"}': 42 + 5}
        query = [text for text in panel_queries("Pools") if "failed_gets" in text][0]
        self.SERIES = {labels.replace("stale", ""): values.replace("42 stale", "42x30")
                       for labels, values in self.SERIES.items() if "conn" in labels}
        self.answers("osmempool_failed_gets_total", (query, "20m", rows))


class Dashboard(Case):
    def test_panels_have_numbers_and_places_of_their_own(self):
        panels = dashboard()["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        cells = [(x, y) for panel in panels for place in [panel["gridPos"]]
                 for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])]
        self.assertEqual(len(set(cells)), len(cells))
        self.assertLessEqual(max(x for x, _ in cells), 23)
        for panel in panels:
            self.assertTrue(panel["title"] and panel["description"] and panel["targets"])
            references = [target["refId"] for target in panel["targets"]]
            self.assertEqual(len(set(references)), len(references))

    def test_every_variable_that_a_query_uses_is_there(self):
        known = {variable["name"] for variable in dashboard()["templating"]["list"]}
        used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(dashboard())))
        self.assertEqual(used, known)

    def test_every_metric_that_is_asked_for_exists(self):
        out, _ = self.run_tool("--openmetrics", "-f", "-", data=encode(document(
            [pool(faults=1, failed_time=1, min_time=1)])))
        found = {name for name, _ in Exposition(out.encode(), openmetrics=True).samples}
        asked, recorded = names_in("\n".join(dashboard_queries() + manual_queries()))
        # The dashboard needs no rules.
        self.assertEqual(recorded, set())
        # What the comments say is no query.
        of_rules, recorded = names_in(re.sub(r"(?m)^ *#.*$", "", read("alerts.yml")))
        asked |= of_rules
        self.assertGreater(len(asked), 10)
        self.assertEqual(asked - found, set())
        self.assertEqual(recorded, set(rule_names("record")))


class Installed(Case):
    def test_rules_and_dashboard_are_installed(self):
        with open(os.path.join(BUILD, "meson-info/intro-installed.json"), encoding="utf-8") as file:
            installed = json.load(file)
        for name in os.listdir(MONITORING):
            self.assertTrue(installed[monitoring(name)].endswith("/share/osmempool/monitoring/" + name))


if __name__ == "__main__":
    main()
