# SPDX-License-Identifier: Apache-2.0
"""Finding processes, asking them again and again, and rates."""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import time
import unittest

from harness import PATIENCE, PROGRAM, Case, main
from server import Server, document, encode, late as sometimes_late, pool, process_with_server


class Finding(Case):
    def pids(self, *arguments, **options):
        out, _ = self.run_tool("-l", *arguments, **options)
        return [int(line.split()[0]) for line in out.splitlines()[1:]]

    def test_every_socket_of_the_directory_in_order(self):
        ten, nine, hundred = (self.serve(f"{n}.sock").pid for n in (10, 9, 100))
        self.assertEqual(self.pids(), [nine, ten, hundred])

    def test_a_hundred_processes_of_a_hundred_pools_are_listed_whole(self):
        servers = [self.serve(f"{n}.sock", encode(document(
            [pool(f"pool_{n}_{i}") for i in range(100)]))) for n in range(1, 101)]
        out, err = self.run_tool()
        self.assertEqual(err, "")
        names = re.findall(r"(?m)^ +(pool_\d+_\d+) ", out)
        self.assertEqual(names, [f"pool_{pid}_{i}" for pid in range(1, 101) for i in range(100)])
        self.assertEqual(len(re.findall("(?m)^pid ", out)), 100)
        self.assertEqual(self.pids(), [server.pid for server in servers])

    def test_chosen_processes(self):
        one, two, three = (self.serve("{}.sock") for _ in range(3))
        self.assertEqual(self.pids("-p", str(one.pid), "-p", str(three.pid), "-p", str(one.pid)),
                         [one.pid, three.pid])
        self.assertEqual(self.pids("-S", two.path, "--socket", two.path, "-S", one.path),
                         [two.pid, one.pid])

    def test_a_relative_socket(self):
        server = self.serve("x")
        self.assertEqual(self.pids("-S", "x", cwd=self.directory), [server.pid])

    def test_paths_longer_than_an_address(self):
        deep = self.path("d" * 100 + "/" + "e" * 100)
        os.makedirs(deep)
        server = self.serve(deep + "/{}.sock")
        for arguments in ([], ["-p", str(server.pid)]):
            self.assertEqual(self.pids(*arguments, environment={"OSMEMPOOL_DIR": deep}),
                             [server.pid])
        self.assertEqual(self.pids("-S", server.path), [server.pid])
        other = self.serve(deep + "/" + "f" * 90)
        self.assertEqual(self.pids("-S", other.path), [other.pid])

    def test_the_runtime_directory_is_searched(self):
        os.mkdir(self.path("osmempool"))
        server = self.serve("osmempool/7.sock")
        environment = {"OSMEMPOOL_DIR": "", "XDG_RUNTIME_DIR": self.directory}
        self.assertIn(server.pid, self.pids(environment=environment))

    def test_a_process_with_a_path_of_its_own_is_found_by_its_number(self):
        with process_with_server(self.path("own"), "osmempool") as process:
            self.assertEqual(self.pids("-p", str(process.pid)), [process.pid])

    def test_a_process_with_a_path_of_its_own_is_found_by_its_thread(self):
        environment = {"OSMEMPOOL_DIR": ""}
        with process_with_server(self.path("own"), "osmempool") as process:
            self.assertEqual(self.pids(environment=environment).count(process.pid), 1)
            # Only where the user has named no directory.
            self.assert_nothing()
        with process_with_server(self.path("other"), "another") as process:
            out, _ = self.run_tool("-j", environment=environment, status=None)
            self.assertNotIn(f'"pid":{process.pid},', out)

    @unittest.skipIf(os.geteuid() != 0, "needs root to become other users")
    def test_another_users_process_is_not_trusted_in_our_directory(self):
        shared = self.path("d")
        os.chmod(self.directory, 0o755)
        os.mkdir(shared)
        os.chmod(shared, 0o777)
        nobody = {
            "user": 65534, "group": 65534, "extra_groups": [],
            "program": shutil.copy(PROGRAM, self.path("mempoolstat")),
            "environment": {"OSMEMPOOL_DIR": shared},
        }
        with another_user(shared + "/8.sock") as other:
            self.assertIn("12345", self.assert_nothing(**nobody))
            self.assertEqual(self.pids("-S", shared + "/8.sock", **nobody), [other])
            # Root may ask anybody, and may answer anybody.
            self.assertEqual(self.pids(environment=nobody["environment"]), [other])
            server = self.serve(shared + "/7.sock")
            os.chmod(shared + "/7.sock", 0o666)
            self.assertEqual(self.pids(**nobody), [server.pid])

    @unittest.skipIf(os.geteuid() != 0, "needs root to make a container")
    def test_root_finds_processes_in_containers(self):
        with container("/tmp/osmempool-0/{}.sock") as child:
            path = f"/proc/{child}/root/tmp/osmempool-0/{child}.sock"
            environment = {"OSMEMPOOL_DIR": ""}
            out, _ = self.run_tool("-l", environment=environment)
            self.assertRegex(out, f"(?m)^ *{child} .*{path}$")
            out, _ = self.run_tool("-l", "-p", str(child), environment=environment)
            self.assertRegex(out, f"^.*\n *{child} .*{path}\n$")


