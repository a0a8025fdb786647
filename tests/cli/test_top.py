# SPDX-License-Identifier: Apache-2.0
"""The full screen: what it shows after each key, and that the terminal is always given back."""

import os
import random
import re
import resource
import signal
import subprocess
import sys
import termios
import time
import unittest

from harness import PATIENCE, PROGRAM, Case, main
from server import document, encode, never, pool
from terminal import Terminal

LONG = os.environ.get("OSMEMPOOL_TEST_LONG") == "1"

# Every signal that ends a program by default and can be caught. SIGPIPE is ignored all along.
FATAL = [signal.Signals(n) for n in range(1, 32) if n not in (
    signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCONT,
    signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGPIPE)]
FATAL += [signal.SIGRTMIN, signal.SIGRTMIN + 5, signal.SIGRTMAX]

# AddressSanitizer takes some of them for faults of its own program until rescue.c has its handlers.
UNHANDLED = ":".join(f"handle_{name}=0" for name in ("segv", "sigbus", "abort", "sigill", "sigfpe",
                                                     "sigtrap"))

UP, DOWN, PAGE_UP, PAGE_DOWN = "\x1bOA", "\x1bOB", "\x1b[5~", "\x1b[6~"
HOME, END, ESCAPE, ENTER, BACKSPACE = "\x1bOH", "\x1bOF", "\x1b", "\r", "\x7f"


class Moving:
    """Serves a document that is a second later, and its counters further, with each request."""

    def __init__(self, pools, holders=None, **fields):
        self.pools = pools
        self.holders = holders
        self.fields = fields
        self.asked = []
        self.n = 0

    def __call__(self, connection, request):
        self.asked.append(request.decode().strip())
        if request.startswith(b"holders"):
            connection.sendall(encode(self.holders))
            return
        now = 1700000100000000 + self.n * 1000000
        pools = self.pools(self.n) if callable(self.pools) else self.pools
        self.n += 1
        connection.sendall(encode(document(pools, time=now, **self.fields)))


class Top(Case):
    @classmethod
    def setUpClass(cls):
        linked = subprocess.run(["ldd", PROGRAM], stdout=subprocess.PIPE, check=True).stdout
        if b"libncursesw" not in linked:
            raise unittest.SkipTest("needs a mempoolstat that has a full screen")

    def setUp(self):
        super().setUp()
        self.terminals = []
        # Some of the signals would leave a core file each.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))

    def tearDown(self):
        for terminal in self.terminals:
            terminal.close()
        super().tearDown()

    def top(self, *arguments, lines=24, columns=100, command=(), **changes):
        environment = self.environment(**{
            "TERM": "xterm", "LC_ALL": "C.UTF-8",
            "ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:{UNHANDLED}", **changes})
        for key in [key for key, value in environment.items() if value is None]:
            del environment[key]
        terminal = Terminal([*command, PROGRAM, "-t", *arguments], environment, lines, columns)
        self.terminals.append(terminal)
        return terminal

    def rows(self, lines):
        """The lines of pools: between the titles and the last line."""
        return [line for line in lines[3:-1] if line]

    def names(self, lines):
        return [line.split()[0] for line in self.rows(lines)]

    def wait_names(self, terminal, names):
        return terminal.wait_until(lambda lines: self.names(lines) == list(names))

    def wait_text(self, terminal, *texts):
        return terminal.wait_until(lambda lines: all(text in "\n".join(lines) for text in texts))

    def quit(self, terminal):
        terminal.send("q")
        self.assertEqual(terminal.finish(), (0, ""))
        self.assertTrue(terminal.is_as_found())


POOLS = [pool("b", block_size=1, num_blocks=30, num_free=20, min_free=3, failed=0, gets=5),
         pool("c", block_size=3, num_blocks=10, num_free=9, min_free=1, failed=7, gets=9),
         pool("a", block_size=2, num_blocks=20, num_free=1, min_free=2, failed=1, gets=7)]


