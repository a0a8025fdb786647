# SPDX-License-Identifier: Apache-2.0
"""What the system can do to the exporter: full and read-only directories, missing system calls,
other users, namespaces, new programs in its process. The program and its pools go on in each case.
"""

import contextlib
import errno
import os
import select
import shutil
import signal
import socket
import subprocess
import time
import unittest

from harness import (DEADLINE, ERROR, EXPORTER, OK, ExporterCase, as_another_user, ask,
                     carries_tsan, connect, has_left, is_sanitized, is_served, main, needs_another_user,
                     sockets_of, status_of, status_of_child, wait_until)

NOBODY = 65534
REFUSED = 100
ROOT = os.geteuid() == 0


def can(*command):
    """Whether this machine lets us do that."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0


CAN_MOUNT = ROOT and can("unshare", "-m", "mount", "-t", "tmpfs", "none", "/tmp")
CAN_TRACE = can("strace", "-f", "-o", "/dev/null", "true")
# A sanitizer's runtime does not stand a tracer, or calls the system itself.
TRACES = CAN_TRACE and not is_sanitized()


class Directories(ExporterCase):
    def mounted(self, options, then="true"):
        """An exporter that sees a file system of its own in the directory."""
        script = f'mount -t tmpfs -o {options} none "$0" && {then} && exec "$@"'
        return self.exporter(("unshare", "-m", "sh", "-ec", script, self.directory))

    def inside(self, exporter, name):
        return f"/proc/{exporter.pid}/root{self.directory}/{name}"

    @unittest.skipUnless(CAN_MOUNT, "needs root that may mount")
    def test_a_full_directory_is_an_error_until_there_is_room(self):
        exporter = self.mounted("nr_inodes=3", 'touch "$0/filler" "$0/other"')
        self.assertEqual(exporter.do("start"), (ERROR, errno.ENOSPC))
        self.assertEqual(exporter.do("get"), (1, 0))
        # The lock of starters is a file, too.
        for name in ("filler", "other"):
            os.unlink(self.inside(exporter, name))
        self.assertEqual(exporter.do("start"), (OK, 0))
        self.assertTrue(is_served(self.inside(exporter, f"{exporter.pid}.sock")))

    @unittest.skipUnless(CAN_MOUNT, "needs root that may mount")
    def test_a_read_only_directory_is_an_error(self):
        exporter = self.mounted("ro")
        self.assertEqual(exporter.do("start"), (ERROR, errno.EROFS))
        self.assertEqual(exporter.do("get"), (1, 0))

    @unittest.skipUnless(CAN_MOUNT, "needs root that may mount")
    def test_a_directory_that_becomes_read_only_keeps_the_socket_and_hurts_nobody(self):
        exporter = self.mounted("size=1m")
        self.assertEqual(exporter.do("start"), (OK, 0))
        subprocess.run(["nsenter", "-m", "-t", str(exporter.pid), "mount", "-o", "remount,ro",
                        self.directory], check=True)
        self.assertEqual(exporter.do("stop"), (OK, 0))
        path = self.inside(exporter, f"{exporter.pid}.sock")
        self.assertTrue(os.path.exists(path))
        self.assertFalse(is_served(path))
        self.assertEqual(exporter.end(), 0)

    def test_a_missing_directory_is_made_and_one_above_it_is_not(self):
        exporter = self.exporter(OSMEMPOOL_DIR=self.directory + "/a")
        self.assertEqual(exporter.do("start"), (OK, 0))
        exporter = self.exporter(OSMEMPOOL_DIR=self.directory + "/b/c")
        self.assertEqual(exporter.do("start"), (ERROR, errno.ENOENT))
        self.assertEqual(exporter.do(f"start {self.directory}/b/socket"), (ERROR, errno.ENOENT))
        self.assertEqual(exporter.do("get"), (1, 0))

    def test_a_directory_that_is_removed_hurts_nobody(self):
        exporter = self.exporter(OSMEMPOOL_DIR=self.directory + "/a")
        self.assertEqual(exporter.do("start"), (OK, 0))
        shutil.rmtree(self.directory + "/a")
        self.assertEqual(exporter.do("stop"), (OK, 0))
        self.assertEqual(exporter.do("start"), (OK, 0))
        self.assertTrue(is_served(f"{self.directory}/a/{exporter.pid}.sock"))

    def test_the_socket_has_its_mode_whatever_the_umask(self):
        for umask in ("0000", "0177"):
            exporter = self.exporter(("sh", "-c", f'umask {umask} && exec "$0"'))
            self.assertEqual(exporter.do("start"), (OK, 0))
            self.assertEqual(os.stat(exporter.path).st_mode & 0o777, 0o600)
            self.assertTrue(is_served(exporter.path))


# What the exporter calls from its start to the end of an answer, and what it might: where a call
# is missing, so is the export; where it fails now and then, the export recovers.
MISSING = ("socket", "fchmod", "bind", "listen", "flock", "pipe2", "clone3", "mkdir", "accept4",
           "recvfrom", "sendto", "poll", "getsockopt", "shutdown", "prctl", "unlinkat",
           "membarrier", "clock_nanosleep", "connect", "eventfd2", "epoll_create1", "rt_sigprocmask")
# Not needed here, or there is another way.
OPTIONAL = ("mkdir", "flock", "clone3", "shutdown", "prctl", "unlinkat", "membarrier", "clock_nanosleep", "connect",
            "eventfd2", "epoll_create1", "rt_sigprocmask")
NOW_AND_THEN = (
    ("accept4", "EMFILE"), ("accept4", "ENFILE"), ("accept4", "ENOMEM"), ("accept4", "ENOBUFS"),
    ("accept4", "ECONNABORTED"), ("accept4", "EINTR"), ("accept4", "EAGAIN"), ("poll", "EINTR"),
    ("poll", "ENOMEM"), ("poll", "EINVAL"), ("recvfrom", "EINTR"), ("recvfrom", "EAGAIN"),
    ("sendto", "EINTR"), ("sendto", "EAGAIN"),
)


@unittest.skipUnless(TRACES, "needs strace, and a program without a sanitizer")
class SystemCalls(ExporterCase):
    def traced(self, call, fault):
        # -D: the program keeps its number, and the tracer is its grandchild.
        prefix = ("strace", "-D", "-f", "-q", "-o", "/dev/null", "-e", "trace=" + call,
                  "-e", f"inject={call}:{fault}")
        return self.exporter(prefix)

    def is_served_in_time(self, exporter):
        """Like is_served(), for programs that may never answer."""
        try:
            with connect(exporter.path, 3) as client:
                client.sendall(b"snapshot\n")
                return b'"pools"' in client.recv(65536)
        except OSError:
            return False

    def test_a_missing_system_call_stops_the_export_and_nothing_else(self):
        for call in MISSING:
            with self.subTest(call):
                exporter = self.traced(call, "error=ENOSYS")
                status, number = exporter.do("start")
                self.assertIn((status, number), ((OK, 0), (ERROR, errno.ENOSYS)))
                if call in OPTIONAL:
                    self.assertEqual(status, OK)
                    wait_until(lambda: self.is_served_in_time(exporter), "it is served")
                elif status == OK:
                    self.assertFalse(self.is_served_in_time(exporter))
                self.assertEqual(exporter.do("get"), (1, 0))
                before = exporter.do("cpu")[0]
                select.select([], [], [], 0.3)
                self.assertLess(exporter.do("cpu")[0] - before, 200)
                self.assertEqual(exporter.do("stop"), (OK, 0))
                self.assertEqual(exporter.end(), 0)

    def test_a_failed_start_leaves_no_descriptor_and_no_socket(self):
        # Not ENOSYS, as glibc has older calls for some of these.
        for call in ("socket", "fchmod", "bind", "listen", "pipe2", "clone3"):
            for error in ("EPERM", "ENOMEM"):
                with self.subTest(call=call, error=error):
                    exporter = self.traced(call, f"error={error}:when=1")
                    before = exporter.do("countfds")[0]
                    self.assertEqual(exporter.do("start")[0], ERROR)
                    self.assertEqual(os.listdir(self.directory), [])
                    self.assertEqual(exporter.do("countfds")[0], before)
                    self.assertEqual(exporter.do("start"), (OK, 0))
                    self.assertTrue(is_served(exporter.path))
                    self.assertEqual(exporter.do("stop"), (OK, 0))

    def test_a_call_that_fails_for_a_while_is_made_again(self):
        for call, error in NOW_AND_THEN:
            with self.subTest(call=call, error=error):
                exporter = self.traced(call, f"error={error}:when=1..3")
                self.assertEqual(exporter.do("start"), (OK, 0))
                wait_until(lambda: self.is_served_in_time(exporter), "it is served")

    def test_without_threads_the_start_fails_and_leaves_nothing(self):
        exporter = self.traced("clone3", "error=EAGAIN:when=1")
        self.assertEqual(exporter.do("start"), (ERROR, errno.EAGAIN))
        self.assertEqual(os.listdir(self.directory), [])
        self.assertEqual(exporter.do("start"), (OK, 0))
        self.assertTrue(is_served(exporter.path))


class Memory(ExporterCase):
    @unittest.skipIf(is_sanitized(), "a sanitizer needs all the memory that there is")
    def test_without_memory_a_client_gets_an_error_or_the_end_and_the_program_goes_on(self):
        exporter = self.started()
        exporter.do("pools 20000")
        limit_kib = status_of(exporter.pid, "VmSize")
        self.assertEqual(exporter.do(f"memory {limit_kib * 1024}")[0], 0)
        for line in (b"snapshot\n", b"check *\n"):
            self.assertIn("out of memory", ask(exporter.path, line)["error"])
        self.assertIn(list(ask(exporter.path, b"help\n"))[0], ("commands", "error"))
        self.assertEqual(exporter.do("get"), (1, 0))
        self.assertEqual(exporter.do("memory -1")[0], 0)
        self.assertEqual(len(ask(exporter.path)["pools"]), 20001)

    @unittest.skipIf(is_sanitized(), "a sanitizer needs all the memory that there is")
    def test_without_memory_for_a_thread_the_start_fails_and_leaves_nothing(self):
        exporter = self.exporter()
        limit_kib = status_of(exporter.pid, "VmSize")
        exporter.do(f"memory {limit_kib * 1024}")
        self.assertEqual(exporter.do("start"), (ERROR, errno.EAGAIN))
        self.assertEqual(os.listdir(self.directory), [])
        exporter.do("memory -1")
        self.assertEqual(exporter.do("start"), (OK, 0))


@needs_another_user
class Users(ExporterCase):
    def asked_by(self, uid, path):
        """What another user reads there: how many bytes of nine, or "refused" by the kernel."""
        def asks():
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(DEADLINE)
                try:
                    client.connect(path)
                    client.sendall(b"snapshot\n")
                    return len(client.recv(9))
                except (BrokenPipeError, ConnectionResetError):
                    return 0
                except PermissionError:
                    return REFUSED
        return status_of_child(as_another_user(asks, uid))

    def test_the_kernel_keeps_other_users_out_and_the_exporter_where_it_does_not(self):
        os.chmod(self.directory, 0o755)
        exporter = self.started()
        self.assertEqual(self.asked_by(NOBODY, exporter.path), REFUSED)
        os.chmod(exporter.path, 0o666)
        self.assertEqual(self.asked_by(NOBODY, exporter.path), 0)
        self.assertEqual(self.asked_by(0, exporter.path), 9)

    def test_after_setuid_the_new_user_and_root_are_served(self):
        os.chmod(self.directory, 0o755)
        exporter = self.started()
        os.chmod(exporter.path, 0o666)
        self.assertEqual(exporter.do(f"setuid {NOBODY}")[0], 0)
        self.assertEqual(self.asked_by(NOBODY, exporter.path), 9)
        self.assertEqual(self.asked_by(0, exporter.path), 9)
        self.assertEqual(self.asked_by(12345, exporter.path), 0)
        # The directory is not this user's: the socket stays, and is nobody's.
        self.assertEqual(exporter.do("stop"), (OK, 0))
        with self.assertRaises(ConnectionRefusedError):
            connect(exporter.path)
        self.assertEqual(exporter.end(), 0)

    def test_after_chroot_it_is_served_at_its_path_and_can_start_inside(self):
        exporter = self.started()
        os.makedirs(self.directory + "/root" + self.directory)
        self.assertEqual(exporter.do(f"chroot {self.directory}/root")[0], 0)
        self.assertTrue(is_served(exporter.path))
        self.assertEqual(exporter.do("stop"), (OK, 0))
        self.assertFalse(is_served(exporter.path))
        self.assertEqual(exporter.do("start"), (OK, 0))
        self.assertTrue(is_served(self.directory + "/root" + exporter.path))


class Namespaces(ExporterCase):
    @unittest.skipUnless(ROOT and can("unshare", "-n", "true"), "needs root with namespaces")
    def test_a_program_in_another_network_is_served(self):
        exporter = self.started(("unshare", "-n"))
        self.assertTrue(is_served(exporter.path))

    @unittest.skipUnless(ROOT and can("unshare", "--pid", "--fork", "true"),
                         "needs root with namespaces")
    def test_a_number_used_again_replaces_the_dead_and_leaves_the_living(self):
        prefix = ("unshare", "--pid", "--fork", "--kill-child")
        path = os.path.join(self.directory, "1.sock")
        dead = self.exporter(prefix)
        self.assertEqual(dead.do("start"), (OK, 0))
        first = ask(path)
        dead.process.kill()
        dead.process.wait()
        wait_until(lambda: not is_served(path), "the first has died")
        self.assertTrue(os.path.exists(path))
        # Starts are told apart by ticks of the kernel's clock.
        time.sleep(0.1)
        living, late = self.exporter(prefix), self.exporter(prefix)
        self.assertEqual(living.do("start"), (OK, 0))
        second = ask(path)
        self.assertEqual((first["pid"], second["pid"]), (1, 1))
        self.assertGreater(second["start_time"], first["start_time"])
        self.assertEqual(late.do("start"), (ERROR, errno.EADDRINUSE))
        late.end()
        self.assertEqual(ask(path)["start_time"], second["start_time"])


class Processes(ExporterCase):
    def test_spawned_programs_have_none_of_its_descriptors(self):
        exporter = self.started()
        with connect(exporter.path):
            for how in ("spawn", "vfork"):
                self.assertEqual(exporter.do(how), (0, 0))
        self.assertTrue(is_served(exporter.path))
        self.assertEqual(os.listdir(self.directory), [f"{exporter.pid}.sock"])

    def test_a_forked_child_holds_none_of_its_sockets(self):
        exporter = self.started()
        parents = sockets_of(exporter.pid)
        self.assertEqual(len(parents), 1)
        with connect(exporter.path):
            for how in ("idle", "use"):
                child = self.child_of(exporter, how)
                wait_until(lambda: not sockets_of(child) & sockets_of(exporter.pid),
                           "the child has closed them")

    def test_a_new_program_in_the_process_takes_the_old_ones_place(self):
        exporter = self.exporter(OSMEMPOOL_EXPORT="1")
        wait_until(lambda: is_served(exporter.path), "it is served")
        first = ask(exporter.path)
        exporter.do("pools 3")
        self.assertEqual(exporter.do("exec"), (exporter.pid, 0))
        second = ask(exporter.path)
        self.assertEqual((second["pid"], len(second["pools"])), (first["pid"], 1))
        self.assertEqual(exporter.end(), 0)
        self.assertEqual(os.listdir(self.directory), [])

    def test_twenty_daemons_each_keep_their_own_socket_alone(self):
        if carries_tsan():
            self.skipTest("a child does not export under TSan")
        for _ in range(20):
            exporter = self.started()
            self.assertTrue(is_served(exporter.path))
            daemon = exporter.do("daemon")[0]
            path = os.path.join(self.directory, f"{daemon}.sock")
            # The parent left by _exit(), so its path is still there, and nobody's.
            wait_until(lambda: not is_served(exporter.path), "the parent has gone")
            with self.assertRaises(ConnectionRefusedError):
                connect(exporter.path)
            self.assertEqual(ask(path)["pid"], daemon)
            self.assertEqual(len(sockets_of(daemon)), 1)
            exporter.end()
            wait_until(lambda: not os.path.exists(path), "the daemon has ended")

    def test_without_standard_descriptors_its_own_stay_above_them(self):
        path = os.path.join(self.directory, "explicit")
        with subprocess.Popen(["sh", "-c", 'exec "$0" wait <&- >&- 2>&-', EXPORTER],
                              env=dict(os.environ, OSMEMPOOL_EXPORT=path)) as process:
            try:
                wait_until(lambda: is_served(path), "it is served")
                fds = {int(fd) for fd in os.listdir(f"/proc/{process.pid}/fd")}
                self.assertEqual(fds & {0, 1, 2}, set())
                self.assertGreaterEqual(len(fds), 3)
            finally:
                process.send_signal(signal.SIGKILL)

    def test_without_its_main_thread_it_says_and_does_the_same(self):
        exporter = self.exporter(OSMEMPOOL_DEBUG="track")
        exporter.do("get")
        exporter.do("leave")
        wait_until(lambda: has_left(exporter.pid), "the main thread has ended")
        exporter.do("get")
        # So long that the directory's descriptor is part of the address.
        path = os.path.join(self.directory, "x" * 80)
        self.assertEqual(exporter.do("start " + path), (OK, 0))
        sites = ask(path, b"holders *\n")["holders"][0]["sites"]
        self.assertEqual({site["module"] for site in sites}, {os.path.realpath(EXPORTER)})
        threads = [thread for site in sites for thread in site["threads"]]
        self.assertEqual([thread["alive"] for thread in threads if thread["tid"] == exporter.pid], [False])
        self.assertEqual([thread["alive"] for thread in threads if thread["tid"] != exporter.pid], [True])
        self.assertEqual(exporter.do("stop"), (OK, 0))
        self.assertEqual(os.listdir(self.directory), [])

    def test_killed_in_the_middle_of_an_answer_it_leaves_a_socket_that_is_refused(self):
        exporter = self.started()
        exporter.do("pools 10000")
        with connect(exporter.path) as client:
            client.sendall(b"snapshot\n")
            client.recv(1)
            exporter.process.kill()
            exporter.process.wait()
            with contextlib.suppress(ConnectionResetError):
                while client.recv(65536):
                    pass
        self.assertTrue(os.path.exists(exporter.path))
        with self.assertRaises(ConnectionRefusedError):
            connect(exporter.path)


if __name__ == "__main__":
    main()