@contextlib.contextmanager
def child_server(path, enter, answer=None):
    """A server in a forked child that has called enter(); yields its number."""
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            enter()
            os.makedirs(os.path.dirname(path), exist_ok=True)
            server = Server(path, answer or encode(document()), here=True)
            os.chmod(server.path, 0o666)
            os.write(tell, b".")
            time.sleep(600)
        finally:
            os._exit(1)
    os.close(tell)
    try:
        started = os.read(ready, 1)
        os.close(ready)
        if started == b"":
            raise unittest.SkipTest("this root may not do that")
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def another_user(path, uid=12345):
    """A server of another user."""
    return child_server(path, lambda: os.setuid(uid))


def container(path):
    """A server with a /tmp of its own."""
    def enter():
        libc = ctypes.CDLL(None)
        new_mounts, recursive_private = 0x20000, 0x44000
        if (libc.unshare(new_mounts) != 0
                or libc.mount(b"none", b"/", None, recursive_private, None) != 0
                or libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) != 0):
            raise PermissionError
    return child_server(path, enter)


class Counter:
    """Answers with counters that grow by a step with each request, and a second between them."""

    def __init__(self, step=50):
        self.step = step
        self.n = 0

    def begin_anew(self):
        self.n = 0

    def __call__(self, connection, request):
        pools = [pool("a", gets=1000 + self.n * self.step, puts=996 + self.n * self.step),
                 pool("a", gets=1000 + self.n * 7, puts=996 + self.n * 7)]
        if self.n > 0:
            pools.insert(0, pool("new", gets=30, puts=20))
        now = 1700000100000000 + self.n * 1000000
        self.n += 1
        connection.sendall(encode(document(pools, time=now)))


def rates(report):
    """Of each pool; the last line is their sum."""
    return [tuple(line.split()[6:8]) for line in report.splitlines()[1:-1]]


