# SPDX-License-Identifier: Apache-2.0
"""Which sockets are asked, and who is believed."""

import contextlib
import ctypes
import json
import os
import random
import re
import resource
import socket
import subprocess
import sys
import threading
import time
import unittest

from harness import ATTEMPTS, PATIENCE, Case, main
from server import SERVING, document, encode, late, pool
from test_live import Counter, child_server, rates

HERE = os.path.dirname(os.path.abspath(__file__))

# A program with the exporter's thread, or without, which listens at some paths: at the first one for
# questions about its pools, at the others for something else that takes one client at a time.
PROGRAM = """
import os, socket, sys, threading, time
sys.path.insert(0, sys.argv[1])
import server
directory, thread = sys.argv[2], sys.argv[3]
paths = [path.format(os.getpid()) for path in sys.argv[4:]]
def bind(listener, path):
    if len(path) > 107:
        server.bind_anywhere(listener, path)
    else:
        listener.bind(path)
def serve():
    if thread:
        open("/proc/thread-self/comm", "w").write(thread)
    while True:
        connection, _ = exporter.accept()
        connection.recv(100)
        connection.sendall(server.encode(server.document(pid=os.getpid())))
        connection.close()
def other(listener):
    while True:
        connection, _ = listener.accept()
        open(directory + "/disturbed", "a").write(connection.recv(100).decode() + "!")
listeners = []
for path in paths:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bind(listener, path)
    listener.listen(8)
    listeners.append(listener)
exporter = listeners[0]
threading.Thread(target=serve, daemon=True).start()
for listener in listeners[1:]:
    threading.Thread(target=other, args=(listener,), daemon=True).start()
print(flush=True)
time.sleep(600)
"""