class Listing(Top):
    def test_it_shows_every_pool_with_its_numbers_and_quits(self):
        self.serve("1.sock", Moving(POOLS))
        terminal = self.top(columns=140)
        lines = self.wait_names(terminal, "bca")
        self.assertTrue(terminal.screen.full and terminal.screen.cursor_hidden)
        self.assertRegex(lines[0], r"^3 of 3 pools, 1 process, every 1 s, by registration  \d")
        self.assertRegex(lines[1], r"^30 of 60 blocks in use \(50.0%\), 8 failed, - faults, "
                         r"0\.\d fails/s, 0\.\d gets/s, \d\d\.\d puts/s, 100 bytes$")
        self.assertEqual(lines[2].split(), ["NAME", "BLKSZ", "CNT", "BYTES", "FREE", "MIN", "USE%",
                                            "GET/S", "PUT/S", "FAIL", "FAIL/S", "FAULTS", "CACHED",
                                            "HISTORY"])
        self.assertEqual(terminal.screen.style_at(2), {"reverse"})
        self.assertEqual(lines[5].split()[:7], ["a", "2", "20", "40", "1", "2", "95.0"])
        self.assertEqual(lines[5].split()[7], "██████████")
        self.assertEqual(lines[4].split()[:8],
                         ["c", "3", "10", "30", "9", "1", "10.0", "█░░░░░░░░░"])
        self.assertIn("q quit", lines[-1])
        self.quit(terminal)

    def test_each_key_of_an_order_sorts(self):
        self.serve("1.sock", Moving(POOLS))
        terminal = self.top()
        self.wait_names(terminal, "bca")
        for key, title, order in (("n", "vNAME", "abc"), ("b", "vBLKSZ", "cab"),
                                  ("c", "vCNT", "bac"), ("f", "vFREE", "acb"),
                                  ("m", "vMIN", "cab"), ("u", "vUSE%", "abc"),
                                  ("e", "vFAIL", "cab"), ("o", "NAME", "bca")):
            with self.subTest(key):
                terminal.send(key)
                lines = terminal.wait_until(
                    lambda lines: self.names(lines) == list(order) and title in lines[2].split())
                self.assertEqual(lines[2].count("v"), 0 if key == "o" else 1)
                terminal.send("r")
                self.wait_names(terminal, order[::-1])
                self.wait_text(terminal, "(reversed)")
                terminal.send("r")
                self.wait_names(terminal, order)
        self.quit(terminal)

    def test_options_choose_the_first_order_and_the_pools(self):
        self.serve("1.sock", Moving(POOLS))
        terminal = self.top("-s", "use", "-r", "[ab]")
        self.wait_names(terminal, "ba")
        self.quit(terminal)

    def test_the_filter_works_while_it_is_typed(self):
        self.serve("1.sock", Moving([pool("net_rx"), pool("net_tx"), pool("Disk"), pool("äöü")]))
        terminal = self.top()
        self.wait_names(terminal, ["net_rx", "net_tx", "Disk", "äöü"])
        for keys, names, bottom in (
                ("/", ["net_rx", "net_tx", "Disk", "äöü"], "/_"), ("n", ["net_rx", "net_tx"], "/n_"),
                ("ET_T", ["net_tx"], "/nET_T_"), (BACKSPACE, ["net_rx", "net_tx"], "/nET__"),
                ("\x15", ["net_rx", "net_tx", "Disk", "äöü"], "/_"), ("ö", ["äöü"], "/ö_"),
                ("ä", [], "/öä_"), (BACKSPACE, ["äöü"], "/ö_"), (BACKSPACE * 3 + "k", ["Disk"], "/k_"),
                (ENTER, ["Disk"], "q quit"), (ESCAPE, ["net_rx", "net_tx", "Disk", "äöü"], "q quit"),
                ("/q", [], "/q_"), (ESCAPE, ["net_rx", "net_tx", "Disk", "äöü"], "q quit")):
            with self.subTest(keys):
                terminal.send(keys)
                if not names:
                    self.wait_text(terminal, "no pool matches the filter")
                else:
                    self.wait_names(terminal, names)
                terminal.wait_until(lambda lines: lines[-1].startswith(bottom))
        terminal.send("/disk")
        self.wait_text(terminal, "1 of 4 pools", "with 'disk'")
        terminal.send(ENTER)
        self.quit(terminal)

    def test_a_filter_also_finds_programs_and_processes(self):
        for name, program in (("1.sock", "server"), ("2.sock", "worker")):
            self.serve(name, Moving([pool(f"of_{program[0]}")], program=program))
        terminal = self.top()
        self.wait_text(terminal, "of_s", "of_w")
        terminal.send("/work")
        terminal.wait_until(lambda lines: "of_s" not in "\n".join(lines))
        terminal.send(f"\x15{self.servers[0].pid}")
        terminal.wait_until(lambda lines: "of_w" not in "\n".join(lines)
                            and "of_s" in "\n".join(lines))
        terminal.send(ENTER)
        self.quit(terminal)

    def selected(self, terminal):
        lines = terminal.screen.text()
        found = [i for i in range(3, len(lines) - 1)
                 if terminal.screen.style_at(i) == {"reverse"}]
        return lines[found[0]].split()[0] if len(found) == 1 else None

    def test_keys_move_through_a_list_that_is_longer_than_the_screen(self):
        self.serve("1.sock", Moving([pool(f"p{i:02}") for i in range(50)]))
        terminal = self.top(lines=14)    # ten pools
        self.wait_names(terminal, [f"p{i:02}" for i in range(10)])
        for keys, selected, first in ((DOWN, 1, 0), ("jj", 3, 0), (UP, 2, 0), ("k", 1, 0),
                                      (PAGE_DOWN, 11, 2), (PAGE_DOWN, 21, 12), (UP, 20, 12),
                                      (PAGE_UP, 10, 10), (END, 49, 40), (DOWN, 49, 40),
                                      (UP * 10, 39, 39), (HOME, 0, 0), (UP, 0, 0)):
            with self.subTest(keys=keys, selected=selected):
                terminal.send(keys)
                terminal.wait_until(lambda lines: self.selected(terminal) == f"p{selected:02}")
                self.assertEqual(self.names(terminal.screen.text()),
                                 [f"p{i:02}" for i in range(first, first + 10)])
        self.quit(terminal)

    def test_the_selected_pool_is_followed_and_a_new_order_begins_at_the_top(self):
        def pools(n):
            return [pool(name, num_free=(place + n) % 10) for place, name in enumerate("abcdefghij")]
        self.serve("1.sock", Moving(pools))
        terminal = self.top("-d", "0.1", "-s", "free", lines=8)
        terminal.wait_until(lambda lines: self.selected(terminal))
        # Without a choice the first place is selected, not a pool.
        before = self.selected(terminal)
        terminal.wait_until(lambda lines: self.selected(terminal) not in (None, before))
        terminal.send(DOWN)
        terminal.wait_until(lambda lines: terminal.screen.style_at(3) != {"reverse"}
                            and self.selected(terminal))
        chosen = self.selected(terminal)
        for _ in range(3):
            seen = len(self.servers[0].requests)
            terminal.wait_until(lambda lines: len(self.servers[0].requests) > seen + 1)
            terminal.wait_until(lambda lines: self.selected(terminal))
            self.assertEqual(self.selected(terminal), chosen)
        terminal.send("n")
        terminal.wait_until(lambda lines: self.selected(terminal) == "a")
        self.quit(terminal)

    def test_rates_bars_and_history_follow_the_reports(self):
        def pools(n):
            return [pool("p", gets=1000 + 50 * n, puts=990 + 40 * n, num_free=10 - n % 11)]
        self.serve("1.sock", Moving(pools))
        terminal = self.top("-d", "0.05", columns=110)
        lines = self.wait_text(terminal, "▁▁▂▃▃▄▅▅▆▇█")
        self.assertRegex(lines[3], r" 50\.0 +40\.0 ")
        # In a locale without such characters:
        terminal = self.top("-d", "0.05", columns=110, LC_ALL="C")
        lines = self.wait_text(terminal, "__.::-==+*#")
        terminal.wait_until(lambda lines: "####------" in lines[3])
        self.assertTrue("\n".join(terminal.screen.text()).isascii())

    def test_pools_short_of_blocks_are_coloured(self):
        self.serve("1.sock", Moving([pool("first"), pool("full", num_free=0), pool(
            "low", num_free=1, num_blocks=20), pool("fine")]))
        for options, changes, styles in (
                ((), {}, [{"red"}, {"yellow"}, set()]),
                (("-w", "70", "-e", "60"), {}, [{"red"}, {"red"}, {"yellow"}]),
                ((), {"NO_COLOR": "1"}, [{"bold"}, set(), set()])):
            terminal = self.top(*options, **changes)
            self.wait_names(terminal, ["first", "full", "low", "fine"])
            self.assertEqual([terminal.screen.style_at(line) for line in (4, 5, 6)], styles)

    def numbers(self, lines, i):
        """The numbers of a row by their titles: each ends where its title ends."""
        titles = {found.end(): found.group() for found in re.finditer(r"\S+", lines[2])}
        return {titles.get(found.end()): found.group()
                for found in re.finditer(r"(?<= )[-\d.]+(?= |$)", lines[3 + i])}

    def test_faults_fails_per_second_and_bytes_are_shown_from_80_columns_on(self):
        def pools(n):
            return [pool("calm", block_size=256, num_blocks=4000, num_free=4000, faults=0),
                    pool("short", failed=700 + 30 * n, faults=12, num_cached=3),
                    pool("older", block_size=7, num_blocks=3, num_free=3, min_free=3, failed=None)]
        self.serve("1.sock", Moving(pools))
        terminal = self.top("-d", "0.2", columns=80)
        rows = [{"BYTES": "1024000", "FAIL": "3", "FAIL/S": "0.0", "FAULTS": "0"},
                {"BYTES": "640", "FAIL/S": "30.0", "FAULTS": "12"},
                {"BYTES": "21", "FAIL": "-", "FAIL/S": "-", "FAULTS": "-"}]
        for columns in (80, 100, 140, 200, 80):
            with self.subTest(columns=columns):
                terminal.resize(24, columns)
                lines = terminal.wait_until(
                    lambda lines: ("CACHED" in lines[2]) == (columns > 100)
                    and all(row.items() <= self.numbers(lines, i).items()
                            for i, row in enumerate(rows)))
                self.assertLessEqual(max(len(line) for line in lines), columns)
        self.quit(terminal)

    def test_a_narrow_screen_keeps_the_numbers_that_want_attention(self):
        self.serve("1.sock", Moving([pool("p", faults=12), pool("q", faults=0)]))
        terminal = self.top(columns=40)
        lines = self.wait_names(terminal, "pq")
        self.assertEqual(lines[2].split(), ["NAME", "CNT", "FREE", "USE%", "FAIL", "FAULTS"])
        self.assertEqual(lines[1], "8 of 20 blocks in use (40.0%), 6 failed")
        self.assertEqual(self.numbers(lines, 0)["FAULTS"], "12")
        terminal.resize(24, 50)
        self.wait_text(terminal, "6 failed, 12 faults")
        terminal.resize(24, 60)
        lines = self.wait_text(terminal, "FAIL/S")
        self.assertLessEqual({"BYTES", "FAIL", "FAIL/S", "FAULTS"}, set(lines[2].split()))
        self.quit(terminal)

    def test_faults_are_coloured_apart_from_their_row(self):
        self.serve("1.sock", Moving([pool("first"), pool("faulty", faults=7, num_cached=0),
                                     pool("fine", faults=0)]))
        for changes, style in (({}, {"red"}), ({"NO_COLOR": "1"}, {"bold"})):
            terminal = self.top(**changes)
            lines = self.wait_names(terminal, ["first", "faulty", "fine"])
            end = lines[2].index("FAULTS") + len("FAULTS") - 1
            self.assertEqual(lines[4][end], "7")
            self.assertEqual([terminal.screen.style_at(4, end), terminal.screen.style_at(4),
                              terminal.screen.style_at(5, end)], [style, set(), set()])
            terminal.send(DOWN)
            terminal.wait_until(lambda lines: self.selected(terminal) == "faulty")
            self.assertEqual(terminal.screen.style_at(4, end), {"reverse"})
            terminal.send(ENTER)
            self.wait_text(terminal, "pool 'faulty'")
            self.assertEqual(terminal.screen.style_at(7), style)
            self.quit(terminal)

    def test_hostile_names_are_shown_harmlessly(self):
        names = ["esc\x1b[31m", "c1\x9b31m", "bell\x07", "line\nbreak", "rlo\u202egnp", "漢字" * 30,
                 "e\u0301", "x" * 300, "", "%s%n", "\ufeff"]
        self.serve("1.sock", Moving([pool(name) for name in names], program="de\x1b]0;mo"))
        self.serve("2.sock", Moving([pool("other")]))
        for columns in (40, 80, 200):
            terminal = self.top(columns=columns)
            self.wait_text(terminal, r"esc\x1b", "line", "other", "%s%n")
            lines = terminal.screen.text()
            if columns == 200:
                for text in (r"c1\xc2\x9b31m", r"bell\x07", r"line\x0abreak", r"rlo\xe2\x80\xae",
                             r"de\x1b]0;mo"):
                    self.assertIn(text, "\n".join(lines))
            terminal.send(DOWN * 3 + ENTER)
            self.wait_text(terminal, "pool 'line\\x0abreak")

    def test_absurd_numbers_are_never_cut(self):
        big = pool("big", block_size=2**32 - 1, num_blocks=2**32 - 1, num_free=2**31,
                   min_free=2**32 - 1, failed=2**63 - 1, gets=2**63 - 1, puts=2**63 - 1,
                   num_cached=2**32 - 1)
        self.serve("1.sock", Moving([big] * 3))
        whole = {str(n) for n in (2**32 - 1, 2**31, 2**63 - 1)} | {"big", "50.0", "49.9"}
        for columns in (20, 30, 40, 60, 80, 100, 200):
            terminal = self.top(columns=columns)
            lines = self.wait_text(terminal, "big")
            words = [word for line in self.rows(lines) for word in line.split()]
            numbers = {word for word in words if word[0].isdigit()}
            self.assertTrue(all(number in whole or float(number) > 1e16 for number in numbers),
                            (columns, numbers))
            self.quit(terminal)

    def test_help_lists_the_keys_and_any_key_leaves_it(self):
        self.serve("1.sock", Moving(POOLS))
        terminal = self.top()
        self.wait_names(terminal, "bca")
        for key in "h?":
            terminal.send(key)
            lines = self.wait_text(terminal, "Keys of mempoolstat --top", "quit", "filter", "Enter")
            self.assertLessEqual(max(len(line) for line in lines), 80)
            terminal.send("u")
            self.wait_names(terminal, "bca")
        terminal.send("h")
        self.wait_text(terminal, "Keys of")
        self.quit(terminal)


