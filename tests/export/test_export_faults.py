# SPDX-License-Identifier: Apache-2.0
"""The exporter seen from outside: what clients, limits, forks and the application can do to it.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import unittest

from harness import (BUSY, DEADLINE, ERROR, EXPORTER, INVALID, OK, ExporterCase, ask, carries_tsan, connect,
                     is_refused, is_sanitized, is_served, main, needs_another_user, read_all,
                     status_of, status_of_child, wait_for_hangup, wait_until)


def read_all_of(path):
    with connect(path) as client:
        client.sendall(b"snapshot\n")
        return read_all(client)


class Requests(ExporterCase):
    def test_the_document_has_every_member_and_exact_names(self):
        before = time.time()
        exporter = self.started()
        document = ask(exporter.path)
        self.assertEqual(list(document), ["schema", "version", "pid", "program", "start_time",
                                          "time", "locking", "dropped", "reinits",
                                          "pools"])
        self.assertEqual(document["schema"], "osmempool/1")
        self.assertEqual(document["pid"], exporter.pid)
        self.assertEqual(document["program"], os.path.basename(EXPORTER))
        self.assertIn(document["locking"], ("mutex", "spinlock"))
        # The start is known to a tick of the kernel's clock.
        self.assertLess(before - 1, document["start_time"] / 1e6)
        self.assertLess(document["start_time"], document["time"])
        self.assertLess(document["time"] / 1e6, time.time() + 1)
        self.assertEqual(list(document["pools"][0]), [
            "name", "block_size", "num_blocks", "num_free", "min_free", "num_cached", "gets",
            "puts", "adjust", "failed", "refused", "failed_time", "min_time", "faults",
            "id", "registered_time", "registered_by"])
        self.assertEqual(document["pools"][0]["name"], 'first "one"\ufffd\n')

    def ids(self, path, name, command="snapshot", array="pools"):
        return [pool["id"] for pool in ask(path, command.encode() + b"\n")[array]
                if pool["name"] == name]

    def test_a_pool_is_told_by_its_id_whatever_comes_and_goes(self):
        before = int(time.time() * 1e6)
        exporter = self.started()
        for _ in range(3):
            exporter.do("named conn")
        after = int(time.time() * 1e6)
        self.assertEqual(self.ids(exporter.path, "conn"), [2, 3, 4])
        exporter.do("unname conn")
        self.assertEqual(self.ids(exporter.path, "conn"), [3, 4])
        exporter.do("rename conn")
        # Registered anew it comes last, as another one.
        self.assertEqual(self.ids(exporter.path, "conn"), [4, 5])
        self.assertEqual(self.ids(exporter.path, "conn", "holders conn", "holders"), [4, 5])
        times = [pool["registered_time"] for pool in ask(exporter.path)["pools"]]
        self.assertEqual(times, sorted(times))
        self.assertLessEqual(before, times[0])
        self.assertLessEqual(times[1], after)
        self.assertLessEqual(after, times[2])

    def test_a_registration_is_told_by_the_place_of_its_init(self):
        exporter = self.started()
        for name in ("a", "b"):
            exporter.do("named " + name)
        first, a, b = [pool["registered_by"] for pool in ask(exporter.path)["pools"]]
        self.assertEqual(a, b)
        self.assertNotEqual(a["offset"], first["offset"])
        for place in (first, a):
            self.assertEqual(os.path.realpath(place["module"]), os.path.realpath(EXPORTER))
            self.assertGreaterEqual(int(place["address"], 16), int(place["offset"], 16))
        held = ask(exporter.path, b"holders *\n")["holders"]
        pools = ask(exporter.path)["pools"]
        for member in ("id", "registered_time", "registered_by"):
            self.assertEqual([pool[member] for pool in held], [pool[member] for pool in pools])

    def test_a_child_goes_on_with_its_parents_ids_at_a_start_of_its_own(self):
        if carries_tsan():
            self.skipTest("children of programs under TSan do not export")
        exporter = self.started()
        exporter.do("named conn")
        child = self.child_of(exporter, "use")
        path = os.path.join(self.directory, f"{child}.sock")
        wait_until(lambda: is_served(path), "the child exports")
        ours, theirs = ask(exporter.path), ask(path)
        self.assertNotEqual((ours["pid"], ours["start_time"]), (theirs["pid"], theirs["start_time"]))
        for member in ("id", "registered_time", "registered_by"):
            self.assertEqual([pool[member] for pool in ours["pools"]],
                             [pool[member] for pool in theirs["pools"]])

    def test_holders_are_told_by_the_place_of_their_get(self):
        exporter = self.started(OSMEMPOOL_DEBUG="track:first*")
        for _ in range(5):
            exporter.do("get")
        exporter.do("pools 1")
        document = ask(exporter.path, b"holders *\n")
        self.assertEqual(list(document), ["schema", "version", "pid", "program", "start_time",
                                          "time", "holders"])
        first, empty = document["holders"]
        self.assertEqual(list(first), ["name", "block_size", "num_blocks", "out", "tracked",
                                       "sites", "id", "registered_time", "registered_by"])
        self.assertEqual((first["num_blocks"], first["out"], first["tracked"]), (8, 5, True))
        site, = first["sites"]
        self.assertEqual((site["count"], os.path.basename(site["module"])),
                         (5, os.path.basename(EXPORTER)))
        self.assertGreaterEqual(site["oldest_us"], site["median_us"])
        self.assertEqual(site["threads"], [{"tid": exporter.pid, "count": 5, "alive": True}])
        self.assertGreaterEqual(int(site["address"], 16), int(site["offset"], 16))
        self.assertEqual((empty["out"], empty["tracked"], empty["sites"]), (0, False, []))
        self.assertEqual(ask(exporter.path, b"holders none\n")["holders"], [])
        self.assertEqual(ask(exporter.path)["pools"][0]["debug"], "track")

    def test_faults_are_counted_in_the_document(self):
        exporter = self.started()
        self.assertEqual(exporter.do("misput")[0], INVALID)
        row = ask(exporter.path)["pools"][0]
        self.assertEqual((row["faults"], row["refused"]), (1, 1))
        self.assertNotIn("debug", row)

    def test_counters_follow_the_program(self):
        exporter = self.started()
        for _ in range(9):
            exporter.do("get")
        row = ask(exporter.path)["pools"][0]
        self.assertEqual((row["num_blocks"], row["num_free"], row["min_free"]), (8, 0, 0))
        self.assertEqual((row["gets"], row["puts"], row["failed"]), (8, 0, 1))
        self.assertGreater(row["failed_time"], 0)

    def test_the_start_time_stays_and_time_goes_on(self):
        exporter = self.started()
        first, second = ask(exporter.path), ask(exporter.path)
        self.assertEqual(first["start_time"], second["start_time"])
        self.assertLess(first["time"], second["time"])

    def test_a_line_may_end_in_any_usual_way(self):
        exporter = self.started()
        for line in (b"snapshot\n", b"snapshot\r\n", b"snapshot \n", b"snapshot\nsnapshot\n"):
            self.assertIn("pools", ask(exporter.path, line), line)
        with connect(exporter.path) as client:
            client.sendall(b"snapshot")
            client.shutdown(socket.SHUT_WR)
            self.assertIn("pools", json.loads(read_all(client)))

    def test_help_lists_the_commands(self):
        names = [row["name"] for row in ask(self.started().path, b"help\n")["commands"]]
        self.assertEqual(names, ["snapshot", "holders", "check", "reset-min", "help"])

    def test_names_write_on_no_terminal_and_none_looks_like_another(self):
        exporter = self.started()
        names = ("a\x7f\x9b1m\u202e", "a\u200bb", "a\u00a0b", "\ufeffa", "a\U000e0041", "\u2066 \u3164")
        for name in names:
            exporter.do("named " + name)
        with connect(exporter.path) as client:
            client.sendall(b"snapshot\n")
            answer = read_all(client).decode("utf-8")
        self.assertEqual([row["name"] for row in json.loads(answer)["pools"]][1:], list(names))
        # The first pool's name is not UTF-8; the document ends in a line's end.
        self.assertTrue(answer.rstrip("\n").replace("\ufffd", "").isascii())
        self.assertTrue(answer.rstrip("\n").replace("\ufffd", "").isprintable())

    def test_bad_lines_get_an_error_and_the_end(self):
        exporter = self.started()
        for line in (b"\n", b"snapshots\n", b"SNAPSHOT\n", b"snapshot now\n", b"x" * 300,
                     b"x" * 100000, b"snap\0shot\n", bytes(range(256)), b"\xff\xfe\n",
                     b"GET / HTTP/1.1\r\n\r\n"):
            self.assertEqual(list(ask(exporter.path, line)), ["error"], line[:20])
        self.assertTrue(is_served(exporter.path))

    def test_ten_thousand_pools_are_all_in_one_document(self):
        exporter = self.started()
        exporter.do("pools 10000")
        self.assertEqual(len(ask(exporter.path)["pools"]), 10001)


class Clients(ExporterCase):
    def test_a_silent_client_is_dropped_after_two_seconds(self):
        exporter = self.started()
        before = time.monotonic()
        with connect(exporter.path) as silent:
            self.assertTrue(is_served(exporter.path))
            self.assertEqual(silent.recv(1), b"")
            self.assertGreater(time.monotonic() - before, 1.9)

    def test_a_client_that_sends_a_byte_a_second_is_dropped(self):
        exporter = self.started()
        end = time.monotonic() + DEADLINE
        with connect(exporter.path) as slow, self.assertRaises((BrokenPipeError, ConnectionError)):
            while time.monotonic() < end:
                slow.sendall(b"s")
                time.sleep(1)

    def test_a_client_that_does_not_read_is_dropped_and_holds_up_nobody(self):
        exporter = self.started()
        exporter.do("pools 10000")
        with connect(exporter.path) as lazy:
            lazy.sendall(b"snapshot\n")
            self.assertTrue(is_served(exporter.path))
            wait_for_hangup(lazy)
            self.assertFalse(read_all(lazy).endswith(b"]}\n"))

    def test_silent_clients_yield_to_a_newcomer(self):
        exporter = self.started()
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                stack.enter_context(connect(exporter.path))
            self.assertIn("pools", ask(exporter.path))

    def test_clients_that_do_not_read_take_no_memory_for_each(self):
        if is_sanitized():
            self.skipTest("a sanitizer keeps what is freed")
        exporter = self.started()
        exporter.do("pools 20000")
        one = len(read_all_of(exporter.path)) // 1024
        before = status_of(exporter.pid, "VmHWM")
        with contextlib.ExitStack() as stack:
            for _ in range(64):
                stack.enter_context(connect(exporter.path)).sendall(b"snapshot\n")
            wait_until(lambda: is_served(exporter.path), "one who reads is served")
        # Of some 300 MiB, for 64 clients, a fifth and what malloc() makes of it.
        self.assertLess(status_of(exporter.pid, "VmHWM") - before, 64 * one // 2)

    def test_clients_that_come_and_go_leave_nothing_behind(self):
        exporter = self.started()
        open_fds = exporter.do("countfds")[0]
        for n in range(2000):
            with connect(exporter.path) as client:
                client.sendall((b"", b"snapshot\n", b"junk\n", b"sn")[n % 4])
        self.assertTrue(is_served(exporter.path))
        wait_until(lambda: exporter.do("countfds")[0] == open_fds, "all clients are closed")

    @needs_another_user
    def test_another_user_gets_no_byte(self):
        def read_a_byte(path):
            with connect(path) as client:
                with contextlib.suppress(BrokenPipeError):
                    client.sendall(b"snapshot\n")
                try:
                    return len(client.recv(1))
                except ConnectionResetError:
                    return 0
        child = self.stranger(self.started(), read_a_byte)
        self.assertEqual(status_of_child(child), 0)

    @needs_another_user
    def test_another_user_takes_nobodys_place(self):
        def connect_for_ever(path):
            while True:
                with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
                    client.connect(path)

        def all_are_served():
            """All places are taken by clients that could have to yield, and ask late. None if that
            took so long that they may have been dropped for it."""
            before = time.monotonic()
            with contextlib.ExitStack() as stack:
                clients = [stack.enter_context(connect(exporter.path)) for _ in range(64)]
                time.sleep(0.5)
                try:
                    for client in clients:
                        client.sendall(b"help\n")
                    served = all(read_all(client) for client in clients)
                except OSError:
                    served = False
            return served if time.monotonic() - before < 1 else None
        exporter = self.started()
        child = self.stranger(exporter, connect_for_ever)
        try:
            self.assertNotIn(False, [all_are_served() for _ in range(10)])
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


class Paths(ExporterCase):
    def test_the_socket_and_its_directory_are_ours_alone(self):
        inner = os.path.join(self.directory, "inner")
        exporter = self.exporter(OSMEMPOOL_DIR=inner)
        self.assertEqual(exporter.do("start"), (OK, 0))
        path = os.path.join(inner, f"{exporter.pid}.sock")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(inner).st_mode), 0o700)

    def test_a_normal_exit_and_a_stop_remove_the_socket(self):
        exporter = self.started()
        self.assertEqual(exporter.do("stop"), (OK, 0))
        self.assertFalse(os.path.exists(exporter.path))
        self.assertEqual(exporter.do("stop"), (OK, 0))
        self.assertEqual(exporter.do("start"), (OK, 0))
        self.assertTrue(is_served(exporter.path))
        self.assertEqual(exporter.end(), 0)
        self.assertFalse(os.path.exists(exporter.path))

    def test_a_second_start_is_busy_and_a_relative_path_invalid(self):
        exporter = self.started()
        self.assertEqual(exporter.do("start")[0], BUSY)
        self.assertEqual(exporter.do("start relative")[0], INVALID)
        self.assertTrue(is_served(exporter.path))

    def test_a_stale_socket_is_replaced(self):
        path = os.path.join(self.directory, "explicit")
        first = self.exporter()
        first.do("start " + path)
        first.process.kill()
        first.process.wait()
        self.assertTrue(os.path.exists(path))
        self.assertEqual(self.exporter().do("start " + path), (OK, 0))
        self.assertTrue(is_served(path))

    def test_a_live_socket_is_left_to_its_owner(self):
        path = os.path.join(self.directory, "explicit")
        first, second = self.exporter(), self.exporter()
        self.assertEqual(first.do("start " + path), (OK, 0))
        self.assertEqual(second.do("start " + path), (ERROR, 98))
        second.end()
        self.assertEqual(ask(path)["pid"], first.pid)

    def test_of_many_starters_at_a_stale_socket_one_wins(self):
        path = os.path.join(self.directory, "explicit")
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(path)
        stale.close()
        exporters = [self.exporter() for _ in range(8)]
        for exporter in exporters:
            exporter.process.stdin.write(f"start {path}\n")
            exporter.process.stdin.flush()
        answers = sorted(e.process.stdout.readline() for e in exporters)
        self.assertEqual(answers, ["start 0 0\n"] + ["start 12 98\n"] * 7)
        self.assertTrue(is_served(path))

    def test_a_lock_on_the_directory_delays_neither_start_nor_end(self):
        """Anybody may take it who may read the directory."""
        path = os.path.join(self.directory, "explicit")
        first = self.started()
        fd = os.open(self.directory, os.O_RDONLY)
        self.addCleanup(os.close, fd)
        fcntl.flock(fd, fcntl.LOCK_EX)
        second = self.exporter()
        self.assertEqual(second.do("start " + path), (OK, 0))
        for exporter in (first, second):
            self.assertEqual(exporter.end(), 0)
        self.assertEqual(os.listdir(self.directory), [])

    def leave(self, name):
        """A socket that nobody listens at, as a killed process leaves it."""
        path = os.path.join(self.directory, name)
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(path)
        return path

    def test_a_start_removes_the_sockets_of_the_dead(self):
        # No process has such numbers: Linux ends below 2^22.
        mine = [self.leave(f"{number}.sock") for number in range(2000000000, 2000000100)]
        beside = [self.leave(f"explicit.{number}") for number in (2000000000, 2000000001)]
        kept = {os.path.basename(self.leave(name))
                for name in ("own.sock", "4294967297.sock", f"{os.getpid()}.sock")}
        # Each start does a little, more or less of it on a busy machine.
        for path, stale in (("", mine), (os.path.join(self.directory, "explicit"), beside)):
            exporter = self.exporter()
            before = len(stale)

            def starts_find_nothing():
                self.assertEqual(exporter.do("start " + path), (OK, 0))
                self.assertEqual(exporter.do("stop"), (OK, 0))
                return not any(os.path.exists(name) for name in stale)
            wait_until(starts_find_nothing, f"all of {before} are removed")
        self.assertEqual(set(os.listdir(self.directory)), kept)

    def test_a_file_that_is_no_socket_is_left_alone(self):
        path = os.path.join(self.directory, "explicit")
        with open(path, "w", encoding="ascii") as file:
            file.write("precious")
        link = os.path.join(self.directory, "link")
        os.symlink("nowhere", link)
        exporter = self.exporter()
        self.assertEqual(exporter.do("start " + path), (ERROR, 17))
        self.assertEqual(exporter.do("start " + link), (ERROR, 17))
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")
        self.assertFalse(os.path.exists(os.path.join(self.directory, "nowhere")))

    def test_a_socket_put_in_our_place_is_not_removed(self):
        exporter = self.started()
        os.unlink(exporter.path)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(exporter.path)
            self.assertEqual(exporter.end(), 0)
            self.assertTrue(os.path.exists(exporter.path))

    def test_a_long_path_is_never_cut(self):
        inner = os.path.join(self.directory, "d" * 150)
        exporter = self.exporter(OSMEMPOOL_DIR=inner)
        self.assertEqual(exporter.do("start"), (OK, 0))
        self.assertTrue(is_served(os.path.join(inner, f"{exporter.pid}.sock")))
        exporter.end()
        self.assertEqual(os.listdir(inner), [])

    def test_names_and_paths_beyond_every_limit_are_errors(self):
        exporter = self.exporter()
        for path in (self.directory + "/" + "n" * 300, "/" + "p" * 5000, "/d" * 3000,
                     self.directory + "/"):
            self.assertEqual(exporter.do("start " + path)[0], ERROR, path[:40])

    def test_a_directory_that_is_not_ours_alone_is_refused(self):
        inner = os.path.join(self.directory, "inner")
        link = os.path.join(self.directory, "link")
        os.mkdir(inner)
        os.symlink(inner, link)
        for name in (link, link + "/"):
            self.assertEqual(self.exporter(OSMEMPOOL_DIR=name).do("start"), (ERROR, 20), name)
        os.chmod(inner, 0o777)
        self.assertEqual(self.exporter(OSMEMPOOL_DIR=inner).do("start"), (ERROR, 1))
        self.assertEqual(os.listdir(inner), [])
        self.assertEqual(self.exporter(OSMEMPOOL_DIR="relative").do("start"), (ERROR, 22))

    def test_the_runtime_directory_comes_next(self):
        exporter = self.exporter(OSMEMPOOL_DIR="", XDG_RUNTIME_DIR=self.directory)
        self.assertEqual(exporter.do("start"), (OK, 0))
        self.assertTrue(is_served(f"{self.directory}/osmempool/{exporter.pid}.sock"))


class Environment(ExporterCase):
    def test_the_variable_starts_it(self):
        path = os.path.join(self.directory, "explicit")
        for value, where in (("1", None), (path, path)):
            exporter = self.exporter(OSMEMPOOL_EXPORT=value)
            exporter.do("get")
            self.assertTrue(is_served(where or exporter.path))
            self.assertEqual(exporter.do("start")[0], BUSY)

    def test_zero_and_empty_are_off(self):
        for value in ("", "0"):
            exporter = self.exporter(OSMEMPOOL_EXPORT=value)
            exporter.do("get")
            self.assertEqual(os.listdir(self.directory), [])

    def test_a_failure_is_one_line_and_the_program_goes_on(self):
        for value, directory in (("yes", self.directory), ("1", "/proc/none"), ("/dev/null", "/")):
            exporter = self.exporter((), subprocess.PIPE, OSMEMPOOL_EXPORT=value,
                                     OSMEMPOOL_DIR=directory)
            self.assertEqual(exporter.do("get"), (1, 0))
            exporter.process.stdin.close()
            self.assertEqual(exporter.process.wait(DEADLINE), 0)
            words = exporter.process.stderr.read()
            self.assertEqual(words.count("\n"), 1)
            self.assertIn(os.path.basename(EXPORTER) + ": osmempool: ", words)


class Limits(ExporterCase):
    def test_without_descriptors_it_rests_and_comes_back(self):
        exporter = self.started()
        open_fds = exporter.do("countfds")[0]
        exporter.do(f"nofile {open_fds}")
        with connect(exporter.path) as client:
            client.sendall(b"snapshot\n")
            before = exporter.do("cpu")[0]
            time.sleep(1)
            self.assertLess(exporter.do("cpu")[0] - before, 100)
            exporter.do("nofile 1024")
            self.assertIn("pools", json.loads(read_all(client)))

    def test_a_limit_below_every_descriptor_does_not_spin(self):
        exporter = self.started()
        exporter.do("nofile 1")
        before = exporter.do("cpu")[0]
        time.sleep(1)
        self.assertLess(exporter.do("cpu")[0] - before, 100)
        exporter.do("nofile 1024")
        self.assertTrue(is_served(exporter.path))

    @unittest.skipIf(os.geteuid() != 0, "needs root to become a user without processes")
    def test_without_threads_the_start_fails_and_leaves_nothing(self):
        os.chown(self.directory, 65533, 65533)
        os.chmod(self.directory, 0o700)
        prefix = ("setpriv", "--reuid=65533", "--clear-groups", "prlimit", "--nproc=1")
        exporter = self.exporter(prefix)
        self.assertEqual(exporter.do("start"), (ERROR, 11))
        self.assertEqual(os.listdir(self.directory), [])
        self.assertEqual(exporter.do("get"), (1, 0))

    def test_it_works_without_standard_descriptors(self):
        path = os.path.join(self.directory, "explicit")
        script = 'exec "$0" <&- >&- 2>&-'
        env = dict(os.environ, OSMEMPOOL_EXPORT=path)
        # Its stdin is closed, so it ends at once: the socket came and went, and nothing was hurt.
        ended = subprocess.run(["sh", "-c", script, EXPORTER], env=env, timeout=DEADLINE,
                               check=False)
        self.assertEqual(ended.returncode, 0)
        self.assertFalse(os.path.exists(path))


class Application(ExporterCase):
    def test_after_close_range_it_ends_and_can_start_again(self):
        exporter = self.started()
        exporter.do("closefds")
        self.assertFalse(is_served(exporter.path))
        wait_until(lambda: exporter.do("start") == (OK, 0), "it starts again")
        self.assertTrue(is_served(exporter.path))

    def test_descriptors_put_in_place_of_its_own_are_not_touched(self):
        exporter = self.started()
        with connect(exporter.path):
            # Once a later one is answered this one is accepted: whose a descriptor is that is
            # replaced in the middle of that, nobody can tell.
            ask(exporter.path)
            replaced = exporter.do("replacefds")[0]
            # As soon as it sees that one of them is gone it closes the others itself.
            self.assertGreaterEqual(replaced, 1)
            time.sleep(0.2)
            self.assertEqual(exporter.do("stop"), (OK, 0))
            self.assertEqual(exporter.do("countfds")[1], replaced + 1)


class Forks(ExporterCase):
    def needs_children(self):
        if carries_tsan():
            self.skipTest("a child does not export under TSan")

    def test_a_child_exports_at_its_own_default_path(self):
        self.needs_children()
        exporter = self.started()
        child = self.child_of(exporter, "use")
        path = os.path.join(self.directory, f"{child}.sock")
        wait_until(lambda: is_served(path), "the child exports")
        self.assertEqual(ask(path)["pid"], child)
        self.assertEqual(ask(exporter.path)["pid"], exporter.pid)

    def test_a_child_exports_beside_an_explicit_path(self):
        self.needs_children()
        exporter = self.exporter()
        path = os.path.join(self.directory, "explicit")
        exporter.do("start " + path)
        child = self.child_of(exporter, "use")
        wait_until(lambda: is_served(f"{path}.{child}"), "the child exports")
        self.assertEqual(ask(path)["pid"], exporter.pid)

    def test_a_child_that_uses_no_pool_keeps_no_socket_open(self):
        exporter = self.started()
        self.child_of(exporter, "idle")
        with connect(exporter.path) as waiting:
            exporter.process.kill()
            exporter.process.wait()
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(waiting.recv(1), b"")
        # The child may not have come to closing it before its parent was killed.
        wait_until(lambda: is_refused(exporter.path), "the child has closed the socket")

    def test_a_daemon_exports(self):
        self.needs_children()
        exporter = self.started()
        daemon = exporter.do("daemon")[0]
        path = os.path.join(self.directory, f"{daemon}.sock")
        self.assertTrue(is_served(path))
        exporter.end()
        wait_until(lambda: not os.path.exists(path), "the daemon has ended")

    def test_after_a_stop_children_do_not_export(self):
        exporter = self.started()
        exporter.do("stop")
        self.child_of(exporter, "use")
        time.sleep(0.3)
        self.assertEqual(os.listdir(self.directory), [])

    def test_many_forks_under_requests(self):
        # A tenth of a second each, and a second, at each child's exit.
        # And what is freed is kept in memory that each fork copies.
        exporter = self.started(LSAN_OPTIONS="detect_leaks=0", TSAN_OPTIONS="atexit_sleep_ms=0",
                                ASAN_OPTIONS="quarantine_size_mb=1")
        script = "import sys, time, socket\n" + (
            "while True:\n s = socket.socket(socket.AF_UNIX)\n"
            " s.connect(sys.argv[1]); s.sendall(b'snapshot\\n')\n while s.recv(9999): pass\n")
        with subprocess.Popen([sys.executable, "-c", script, exporter.path],
                              stderr=subprocess.DEVNULL) as reader:
            try:
                forks = 200 if is_sanitized() else 1000
                self.assertEqual(exporter.do(f"forks {forks}"), (0, 0))
            finally:
                reader.kill()
        self.assertTrue(is_served(exporter.path))
        self.assertEqual(os.listdir(self.directory), [os.path.basename(exporter.path)])


if __name__ == "__main__":
    main()
