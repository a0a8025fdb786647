# SPDX-License-Identifier: Apache-2.0
"""Clients that do all that a client must not do, and what it costs the program: nothing that stays.
"""

import contextlib
import os
import random
import signal
import socket

from harness import (DEADLINE, ExporterCase, ask, connect, is_sanitized, is_served, main,
                     needs_another_user, read_all, sockets_of, status_of, wait_until)

MANY = 10000
RSS_KIB_MAX = 1024


def at_once(client):
    """Closes what it has opened."""


def half_a_request(client):
    client.sendall(b"snap")


def garbage(client):
    client.sendall(random.Random(client.fileno()).randbytes(200))


def endless_line(client):
    client.sendall(b"x" * 5000)


def unread_answer(client):
    """Closing with bytes that were not read resets the connection."""
    client.sendall(b"snapshot\n")


def reset_before_the_answer(client):
    client.sendall(b"help\n")
    client.recv(1)


def half_closed(client):
    client.shutdown(socket.SHUT_WR)


def closed_for_reading(client):
    client.shutdown(socket.SHUT_RD)
    client.sendall(b"snapshot\n")


def unfinished_check(client):
    client.sendall(b"check *\n")


HOSTILE = (at_once, half_a_request, garbage, endless_line, unread_answer, reset_before_the_answer,
           half_closed, closed_for_reading, unfinished_check)


class Hostile(ExporterCase):
    def misbehave(self, exporter, times):
        """Each kind in turn, and some clients that stay until they are dropped."""
        staying = []
        for n in range(times):
            client = connect(exporter.path)
            # The server may close first.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                HOSTILE[n % len(HOSTILE)](client)
            if n % 100 < len(HOSTILE) * 2:
                staying.append(client)
            else:
                client.close()
            if len(staying) > 60:
                staying.pop(0).close()
        for client in staying:
            client.close()

    def kept(self, exporter):
        return (exporter.do("countfds")[0], status_of(exporter.pid, "Threads"),
                len(sockets_of(exporter.pid)))

    def test_ten_thousand_hostile_connections_leave_nothing_behind(self):
        exporter = self.started()
        before = self.kept(exporter)
        self.misbehave(exporter, MANY // 10)
        self.assertTrue(is_served(exporter.path))
        rss_kib = status_of(exporter.pid, "VmRSS")
        self.misbehave(exporter, MANY)
        self.assertTrue(is_served(exporter.path))
        wait_until(lambda: self.kept(exporter) == before, "all clients are closed")
        if not is_sanitized():
            self.assertLess(status_of(exporter.pid, "VmRSS") - rss_kib, RSS_KIB_MAX)
        self.assertEqual(exporter.do("get"), (1, 0))

    def test_each_kind_of_hostile_client_is_survived(self):
        exporter = self.started()
        for kind in HOSTILE:
            with self.subTest(kind.__name__), connect(exporter.path) as client:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    kind(client)
                self.assertTrue(is_served(exporter.path))
            self.assertTrue(is_served(exporter.path))

    def test_two_hundred_clients_that_never_send_or_read_yield_to_the_next(self):
        exporter = self.started()
        exporter.do("pools 1000")
        with contextlib.ExitStack() as stack:
            silent = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(200)]
            # Not blocking: what does not fit in the queue stays out.
            for n, client in enumerate(silent):
                client.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    client.connect(exporter.path)
                    if n % 2:
                        client.sendall(b"snapshot\n")
            self.assertEqual(len(ask(exporter.path)["pools"]), 1001)
            self.assertEqual(exporter.do("get"), (1, 0))

    def test_two_hundred_clients_that_ask_for_checks_do_not_shut_out_the_next(self):
        exporter = self.started()
        exporter.do("pools 10000")
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                stack.enter_context(connect(exporter.path)).sendall(b"check *\n")
            self.assertEqual(len(ask(exporter.path)["pools"]), 10001)

    def test_a_client_that_is_gone_raises_no_signal_in_the_program(self):
        exporter = self.started()
        # More than the socket's buffer takes, so that it is written to after the end.
        exporter.do("pools 10000")
        for _ in range(20):
            with connect(exporter.path) as client:
                client.sendall(b"snapshot\n")
                client.recv(1)
        self.assertTrue(is_served(exporter.path))
        self.assertEqual(exporter.end(), 0)

    def test_a_client_that_sends_on_while_it_is_answered_reads_all_of_it(self):
        exporter = self.started()
        exporter.do("pools 1000")
        with connect(exporter.path) as client:
            client.sendall(b"snapshot\n" + b"x" * 100000)
            self.assertTrue(read_all(client).endswith(b"]}\n"))

    @needs_another_user
    def test_many_connections_of_another_user_keep_nobody_out(self):
        def connect_for_ever(path):
            while True:
                with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
                    client.connect(path)
        exporter = self.started()
        child = self.stranger(exporter, connect_for_ever)
        try:
            for _ in range(20):
                self.assertTrue(is_served(exporter.path))
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

    def test_a_stopped_program_answers_who_waited_once_it_goes_on(self):
        exporter = self.started()
        exporter.process.send_signal(signal.SIGSTOP)
        # Told when all of its threads stand still.
        os.waitpid(exporter.pid, os.WUNTRACED)
        try:
            with connect(exporter.path) as client:
                client.sendall(b"snapshot\n")
                client.settimeout(0.3)
                with self.assertRaises(TimeoutError):
                    client.recv(1)
                exporter.process.send_signal(signal.SIGCONT)
                client.settimeout(DEADLINE)
                self.assertTrue(read_all(client).endswith(b"]}\n"))
        finally:
            exporter.process.send_signal(signal.SIGCONT)