class Processes(Top):
    def test_processes_come_and_go(self):
        first = self.serve("1.sock", Moving([pool("first")]))
        terminal = self.top("-d", "0.1", columns=110)
        lines = self.wait_text(terminal, "first")
        self.assertNotIn("PID", lines[2])
        second = self.serve("2.sock", Moving([pool("second")], program="late"))
        lines = self.wait_text(terminal, "first", "second", "PID", "PROGRAM", "2 processes")
        self.assertRegex(lines[4], f"^ *{second.pid} late +second ")
        first.close()
        terminal.wait_until(lambda lines: "first" not in "\n".join(lines))
        self.wait_text(terminal, f"process {first.pid} has ended")
        second.close()
        self.wait_text(terminal, "no program exports its pools", "0 processes")
        self.serve("3.sock", Moving([pool("third")]))
        self.wait_text(terminal, "third")
        self.quit(terminal)

    def test_it_waits_for_the_first_process(self):
        terminal = self.top("-d", "0.1")
        self.wait_text(terminal, "no program exports its pools", "OSMEMPOOL_EXPORT=1")
        self.serve("1.sock", Moving([pool("first")]))
        self.wait_text(terminal, "first")
        self.quit(terminal)

    def test_a_process_that_stops_answering_is_marked_and_holds_up_no_key(self):
        silent = [False]
        moving = Moving([pool("sleepy")])

        def answer(connection, request):
            (never if silent[0] else moving)(connection, request)
        self.serve("1.sock", answer)
        self.serve("2.sock", Moving([pool("awake")]))
        terminal = self.top("-d", "0.2")
        self.wait_text(terminal, "sleepy", "awake")
        silent[0] = True
        seen = len(self.servers[0].requests)
        terminal.wait_until(lambda lines: len(self.servers[0].requests) > seen)
        # Now it is being waited for.
        terminal.send("h")
        self.wait_text(terminal, "Keys of")
        terminal.send(" ")
        lines = self.wait_text(terminal, "(1 without an answer)", "sleepy", "no answer within 2 s")
        self.assertEqual(["! sleepy" in line for line in self.rows(lines)], [False, True])
        silent[0] = False
        terminal.wait_until(lambda lines: "without an answer" not in lines[0], 30)
        silent[0] = True
        seen = len(self.servers[0].requests)
        terminal.wait_until(lambda lines: len(self.servers[0].requests) > seen)
        self.quit(terminal)

    def test_broken_answers_are_told_and_survived(self):
        self.serve("1.sock", Moving([pool("good")]))
        self.serve("2.sock", b'{"pid":1')
        terminal = self.top("-d", "0.1")
        lines = self.wait_text(terminal, "good", "2.sock: broken JSON")
        self.assertIn("2.sock", lines[-1])
        self.quit(terminal)

    def test_a_process_that_is_named_and_not_there_is_an_error(self):
        for arguments in (("-p", "999999999"), ("-S", self.path("nowhere"))):
            terminal = self.top(*arguments)
            status, err = terminal.finish()
            self.assertEqual((status, len(err.splitlines())), (3, 1), err)
            self.assertFalse(terminal.screen.full)