class Asking(Case):
    """Whoever listens for other things, too, is not disturbed."""

    @contextlib.contextmanager
    def program(self, *paths, thread="osmempool", **environment):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, HERE, self.directory, thread, *paths],
            stdout=subprocess.PIPE, env=self.environment(**{"OSMEMPOOL_DIR": "", **environment}))
        try:
            process.stdout.readline()
            yield process.pid
        finally:
            process.kill()
            process.communicate()

    def pids(self, *arguments, **environment):
        out, err = self.run_tool("-l", *arguments, status=None,
                                 environment={"OSMEMPOOL_DIR": "", **environment})
        rows = [line.split() for line in out.splitlines()[1:]]
        return [int(row[0]) for row in rows if row[-1].startswith(self.directory)], err

    def assert_undisturbed(self):
        self.assertFalse(os.path.exists(self.path("disturbed")))

    def assert_found(self, pid, found=True, **environment):
        """By itself, and by its number; and nothing else of it is asked."""
        for options in ([], ["-p", str(pid)]):
            pids, err = self.pids(*options, **environment)
            self.assertEqual(pids, [pid] if found else [], (options, err))
        self.assert_undisturbed()
        return err

    def test_in_a_directory_that_is_searched_by_the_name(self):
        os.mkdir(self.path("osmempool"), 0o700)
        runtime = {"XDG_RUNTIME_DIR": self.directory}
        with self.program(self.path("osmempool/{}.sock"), self.path("service.sock"),
                          self.path("osmempool/service.sock"), self.path("osmempool/control"),
                          OSMEMPOOL_EXPORT="1", **runtime) as pid:
            self.assert_found(pid, **runtime)

    def test_in_another_directory_by_its_environment(self):
        for names in (("OSMEMPOOL_DIR", ""), ("XDG_RUNTIME_DIR", "osmempool/")):
            directory = self.path("of_" + names[0])
            os.makedirs(os.path.join(directory, names[1]))
            with self.program(os.path.join(directory, names[1] + "{}.sock"),
                              self.path("service.sock"), self.path("a"),
                              **{"OSMEMPOOL_EXPORT": "1", names[0]: directory}) as pid:
                self.assert_found(pid)
            os.unlink(self.path("service.sock"))
            os.unlink(self.path("a"))

    def test_at_a_path_of_its_own_by_its_environment(self):
        with self.program(self.path("pools"), self.path("service.sock"),
                          OSMEMPOOL_EXPORT=self.path("pools")) as pid:
            self.assert_found(pid)

    def test_a_forked_childs_path_has_its_number(self):
        with self.program(self.path("pools.{}"), self.path("service.sock"),
                          OSMEMPOOL_EXPORT=self.path("pools")) as pid:
            self.assert_found(pid)

    def test_at_a_path_that_is_longer_than_an_address(self):
        deep = self.path("d" * 100 + "/" + "e" * 100)
        os.makedirs(deep)
        with self.program(deep + "/pools", self.path("service.sock"),
                          OSMEMPOOL_EXPORT=deep + "/pools") as pid:
            self.assert_found(pid)
        with self.program(deep + "/{}.sock", OSMEMPOOL_EXPORT="1") as pid:
            # Nothing tells where that is.
            pids, err = self.pids("-p", str(pid))
            self.assertEqual(pids, [])

    def test_one_that_listens_nowhere_else_is_known_by_that(self):
        with self.program(self.path("pools")) as pid:
            self.assert_found(pid)

    def test_of_several_sockets_none_is_tried(self):
        with self.program(self.path("pools"), self.path("service.sock")) as pid:
            err = self.assert_found(pid, found=False)
            self.assertIn("which of its 2 sockets", err)
            self.assertIn("-S", err)
            self.assertEqual(self.pids("-S", self.path("pools"))[0], [pid])

    def test_without_the_exporters_thread_none_is_tried(self):
        for thread in ("", "another", "osmempool2"):
            with self.program(self.path("pools"), thread=thread) as pid:
                self.assert_found(pid, found=False)
            os.unlink(self.path("pools"))

    def test_other_kinds_of_sockets_are_none(self):
        with self.program(self.path("pools")) as pid:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
                other.bind(self.path("seqpacket"))
                other.listen()
                self.assert_found(pid)

    def test_what_is_no_socket_is_said(self):
        self.write("file", b"")
        os.mkfifo(self.path("pipe"))
        for name, kind in (("file", "a file"), (".", "a directory"), ("pipe", "a device or pipe")):
            self.assertIn(f"it is no socket, but {kind}", self.assert_nothing("-S", self.path(name)))
        self.assertIn("a device or pipe", self.assert_nothing("-S", "/dev/null"))
        # Where the user says so, a link is followed.
        os.symlink(self.path("file"), self.path("link"))
        self.assertIn("a file", self.assert_nothing("-S", self.path("link")))
        server = self.serve("{}.sock")
        os.symlink(server.path, self.path("to_socket"))
        self.run_tool("-S", self.path("to_socket"))


