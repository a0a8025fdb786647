# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes the endpoint and evaluates rules and dashboard; promtool checks metrics.

Arguments: mempoolstat, the example program copier.
"""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest
import urllib.parse

from endpoint import EndpointCase
from exposition import Exposition
from harness import PATIENCE, PROGRAM, main
from monitoring import HAVE_PROMTOOL, PromtoolMixin, dashboard_queries, monitoring, rule_names
from server import document, encode, never, pool

COPIER = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
del sys.argv[2:3]
HAVE_PROMETHEUS = HAVE_PROMTOOL and shutil.which("prometheus") is not None

CONFIGURATION = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: osmempool
    scrape_interval: 3s
    scrape_timeout: 3s
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]
"""


@unittest.skipUnless(HAVE_PROMTOOL, "promtool is not installed")
class Promtool(PromtoolMixin, EndpointCase):
    def test_metrics_are_as_promtool_wants_them(self):
        pools = [pool(name, faults=2, failed_time=3, min_time=4, stale=True)
                 for name in ("", "", "a", "a", 'q"\\', "line\nbreak", "漢字", "esc\x1b[31m")]
        self.serve("1.sock", encode(document(pools)))
        self.serve("2.sock", encode(document(pools, start_time=5)))
        self.serve("3.sock", never)
        _, _, body = self.listen().ask()
        self.assertEqual(len(Exposition(body, openmetrics=False).values("faults_total")), 16)
        self.assertEqual(self.promtool("check", "metrics", data=body), "")
        # It does look: a label without quotes, and a counter that is none by its name.
        self.promtool("check", "metrics", data=body.replace(b'pool="a"', b"pool=a"), status=1)
        self.promtool("check", "metrics", data=body.replace(b"gets_total", b"gets"), status=3)


class Prometheus:
    def __init__(self, directory, endpoint_port):
        self.configuration = CONFIGURATION.format(rules=monitoring("alerts.yml"),
                                                  port=endpoint_port)
        self.log = open(os.path.join(directory, "prometheus.log"), "w+", encoding="utf-8")
        # A port that was free may be somebody else's by the time that it is asked for.
        for _ in range(20):
            self.start(directory)
            if self.gets_ready():
                return
            self.process.kill()
            self.process.wait()
        self.log.seek(0)
        raise AssertionError("Prometheus does not start: " + self.log.read())

    def start(self, directory):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        path = os.path.join(directory, "prometheus.yml")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(self.configuration)
        # It ends with this process, whatever ends it.
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "prometheus", f"--config.file={path}",
             f"--storage.tsdb.path={directory}/data", "--log.level=warn",
             f"--web.listen-address=127.0.0.1:{self.port}"],
            stdout=self.log, stderr=self.log, env={**os.environ, "GOMAXPROCS": "1"})

    def gets_ready(self):
        """Whether it is this one that answers there, once somebody does."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                targets = self.get("targets")["activeTargets"]
                urls = [target["scrapeUrl"] for target in targets]
                if urls:
                    return any(f":{self.port_of_endpoint()}/" in url for url in urls)
            except (OSError, ValueError):
                pass
            time.sleep(0.1)
        return False

    def port_of_endpoint(self):
        return re.search(r"127\.0\.0\.1:(\d+)", self.configuration)[1]

    def get(self, path, **parameters):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if answer["status"] != "success":
            raise AssertionError(answer)
        return answer["data"]

    def query(self, text):
        """[(labels, value as text)]"""
        return [(row["metric"], row["value"][1])
                for row in self.get("query", query=text)["result"]]

    def wait(self, text, number=1):
        """The result of a query, once it has so many rows."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                rows = self.query(text)
                if len(rows) >= number:
                    return rows
            except (OSError, ValueError):
                pass
            time.sleep(0.3)
        self.log.seek(0)
        raise AssertionError(f"{text}: {self.log.read()}")

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


@unittest.skipUnless(HAVE_PROMETHEUS, "prometheus is not installed")
class Scraped(EndpointCase):
    def setUp(self):
        super().setUp()
        environment = self.environment(OSMEMPOOL_EXPORT="1")
        self.copier = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", COPIER, "--workers", "3", "--delay", "200",
             "--seconds", "600", PROGRAM, self.path("copy")],
            env=environment, stdout=subprocess.DEVNULL)
        self.addCleanup(self.copier.wait)
        self.addCleanup(self.copier.kill)
        deadline = time.monotonic() + PATIENCE
        while not os.path.exists(self.path(f"{self.copier.pid}.sock")) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.prometheus = Prometheus(self.directory, self.listen().port)

    def tearDown(self):
        self.prometheus.stop()
        super().tearDown()

    def test_a_real_prometheus_reads_and_evaluates_all_of_it(self):
        prometheus = self.prometheus
        # Two scrapes and more: rates need them.
        prometheus.wait("rate(osmempool_gets_total[1m]) > 0", 2)
        self.check_series(prometheus)
        self.check_types(prometheus)
        self.check_rules(prometheus)
        self.check_dashboard(prometheus)
        self.check_silence(prometheus)

    def check_series(self, prometheus):
        wanted = {"pid": str(self.copier.pid), "program": "copier", "job": "osmempool"}
        rows = prometheus.wait("osmempool_blocks", 3)
        self.assertEqual({row[0]["pool"]: row[1] for row in rows},
                         {"copier.packets": "64", "copier.jobs": "64", "copier.passes": "2"})
        for labels, _ in rows:
            self.assertEqual({**labels, **wanted}, labels)
        self.assertEqual(prometheus.wait("osmempool_pools")[0][1], "3")

    def check_types(self, prometheus):
        rows = prometheus.get("targets/metadata", limit=1000)
        types = {row["metric"]: (row["type"], row["unit"]) for row in rows}
        # The type info and units exist in OpenMetrics only: that is what was asked for, and read.
        self.assertEqual(types["osmempool_process"], ("info", ""))
        self.assertEqual(types["osmempool_block_size_bytes"], ("gauge", "bytes"))
        self.assertEqual(types["osmempool_gets"], ("counter", ""))

    def check_rules(self, prometheus):
        deadline = time.monotonic() + PATIENCE
        while True:
            groups = prometheus.get("rules")["groups"]
            health = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
            if "unknown" not in health.values() or time.monotonic() > deadline:
                break
            time.sleep(0.3)
        self.assertEqual(set(health.values()), {"ok"}, health)
        self.assertEqual(set(health), set(rule_names("alert") + rule_names("record")))
        # What the alerts look at is there for each pool; the lows of days begin at a whole hour.
        for name in rule_names("record"):
            if not name.endswith(":min1d"):
                prometheus.wait(name, 3)

    def check_dashboard(self, prometheus):
        for text in dashboard_queries():
            # Of what is shown only when it is bad, the part that is always there.
            always = re.sub(r" (> 0|== 0)", "", text)
            prometheus.query(always)
            if "faults" not in text:
                prometheus.wait(always)
            prometheus.query(text)

    def check_silence(self, prometheus):
        self.copier.send_signal(signal.SIGSTOP)
        rows = prometheus.wait('osmempool_up{program="copier"} == 0')
        self.assertEqual(rows[0][0]["pid"], str(self.copier.pid))
        prometheus.wait("osmempool_scrape_errors == 1")
        prometheus.wait('up{job="osmempool"} == 1')
        self.copier.send_signal(signal.SIGCONT)
        prometheus.wait('osmempool_up{program="copier"} == 1')


if __name__ == "__main__":
    main()