def holders(*sites, name="net", tracked=True, out=80):
    values = document()
    del values["pools"], values["locking"]
    return {**values, "holders": [{"name": name, "block_size": 64, "num_blocks": 100, "out": out,
                                   "tracked": tracked, "sites": list(sites)}]}


def site(function, count, **fields):
    return {"address": "0x1234", "module": "/bin/de\x1bmo", "offset": "0x34", "function": function,
            "count": count, "oldest_us": 5000000, "median_us": 1000000,
            "threads": [{"tid": 7, "count": count, "alive": False}], **fields}


class Detail(Top):
    def test_one_pool_is_shown_with_its_holders(self):
        moving = Moving([pool("disk"), pool("net", num_blocks=100, num_free=20, min_free=11,
                                            failed_time=1700000000000000, faults=2, debug="track")],
                        holders(site("take_\x1b[1m", 60), site("other", 20)))
        self.serve("1.sock", moving)
        terminal = self.top("-d", "0.2", TZ="UTC")
        self.wait_text(terminal, "disk", "net")
        terminal.send(DOWN + ENTER)
        lines = self.wait_text(
            terminal, f"pool 'net' of process {self.servers[0].pid} (demo)",
            "100 of 64 bytes each, 6400 bytes", "; 3 failed, 0.0/s, the last at ",
            "at least 11", "80 (80.0%) █", "faults   2; debug words: track",
            "the last at 2023-11-14 22:13:20", "80 of 100 blocks out",
            r"take_\x1b[1m (de\x1bmo+0x34)", "other")
        self.assertIn("holders net", moving.asked)
        self.assertIn("Escape back", lines[-1])
        self.assertRegex("\n".join(lines), r" 60 +75\.0 +5\.0s +1\.0s 7 \(gone\) ")
        terminal.send(ESCAPE)
        self.wait_text(terminal, "NAME", "disk")
        asked = moving.asked.count("holders net")
        seen = len(moving.asked)
        terminal.wait_until(lambda lines: len(moving.asked) > seen + 3)
        self.assertLessEqual(moving.asked.count("holders net"), asked + 1)
        self.quit(terminal)

    def test_names_are_asked_for_as_they_are(self):
        moving = Moving([pool("[a]*?\\")], holders(site("f", 1), name="[a]*?\\"))
        self.serve("1.sock", moving)
        terminal = self.top()
        self.wait_text(terminal, "[a]")
        terminal.send(ENTER)
        self.wait_text(terminal, "f (de")
        self.assertIn(r"holders \[a]\*\?\\", moving.asked)
        self.quit(terminal)

    def test_the_second_pool_of_a_name_has_its_own_holders(self):
        answer = holders(site("of_first", 1))
        answer["holders"].append(holders(site("of_second", 1))["holders"][0])
        answer["holders"].insert(0, holders(site("of_other", 1), name="x")["holders"][0])
        self.serve("1.sock", Moving([pool("net"), pool("net")], answer))
        terminal = self.top()
        self.wait_names(terminal, ["net", "net"])
        terminal.send(DOWN + ENTER)
        lines = self.wait_text(terminal, "of_second")
        self.assertNotIn("of_first", "\n".join(lines))
        self.quit(terminal)

    def test_why_there_are_no_holders_is_said(self):
        for answer, text in ((holders(tracked=False, out=3), "not tracked"),
                             ({"error": "unknown command"}, "unknown command"),
                             ({"schema": "osmempool/1"}, "is missing"),
                             ({**holders(), "holders": []}, "the pool is not there")):
            self.serve("1.sock", Moving([pool("net")], answer))
            terminal = self.top()
            self.wait_text(terminal, "net")
            terminal.send(ENTER)
            self.wait_text(terminal, text)
            self.quit(terminal)
            self.servers.pop().close()

    def test_many_holders_are_scrolled(self):
        self.serve("1.sock", Moving([pool("net")], holders(
            *(site(f"f{i:02}", 60 - i) for i in range(60)))))
        terminal = self.top("-d", "0.2", lines=20)
        self.wait_text(terminal, "net")
        terminal.send(ENTER)
        lines = self.wait_text(terminal, "f00", "f06")
        self.assertNotIn("f07", "\n".join(lines))
        terminal.send(DOWN)
        terminal.wait_until(lambda lines: "f07" in lines[-2])
        terminal.send(END)
        terminal.wait_until(lambda lines: "f59" in lines[-2])
        terminal.send(UP)
        terminal.wait_until(lambda lines: "f58" in lines[-2])
        terminal.send(HOME)
        terminal.wait_until(lambda lines: "blocks out" in lines[10])
        self.quit(terminal)

    def test_a_pool_that_goes_leads_back_to_the_list(self):
        gone = [False]

        def pools(n):
            return [pool("other")] + ([] if gone[0] else [pool("brief")])
        self.serve("1.sock", Moving(pools, holders(name="brief")))
        terminal = self.top("-d", "0.1")
        self.wait_text(terminal, "brief")
        terminal.send(DOWN + ENTER)
        self.wait_text(terminal, "pool 'brief'")
        gone[0] = True
        self.wait_text(terminal, "no longer there", "NAME", "other")
        self.quit(terminal)