class Believing(Case):
    def test_who_says_another_number_than_his_own_is_not_shown(self):
        honest = self.serve("{}.sock")
        server = self.serve("{}.sock")
        for number in (1, os.getpid(), honest.pid, 2**31 - 1):
            server.answer = encode(document(pid=number))
            for arguments in ([], ["-l"], ["-j"], ["--openmetrics"], ["-p", str(server.pid),
                                                                      "-p", str(honest.pid)]):
                out, err = self.run_tool(*arguments)
                shown = re.findall(r'(?m)^ *(\d+) \w+ +demo|^pid (\d+)|"pid":(\d+)|up{pid="(\d+)",program="demo"', out)
                for numbers in shown:
                    self.assertIn(str(honest.pid), numbers)
                self.assertIn(f"process {server.pid} of user {os.geteuid()} says that it is process "
                              f"{number}: not believed", err)
            # The user may know better: it may be a socket that leads to another machine.
            self.assertIn(f'"pid":{number},', self.run_tool("-j", "-S", server.path)[0])

    def test_nobody_answers_for_the_process_that_was_asked_for(self):
        with subprocess.Popen(["sleep", "600"]) as victim:
            try:
                server = self.serve(f"{victim.pid}.sock")
                for answer in (encode(document(pid=victim.pid)), encode(document())):
                    server.answer = answer
                    err = self.assert_nothing("-p", str(victim.pid))
                    self.assertIn(f"process {server.pid} of user {os.geteuid()} answers there", err)
                    self.assertNotIn(b"snapshot\n", server.requests)
            finally:
                victim.kill()

    def test_rates_are_not_computed_against_another_ones_counters(self):
        honest = self.serve("1.sock", Counter())
        other = self.serve("2.sock")

        def claim(connection, request):
            connection.sendall(encode(document(
                [pool("a", gets=10**12), pool("a", gets=10**12)], pid=honest.pid,
                time=1700000100000000 + len(other.requests) * 1000000)))
        other.answer = claim
        for arguments in ([], ["-S", honest.path, "-S", other.path],
                          ["-S", other.path, "-S", honest.path]):
            honest.answer.n = 0
            out, _ = self.run_tool("-d", "0.05", "-c", "3", *arguments)
            reports = [part for part in out.split("\n\n") if " new " in part]
            self.assertEqual(len(reports), 2)
            for report in reports:
                self.assertIn(("50.0", "50.0"), rates(report) + rates(report + "\n"))

    @unittest.skipIf(os.geteuid() != 0, "needs root to become other users")
    def test_another_user_does_not_answer_for_a_process(self):
        os.chmod(self.directory, 0o777)
        with subprocess.Popen(["sleep", "600"]) as victim:
            try:
                path = self.path(f"{victim.pid}.sock")
                claim = encode(document(pid=victim.pid, program="sleep"))
                with child_server(path, lambda: os.setuid(12345), claim) as child:
                    for arguments in ([], ["-l"], ["--openmetrics"], ["-p", str(victim.pid)]):
                        err = self.assert_nothing(*arguments)
                        self.assertIn(f"process {child} of user 12345", err)
            finally:
                victim.kill()

    @unittest.skipIf(os.geteuid() != 0, "needs root to give files away")
    def test_a_users_directory_has_sockets_of_that_user_only(self):
        # As if he had made a hard link.
        os.chown(self.directory, 12345, 12345)
        os.chmod(self.directory, 0o755)
        mine = self.serve("{}.sock")
        self.assert_nothing()
        self.assertEqual(mine.requests, [])


class Swapping(Case):
    """A socket that is swapped between the look and the connection."""

    def swap(self, make):
        """Runs the tool so that 9.sock is asked only after make(its path); returns its words."""
        for _ in range(ATTEMPTS):
            said, quick = self.swap_once(make)
            if quick:
                return said
            while self.servers:
                self.servers.pop().close()
            for name in os.listdir(self.directory):
                os.unlink(self.path(name))
        return self.skipTest("the machine is too busy to be quick enough")

    def swap_once(self, make):
        asked = threading.Event()

        @late
        def wait(connection, request):
            asked.set()
            time.sleep(60)
        # As many as there are descriptors for: they hold up the others for 2 seconds.
        for n in (1, 2):
            self.serve(f"{n}.sock", wait)
        victim = self.serve("9.sock")

        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (26, 26))
        begin = time.monotonic()
        process = self.start("-l", preexec_fn=few)
        self.assertTrue(asked.wait(PATIENCE))
        os.rename(victim.path, self.path("away"))
        make(victim.path)
        quick = time.monotonic() - begin < 2
        out, err = process.communicate(timeout=PATIENCE)
        if quick:
            self.assertEqual(victim.requests, [])
        return out.decode() + err.decode(), quick

    def swap_for_secret(self, make, owner=None):
        """make() puts what only this user may reach in the place of 9.sock: that is not asked."""
        secrets = []

        def put(path):
            secrets.append(self.serve("secret"))
            if owner is not None:
                os.chown(secrets[-1].path, owner, owner)
            make(secrets[-1].path, path)
        said = self.swap(put)
        for secret in secrets:
            self.assertEqual(secret.requests, [])
        return said

    def test_a_link_is_not_followed(self):
        self.assertIn("it is no socket, but a link", self.swap_for_secret(os.symlink))

    def test_another_socket_is_not_asked(self):
        self.swap_for_secret(os.rename)

    @unittest.skipIf(os.geteuid() != 0, "needs root to give files away")
    def test_that_of_another_user_is_said(self):
        self.assertIn("another user's socket has taken its place",
                      self.swap_for_secret(os.rename, 12345))

    def test_a_pipe_or_device_is_not_opened(self):
        said = self.swap(os.mkfifo)
        self.assertIn("it is no socket, but a device or pipe", said)