class Verbs(ExporterCase):
    def test_check_names_the_pool_and_the_block_that_is_damaged(self):
        exporter = self.started()
        document = ask(exporter.path, b"check *\n")
        self.assertEqual(list(document), ["schema", "version", "pid", "program", "start_time",
                                          "time", "checks"])
        self.assertEqual(document["pid"], exporter.pid)
        name = 'first "one"\ufffd\n'
        self.assertEqual(document["checks"], [{"name": name, "result": "sane"}])
        block = exporter.do("damage")[0]
        row = ask(exporter.path, b"check first*\n")["checks"][0]
        self.assertEqual((row["name"], row["result"], row["block"]), (name, "damaged", block))
        self.assertIn("mark", row["what"])
        self.assertRegex(row["address"], "^0x[0-9a-f]+$")

    def test_check_goes_through_ten_thousand_pools(self):
        exporter = self.started()
        exporter.do("pools 10000")
        rows = ask(exporter.path, b"check e*y\n")["checks"]
        self.assertEqual((len(rows), {row["result"] for row in rows}), (10000, {"sane"}))

    def test_a_pattern_that_matches_nothing_gets_an_empty_array(self):
        exporter = self.started(OSMEMPOOL_EXPORT_WRITE="1")
        self.assertEqual(ask(exporter.path, b"check none\n")["checks"], [])
        self.assertEqual(ask(exporter.path, b"reset-min none\n")["reset"], [])

    def test_a_pattern_made_to_be_slow_is_not(self):
        exporter = self.started()
        self.assertEqual(ask(exporter.path, b"check " + b"*[!x]" * 48 + b"y\n")["checks"], [])

    def test_reset_min_is_refused_unless_the_program_allows_it(self):
        for value in (None, "", "0", "yes"):
            variables = {} if value is None else {"OSMEMPOOL_EXPORT_WRITE": value}
            answer = ask(self.started(**variables).path, b"reset-min *\n")
            self.assertEqual(list(answer), ["error"])
            self.assertIn("OSMEMPOOL_EXPORT_WRITE=1", answer["error"])

    def test_reset_min_starts_the_mark_again(self):
        exporter = self.started(OSMEMPOOL_EXPORT_WRITE="1")
        exporter.do("damage")
        self.assertEqual(ask(exporter.path)["pools"][0]["min_free"], 7)
        document = ask(exporter.path, b"reset-min first*\n")
        self.assertEqual(list(document), ["schema", "version", "pid", "program", "start_time",
                                          "time", "reset"])
        self.assertEqual(document["reset"], [{"name": 'first "one"\ufffd\n', "min_free": 8}])
        self.assertEqual(ask(exporter.path)["pools"][0]["min_free"], 8)


if __name__ == "__main__":
    main()