class Sizes(Top):
    def test_every_size_is_drawn_within_its_bounds(self):
        self.serve("1.sock", Moving([pool(f"pool{i:03}") for i in range(300)],
                                    holders(site("f", 3), name="pool000")))
        self.serve("2.sock", Moving([pool("other")]))
        terminal = self.top("-d", "0.1", lines=24, columns=80)
        self.wait_text(terminal, "pool003")
        sizes = [(1, 1), (1, 200), (2, 2), (200, 1), (3, 10), (4, 8), (5, 40), (6, 20), (9, 40),
                 (24, 79), (500, 500), (24, 80)]
        for keys in ("", ENTER, ESCAPE + "h", "x/p"):
            terminal.send(keys)
            for lines, columns in sizes:
                with self.subTest(keys=keys, lines=lines, columns=columns):
                    terminal.resize(lines, columns)
                    seen = len(self.servers[0].requests)
                    terminal.wait_until(lambda text: len(self.servers[0].requests) > seen + 1)
                    self.assertIsNone(terminal.process.poll())
        terminal.send(ENTER + ESCAPE)
        lines = self.wait_text(terminal, "pool000", "pool019", "q quit", "PID")
        self.assertNotIn("pool020", "\n".join(lines))
        self.quit(terminal)

    def test_a_storm_of_sizes_ends_in_the_right_picture(self):
        self.serve("1.sock", Moving(POOLS))
        source = random.Random(5)
        terminal = self.top("-d", "0.1")
        self.wait_names(terminal, "bca")
        for _ in range(300):
            terminal.resize(source.randint(1, 60), source.randint(1, 200))
            terminal.read(source.choice((0, 0, 0.01)))
        terminal.resize(24, 100)
        terminal.send("\x0c" + "u")
        terminal.wait_until(lambda lines: self.names(lines) == ["a", "b", "c"]
                            and lines[0].startswith("3 of 3 pools") and "q quit" in lines[-1])
        self.quit(terminal)

    def test_a_narrow_screen_keeps_what_matters_most(self):
        self.serve("1.sock", Moving([pool("pool_with_a_long_name", num_blocks=123456,
                                          num_free=654, min_free=7)]))
        for columns, titles in ((8, ["NAME"]), (14, ["NAME", "USE%"]), (22, ["NAME", "FREE", "USE%"]),
                                (30, ["NAME", "CNT", "FREE", "USE%"])):
            terminal = self.top(columns=columns)
            lines = self.wait_text(terminal, "NAME")
            self.assertEqual(lines[2].split(), titles)
            self.assertTrue(lines[3].startswith("pool_w"), lines[3])
            self.assertLessEqual(len(lines[3]), columns)
            self.quit(terminal)

    def test_names_and_processes_are_whole_before_there_are_bars(self):
        def row(columns):
            terminal = self.top(columns=columns)
            lines = self.wait_text(terminal, "NAME")
            self.quit(terminal)
            return lines[2].split(), lines[3]
        name = "a_name_of_24_bytes_so_on"
        self.serve("1.sock", Moving([pool(name)]))
        titles, line = row(45)
        self.assertEqual(titles, ["NAME", "CNT", "FREE", "USE%", "FAIL"])
        self.assertTrue(line.startswith(name + " "), line)
        self.assertIn("░", row(110)[1])
        self.serve("2.sock", Moving([pool(name)]))
        titles, line = row(52)
        self.assertEqual(titles, ["PID", "NAME", "CNT", "FREE", "USE%", "FAIL"])
        self.assertIn(" " + name + " ", line)


