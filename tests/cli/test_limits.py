# SPDX-License-Identifier: Apache-2.0
"""Time and memory have limits, whatever is asked, and who is honest is shown all the same."""

import os
import resource
import socket
import unittest

from exposition import Exposition
from harness import PROGRAM, Case, main
from server import bind_anywhere, document, encode, late, never, pool
from test_live import child_server

MIB = 2**20
# What a report may take beside what its honest documents need, and what the program needs itself.
MEMORY = 64 * MIB + 8 * MIB
FORMS = ([], ["-m"], ["-j"], ["--csv"], ["--openmetrics"], ["-l"], ["-s", "name"], ["-n", "1"])

with open(PROGRAM, "rb") as stream:
    # It reserves terabytes.
    SANITIZED = b"__asan_init" in stream.read()


def limited():
    """In the child: no more memory than that."""
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


@late
def blanks(connection, request):
    """Is never done with a document that has not begun."""
    while True:
        connection.sendall(b" " * MIB)


@late
def endless(connection, request):
    """Pools, and no end of them."""
    connection.sendall(encode(document())[:-2])
    while True:
        connection.sendall((b"," + encode(pool("x" * 31))) * 1000)


def text_of(element, n, **fields):
    """A document with so many elements in a member that nobody knows."""
    return encode(document(**fields))[:-1] + b',"x":[' + element + (b"," + element) * n + b"]}"


def many(n, **fields):
    return encode(document([pool(**{"name": f"pool{i}", **fields}) for i in range(n)]))


# Each is too much by itself, or if there are several.
HOSTILE = {
    "blanks": blanks,
    "endless": endless,
    "long names": many(3000, name="a" * 4090),
    "names that become longer": many(3000, name="\u200b" * 1300),
    "many pools": many(90000),
    "a long program": encode(document([pool()] * 5000, program="p" * 4090)),
    "a long string": encode(document(program="p" * (20 * MIB))),
    "a long key": b'{"' + b"k" * (20 * MIB) + b'":1}',
    "a long number": encode(document())[:-1] + b',"x":' + b"1" * (20 * MIB) + b"}",
    "deep": encode(document())[:-1] + b',"x":' + b"[" * (5 * MIB),
}


class Memory(Case):
    def run_limited(self, *arguments, **options):
        out, err = self.run_tool(*arguments, status=None, preexec_fn=limited, **options)
        self.assertNotIn("out of memory", err)
        return out, err

    def test_what_nobody_knows_is_skipped(self):
        answers = [text_of(element, 2 * MIB) for element in (b"[]", b"{}", b'""', b"1", b'{"a":[]}')]
        servers = [self.serve("{}.sock", answer) for answer in answers]
        for arguments in ([], ["--openmetrics"], ["-l"]):
            out, err = self.run_limited(*arguments)
            self.assertEqual(err, "")
            for server in servers:
                self.assertIn(str(server.pid), out)

    def test_hostile_documents_of_one_process(self):
        honest = self.serve("{}.sock", encode(document([pool("honest")])))
        server = self.serve("{}.sock")
        for name, answer in HOSTILE.items():
            server.answer = answer
            for arguments in FORMS:
                with self.subTest(name, arguments=arguments):
                    out, _ = self.run_limited(*arguments)
                    self.assertIn(str(honest.pid) if arguments == ["-l"] else "honest", out)

    def test_hostile_documents_of_many_processes(self):
        honest = [self.serve("{}.sock", many(100)) for _ in range(5)]
        servers = [self.serve("{}.sock") for _ in range(20)]
        for name, answer in HOSTILE.items():
            for server in servers:
                server.answer = answer
            for arguments in ([], ["-j"], ["--openmetrics"]):
                with self.subTest(name, arguments=arguments):
                    out, _ = self.run_limited(*arguments)
                    for server in honest:
                        self.assertIn(str(server.pid), out)
                    self.assertIn("pool99", out)

    def test_hostile_holders(self):
        site = {"address": "0x1", "count": 1, "function": "f", "module": "m", "offset": "0x1"}
        threads = [{"tid": 1}] * 1000
        servers = [self.serve("{}.sock") for _ in range(3)]
        for holding in ({"name": "x", "out": 0, "sites": [site] * 50000},
                        {"name": "x", "out": 0, "sites": [{**site, "threads": threads}] * 300}):
            data = document()
            del data["pools"]
            for server in servers:
                server.answer = encode({**data, "holders": [holding] * 3})
            for arguments in (["-H"], ["-H", "-j"]):
                self.run_limited(*arguments)

    def test_again_and_again(self):
        self.serve("{}.sock", encode(document([pool("honest")])))
        for answer in (HOSTILE["many pools"], many(60000), blanks):
            server = self.serve("{}.sock", answer)
            out, _ = self.run_limited("-d", "0.05", "-c", "4")
            self.assertEqual(out.count("honest"), 4)
            server.close()
            self.servers.pop()

    def test_the_largest_document_that_is_read(self):
        self.serve("{}.sock", many(60000))
        for arguments in ([], ["-m"], ["--csv"], ["--openmetrics"], ["-s", "use"], ["-c", "2"]):
            out, err = self.run_limited(*arguments)
            self.assertIn("pool59999", out)
            self.assertEqual(err, "")

    def test_one_large_document_does_not_cost_the_others(self):
        small = [self.serve("{}.sock", many(1000)) for _ in range(10)]
        large = self.serve("{}.sock", many(80000))
        out, err = self.run_limited("-l")
        for server in small:
            self.assertRegex(out, f"(?m)^ *{server.pid} .* 1000 ")
        self.assertIn(large.path, err)
        self.assertIn("too large", err)


