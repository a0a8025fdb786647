# SPDX-License-Identifier: Apache-2.0
"""Alert rules and dashboard, tried by promtool."""

import json
import re
import unittest

from exposition import Exposition
from harness import Case, main
from monitoring import (HAVE_PROMTOOL, RULE_TESTS, PromtoolMixin, dashboard, dashboard_queries,
                        manual_queries, monitoring, read, rule_names)
from server import document, encode, pool


def names_in(text):
    """(metrics, recorded series): the names in a text."""
    names = set(re.findall(r"[\w:]*\bosmempool_[\w:]+", text))
    recorded = {name for name in names if ":" in name}
    return names - recorded, recorded


@unittest.skipUnless(HAVE_PROMTOOL, "promtool is not installed")
class Alerts(PromtoolMixin, Case):
    def test_alerts_are_rules_and_fire_when_they_should(self):
        self.promtool("check", "rules", monitoring("alerts.yml"))
        self.promtool("test", "rules", *map(monitoring, RULE_TESTS))
        self.promtool("check", "config", monitoring("prometheus.yml"))
        tested = re.findall(r"alertname: (\w+)\n *eval_time: .*\n *exp_alerts:(?: &\w+)?\n",
                            "".join(map(read, RULE_TESTS)))
        self.assertEqual(set(rule_names("alert")), set(tested))


@unittest.skipUnless(HAVE_PROMTOOL, "promtool is not installed")
class Queries(PromtoolMixin, Case):
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


if __name__ == "__main__":
    main()
