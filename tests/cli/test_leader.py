# SPDX-License-Identifier: Apache-2.0
"""A process whose main thread has ended before the others: /proc/PID has little to tell of it."""

import contextlib
import os
import signal
import subprocess
import sys
import time

from harness import Case, main

EXPORTER = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
del sys.argv[2:3]
PATIENCE = 30


def state(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
        return stream.read().rpartition(")")[2].split()[0]


class Leaderless(Case):
    @contextlib.contextmanager
    def process(self, path=None):
        """Its other thread holds a block, and exports; at a path that no directory leads to if given."""
        process = subprocess.Popen([EXPORTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                   env=self.environment(OSMEMPOOL_DEBUG="track"))
        try:
            for line in ("leave", "get", f"start {path or ''}".rstrip()):
                process.stdin.write(line + "\n")
                process.stdin.flush()
                self.assertEqual(process.stdout.readline().split()[0], line.split()[0])
            end = time.monotonic() + PATIENCE
            while state(process.pid) != "Z":
                self.assertLess(time.monotonic(), end)
                time.sleep(0.01)
            yield process
        finally:
            process.kill()
            process.communicate()

    def test_holders_have_functions_and_lines(self):
        with self.process() as process:
            out, _ = self.run_tool("-H", "-p", str(process.pid))
            # Without debug information readers, the program is as far as it gets.
            self.assertRegex(out, rf"do_get|{os.path.basename(EXPORTER)}")

    def test_it_is_found_at_a_path_of_its_own(self):
        os.mkdir(self.path("other"))
        with self.process(self.path("other/socket")) as process:
            out, _ = self.run_tool("-p", str(process.pid))
            self.assertRegex(out, r"(?m)^ *first ")

    def test_it_is_listed_with_its_program(self):
        with self.process() as process:
            out, _ = self.run_tool("-l")
            self.assertRegex(out, rf"(?m)^ *{process.pid} .*{os.path.basename(EXPORTER)[:15]}")

    def test_that_it_is_stopped_is_said(self):
        with self.process() as process:
            process.send_signal(signal.SIGSTOP)
            _, err = self.run_tool("-p", str(process.pid), status=3)
            self.assertIn("is stopped", err)


if __name__ == "__main__":
    main()
