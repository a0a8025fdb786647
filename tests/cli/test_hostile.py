# SPDX-License-Identifier: Apache-2.0
"""Files and servers that lie: one line on stderr, exit 3, and never a crash or a hang."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import time

from harness import PATIENCE, Case, main
from server import document, drip, encode, half, never, pool, process_with_server

# No process has this number: Linux ends before it.
DEAD = 2**22

HUGE = 10**30


def broken_documents():
    """Name and bytes of every kind of document that must be refused."""
    good = document()
    for key in ("schema", "pid", "pools"):
        yield f"without {key}", encode(document(**{key: None}) if key != "pools" else
                                       {k: v for k, v in good.items() if k != "pools"})
    for key in ("name", "block_size", "num_blocks", "num_free", "min_free"):
        yield f"pool without {key}", encode(document([pool(**{key: None})]))
    for key in ("block_size", "num_blocks", "num_free", "min_free", "num_cached", "gets", "puts",
                "failed", "refused", "failed_time", "min_time"):
        for value in (-1, -2**63, 2**63, 2**64, HUGE, 1.5, 1e300, "1", True, [], {}):
            yield f"pool {key} {value}", encode(document([pool(**{key: value})]))
        yield f"pool {key} null", encode(document([{**pool(), key: None}]))
    for value in (2**63, -2**63 - 1, 0.5, "0"):
        yield f"pool adjust {value}", encode(document([pool(adjust=value)]))
    for key in ("pid", "start_time", "time"):
        for value in (-1, 2**63, HUGE, 1.0, "1", [], False):
            yield f"{key} {value}", encode(document(**{key: value}))
    yield "pid 0", encode(document(pid=0))
    for key in ("program", "version", "locking"):
        for value in (1, [], {}, True):
            yield f"{key} {value}", encode(document(**{key: value}))
    for value in ("osmempool/2", "osmempool/10", "osmempool", "osmempool/1.", "osmempool/1x",
                  "", "x/1", "osmempool/1.\x1b", 1, []):
        yield f"schema {value}", encode(document(schema=value))
    for value in ({}, "", 1, [1], ["a"], [[]], [pool(), 5]):
        yield f"pools {value}", encode(document(pools=value))
    for value in (1, "true", 0, []):
        yield f"stale {value}", encode(document([pool(stale=value)]))
    for value in (1, [], "x" * 5000):
        yield "name wrong or endless", encode(document([pool(name=value)]))
    yield "more free than blocks", encode(document([pool(num_free=11)]))
    yield "lower water than the pool is deep", encode(document([pool(min_free=11)]))
    yield "trailing garbage", encode(good) + b"x"
    yield "two documents", encode(good) * 2
    yield "duplicate keys", b'{"pid":1,' + encode(good)[1:]
    yield "duplicate keys in a pool", encode(good).replace(b'"gets":', b'"puts":1,"gets":')
    yield "invalid UTF-8", encode(good).replace(b"demo", b"de\xff\xfe")
    yield "a NUL", encode(good).replace(b"demo", b"de\x00mo")
    yield "an escaped NUL", encode(good).replace(b"demo", b"de\\u0000mo")
    yield "a lone surrogate", encode(good).replace(b"demo", b"de\\ud800mo")
    yield "a raw newline in a string", encode(good).replace(b"demo", b"de\nmo")
    yield "blanks", b" \n"
    yield "binary", bytes(range(256))
    yield "deep arrays", b"[" * 100000
    yield "deep objects", b'{"a":' * 100000
    yield "many braces", b"[" + b"{}," * 5000000 + b"{}]"
    yield "an error", b'{"error":"no\\u001b such word"}'
    for value in (b"null", b"1", b'"osmempool/1"', b"true", b"{}", b"NaN", b"{'a':1}"):
        yield value.decode(), value


class Documents(Case):
    def test_broken_documents_are_refused_from_a_file(self):
        for name, data in broken_documents():
            with self.subTest(name):
                err = self.assert_nothing("-f", self.write("file", data))
                self.assertIn(self.path("file"), err)
                self.assertTrue(err.isprintable() or err[:-1].isprintable(), err)
        self.assert_nothing("-f", self.write("file", b""))
        self.assert_nothing("-f", self.write("file", b"[]"))

    def test_broken_documents_are_refused_from_a_socket(self):
        server = self.serve(answer=b"")
        for name, data in broken_documents():
            with self.subTest(name):
                server.answer = data
                err = self.assert_nothing()
                self.assertIn(server.path, err)
        server.answer = encode([document()])
        self.assertIn("not a JSON object", self.assert_nothing())

    def test_a_cut_document_is_refused_wherever_it_is_cut(self):
        data = encode(document([pool("é")]))
        for length in range(0, len(data), 3):
            self.assert_nothing("-f", "-", data=data[:length])

    def test_one_broken_document_spoils_its_array(self):
        data = encode([document(), document(pid=-1)])
        self.assertIn("'pid'", self.assert_nothing("-f", "-", data=data))

    def test_damaged_bytes_never_crash(self):
        source = random.Random(1)
        good = encode([document([pool("é\x1b"), pool(stale=True)]), document(pid=7)])
        for _ in range(150):
            data = bytearray(good)
            for _ in range(source.randint(1, 4)):
                place = source.randrange(len(data))
                data[place:place + source.randint(0, 3)] = source.randbytes(source.randint(0, 2))
            process = self.start("-f", "-", stdin=subprocess.PIPE)
            out, err = process.communicate(bytes(data), timeout=PATIENCE)
            self.assertIn(process.returncode, (0, 3), (bytes(data), out, err))

    def test_the_reason_is_named(self):
        for data, reason in ((document([pool(), pool(num_free=99)]), "pool 1: 'num_free'"),
                             (document(schema="osmempool/2"), "osmempool/2"),
                             (document([pool(gets=-5)]), "-5"),
                             ({"error": "unknown word"}, "unknown word")):
            self.assertIn(reason, self.assert_nothing("-f", "-", data=encode(data)))


def wait_until_stopped(pid):
    for _ in range(1000):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            if ") T" in file.read():
                return
        time.sleep(0.01)
    raise AssertionError("it does not stop")


class Servers(Case):
    def test_silent_slow_and_cut_servers_meet_the_deadline(self):
        for answer in (never, drip, half):
            server = self.serve("1.sock", answer)
            before = time.monotonic()
            err = self.assert_nothing("-S", server.path)
            elapsed = time.monotonic() - before
            self.assertIn("2 seconds", err)
            self.assertGreater(elapsed, 1.9)
            self.servers.pop().close()

    def test_a_full_queue_is_tried_until_the_deadline(self):
        import socket
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path("1.sock"))
        listener.listen(0)
        waiting = socket.socket(socket.AF_UNIX)
        waiting.connect(self.path("1.sock"))
        self.late_paths.add(self.path("1.sock"))
        self.assertIn("2 seconds", self.assert_nothing())
        waiting.close()
        process = self.start()
        time.sleep(0.5)
        listener.accept()[0].close()
        connection, _ = listener.accept()
        self.assertEqual(connection.recv(100), b"snapshot\n")
        connection.sendall(encode(document(pid=os.getpid())))
        connection.close()
        self.assertEqual(process.wait(PATIENCE), 0)
        process.communicate()
        listener.close()

    def test_closing_without_an_answer_is_said(self):
        self.serve(answer=b"")
        self.assertIn("without an answer", self.assert_nothing())

    def test_a_reset_connection_is_no_crash(self):
        def reset(connection, request):
            connection.close()
        self.serve(answer=reset)
        self.assert_nothing()

    def test_many_silent_servers_take_one_deadline(self):
        for i in range(40):
            self.serve(f"{i + 1}.sock", never)
        self.serve("100.sock")
        before = time.monotonic()
        out, err = self.run_tool()
        # One after the other they take 80.
        self.assertLess(time.monotonic() - before, 60)
        self.assertEqual(len(err.splitlines()), 40)
        self.assertEqual(len(out.splitlines()), 2)

    def test_a_stopped_process_is_marked_and_does_not_hold_up_the_others(self):
        self.serve("8.sock")
        with process_with_server(self.path("7.sock")) as process:
            self.assertEqual(len(self.run_tool("-l")[0].splitlines()), 3)
            process.send_signal(signal.SIGSTOP)
            wait_until_stopped(process.pid)
            out, err = self.run_tool("-l")
            # It is not waited for.
            self.assertNotIn("2 seconds", err)
            self.assertEqual(len(out.splitlines()), 3)
            self.assertRegex(out, f"(?m)^ *{process.pid} .* python.* - +stopped - .*7.sock$")
            self.assertIn("stopped; kill -CONT resumes it", err)
            out, err = self.run_tool()
            self.assertRegex(out, f"^pid {self.servers[0].pid} demo\n(.+\n)+\npid {process.pid} python.*: stopped\n$")
            self.assertEqual(len(err.splitlines()), 1)
            process.send_signal(signal.SIGCONT)
            self.assertEqual(len(self.run_tool("-l")[0].splitlines()), 3)

    def test_of_stopped_processes_alone_the_list_is_shown(self):
        with process_with_server(self.path("7.sock")) as process:
            process.send_signal(signal.SIGSTOP)
            wait_until_stopped(process.pid)
            out, _ = self.run_tool("-l")
            self.assertIn("stopped", out)
            self.assertIn("stopped", self.assert_nothing())

    def test_a_stopped_process_with_a_full_queue_is_marked(self):
        with process_with_server(self.path("{}.sock"), backlog=1) as process:
            process.send_signal(signal.SIGSTOP)
            wait_until_stopped(process.pid)
            with contextlib.ExitStack() as stack:
                with contextlib.suppress(BlockingIOError):
                    for _ in range(10):
                        client = stack.enter_context(socket.socket(socket.AF_UNIX))
                        client.setblocking(False)
                        client.connect(self.path(f"{process.pid}.sock"))
                self.assertRegex(self.run_tool("-l")[0], f"(?m)^ *{process.pid} .* stopped ")

    def test_the_list_says_which_died(self):
        living = self.serve("8.sock")
        for name in (f"{DEAD}.sock", "own.sock", "012.sock", "4294967297.sock",
                     "99999999999999999999.sock", "0.sock", "12x.sock", "+7.sock", " 7.sock"):
            # All but the first are no names that the library gives.
            self.serve(name).stop()
        out, err = self.run_tool("-l")
        self.assertEqual(err, "")
        lines = out.splitlines()
        self.assertEqual(len(lines), 3)
        rows = [line for line in lines if "died" in line]
        self.assertRegex(rows[0], f"^ *{DEAD} [a-z0-9]+ +- +- +died - .*/{DEAD}.sock$")
        living.stop()
        self.assertEqual(len(self.run_tool("-l")[0].splitlines()), 3)
        self.assert_nothing()

    def test_a_process_with_the_number_of_a_dead_one_is_not_taken_for_it(self):
        with subprocess.Popen(["sleep", "600"]) as process:
            try:
                path = self.path(f"{process.pid}.sock")
                self.serve(path).stop()
                os.utime(path, (time.time() - 10,) * 2)
                row = rf"(?m)^ *{process.pid} [a-z0-9]+ +- +- +died - "
                self.assertRegex(self.run_tool("-l")[0], row)
                self.assertIn("no program exports there", self.assert_nothing("-p", str(process.pid)))
                self.assert_nothing("--openmetrics")
                # The very process that made it, and exports no longer.
                os.utime(path, (time.time() + 10,) * 2)
                self.assertRegex(self.run_tool("-l")[0], row.replace("died", "closed"))
                if os.geteuid() == 0:
                    # Not every root has another user.
                    with contextlib.suppress(OSError):
                        os.chown(path, 12345, 12345)
                        self.assertRegex(self.run_tool("-l")[0], row)
            finally:
                process.kill()

    def test_error_answers_are_reported(self):
        server = self.serve(answer=b'{"error":"too many clients"}')
        err = self.assert_nothing()
        self.assertIn("too many clients", err)
        self.assertIn(server.path, err)
        self.assertEqual(server.requests, [b"snapshot\n"])

    def test_an_answer_in_pieces_is_put_together(self):
        data = encode(document([pool(f"pool{i}") for i in range(2000)]))

        def pieces(connection, request):
            for i in range(0, len(data), 1000):
                connection.sendall(data[i:i + 1000])
        self.serve(answer=pieces)
        out, _ = self.run_tool("-j")
        self.assertEqual(json.loads(out)["pools"], json.loads(data)["pools"])


if __name__ == "__main__":
    main()
