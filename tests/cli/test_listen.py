# SPDX-License-Identifier: Apache-2.0
"""The scrape endpoint: what it answers, what it survives, how it ends."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time

from endpoint import OPENMETRICS, SHARE_SECONDS, EndpointCase
from exposition import Exposition
from harness import PATIENCE, PROGRAM, main
from server import document, encode, never, pool
from test_limits import HOSTILE, MIB, limited, many, text_of


class Answers(EndpointCase):
    def test_metrics_are_text_for_who_asks_for_nothing_else(self):
        server = self.serve("1.sock", encode(document([pool(num_free=3)])))
        endpoint = self.listen()
        status, headers, body = endpoint.ask()
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        self.assertEqual(headers["Connection"], "close")
        found = Exposition(body, openmetrics=False)
        self.assertEqual(found.values("free_blocks", pid=str(server.pid), program="demo",
                                      pool="pool"), ["3"])
        self.assertEqual(found.types["osmempool_gets_total"], "counter")
        self.assertEqual(found.types["osmempool_process_info"], "gauge")

    def test_openmetrics_are_for_who_wants_them_most(self):
        self.serve("1.sock")
        endpoint = self.listen()
        wanted = (
            OPENMETRICS, "application/openmetrics-text", "application/openmetrics-text;q=0.1",
            "text/html, application/openmetrics-text ; version=1.0.0 ; q=0.5, text/plain;q=0.5",
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
            "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/"
            "openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        )
        others = (
            "", "*/*", "text/plain", "text/html", ";;;,,,", "q=1", "application/openmetrics-text;q=0",
            "application/openmetrics-text;version=2.0.0", "application/openmetrics-textual",
            "application/openmetrics-text;version=0.0.1,text/plain;q=0.5",
            "application/openmetrics-text;q=0.3,text/plain;q=0.4",
            "application/openmetrics-text;q=0.3,*/*;q=0.4", "," * 3000,
        )
        for accepts, openmetrics in ((wanted, True), (others, False)):
            for accept in accepts:
                _, headers, body = endpoint.ask(Accept=accept)
                self.assertEqual("openmetrics" in headers["Content-Type"], openmetrics, accept)
                Exposition(body, openmetrics)

    def test_the_page_leads_to_the_metrics(self):
        status, headers, body = self.listen().ask("/")
        self.assertEqual(status, 200)
        self.assertIn("text/html", headers["Content-Type"])
        self.assertIn(b'href="metrics"', body)

    def test_other_paths_and_methods(self):
        endpoint = self.listen()
        for path in ("/x", "/metrics/", "/metrics/../metrics", "/METRICS", "/favicon.ico"):
            self.assertEqual(endpoint.ask(path)[0], 404, path)
        self.assertEqual(endpoint.ask("/metrics?name=x")[0], 200)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "NONSENSE"):
            status, headers, _ = endpoint.ask(method=method)
            self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"), method)

    def test_a_whole_address_may_be_asked_for(self):
        self.serve("{}.sock")
        endpoint = self.listen()
        for address, status in (("http://x/metrics", 200), ("HTTP://[::1]:9750/metrics", 200),
                                ("http://x", 200), ("http://x/", 200), ("http://x/nothing", 404),
                                ("http:///metrics", 200), ("https://x/metrics", 404),
                                ("x/metrics", 404)):
            with endpoint.connect() as connection:
                connection.sendall(f"GET {address} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
            self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), (address, answer[:100]))
            self.assertEqual(b"osmempool_up" in answer, address.endswith("/metrics") and status == 200)

    def test_head_is_get_without_a_body(self):
        endpoint = self.listen()
        status, headers, body = endpoint.ask(method="HEAD")
        self.assertEqual((status, body), (200, b""))
        self.assertIn("text/plain", headers["Content-Type"])

    def test_no_process_is_no_error(self):
        found = self.listen().scrape()
        self.assertEqual(found.values("up"), [])
        self.assertEqual(found.values("scrape_errors"), ["0"])

    def test_processes_that_come_and_go(self):
        endpoint = self.listen()
        first = self.serve("1.sock")
        self.serve("2.sock")
        self.assertEqual(endpoint.scrape().values("up"), ["1", "1"])
        self.servers.pop().close()
        self.assertEqual(endpoint.scrape().labels("up"),
                         [{"pid": str(first.pid), "program": "demo"}])
        self.servers.pop().close()
        for _ in range(3):
            self.assertEqual(endpoint.scrape().labels("up"), [])
        third = self.serve("3.sock")
        self.assertEqual(endpoint.scrape().labels("up"),
                         [{"pid": str(third.pid), "program": "demo"}])
        _, _, err = endpoint.stop()
        # What has changed is said, and not said again.
        self.assertEqual(err.count("has ended"), 2)
        self.assertEqual(err.count("no process is left"), 1)
        self.assertEqual(len(err.splitlines()), 3)

    def test_chosen_processes_and_pools(self):
        server = self.serve("1.sock", encode(document([pool("net"), pool("disk")])))
        self.serve("2.sock", encode(document([pool("net")])))
        found = self.listen("0", "-S", self.path("1.sock"), "n*").scrape()
        self.assertEqual(found.labels("blocks"), [{"pid": str(server.pid), "program": "demo", "pool": "net"}])

    def test_ten_thousand_pools(self):
        self.serve("1.sock", encode(document([pool(f"pool{i}") for i in range(10000)])))
        endpoint = self.listen()
        for accept in (None, OPENMETRICS):
            self.assertEqual(len(endpoint.scrape(accept).values("gets_total")), 10000)


class Silence(EndpointCase):
    def test_a_process_that_stops_is_down_until_it_goes_on(self):
        silent = threading.Event()

        def answer(connection, request):
            if silent.is_set():
                never(connection, request)
            connection.sendall(encode(document()))
        one, two = (str(self.serve("1.sock", answer).pid), str(self.serve("2.sock").pid))
        endpoint = self.listen()
        self.assertEqual(endpoint.scrape().values("up"), ["1", "1"])
        silent.set()
        for _ in range(2):
            found = endpoint.scrape()
            self.assertEqual(found.values("up", pid=one, program="demo"), ["0"])
            self.assertEqual(found.values("up", pid=two, program="demo"), ["1"])
            self.assertEqual(found.values("up"), ["1", "0"])
            self.assertEqual(found.values("scrape_errors"), ["1"])
            self.assertEqual(found.values("blocks", pid=one), [])
        silent.clear()
        found = endpoint.scrape()
        self.assertEqual(found.values("up"), ["1", "1"])
        self.assertEqual(found.values("scrape_errors"), ["0"])
        # Said once, though it was so twice.
        self.assertEqual(endpoint.stop()[2].count("2 seconds"), 1)

    def test_many_silent_processes_take_one_deadline(self):
        for i in range(30):
            self.serve(f"{i + 1}.sock", never)
        server = self.serve("100.sock")
        before = time.monotonic()
        found = self.listen().scrape()
        # One after the other they take 60.
        self.assertLess(time.monotonic() - before, 45)
        self.assertEqual(found.values("up", pid=str(server.pid)), ["1"])
        self.assertEqual(found.values("scrape_errors"), ["30"])
        self.assertEqual(len(found.values("up")), 31)

    def test_scrapes_that_come_together_cost_a_process_one_question(self):
        server = self.serve("1.sock", lambda connection, request: (
            time.sleep(1), connection.sendall(encode(document()))))
        endpoint = self.listen()
        bodies = []
        threads = [threading.Thread(target=lambda: bodies.append(endpoint.ask()))
                   for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([status for status, _, _ in bodies], [200] * 30)
        # Some may come late.
        self.assertLess(len(server.requests), 20)


class Hardship(EndpointCase):
    def descriptors(self, endpoint):
        return len(os.listdir(f"/proc/{endpoint.process.pid}/fd"))

    def baseline(self, endpoint):
        """How many are open after a scrape, once its connection is closed."""
        endpoint.scrape()
        before = -1
        while before != self.descriptors(endpoint):
            before = self.descriptors(endpoint)
            time.sleep(0.5)
        return before

    def settle(self, endpoint, expected):
        """Waits until as many descriptors are open as before."""
        deadline = time.monotonic() + PATIENCE
        while self.descriptors(endpoint) > expected and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertLessEqual(self.descriptors(endpoint), expected)

    def test_connections_that_ask_nothing_give_way(self):
        endpoint = self.listen()
        before = self.baseline(endpoint)
        idle = [endpoint.connect() for _ in range(600)]
        self.assertLess(self.descriptors(endpoint), before + 300)
        # The oldest of them yield.
        endpoint.scrape()
        for connection in idle:
            self.assertEqual(connection.recv(1), b"")
            connection.close()
        self.settle(endpoint, before)

    def hold(self, endpoint, data, n, stop, lasted):
        """So many connections that send this and no more, again and again; how long they lasted."""
        def run():
            while not stop.is_set():
                begin = time.monotonic()
                try:
                    with socket.create_connection((endpoint.host, endpoint.port),
                                                  PATIENCE) as connection:
                        connection.sendall(data)
                        if connection.recv(1) == b"":
                            lasted.append(time.monotonic() - begin)
                        # Nothing of an answer is read any more.
                        if data.endswith(b"\r\n\r\n"):
                            stop.wait(30)
                except OSError:
                    pass
        threads = [threading.Thread(target=run) for _ in range(n)]
        for thread in threads:
            thread.start()
        return threads

    def test_who_keeps_all_places_busy_starves_no_scraper(self):
        self.serve("{}.sock", encode(document([pool(f"pool{i}") for i in range(3000)])))
        endpoint = self.listen()
        whole = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
        for data in (b"", b"G", whole[:-2], whole):
            stop, lasted = threading.Event(), []
            threads = self.hold(endpoint, data, 400, stop, lasted)
            try:
                time.sleep(1)
                for _ in range(3):
                    status, _, body = endpoint.ask()
                    self.assertEqual(status, 200)
                    self.assertEqual(body.count(b"osmempool_blocks{"), 3000)
                # Some have yielded: none of them would be cut off before 10 seconds.
                if data != whole:
                    self.assertLess(min(lasted), 9)
            finally:
                stop.set()
                endpoint.stop()
                for thread in threads:
                    thread.join()
            endpoint = self.listen()

    def test_who_asks_or_reads_too_slowly_is_cut_off(self):
        self.serve("1.sock", encode(document([pool(f"pool{i}") for i in range(10000)])))
        endpoint = self.listen()
        before = self.baseline(endpoint)
        slow_asker, slow_reader = endpoint.connect(), endpoint.connect()
        slow_asker.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ")
        slow_reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow_reader.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        deadline = time.monotonic() + PATIENCE
        with self.assertRaises((BrokenPipeError, ConnectionResetError)):
            while time.monotonic() < deadline:
                slow_asker.sendall(b"x")
                self.assertEqual(len(slow_reader.recv(10)), 10)
                time.sleep(0.2)
        self.settle(endpoint, before)
        slow_asker.close()
        slow_reader.close()
        self.assertEqual(len(endpoint.scrape().values("blocks")), 10000)

    def test_garbage_does_no_harm(self):
        endpoint = self.listen()
        before = self.baseline(endpoint)
        garbage = (
            b"", b"\r\n", b"\0" * 100, b"GET\r\n\r\n", b"GET /metrics\r\n\r\n", b"\xff" * 5000,
            b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200000 + b"\r\n\r\n",
            b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
            b"GET /metrics HTTP/9.9\r\n\r\n", b"snapshot\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
        )
        for data in garbage:
            connection = endpoint.connect()
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except OSError:
                pass
            connection.close()
        endpoint.scrape()
        self.settle(endpoint, before)

    def test_a_thousand_scrapes_keep_nothing(self):
        self.serve("1.sock", encode(document([pool(f"pool{i}") for i in range(100)])))
        endpoint = self.listen()
        before = self.baseline(endpoint)
        for i in range(1000):
            self.assertEqual(endpoint.ask(**({"Accept": OPENMETRICS} if i % 2 else {}))[0], 200)
        self.settle(endpoint, before)

    def test_scrapers_that_leave_early_do_no_harm(self):
        self.serve("1.sock", encode(document([pool(f"pool{i}") for i in range(5000)])))
        endpoint = self.listen()
        before = self.baseline(endpoint)
        for _ in range(100):
            connection = endpoint.connect()
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.recv(10)
            connection.close()
        self.assertEqual(len(endpoint.scrape().values("blocks")), 5000)
        self.settle(endpoint, before)


class Limits(EndpointCase):
    def test_the_endpoint_has_the_same_limits(self):
        self.serve("{}.sock", encode(document([pool("honest")])))
        servers = [self.serve("{}.sock") for _ in range(4)]
        endpoint = self.listen(preexec_fn=limited)
        for answer in (*HOSTILE.values(), text_of(b"{}", 4 * MIB), many(15000)):
            for server in servers:
                server.answer = answer
            for accept in (None, "application/openmetrics-text"):
                self.assertEqual(endpoint.scrape(accept).values("blocks", pool="honest"), ["10"])
        self.assertEqual(endpoint.stop()[0], 0)

    def test_reports_that_nobody_reads_are_given_up(self):
        self.serve("{}.sock", many(60000))
        endpoint = self.listen(preexec_fn=limited)
        readers = []
        for _ in range(8):
            reader = endpoint.connect()
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(reader.recv(9), b"HTTP/1.1 ")
            readers.append(reader)
            time.sleep(0.7)
        _, _, body = endpoint.ask()
        found = Exposition(body, openmetrics=False)
        self.assertEqual(len(found.values("blocks")), 60000)
        for reader in readers:
            reader.close()
        self.assertEqual(endpoint.stop()[0], 0)


class Life(EndpointCase):
    def test_signals_end_it_well(self):
        self.serve("1.sock")
        for how in (signal.SIGTERM, signal.SIGINT):
            endpoint = self.listen()
            endpoint.scrape()
            idle = endpoint.connect()
            self.assertEqual(endpoint.stop(how), (0, "", ""))
            idle.close()
            with self.assertRaises(OSError):
                endpoint.connect()

    def test_a_signal_ends_it_while_a_process_is_silent(self):
        self.serve("1.sock", never)
        endpoint = self.listen()
        connection = endpoint.connect()
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(SHARE_SECONDS)
        status, out, _ = endpoint.stop()
        self.assertEqual((status, out), (0, ""))
        connection.close()

    def test_the_address_is_loopback_unless_it_is_named(self):
        for address in ("0", ":0", "localhost:0", "127.0.0.1:0"):
            endpoint = self.listen(address)
            self.assertEqual(endpoint.host, "127.0.0.1")
            rows = self.sockets(endpoint.process.pid, "tcp")
            self.assertEqual(rows, ["0100007F"])
        self.assertEqual(self.listen("127.0.0.2:0").host, "127.0.0.2")

    def test_ipv6(self):
        try:
            with socket.socket(socket.AF_INET6) as tried:
                tried.bind(("::1", 0))
        except OSError:
            self.skipTest("no IPv6 here")
        endpoint = self.listen("[::1]:0")
        self.assertEqual(endpoint.host, "::1")
        self.assertEqual(endpoint.ask()[0], 200)

    def sockets(self, pid, table):
        """Local addresses of the sockets of a process that listen."""
        inodes = set()
        for fd in os.listdir(f"/proc/{pid}/fd"):
            # It opens and closes meanwhile.
            with contextlib.suppress(FileNotFoundError):
                inodes.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
        with open(f"/proc/{pid}/net/{table}", encoding="ascii") as stream:
            rows = [line.split() for line in stream.readlines()[1:]]
        return [row[1].split(":")[0] for row in rows
                if row[3] == "0A" and f"socket:[{row[9]}]" in inodes]

    def test_a_port_in_use_is_said(self):
        endpoint = self.listen()
        err = self.assert_nothing("--listen", f"127.0.0.1:{endpoint.port}")
        self.assertIn("in use", err)
        self.assertIn("another port", err)
        # One that was just given up can be had at once.
        endpoint.scrape()
        endpoint.stop()
        self.assertEqual(self.listen(f"127.0.0.1:{endpoint.port}").port, endpoint.port)

    def test_an_address_of_another_machine_is_said(self):
        self.assertIn("192.0.2.1:9750", self.assert_nothing("--listen", "192.0.2.1:9750"))

    def test_addresses_that_are_none(self):
        for junk in ("", ":", "x", "x:1", "-1", ":-1", ":65536", ":99999", ":1x", ": 1", "1.2.3:1",
                     "256.0.0.1:1", "::1:9750", "[::1]", "[::1]9750", "[::1:9750", "[127.0.0.1]:1",
                     "[]:1", "[x]:1", "example.org:80", "127.0.0.1", "127.0.0.1:", "localhost",
                     "1:2:3", "http://127.0.0.1:1/", "\x1b:1", "9" * 10000):
            with self.subTest(junk=junk):
                self.assertIn("--listen", self.assert_usage("--listen", junk))

    def test_options_that_do_not_go_together(self):
        for arguments in ("-fx", "-d1", "-c1", "-l", "-m", "-j", "--openmetrics"):
            self.assertIn("--listen", self.assert_usage("--listen", "0", arguments))
        for arguments in ("-d1", "-c1", "-l", "-m", "-j"):
            self.assertIn("--openmetrics", self.assert_usage("--openmetrics", arguments))

    def test_closed_streams_do_not_get_a_scraper(self):
        process = subprocess.Popen(["sh", "-c", 'exec "$0" --listen 0 <&- >&- 2>&-', PROGRAM],
                                   env=self.environment())
        try:
            deadline = time.monotonic() + PATIENCE
            while not self.sockets(process.pid, "tcp") and time.monotonic() < deadline:
                time.sleep(0.05)
            for fd in range(3):
                self.assertEqual(os.readlink(f"/proc/{process.pid}/fd/{fd}"), "/dev/null")
        finally:
            process.terminate()
            self.assertEqual(process.wait(PATIENCE), 0)


if __name__ == "__main__":
    main()