class Repeating(Case):
    def test_rates_between_reports(self):
        self.serve(answer=Counter())
        out, _ = self.run_tool("-d", "0.05", "-c", "3")
        reports = out.split("\n\n")
        self.assertEqual(len(reports), 3)
        self.assertEqual(rates(reports[0]), [("10.0", "10.0")] * 2)
        self.assertEqual(rates(reports[1]), [("30.0", "20.0"), ("50.0", "50.0"), ("7.0", "7.0")])
        self.assertEqual(rates(reports[2]), [("0.0", "0.0"), ("50.0", "50.0"), ("7.0", "7.0")])

    def test_a_counter_that_went_back_is_a_new_pool(self):
        self.serve(answer=Counter(step=-900))
        out, _ = self.run_tool("-d", "0.05", "-c", "2")
        self.assertEqual(rates(out.split("\n\n")[1])[1], ("100", "96.0"))

    def test_rates_without_a_clock_of_the_process(self):
        self.serve(answer=encode(document(time=None, start_time=None)))
        out, _ = self.run_tool("-d", "0.05", "-c", "2")
        first, second = out.split("\n\n")
        self.assertEqual(rates(first), [("-", "-")])
        self.assertEqual(rates(second), [("0.0", "0.0")])

    def test_count_alone_waits_a_second(self):
        self.serve()
        before = time.monotonic()
        out, _ = self.run_tool("-c", "2", "-m")
        self.assertGreater(time.monotonic() - before, 0.9)
        self.assertEqual(len(out.splitlines()), 5)

    def test_json_repeats_document_by_document(self):
        server = self.serve()
        out, _ = self.run_tool("-j", "-d", "0.05", "-c", "3")
        self.assertEqual(out.encode(), (encode(document(pid=server.pid)) + b"\n") * 3)

    def test_an_interrupt_ends_it_quietly(self):
        self.serve()
        process = self.start("-d", "0.2")
        process.stdout.readline()
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, err), (0, b""))
        self.assertIn(b"pool", out)

    def test_an_interrupt_ends_a_write_that_nobody_reads(self):
        names = [pool(f"pool{i}") for i in range(3000)]
        self.serve(answer=encode(document(names)))
        process = self.start("-d", "0.2")
        # It writes, and the pipe is too small for all of it.
        process.stdout.read(1)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 0)
        process.communicate()

    def test_a_process_that_ends_is_said_and_the_others_go_on(self):
        one = self.serve("{}.sock")
        for choose in (lambda two: [], lambda two: ["-p", str(one.pid), "-p", str(two.pid)],
                       lambda two: ["-S", one.path, "-S", two.path]):
            two = self.serve("{}.sock")
            process = self.start("-d", "0.4", "-c", "4", *choose(two))
            process.stdout.readline()
            self.servers.pop().close()
            out, err = process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, 0, err)
            self.assertEqual(len(re.findall(b"process %d has ended" % two.pid, err)), 1, err)
            self.assertEqual(len(err.splitlines()), 1, err)
            self.assertIn(out.count(b" name "), (5, 6, 7))

    def test_when_none_is_left_it_ends(self):
        server = self.serve("1.sock")
        process = self.start("-d", "0.1")
        process.stdout.readline()
        self.servers.pop().close()
        _, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 3)
        self.assertIn(b"process %d has ended" % server.pid, err)
        self.assertIn(b"no process is left", err)

    def test_a_late_process_is_waited_for_and_keeps_its_rates(self):
        counter = Counter()
        late = [False]

        @sometimes_late
        def answer(connection, request):
            if late[0]:
                late[0] = False
                time.sleep(2.5)
            else:
                counter(connection, request)
                late[0] = counter.n == 1
        self.serve(answer=answer)
        out, err = self.run_tool("-d", "0.1", "-c", "3")
        self.assertIn("2 seconds", err)
        reports = out.split("\n\n")
        self.assertEqual(len(reports), 2)
        self.assertEqual(rates(reports[1])[1], ("50.0", "50.0"))

    def test_a_new_process_joins(self):
        one = b"%d" % self.serve("1.sock").pid
        process = self.start("-l", "-d", "0.3", "-c", "4")
        process.stdout.readline()
        two = b"%d" % self.serve("2.sock").pid
        out, _ = process.communicate(timeout=PATIENCE)
        pids = [line.split()[0] for line in out.split(b"\n") if b"demo" in line]
        self.assertEqual((pids[0], pids[-2:]), (one, [one, two]))


if __name__ == "__main__":
    main()