class Numbers(Case):
    def listen_at(self, numbers, alive=True):
        """Sockets of this process, which never answers; dead ones if they are not alive."""
        for number in numbers:
            listener = socket.socket(socket.AF_UNIX)
            path = self.path(f"{number}.sock")
            bind_anywhere(listener, path)
            self.late_paths.add(path)
            if alive:
                listener.listen(1)
                self.addCleanup(listener.close)
            else:
                listener.close()

    def test_thousands_of_silent_sockets_take_one_deadline(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        n = 6000
        if hard < n + 100:
            self.skipTest("needs thousands of descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (n + 100, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        honest = self.serve("1.sock")
        self.listen_at(range(2, n))
        for arguments in ([], ["-l"], ["--openmetrics"]):
            out, err = self.run_tool(*arguments)
            self.assertIn("pid " if arguments == [] else str(honest.pid), "pid " + out)
            self.assertLess(len(err.splitlines()), 100)
            self.assertIn("more sockets could not be read", err)
            self.assertIn("passed over", err)
        # Of each user only so many have a series, but all are counted.
        self.assertLess(out.count("osmempool_up{"), 100)
        found = Exposition(out.encode(), openmetrics=True)
        self.assertGreater(int(found.values("scrape_errors")[0]), 2000)

    def test_what_the_dead_have_left_takes_no_place_of_the_living(self):
        # Above all numbers that there are.
        self.listen_at(range(4194304 - 5000, 4194304), alive=False)
        honest = [self.serve("{}.sock") for _ in range(5)]
        out, _ = self.run_tool("-l")
        for server in honest:
            self.assertRegex(out, f"(?m)^ *{server.pid} .* demo ")

    def test_few_descriptors_are_enough_for_many_processes(self):
        pids = [self.serve("{}.sock").pid for _ in range(150)]
        for n in (16, 32, 64):
            def few():
                resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))
            out, err = self.run_tool("-l", preexec_fn=few)
            self.assertEqual(err, "")
            self.assertEqual({int(line.split()[0]) for line in out.splitlines()[1:]}, set(pids))


@unittest.skipIf(os.geteuid() != 0, "needs root to become other users")
class Users(Case):
    """What one user does costs no other one."""

    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o777)

    def of_another(self, n, answer, user=12345):
        pids = [self.enterContext(child_server(self.path("{}.sock"), lambda: os.setuid(user), answer))
                for _ in range(n)]
        # What becomes of them is of no interest.
        self.late_paths.update(self.path(f"{pid}.sock") for pid in pids)

    def enterContext(self, manager):
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def test_a_hostile_user_spoils_only_his_own_rows(self):
        for name in ("blanks", "endless", "many pools", "long names"):
            with self.subTest(name):
                honest = self.serve("{}.sock", many(9000))
                self.of_another(8, HOSTILE[name])
                out, _ = self.run_tool("-l", preexec_fn=limited)
                self.assertRegex(out, f"(?m)^ *{honest.pid} .* 9000 ")
                self.doCleanups()
                self.servers.pop().close()

    def test_the_silent_ones_of_a_user_take_no_place_of_another(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
        honest = [self.serve("{}.sock").pid for _ in range(40)]
        self.of_another(60, never)
        out, _ = self.run_tool("-l", preexec_fn=few)
        for pid in honest:
            self.assertRegex(out, f"(?m)^ *{pid} .* demo ")


if __name__ == "__main__":
    main()
