# SPDX-License-Identifier: Apache-2.0
"""Cases with a running `mempoolstat --listen`, at a port of its own."""

import http.client
import re
import signal
import socket
import time

from exposition import Exposition
from harness import PATIENCE, Case

# Scrapes that are closer together may get one report.
SHARE_SECONDS = 0.6
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


class Endpoint:
    def __init__(self, process):
        self.process = process
        line = process.stderr.readline().decode()
        match = re.fullmatch(r"mempoolstat: metrics are at http://(.*):(\d+)/metrics\n", line)
        if not match:
            raise AssertionError(line)
        self.host, self.port = match[1].strip("[]"), int(match[2])

    def connect(self):
        return socket.create_connection((self.host, self.port), timeout=PATIENCE)

    def ask(self, path="/metrics", method="GET", **headers):
        """Status, headers and body of an answer."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def scrape(self, accept=None):
        """What a scrape gives that shares its report with none before it."""
        time.sleep(SHARE_SECONDS)
        status, headers, body = self.ask(**({"Accept": accept} if accept else {}))
        if status != 200:
            raise AssertionError(status)
        return Exposition(body, "openmetrics" in headers["Content-Type"])

    def stop(self, how=signal.SIGTERM):
        """Exit status, and what it has said since it began."""
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out.decode(), err.decode()


class EndpointCase(Case):
    def setUp(self):
        super().setUp()
        self.endpoints = []

    def tearDown(self):
        for endpoint in self.endpoints:
            if endpoint.process.poll() is None:
                endpoint.process.kill()
                endpoint.process.communicate()
        super().tearDown()

    def listen(self, address="127.0.0.1:0", *arguments, **options):
        endpoint = Endpoint(self.start("--listen", address, *arguments, **options))
        self.endpoints.append(endpoint)
        return endpoint
