# SPDX-License-Identifier: Apache-2.0
"""Runs mempoolstat in a directory of its own. The path of the program is the first argument."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))

from patient import PatientCase
from server import Server, document, encode

PROGRAM = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else None
GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
UTF8 = {"LC_ALL": "C.UTF-8"}
# How long anything may take that does happen: the machine may be busy with much else.
PATIENCE = 240
# What the tool says of a process that lets it wait. Of one that does not mean to, it says that if
# the machine was busy: then it is run again.
LATE = (" within 2 seconds", "no answer: too many others were asked")
ATTEMPTS = 20


def main():
    if PROGRAM is None:
        sys.exit("usage: TEST.py MEMPOOLSTAT [TEST-NAME]...")
    del sys.argv[1]
    unittest.main()


class Case(PatientCase):
    """A directory for sockets, servers that are stopped at the end, and checks of the outcome."""

    maxDiff = None

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="mempoolstat-")
        self.servers = []
        # Sockets that let the tool wait on purpose, and are none of these servers'.
        self.late_paths = set()

    def tearDown(self):
        for server in self.servers:
            server.close()
        shutil.rmtree(self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def environment(self, **changes):
        kept = {
            key: value for key, value in os.environ.items()
            if not key.startswith(("OSMEMPOOL_", "XDG_", "LC_")) and key != "LANG"
        }
        return {**kept, "OSMEMPOOL_DIR": self.directory, "LC_ALL": "C", **changes}

    def serve(self, name="{}.sock", answer=None, **options):
        path = name if name.startswith("/") else self.path(name)
        answer = encode(document()) if answer is None else answer
        self.servers.append(Server(path, answer, **options))
        return self.servers[-1]

    def start(self, *arguments, environment=None, program=PROGRAM, **options):
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        # Unbuffered: communicate() would not see what a buffer holds after a readline().
        return subprocess.Popen([program, *arguments], bufsize=0,
                                env=self.environment(**(environment or {})), **options)

    def is_held_up(self, err):
        """Whether somebody was late who did not mean to."""
        late = {server.path for server in self.servers if server.is_late()} | self.late_paths
        return any(phrase in line and not any(f" {path}: " in line for path in late)
                   for line in err.splitlines() for phrase in LATE)

    def run_tool(self, *arguments, status=0, data=None, environment=None, **options):
        """Runs to the end; returns stdout and stderr as text. Any status will do if it is None."""
        options.setdefault("stdin", subprocess.PIPE if data is not None else subprocess.DEVNULL)
        for _ in range(ATTEMPTS):
            process = self.start(*arguments, environment=environment, **options)
            try:
                out, err = process.communicate(data, timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            out = (out or b"").decode("utf-8", "surrogateescape")
            err = (err or b"").decode("utf-8", "surrogateescape")
            if not self.is_held_up(err):
                break
            for server in self.servers:
                server.begin_anew()
        if status is not None:
            self.assertEqual(process.returncode, status, f"{arguments}: {out}{err}")
        return out, err

    def write(self, name, data):
        with open(self.path(name), "wb") as stream:
            stream.write(data)
        return self.path(name)

    def assert_usage(self, *arguments):
        """Wrong usage: nothing on stdout, one line and the hint on stderr."""
        out, err = self.run_tool(*arguments, status=64)
        self.assertEqual(out, "")
        lines = err.splitlines()
        self.assertEqual(len(lines), 2, err)
        self.assertTrue(lines[0].startswith("mempoolstat: "), err)
        self.assertEqual(lines[1], "Try 'mempoolstat --help'")
        return lines[0]

    def assert_nothing(self, *arguments, **options):
        """Nothing to read: nothing on stdout, one line on stderr."""
        out, err = self.run_tool(*arguments, status=3, **options)
        self.assertEqual(out, "")
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertTrue(err.startswith("mempoolstat: "), err)
        return err
