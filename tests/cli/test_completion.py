# SPDX-License-Identifier: Apache-2.0
"""Completion in real shells, each with a pseudo-terminal or its own way to ask it.

Arguments: mempoolstat, the directory with the completions.
"""

import contextlib
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

from harness import PATIENCE, PROGRAM, Case, main
from server import document, encode, pool

COMPLETIONS = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
del sys.argv[2:3]

POOLS = [pool("net.rx"), pool("net.tx"), pool("disk:a"), pool("with blank"), pool("gl[o]b*"),
         pool("esc\x1b"), pool(""), pool("net.rx")]
KEYS = ["name", "size", "cnt", "free", "min", "use", "fail", "rate"]
# What completion does for each kind of argument; one that is not here is new to it.
ARGUMENTS = {"PID": "pids", "PATH": "files", "FILE": "files", "KEY": "keys", "OLD NEW": "files",
             "SEC": None, "N": None, "PCT": None, "ADDR:PORT": None}


def options():
    """(letter or "", name, argument or "") of each option, as --help has them."""
    text = subprocess.run([PROGRAM, "--help"], stdout=subprocess.PIPE, check=True).stdout.decode()
    rows = re.findall(r"^  (?:-(\w),|   ) --([a-z-]+) ?([A-Z][A-Z:]*(?: [A-Z]+)*)? +\S", text, re.M)
    assert len(rows) == len(re.findall(r"^ +.*--[a-z]", text, re.M)), text
    return rows