class Ending(Case):
    """A process that ends while it is asked is gone: that is no error."""

    def ends(self, beginning=b""):
        server = self.serve("{}.sock")

        def end(connection, request):
            connection.sendall(beginning)
            # In the order in which a kernel closes them.
            server.stop()
            os.unlink(server.path)
        server.answer = end
        return server

    def test_before_and_while_it_answers(self):
        honest = self.serve("{}.sock")
        for beginning in (b"", encode(document())[:60]):
            server = self.ends(beginning)
            for arguments in ([], ["-l"]):
                out, err = self.run_tool(*arguments)
                self.assertEqual(err, "")
                self.assertNotIn(str(server.pid), out)
            self.servers.pop()
        self.assertEqual(len(honest.requests), 4)

    def test_one_that_was_named_is_said(self):
        for how in (lambda server: ["-p", str(server.pid)], lambda server: ["-S", server.path]):
            server = self.ends()
            self.assertIn("has ended while it was asked", self.assert_nothing(*how(server)))

    def test_while_it_is_watched(self):
        server = self.serve("{}.sock")
        n = [0]

        def end_later(connection, request):
            n[0] += 1
            if n[0] < 3:
                connection.sendall(encode(document()))
                return
            server.stop()
            os.unlink(server.path)
        server.answer = end_later
        _, err = self.run_tool("-d", "0.05", status=3)
        self.assertIn(f"process {server.pid} has ended", err)
        self.assertIn("no process is left", err)
        self.assertEqual(len(err.splitlines()), 2, err)

    def test_one_whose_places_are_taken_is_asked_once_more(self):
        server = self.serve("{}.sock")

        def busy(connection, request):
            if len(server.requests) > 1:
                connection.sendall(encode(document()))
        server.answer = busy
        self.run_tool()
        self.assertEqual(len(server.requests), 2)


class Tracing(Case):
    ATTACH, DETACH, ALL = 16, 17, 0x40000000

    @contextlib.contextmanager
    def traced(self, pid):
        """Stops all threads of a process, as a debugger does."""
        libc = ctypes.CDLL(None, use_errno=True)
        threads = [int(name) for name in os.listdir(f"/proc/{pid}/task")]
        for thread in threads:
            if libc.ptrace(self.ATTACH, thread, None, None) != 0:
                self.skipTest("no process may be traced here")
            os.waitpid(thread, self.ALL)
        try:
            yield
        finally:
            for thread in threads:
                libc.ptrace(self.DETACH, thread, None, None)

    def test_a_process_that_a_debugger_stops_is_told_so(self):
        with subprocess.Popen([sys.executable, "-c", SERVING, HERE, self.path("{}.sock"),
                               "osmempool", "64"], stdout=subprocess.PIPE) as process:
            try:
                process.stdout.readline()
                self.run_tool("-p", str(process.pid))
                with self.traced(process.pid):
                    err = self.assert_nothing("-p", str(process.pid))
                    self.assertIn("stopped by a debugger (", err)
                    self.assertIn(f", process {os.getpid()}): continue it there", err)
                    self.assertNotIn("CONT", err)
                    self.assertRegex(self.run_tool("-l")[0], f"(?m)^ *{process.pid} .* traced ")
                self.run_tool("-p", str(process.pid))
            finally:
                process.kill()


