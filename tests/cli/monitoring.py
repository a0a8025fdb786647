# SPDX-License-Identifier: Apache-2.0
"""The rules and the dashboard of doc/monitoring, what they ask for, and promtool."""

import json
import os
import re
import shutil
import subprocess

MONITORING = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                           "../../doc/monitoring"))
RULE_TESTS = ("alerts_test.yml", "leak_test.yml")
HAVE_PROMTOOL = shutil.which("promtool") is not None
SETTINGS = {"$__rate_interval": "1m", "$__range": "1h", "$instance": ".*", "$program": ".*",
            "$pool": ".*"}


def monitoring(name):
    return os.path.join(MONITORING, name)


def read(name):
    with open(monitoring(name), encoding="utf-8") as stream:
        return stream.read()


def dashboard():
    return json.loads(read("dashboard.json"))


def as_sent(text, **settings):
    """A query of the dashboard, with the values that Grafana puts into it."""
    values = {**SETTINGS, **{"$__" + name: value for name, value in settings.items()}}
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def panel_queries(title, **settings):
    """What the panel of that title asks."""
    panels = [panel for panel in dashboard()["panels"] if panel["title"] == title]
    return [as_sent(target["expr"], **settings) for panel in panels for target in panel["targets"]]


def dashboard_queries():
    """What the panels and variables of the dashboard ask."""
    texts = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            match = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"])
            texts.append(f"count by ({match[2]}) ({match[1]})")
    return [as_sent(text) for text in texts]


def manual_queries():
    """What doc/monitoring.md has in its tables of queries."""
    with open(MONITORING + ".md", encoding="utf-8") as stream:
        return re.findall(r"\| `([^`]*\bosmempool_[^`]*)` *\|", stream.read())


def rule_names(kind):
    """The names of the rules of a kind: alert or record."""
    return re.findall(rf"- {kind}: (\S+)", read("alerts.yml"))


class PromtoolMixin:
    """For a test case: promtool must say what is expected of it."""

    def promtool(self, *arguments, data=None, status=0):
        result = subprocess.run(["promtool", *arguments], input=data, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)
        self.assertEqual(result.returncode, status, result.stdout.decode())
        return result.stdout.decode()