class Shell:
    """An interactive shell at a pseudo-terminal."""

    def __init__(self, command, environment, directory):
        pid, self.fd = pty.fork()
        if pid == 0:
            os.chdir(directory)
            os.execvpe(command[0], command, environment)
        self.pid = pid
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 200, 200, 0, 0))
        self.seen = ""

    def read_until(self, pattern):
        """Everything up to what matches; that is taken off."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            match = re.search(pattern, self.seen, re.S)
            if match:
                text = self.seen[:match.end()]
                self.seen = self.seen[match.end():]
                return text
            if select.select([self.fd], [], [], 0.2)[0]:
                self.seen += os.read(self.fd, 65536).decode(errors="replace")
        raise AssertionError(f"no {pattern!r} in {self.seen!r}")

    def type(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class CompletionCase(Case):
    def setUp(self):
        super().setUp()
        servers = [self.serve("{}.sock", encode(document(POOLS, program="server"))),
                   self.serve("{}.sock", encode(document([pool("other")], program="client")))]
        self.programs = dict(zip((str(server.pid) for server in servers), ("server", "client")))
        self.numbers = sorted(self.programs)
        self.write("some.json", b"{}")
        os.mkdir(self.path("bin"))
        os.symlink(PROGRAM, self.path("bin/mempoolstat"))
        os.mkdir(self.path("home"))

    def shell_environment(self):
        return self.environment(PATH=self.path("bin") + ":" + os.environ["PATH"], TERM="dumb",
                                HOME=self.path("home"), LC_ALL="C.UTF-8", HISTFILE="/dev/null")

    @contextlib.contextmanager
    def shell(self, *command):
        shell = Shell(command, self.shell_environment(), self.directory)
        try:
            yield shell
        finally:
            shell.close()


class Help(CompletionCase):
    def test_every_kind_of_argument_is_known(self):
        self.assertEqual({argument for _, _, argument in options() if argument} - set(ARGUMENTS),
                         set())

    def test_what_a_live_listing_says_is_what_is_offered(self):
        out, _ = self.run_tool("--help")
        self.assertIn("sort by " + ", ".join(KEYS), out)


@unittest.skipUnless(shutil.which("bash"), "bash is not installed")
class Bash(CompletionCase):
    """Asks the function as readline would, for many words; and readline itself for a few."""

    SCRIPT = r"""
    source "$1"; shift
    for line in "$@"; do
        COMP_LINE=$line COMP_POINT=${#line} COMP_WORDS=() COMPREPLY=()
        rest=$line
        # Words as readline cuts them: blanks divide, and ":" and "=" stand alone.
        while [[ $rest =~ ^(([^[:space:]:=\\]|\\.)+|[:=]+|[[:space:]]+) ]]; do
            part=${BASH_REMATCH[1]} rest=${rest#"${BASH_REMATCH[1]}"}
            [[ $part == [[:space:]]* ]] || COMP_WORDS+=("$part")
            last=$part
        done
        [[ $last == [[:space:]]* ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _mempoolstat mempoolstat "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}" ""
    done
    """

    def complete(self, *lines):
        """For each line what is offered, in its order."""
        result = subprocess.run(
            ["bash", "--norc", "--noprofile", "-c", self.SCRIPT, "bash",
             os.path.join(COMPLETIONS, "mempoolstat.bash"),
             *("mempoolstat " + line for line in lines)],
            env=self.shell_environment(), cwd=self.directory, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.assertEqual(result.stderr, b"")
        return [part.split("\n") if part else [] for part in
                re.sub(r"\n$", "", result.stdout.decode()).replace("\n\n\n", "\n\n").split("\n\n")]

    def one(self, line):
        return [word for word in self.complete(line)[0] if word]

    def test_every_option(self):
        wanted = {"--" + name for _, name, _ in options()}
        wanted |= {"-" + letter for letter, _, _ in options() if letter}
        self.assertEqual(set(self.one("-")), wanted)
        self.assertEqual(self.one("--so"), ["--socket", "--sort"])

    def test_arguments(self):
        for line in ("-s ", "--sort ", "--sort=", "net* -r -s "):
            self.assertEqual(self.one(line), KEYS, line)
        self.assertEqual(self.one("--sort=f"), ["free", "fail"])
        for line in ("-p ", "--pid ", "--pid=", f"-p {self.numbers[0]} -p "):
            self.assertEqual(sorted(self.one(line)), self.numbers, line)
        for letter, name, argument in options():
            kind = ARGUMENTS.get(argument)
            line = f"--{name} some"
            if argument and kind == "files":
                self.assertEqual(self.one(line), ["some.json"], line)
            elif argument and kind is None:
                self.assertEqual(self.one(f"--{name} "), [], line)
            if " " in argument:
                self.assertEqual(self.one(line + ".json so"), ["some.json"])

    def test_pools(self):
        self.assertEqual(self.one("net"), ["net.rx", "net.tx"])
        self.assertEqual(self.one("-r d"), ["disk:a"])
        # readline replaces only what is behind the colon.
        self.assertEqual(self.one("disk:"), ["a"])
        self.assertEqual(self.one("wi"), [r"with\ blank"])
        self.assertEqual(self.one(r"with\ b"), [r"with\ blank"])
        # As a glob for just that pool, and that quoted for the shell.
        self.assertEqual(self.one("gl"), [r"gl\\\[o\\\]b\\\*"])
        self.assertEqual(self.one("es"), [])
        self.assertEqual(len(self.one("")), 6)

    def test_readline_itself(self):
        with self.shell("bash", "--norc", "--noprofile", "-i") as shell:
            shell.type("PS1='$ '; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'"
                       f"; source {COMPLETIONS}/mempoolstat.bash; echo loa''ded\n")
            shell.read_until(r"\nloaded\r\n\$ ")
            for typed, completed in (("--rev\t", "--reverse"), ("-s us\t", "-s use"),
                                     ("--sort=us\t", "--sort=use"), ("disk:\t", "disk:a"),
                                     (f"--pid={self.numbers[1]}\t", f"--pid={self.numbers[1]}"),
                                     ("-f some\t", "-f some.json")):
                shell.type(f"echo mempoolstat {typed}".replace("echo ", "") + "\x01echo \x05\n")
                shell.read_until(r"\nmempoolstat " + re.escape(completed) + r" ?\r\n\$ ")


@unittest.skipUnless(shutil.which("fish"), "fish is not installed")
class Fish(CompletionCase):
    def complete(self, line):
        """{word: description}"""
        result = subprocess.run(
            ["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]",
             os.path.join(COMPLETIONS, "mempoolstat.fish"), "mempoolstat " + line],
            env=self.shell_environment(), cwd=self.directory, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.assertEqual(result.stderr, b"")
        return dict((row + "\t").split("\t")[:2] for row in result.stdout.decode().splitlines())

    def test_every_option(self):
        shown = {**self.complete("-"), **self.complete("--")}
        for letter, name, _ in options():
            self.assertNotEqual(shown.pop("--" + name), "")
            if letter:
                shown.pop("-" + letter)
        self.assertEqual(shown, {})

    def test_arguments(self):
        for line in ("-s ", "--sort "):
            self.assertEqual(set(self.complete(line)), set(KEYS))
        self.assertEqual(self.complete("-p "), self.programs)
        for _, name, argument in options():
            kind = ARGUMENTS.get(argument)
            if kind == "files":
                self.assertEqual(list(self.complete(f"--{name} some")), ["some.json"])
            elif argument and kind is None:
                self.assertEqual(self.complete(f"--{name} "), {})
            if " " in argument:
                self.assertEqual(list(self.complete(f"--{name} some.json so")), ["some.json"])

    def test_pools(self):
        self.assertEqual(set(self.complete("net")), {"net.rx", "net.tx"})
        self.assertEqual(set(self.complete("disk:")), {"disk:a"})
        self.assertEqual(set(self.complete("gl")), {r"gl\[o\]b\*"})
        self.assertEqual(set(self.complete("")), {
            "net.rx", "net.tx", "disk:a", "with blank", r"gl\[o\]b\*", "other"})


@unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
class Zsh(CompletionCase):
    @contextlib.contextmanager
    def ready(self):
        with self.shell("zsh", "-f", "-i") as shell:
            shell.type("PS1='# '; unsetopt zle_bracketed_paste prompt_sp; "
                       f"fpath=({COMPLETIONS} $fpath); autoload -Uz compinit; compinit -D -u; "
                       "LISTMAX=1000; setopt nobeep; bindkey -e; "
                       # What lies between the marks is all that is offered.
                       "zstyle ':completion:*' list-separator '--'; "
                       "echo loa''ded\n")
            shell.read_until(r"\nloaded\r\n.*# ")
            yield shell

    def completed(self, shell, typed):
        """The line after a tab, as it is handed to the command."""
        shell.type(f"mempoolstat {typed}\t\x01print -r -- \x05\n")
        shell.read_until(r"print -r -- mempoolstat [^\n]*\n")
        return shell.read_until(r"[^\n]*\n").strip()

    def test_unambiguous_words(self):
        with self.ready() as shell:
            for typed, wanted in (("--rev", "--reverse"), ("-s us", "-s use"),
                                  ("--sort=us", "--sort=use"), ("disk", "disk:a"),
                                  (f"-p {self.numbers[1]}", f"-p {self.numbers[1]}"), ("-f some", "-f some.json"),
                                  ("wi", "with blank"), ("gl", r"gl\[o\]b\*"),
                                  ("-rs us", "-rs use"), ("net.r", "net.rx")):
                self.assertEqual(self.completed(shell, typed), "mempoolstat " + wanted)

    def listed(self, shell, typed):
        shell.type(f"mempoolstat {typed}\x04")
        text = shell.read_until(r"\n.*\r\n.*mempoolstat " + re.escape(typed))
        shell.type("\x15\necho nex''t\n")
        shell.read_until(r"\nnext\r\n.*# ")
        return text

    def test_every_option_is_listed_with_its_description(self):
        with self.ready() as shell:
            text = self.listed(shell, "-")
            for letter, name, _ in options():
                self.assertRegex(text, rf"--{name}\s" + (rf"+-{letter}\s" if letter else "") +
                                 r"+-- \w")

    def test_processes_and_keys_are_listed(self):
        with self.ready() as shell:
            text = self.listed(shell, "-p " + os.path.commonprefix(self.numbers))
            for number, program in self.programs.items():
                self.assertRegex(text, rf"{number} +-- {program}")
            text = self.listed(shell, "-s ")
            for key in KEYS:
                self.assertRegex(text, rf"\b{key}\b")


if __name__ == "__main__":
    main()