def is_strict_json(data):
    """Whether it is JSON, and no string of it holds what no string here may."""
    def refuse(word):
        raise ValueError(word)

    def walk(value, depth):
        if depth > 62:
            raise ValueError("deep")
        if isinstance(value, str):
            value.encode()
            if "\0" in value:
                raise ValueError("NUL")
        for inner in (value.items() if isinstance(value, dict) else []):
            walk(inner[0], depth)
            walk(inner[1], depth + 1)
        for inner in value if isinstance(value, list) else []:
            walk(inner, depth + 1)
    try:
        walk(json.loads(data.decode(), parse_constant=refuse, object_pairs_hook=Pairs), 0)
        return True
    except (ValueError, RecursionError):
        return False


class Pairs(dict):
    """An object that keeps all values of a key."""

    def __init__(self, pairs):
        super().__init__()
        self.pairs = pairs

    def items(self):
        return self.pairs


class Json(Case):
    ALPHABET = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b" ", b"\n", b"0", b"-", b"1", b"9",
                b".", b"e", b"E", b"+", b"true", b"false", b"null", b'"a"', b'"a":', b"\\u00e9",
                b"\\ud83d\\ude00", b"\\ud800", b"\\udc00", b"\\u0000", b"\\n", b"\\/", b"\\x", b"a",
                b"\xc3\xa9", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80", b"\xc0\x80", b"\xff", b"\xe2\x82",
                b"\x00", b"\x1f", b"\x7f", b"/", b"'", b"nan", b"Infinity", b"[[]]", b'{"b":{}}']

    def value(self, source):
        kind = source.randrange(4)
        if kind == 0:
            return b"".join(source.choices(self.ALPHABET, k=source.randint(0, 6)))
        if kind == 1:
            return b'"' + b"".join(source.choices(self.ALPHABET, k=source.randint(0, 4))) + b'"'
        if kind == 2:
            return str(source.choice([0, -1, 1.5, -2.5e-7, 10**400, 1e300])).encode()
        parts = [self.value(source) for _ in range(source.randint(0, 3))]
        if source.random() < 0.5:
            return b"[" + b",".join(parts) + b"]"
        return b"{" + b",".join(b'"k%d":' % i + part for i, part in enumerate(parts)) + b"}"

    def test_it_takes_what_is_json_and_nothing_else(self):
        source = random.Random(7)
        taken = 0
        good = encode(document())
        for _ in range(600):
            data = good[:-1] + b',"x":' + self.value(source) + b"}"
            strict = is_strict_json(data)
            taken += strict
            _, err = self.run_tool("-f", "-", data=data, status=0 if strict else 3)
        self.assertTrue(100 < taken < 500, taken)

    def test_where_it_is_cut_into_pieces_does_not_matter(self):
        data = encode(document([pool("é\U0001f600\\\"", novel=[1.5e-3, "\u00e9", {"a": None}])])) \
            .replace(b'"demo"', b'"d\\u00e9\\ud83d\\ude00\\nmo"')

        def pieces(connection, request):
            whole = data.replace(b"4242", b"%d" % server.pid)
            for i in range(0, len(whole), self.step):
                connection.sendall(whole[i:i + self.step])
                time.sleep(0.001)
        server = self.serve("{}.sock", pieces)
        for self.step in (1, 2, 3, 7):
            shown = json.loads(self.run_tool("-j")[0])
            wanted = json.loads(data)
            self.assertEqual({**shown, "pid": 0}, {**wanted, "pid": 0})


if __name__ == "__main__":
    main()
