# SPDX-License-Identifier: Apache-2.0
"""Runs the exporter that a test looks at, told what to do line by line, and asks at its socket."""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))

from patient import PatientCase

EXPORTER = sys.argv[1] if len(sys.argv) > 1 else None
# How long anything may take that does happen: the machine may be busy with much else.
DEADLINE = 120.0
ANOTHER_USER = 65534
OK, INVALID, BUSY, ERROR = 0, 3, 11, 12


def connect(path, timeout=DEADLINE):
    """Connects, also to a path too long for an address."""
    directory, name = os.path.split(path)
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        client = socket.socket(socket.AF_UNIX)
        try:
            # Blocking: with a timeout, a full backlog would be an error at once.
            client.connect(f"/proc/self/fd/{fd}/{name}")
            client.settimeout(timeout)
        except OSError:
            client.close()
            raise
        return client
    finally:
        os.close(fd)


def read_all(client):
    parts = []
    while True:
        part = client.recv(65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def ask(path, request=b"snapshot\n"):
    """One request; the answer as it is read by a JSON parser. Asks again if the answer is cut off: a
    client has two seconds, in which a program on a busy machine may not get to its end."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            with connect(path) as client:
                client.sendall(request)
                return json.loads(read_all(client).decode("utf-8"))
        except (ValueError, ConnectionResetError, BrokenPipeError):
            if time.monotonic() > end:
                raise


def wait_until(condition, what):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain until " + what)
        time.sleep(0.01)


def is_served(path):
    try:
        return "pools" in ask(path)
    except (OSError, ValueError):
        return False


def is_refused(path):
    """Whether nobody listens there."""
    try:
        connect(path).close()
    except ConnectionRefusedError:
        return True
    return False


class Exporter:
    """The C program, told what to do line by line."""

    def __init__(self, directory, prefix=(), stderr=None, arguments=(), **variables):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("OSMEMPOOL", "XDG_"))}
        env["OSMEMPOOL_DIR"] = directory
        env.update(variables)
        # The program damages free blocks and keeps others on purpose: AddressSanitizer's own checks
        # are of everything else.
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":allow_user_poisoning=0"
        self.process = subprocess.Popen(
            [*prefix, EXPORTER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
            env=env, encoding="utf-8")
        self.pid = self.process.pid
        self.path = os.path.join(directory, f"{self.pid}.sock")

    def do(self, line):
        """The two numbers of its answer."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        assert answer and answer[0] == line.split()[0], (line, answer)
        return int(answer[1]), int(answer[2])

    def end(self):
        """Closes its stdin, upon which it returns from main()."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        status = self.process.wait(DEADLINE)
        self.process.stdout.close()
        if self.process.stderr:
            self.process.stderr.close()
        return status


def carries(*words):
    with open(EXPORTER, "rb") as file:
        program = file.read()
    return any(word in program for word in words)


def carries_tsan():
    """TSan kills a forked child that starts a thread, so there children do not export."""
    return carries(b"libtsan.so", b"ThreadSanitizer")


def is_sanitized():
    """A sanitizer's runtime takes memory and makes system calls as it likes."""
    return carries_tsan() or carries(b"libasan.so", b"AddressSanitizer")


def status_of(pid, field):
    """A number from /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field + ":"))


def has_left(pid):
    """Whether a process's main thread has ended, though the process has not."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0] == "Z"


def sockets_of(pid):
    """The inodes of a process's sockets."""
    links = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            links.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return {link for link in links if link.startswith("socket:")}


def as_another_user(act, uid=ANOTHER_USER):
    """A child of another user: its status is what act returns."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            status = act()
        finally:
            os._exit(status)
    return child


def status_of_child(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


# Not every root may: one of a namespace may have no other user.
needs_another_user = unittest.skipUnless(
    os.geteuid() == 0 and status_of_child(as_another_user(lambda: 0)) == 0,
    "needs root to become another user")


def wait_for_hangup(client):
    """Waits, without reading, until the other side has closed the connection."""
    poll = select.poll()
    poll.register(client, select.POLLRDHUP)
    if not poll.poll(DEADLINE * 1000):
        raise AssertionError("the connection is not closed")


class ExporterCase(PatientCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="osmp-")
        self.addCleanup(shutil.rmtree, self.directory)

    def exporter(self, *args, **variables):
        exporter = Exporter(self.directory, *args, **variables)
        self.addCleanup(exporter.end)
        return exporter

    def started(self, *args, **variables):
        exporter = self.exporter(*args, **variables)
        self.assertEqual(exporter.do("start"), (OK, 0))
        return exporter

    def stranger(self, exporter, act):
        """A child of another user whom no permission keeps out: its status is what act returns."""
        os.chmod(self.directory, 0o755)
        os.chmod(exporter.path, 0o666)
        return as_another_user(lambda: act(exporter.path))

    def child_of(self, exporter, how):
        pid = exporter.do("fork " + how)[0]
        self.addCleanup(os.kill, pid, signal.SIGKILL)
        return pid


def main():
    if EXPORTER is None:
        sys.exit("usage: TEST.py EXPORTER [unittest's options]")
    del sys.argv[1]
    unittest.main()