SHELL = """
import os, signal, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
print(child, file=sys.stderr, flush=True)
while True:
    status = os.waitpid(child, os.WUNTRACED)[1]
    if not os.WIFSTOPPED(status):
        sys.exit(os.waitstatus_to_exitcode(status) % 256)
    print("stopped", file=sys.stderr, flush=True)
"""


class Signals(Top):
    def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(self):
        self.serve("1.sock", Moving(POOLS))
        terminal = self.top("-d", "0.1", command=[sys.executable, "-c", SHELL])
        child = int(terminal.process.stderr.readline())
        self.wait_names(terminal, "bca")
        for key in ("u", "n", "o"):
            terminal.send("\x1a")
            self.assertEqual(terminal.process.stderr.readline(), b"stopped\n")
            while terminal.read(0.1):
                pass
            self.assertTrue(terminal.is_as_found())
            os.killpg(child, signal.SIGCONT)
            terminal.send(key)
            self.wait_names(terminal, {"u": "abc", "n": "abc", "o": "bca"}[key])
            self.assertTrue(terminal.screen.full and terminal.screen.cursor_hidden)
        self.quit(terminal)

    def test_it_goes_on_after_a_stop_that_cannot_be_caught(self):
        self.serve("1.sock", Moving(POOLS))
        terminal = self.top("-d", "0.1", command=[sys.executable, "-c", SHELL])
        child = int(terminal.process.stderr.readline())
        self.wait_names(terminal, "bca")
        os.kill(child, signal.SIGSTOP)
        self.assertEqual(terminal.process.stderr.readline(), b"stopped\n")
        while terminal.read(0.1):
            pass
        termios.tcsetattr(terminal.child, termios.TCSANOW, terminal.modes)   # as a shell does
        os.kill(child, signal.SIGCONT)
        terminal.wait_until(lambda lines: termios.tcgetattr(terminal.child) != terminal.modes)
        terminal.send("u")
        self.wait_names(terminal, "abc")
        self.quit(terminal)

    def test_ctrl_c_ends_it_by_the_signal(self):
        self.serve("1.sock", Moving(POOLS))
        for key, number in (("\x03", signal.SIGINT), ("\x1c", signal.SIGQUIT)):
            terminal = self.top()
            self.wait_names(terminal, "bca")
            terminal.send(key)
            self.assertEqual(terminal.finish(), (-number, ""))
            self.assertTrue(terminal.is_as_found())

    def test_the_terminals_end_is_its_end(self):
        self.serve("1.sock", Moving(POOLS))
        terminal = self.top()
        self.wait_names(terminal, "bca")
        os.close(terminal.child)
        os.close(terminal.parent)
        self.assertIn(terminal.process.wait(PATIENCE), (-signal.SIGHUP, 3))
        terminal.parent, terminal.child = os.openpty()

    def test_a_stopped_output_holds_up_no_signal(self):
        self.serve("1.sock", Moving(POOLS))
        terminal = self.top("-d", "0.05")
        self.wait_names(terminal, "bca")
        terminal.send("\x13")    # Ctrl-S
        time.sleep(0.3)
        terminal.process.send_signal(signal.SIGTERM)
        self.assertEqual(terminal.finish(), (-signal.SIGTERM, ""))
        self.assertTrue(terminal.is_as_found())

    def test_an_ignored_signal_stays_ignored(self):
        self.serve("1.sock", Moving(POOLS))
        terminal = self.top(command=[sys.executable, "-c", "import os, signal, sys; signal.signal("
                                     "signal.SIGHUP, signal.SIG_IGN); "
                                     "os.execv(sys.argv[1], sys.argv[1:])"])
        self.wait_names(terminal, "bca")
        terminal.process.send_signal(signal.SIGHUP)
        terminal.send("u")
        self.wait_names(terminal, "abc")
        self.quit(terminal)

    def test_the_terminal_is_restored_by_whatever_signal_at_whatever_moment(self):
        seed = int(os.environ.get("OSMEMPOOL_TEST_SEED", time.time_ns() % 2**32))
        source = random.Random(seed)
        self.serve("1.sock", Moving([pool(f"p{i}") for i in range(30)],
                                    holders(site("f", 3), name="p0")))
        was_full = 0
        for i in range(1000 if LONG else 100):
            number = FATAL[i] if i < len(FATAL) else source.choice(FATAL)
            terminal = self.top("-d", "0.01", lines=source.randint(1, 30))
            drawn = source.random() < 0.7
            if drawn:
                terminal.wait_until(lambda lines: terminal.screen.full)
                terminal.send(source.choice(("", ENTER, "/p", "h", "u", "jjj", "\x1b")))
            end = time.monotonic() + source.random() * 0.05
            while time.monotonic() < end:
                terminal.read(0.002)
            was_full += terminal.screen.full
            terminal.process.send_signal(number)
            where = f"seed {seed}, round {i}, signal {number}, drawn {drawn}"
            self.assertEqual(terminal.finish(), (-number, ""), where)
            self.assertTrue(terminal.is_as_found(), where)
            self.terminals.pop().close()
        self.assertGreater(was_full, 50)


class Refusals(Top):
    def test_without_a_terminal_it_says_what_to_do(self):
        self.serve()
        err = self.assert_nothing("-t", environment={"TERM": "xterm"})
        self.assertIn("-d", err)

    def test_terminals_that_cannot_be_drawn_on(self):
        self.serve()
        for name in ("dumb", "", None, "no-such-terminal", "\x1b[31m"):
            terminal = self.top(TERM=name)
            status, err = terminal.finish()
            self.assertEqual(status, 3)
            self.assertIn("-d", err)
            self.assertEqual(terminal.screen.text()[0], "")
            self.assertTrue(err[:-1].isprintable())

    def test_options_that_do_not_go_together(self):
        for arguments in ("-fx", "-l", "-H", "-k", "-c1", "-n1", "-m", "-j", "--csv", "--reset-min"):
            self.assert_usage("-t", arguments)


if __name__ == "__main__":
    main()
