# SPDX-License-Identifier: Apache-2.0
"""A session at a terminal, typed into tmux: what a user sees of every option."""

import re
import shlex
import shutil
import subprocess
import time
import unittest

from harness import PATIENCE, PROGRAM, Case, main
from server import document, encode, pool


def answer(connection, request):
    """Stands for a program with two pools."""
    word = request.split()[0].decode()
    values = document([pool("net_rx", num_free=0, faults=7), pool("disk", num_free=9)], program="demo")
    entries = {
        "holders": ("holders", [{"name": "net_rx", "out": 10, "tracked": True, "sites": [
            {"function": "take_packet", "count": 10}]}]),
        "check": ("checks", [{"name": "net_rx", "result": "damaged", "what": "a loop"}]),
        "reset-min": ("reset", [{"name": "net_rx", "min_free": 0}]),
    }
    if word in entries:
        del values["pools"]
        values[entries[word][0]] = entries[word][1]
    connection.sendall(encode(values))


# For each option a command line, and what must then be on the screen.
SESSION = {
    "pid": ("-p {pid}", ["net_rx", "USE%", "100.0"], 0),
    "socket": ("-S {pid}.sock", ["net_rx", "disk"], 0),
    "file": ("-f saved", ["saved_pool"], 0),
    "list": ("-l", ["{pid}", "PROGRAM", "demo", "{pid}.sock"], 0),
    "delay": ("-d 0.1 -c 2", ["total of 2 pools", "get/s"], 0),
    "count": ("-c 1", ["total of 2 pools"], 0),
    "sort": ("-s name", [r"(?s)disk.*net_rx"], 0),
    "reverse": ("-s name -r", [r"(?s)net_rx.*disk"], 0),
    "rows": ("-n 1", ["net_rx"], 0),
    "holders": ("-H", ["'net_rx'", "take_packet", "100.0"], 0),
    "check": ("-k", ["DAMAGED a loop"], 2),
    "reset-min": ("--reset-min", ["net_rx +0"], 0),
    "diff": ("--diff saved saved", ["saved_pool", r"\+used"], 0),
    "mynewt": ("-m", ["name blksz"], 0),
    "json": ("-j", ["osmempool/1", '"net_rx"'], 0),
    "csv": ("--csv", ["time,pid,program", "{pid},demo,net_rx,"], 0),
    "warn-free": ("-w 20", ["warning: pool 'net_rx'"], 1),
    "crit-free": ("-e 10", ["critical: pool 'net_rx'"], 2),
    "help": ("-h", ["Usage: mempoolstat"], 0),
    "version": ("-V", [r"mempoolstat \d"], 0),
    "openmetrics": ("--openmetrics", ["osmempool_"], 0),
}

# These go on until they are told to end, and have tests of their own kind.
ENDLESS = {"top", "listen"}


@unittest.skipIf(shutil.which("tmux") is None, "needs tmux")
class Session(Case):
    def setUp(self):
        super().setUp()
        self.server = self.serve(answer=answer)
        self.write("saved", encode(document([pool("saved_pool")])))
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "150", "-y", "40", "-c",
                  self.directory, "env", "PS1=$ ", "sh", environment=self.environment(
                      TERM="screen", LC_ALL="C.UTF-8", ENV=""))

    def tearDown(self):
        subprocess.run(["tmux", "-S", self.path("tmux"), "kill-server"], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        super().tearDown()

    def tmux(self, *arguments, environment=None):
        return subprocess.run(["tmux", "-u", "-S", self.path("tmux"), *arguments], check=True,
                              env=environment, stdout=subprocess.PIPE, timeout=PATIENCE).stdout.decode()

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def key(self, name):
        self.tmux("send-keys", name)

    def wait(self, *expressions):
        """The screen, once all of these are on it."""
        end = time.monotonic() + PATIENCE
        while True:
            screen = self.tmux("capture-pane", "-p")
            if all(re.search(expression, screen) for expression in expressions):
                return screen
            self.assertLess(time.monotonic(), end, f"{expressions} not on the screen:\n{screen}")
            time.sleep(0.05)

    def enter(self, mark, line):
        """Types a command line on an empty screen. The shell says at the end how it went."""
        self.type(f"clear; {shlex.quote(PROGRAM)} {line}; echo {mark}=$?\n")

    def numbered(self, text):
        return text.replace("{pid}", str(self.server.pid))

    def options(self):
        help_text, _ = self.run_tool("--help")
        return re.findall(r"(?m)^ .*--([a-z-]+)", help_text)

    def test_every_option_shows_on_a_terminal_what_it_should(self):
        self.wait(r"\$")
        options = self.options()
        self.assertGreater(len(options), 20)
        for option in options:
            if option in ENDLESS:
                continue
            with self.subTest(option):
                line, expressions, status = SESSION[option]
                self.enter(option, self.numbered(line))
                self.wait(*map(self.numbered, expressions), f"(?m)^{option}={status}$")

    def test_a_session_with_the_full_screen(self):
        linked = subprocess.run(["ldd", PROGRAM], stdout=subprocess.PIPE, check=True).stdout
        if b"libncursesw" not in linked:
            self.skipTest("needs a mempoolstat that has a full screen")
        self.wait(r"\$")
        self.type("echo before\n")
        self.wait("(?m)^before$")
        self.type(f"{shlex.quote(PROGRAM)} --top; echo status=$?\n")
        screen = self.wait("2 of 2 pools", "USE%", "q quit")
        self.assertNotIn("before", screen)
        self.assertRegex(screen, r"(?m) BYTES .* FAIL FAIL/S FAULTS\b")
        self.assertRegex(screen, r"(?m)^net_rx .* 640 .* 3 +0\.0 +7\b")
        self.type("u")
        self.wait("vUSE%", r"(?s)net_rx .*disk ")
        self.type("/disk")
        self.wait("1 of 2 pools", "/disk_")
        self.key("Escape")
        self.wait("2 of 2 pools", "q quit")
        self.key("Enter")
        self.wait(f"pool 'net_rx' of process {self.server.pid}", "take_packet")
        self.tmux("resize-window", "-x", "60", "-y", "20")
        self.wait("pool 'net_rx'", "Escape back")
        self.tmux("resize-window", "-x", "150", "-y", "40")
        self.type("q")
        screen = self.wait("(?m)^before$", "status=0")
        self.assertNotIn("USE%", screen)
        # The shell's line is edited as before.
        self.type("echo aft")
        self.key("BSpace")
        self.type("fter\n")
        self.wait("(?m)^affter$")


if __name__ == "__main__":
    main()
