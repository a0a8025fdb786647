# SPDX-License-Identifier: Apache-2.0
"""Holders, checks, new low-water marks, differences, values, limits and totals."""

import csv
import io
import json
import os
import pty
import re
import shutil
import subprocess
import threading
import unittest

from harness import GOLDEN, PATIENCE, PROGRAM, UTF8, Case, main
from server import document, encode, pool


def holding(name="net", out=3, tracked=True, sites=(), **fields):
    return {"name": name, "block_size": 64, "num_blocks": 10, "out": out, "tracked": tracked,
            "sites": list(sites), **fields}


def site(count=3, **fields):
    return {"address": "0x401234", "module": "/usr/bin/demo", "offset": "0x1234",
            "function": "take", "count": count, "oldest_us": 2000000, "median_us": 1000000,
            "threads": [{"tid": 7, "count": count, "alive": True}], **fields}


def about(array, entries, **fields):
    """A document that is about something else than the counters of pools."""
    values = document(**fields)
    del values["pools"], values["locking"]
    return {**values, array: list(entries)}


class Answers:
    """Serves by the word of the request; keeps what was asked for."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def __call__(self, connection, request):
        word, _, glob = request.decode().rstrip("\n").partition(" ")
        self.asked.append((word, glob))
        answer = self.answers.get(word.replace("-", "_"), {"error": "unknown command"})
        connection.sendall(encode(answer(glob) if callable(answer) else answer))


class Golden(Case):
    def assert_golden(self, name, *arguments):
        out, err = self.run_tool(*arguments, environment=UTF8, cwd=GOLDEN)
        with open(os.path.join(GOLDEN, name), encoding="utf-8") as stream:
            self.assertEqual(out, stream.read())
        return err

    def test_holders(self):
        self.assert_golden("holders.txt", "-H", "-f", "holders.json")

    def test_holders_as_json_are_the_document(self):
        self.assert_golden("holders.json", "-H", "-j", "-f", "holders.json")

    def test_difference(self):
        self.assert_golden("difference.txt", "--diff", "before.json", "after.json")

    def test_values(self):
        self.assert_golden("values.csv", "--csv", "-f", "demo.json")
        self.assert_golden("values-two.csv", "--csv", "-s", "name", "-f", "two.json")

    def test_checks(self):
        checks = [{"name": "net", "result": "sane"},
                  {"name": "disk\x1b[1m", "result": "damaged", "what": "a loop\n", "block": 17,
                   "address": "0x7f00deadbeef"},
                  {"name": "cpu", "result": "damaged", "what": "lost blocks"},
                  {"name": "log", "result": "damaged", "block": 3},
                  {"name": "one", "result": "busy"}]
        self.serve("1.sock", Answers(check=about("checks", checks)))
        out, _ = self.run_tool("-k", status=2, environment=UTF8)
        with open(os.path.join(GOLDEN, "checks.txt"), encoding="utf-8") as stream:
            self.assertEqual(out, stream.read())

    def test_new_low_water_marks(self):
        reset = about("reset", [{"name": "net", "min_free": 6}, {"name": "\x07", "min_free": 0}])
        self.serve("1.sock", Answers(reset_min=reset))
        out, _ = self.run_tool("--reset-min", environment=UTF8)
        with open(os.path.join(GOLDEN, "reset.txt"), encoding="utf-8") as stream:
            self.assertEqual(out, stream.read())


class Asking(Case):
    def test_one_glob_is_sent_and_the_answer_chosen_from(self):
        answers = Answers(holders=about("holders", [holding("net"), holding("disk")]))
        server = self.serve("1.sock", answers)
        out, _ = self.run_tool("-H", "n*")
        self.assertEqual(answers.asked, [("holders", "n*")])
        self.assertIn("'net'", out)
        self.assertNotIn("'disk'", out)
        self.run_tool("-H")
        self.run_tool("-H", "net", "d*")
        self.assertEqual(answers.asked[1:], [("holders", "*")] * 2)
        out, _ = self.run_tool("-H", "-j", "disk")
        self.assertEqual(json.loads(out), about("holders", [holding("disk")], pid=server.pid))

    def test_a_glob_that_no_line_can_hold_is_chosen_here(self):
        answers = Answers(holders=about("holders", [holding("a\nb"), holding("c")]))
        self.serve("1.sock", answers)
        out, _ = self.run_tool("-H", "a\n*")
        self.assertEqual(answers.asked, [("holders", "*")])
        self.assertIn(r"a\x0ab", out)
        self.assertNotIn("'c'", out)

    def test_each_glob_is_checked_by_itself_and_each_pool_shown_once(self):
        pools = ["net_rx", "net_tx", "disk"]

        def check(glob):
            expression = re.escape(glob).replace(r"\*", ".*")
            return about("checks", [{"name": name, "result": "sane"} for name in pools
                                    if re.fullmatch(expression, name)])
        answers = Answers(check=check)
        self.serve("1.sock", answers)
        out, _ = self.run_tool("-k", "net_rx", "net_*", "d*")
        self.assertEqual([glob for _, glob in answers.asked], ["net_rx", "net_*", "d*"])
        self.assertEqual([line.split()[0] for line in out.splitlines()[1:]], pools)
        out, err = self.run_tool("-k", "disk", "nothing", status=3)
        self.assertEqual(len(out.splitlines()), 2)
        self.assertIn("no pool matches 'nothing'", err)
        out, _ = self.run_tool("-k", "-j", "disk", "net_rx")
        self.assertEqual([c["name"] for c in json.loads(out)["checks"]], ["disk", "net_rx"])
        self.assert_nothing("-k", "nothing")

    def test_what_cannot_be_asked_is_wrong_usage(self):
        answers = Answers()
        self.serve("1.sock", answers)
        for option in ("-k", "--reset-min"):
            for glob in ("", "a\nsnapshot", "\x7f", "x" * 201):
                self.assertIn("no process can be asked", self.assert_usage(option, glob))
        self.assertEqual(answers.asked, [])

    def test_a_blank_at_the_beginning_of_a_glob_is_kept(self):
        answers = Answers(check=about("checks", [{"name": " x", "result": "sane"}]))
        self.serve("1.sock", answers)
        self.run_tool("-k", " x")
        self.assertEqual(answers.asked, [("check", r"\ x")])

    def test_the_outcome_of_a_check_is_the_exit_status(self):
        server = self.serve("1.sock")
        for results, status in ((["sane"], 0), (["sane", "busy"], 1), (["damaged", "busy"], 2),
                                ([], 0)):
            server.answer = Answers(check=about(
                "checks", [{"name": "x", "result": result} for result in results]))
            self.run_tool("-k", status=status)

    def test_a_refused_reset_says_what_would_allow_it(self):
        for text in ("not allowed", "set OSMEMPOOL_EXPORT_WRITE=1 to allow it"):
            server = self.serve("1.sock", Answers(reset_min={"error": text}))
            err = self.assert_nothing("--reset-min")
            self.assertIn(server.path, err)
            self.assertEqual(err.count("OSMEMPOOL_EXPORT_WRITE"), 1)
            self.assertIn("OSMEMPOOL_EXPORT_WRITE=1", err)
            self.servers.pop().close()

    def test_an_old_library_that_knows_no_holders_is_told(self):
        self.serve("1.sock", Answers(snapshot=document()))
        for option in ("-H", "-k", "--reset-min"):
            self.assertIn("unknown command", self.assert_nothing(option))

    def test_broken_answers_are_refused(self):
        server = self.serve("1.sock", b"")
        address = ("0x", "12", 12, "0x12345678901234567", "0xg", "-0x1", None, True)
        broken = [("-H", about("holders", [entry])) for entry in (
            {}, [], 5, holding(out=None), holding(out=-1), holding(out=2**32), holding(name=5),
            holding(tracked=1), {**holding(), "sites": {}}, holding(sites=[[]]),
            holding(sites=[{}]), holding(num_blocks="1"), holding(sites=[site(count=-1)]),
            holding(sites=[site(threads=1)]), holding(sites=[site(threads=[1])]),
            holding(sites=[site(threads=[{"tid": -1}])]), holding(sites=[site(oldest_us=2**60)]),
            holding(sites=[site(threads=[{"tid": 1, "alive": "no"}])]),
            holding(sites=[site(module=1)]), holding(sites=[site(function="x" * 5000)]),
            *(holding(sites=[site(offset=value)]) for value in address),
            *(holding(sites=[site(address=value)]) for value in address))]
        broken += [("-k", about("checks", [entry])) for entry in (
            {}, {"name": "x"}, {"name": "x", "result": "fine"}, {"name": "x", "result": 1},
            {"name": "x", "result": "damaged", "block": -1}, {"result": "sane"},
            {"name": "x", "result": "damaged", "what": 1})]
        broken += [("--reset-min", about("reset", [entry])) for entry in (
            {}, {"name": "x"}, {"min_free": 1}, {"name": "x", "min_free": 1.5})]
        broken += [("-H", document()), ("-k", about("holders", [])), ("-H", {**about("holders", []), "holders": {}})]
        for option, answer in broken:
            with self.subTest(option=option, answer=str(answer)[-200:]):
                server.answer = encode(answer)
                self.assertIn(server.path, self.assert_nothing(option))

    def test_several_processes_have_headings(self):
        def chosen(array, entry):
            """Answers about one pool, if the glob names it."""
            return lambda glob: about(array, [entry] if glob in ("*", entry["name"]) else [])
        servers = [self.serve(f"{i}.sock", Answers(
            check=chosen("checks", {"name": f"p{i}", "result": "sane"}),
            holders=chosen("holders", holding(f"p{i}")),
            reset_min=chosen("reset", {"name": f"p{i}", "min_free": 1}))) for i in (1, 2)]
        for option in ("-H", "-k", "--reset-min"):
            out, _ = self.run_tool(option)
            self.assertEqual(re.findall("(?m)^pid .*$", out),
                             [f"pid {server.pid} demo" for server in servers])
            out, _ = self.run_tool(option, "p2")
            self.assertNotIn("p1", out)


class Holders(Case):
    def test_a_process_without_pools_says_so(self):
        self.serve("1.sock", encode({**document(), "holders": []}))
        self.assertEqual(self.run_tool("-H"), ("no pool\n", ""))

    def test_functions_of_the_api_have_its_names(self):
        for symbol, name in (("osmempool_os_memblock_get", "os_memblock_get"),
                             ("osmempool_version", "osmempool_version"),
                             ("osmempool_o", "osmempool_o"), ("os_memblock_get", "os_memblock_get")):
            data = encode(about("holders", [holding(sites=[site(function=symbol)])]))
            self.assertIn(f" {name} (demo+0x1234)", self.run_tool("-H", "-f", "-", data=data)[0])

    def test_blocks_that_no_place_is_known_for_have_a_row(self):
        data = encode(about("holders", [holding(out=4, sites=[site(3)]), holding("b", out=2),
                                        holding("c", out=5, tracked=False)]))
        out, _ = self.run_tool("-H", "-f", "-", data=data)
        self.assertEqual([line.split() for line in out.splitlines() if "not known" in line],
                         [["1", "25.0", "-", "-", "(not", "known)"],
                          ["2", "100.0", "-", "-", "(not", "known)"]])
        self.assertIn("OSMEMPOOL_DEBUG=track", out.splitlines()[-1])


class Lines(Case):
    SOURCE = """
        static int counter;
        __attribute__((noinline)) int take_block(int n)
        {
            counter += n;
            return counter;
        }
        int main(int argc, char **argv) { return take_block(argc) + argv[0][0]; }
    """

    def compile(self, *options, name="take_block"):
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None or b"libdw" not in subprocess.run(
                ["ldd", PROGRAM], stdout=subprocess.PIPE, check=True).stdout:
            self.skipTest("needs a compiler, and a mempoolstat that reads debug information")
        # As root it looks at what a document names with nobody's rights.
        os.chmod(self.directory, 0o755)
        self.write("source.c", "\n".join(
            line.strip() for line in self.SOURCE.splitlines()).encode())
        subprocess.run([compiler, "-g", "-O0", *options, "-o", self.path("made"), self.path("source.c")],
                       check=True)
        nm = subprocess.run(["nm", self.path("made")], stdout=subprocess.PIPE, check=True).stdout
        start = next(line.split()[0] for line in nm.decode().splitlines()
                     if line.endswith(" " + name))
        return int(start, 16)

    def show(self, **fields):
        now = 2000000000000000
        fields = {key: value for key, value in site(**fields).items() if value is not None}
        text = about("holders", [holding(sites=[fields])], start_time=now, time=now)
        return self.run_tool("-H", "-f", "-", data=encode(text))[0]

    def test_the_line_of_source_is_shown(self):
        start = self.compile()
        out = self.show(module=self.path("made"), offset=hex(start + 1))
        self.assertRegex(out, r"take at source\.c:[34] \(made\+0x")

    def test_a_function_that_the_process_cannot_name_is_looked_up(self):
        for options, line in (((), " at source.c:"), (("-no-pie",), " at source.c:"),
                              (("-g0",), ""), (("-no-pie", "-g0"), "")):
            start = self.compile(*options)
            out = self.show(module=self.path("made"), offset=hex(start + 1), function=None)
            self.assertIn(f"take_block{line}", out)
            # Relative to where the program begins, as a loader sees it.
            if start >= 0x400000:
                out = self.show(module=self.path("made"), offset=hex(start + 1 - 0x400000),
                                function=None)
                self.assertIn(f"take_block{line}", out)
        subprocess.run(["strip", self.path("made")], check=True)
        out = self.show(module=self.path("made"), offset=hex(start + 1), function=None)
        self.assertNotIn("take_block", out)

    def test_a_function_of_the_api_that_is_looked_up_has_its_name(self):
        symbol = "osmempool_os_take_block"
        for options in ((), ("-g0",)):
            start = self.compile(f"-Dtake_block={symbol}", *options, name=symbol)
            out = self.show(module=self.path("made"), offset=hex(start + 1), function=None)
            self.assertIn(" os_take_block ", out)

    def test_a_module_that_is_newer_than_its_process_has_no_lines(self):
        start = self.compile()
        text = about("holders", [holding(sites=[site(module=self.path("made"),
                                                     offset=hex(start + 1))])])
        out, _ = self.run_tool("-H", "-f", "-", data=encode(text))
        self.assertIn("take (made+0x", out)

    def test_what_may_do_something_when_it_is_opened_is_not(self):
        start = self.compile()
        os.mkfifo(self.path("pipe"))
        opened = threading.Event()

        def write():
            os.close(os.open(self.path("pipe"), os.O_WRONLY))
            opened.set()
        writer = threading.Thread(target=write)
        writer.start()
        self.assertIn("take (", self.show(module=self.path("pipe"), offset=hex(start + 1)))
        # A reader would have let it go on.
        self.assertFalse(opened.wait(0.2))
        os.close(os.open(self.path("pipe"), os.O_RDONLY | os.O_NONBLOCK))
        writer.join()

    @unittest.skipIf(os.geteuid() != 0, "needs root, who may open anything")
    def test_root_opens_nothing_that_only_root_may_because_a_file_says_so(self):
        start = self.compile()
        self.assertIn("source.c:", self.show(module=self.path("made"), offset=hex(start + 1)))
        os.chmod(self.path("made"), 0o700)
        self.assertIn("take (", self.show(module=self.path("made"), offset=hex(start + 1)))

    def test_modules_that_are_none_do_no_harm(self):
        os.mkfifo(self.path("pipe"))
        self.write("junk", b"\x7fELF" + bytes(range(256)) * 20)
        start = self.compile()
        with open(self.path("made"), "rb") as stream:
            whole = stream.read()
        self.write("cut", whole[:len(whole) // 2])
        for module in (self.path("pipe"), self.path("junk"), self.path("cut"), "/dev/zero",
                       self.directory, "relative", "", self.path("nowhere"), "\x1b"):
            self.assertIn("take (", self.show(module=module, offset=hex(start + 1)))
        self.assertIn("take (", self.show(module=self.path("made"), offset="0x0"))
        self.assertIn("take (", self.show(module=self.path("made"), offset="0xffffffffffffffff"))


class Differences(Case):
    def diff(self, old, new, *arguments, **options):
        return self.run_tool("--diff", self.write("old", encode(old)),
                             self.write("new", encode(new)), *arguments, **options)

    def test_one_of_both_may_be_standard_input(self):
        path = self.write("a", encode(document()))
        self.assertIn("pool", self.run_tool("--diff", "-", path, data=encode(document()))[0])
        self.assertIn("pool", self.run_tool("--diff", path, "-", data=encode(document()))[0])

    def test_files_in_the_wrong_order_are_told(self):
        old, new = document(time=1700000100000000), document(time=1700000200000000)
        out, err = self.diff(new, old)
        self.assertIn("right order", err)
        self.assertIn("not known", out)

    def test_globs_choose_also_what_is_gone(self):
        old = [document([pool("a"), pool("b")]), document([pool("a")], pid=2)]
        out, _ = self.diff(old, document([pool("b")]), "b")
        self.assertNotIn("gone", out)
        out, _ = self.diff(old, document([pool("b")]), "a")
        self.assertEqual(len(re.findall("gone$", out, re.M)), 3)
        _, err = self.diff(old, old, "c", status=3)
        self.assertIn("no pool matches 'c'", err)

    def test_it_can_be_sorted_by_rate(self):
        old = document([pool("a", gets=0), pool("b", gets=0)])
        new = document([pool("a", gets=10), pool("b", gets=20)], time=1700000110000000)
        out, _ = self.diff(old, new, "-s", "rate", "-n", "1")
        self.assertEqual([line.split()[0] for line in out.splitlines()[2:]], ["b"])

    def test_pools_of_one_name_meet_by_their_order(self):
        old = document([pool("a", num_free=9), pool("a", num_free=5)])
        new = document([pool("a", num_free=8), pool("a", num_free=1)], time=1700000110000000)
        out, _ = self.diff(old, new)
        self.assertEqual([line.split()[4] for line in out.splitlines()[2:]], ["+1", "+4"])

    def test_absurd_numbers_do_not_overflow(self):
        least = pool("a", num_blocks=2**32 - 1, num_free=0, failed=0, gets=0, puts=0)
        most = pool("a", num_blocks=2**32 - 1, num_free=2**32 - 1, failed=2**63 - 1,
                    gets=2**63 - 1, puts=2**63 - 1)
        out, _ = self.diff(document([least]), document([most], time=2**53))
        self.assertIn(f"+{2**63 - 1}", out)
        self.assertIn(f"-{2**32 - 1}", out)

    def test_a_broken_file_is_an_error(self):
        good, bad = self.write("good", encode(document())), self.write("bad", b"{}")
        for pair in ((good, bad), (bad, good), (good, self.path("nowhere"))):
            self.assert_nothing("--diff", *pair)


class Values(Case):
    def test_values_are_read_by_a_csv_reader(self):
        names = ['plain', 'com,ma', 'quo"te', 'line\nbreak', 'esc\x1b', 'zürich', '']
        data = encode(document([pool(name, gets=None) for name in names]))
        out, _ = self.run_tool("--csv", "-f", "-", data=data, environment={"LC_ALL": "C"})
        rows = list(csv.DictReader(io.StringIO(out)))
        self.assertEqual([row["name"] for row in rows],
                         ['plain', 'com,ma', 'quo"te', r'line\x0abreak', r'esc\x1b', 'zürich', ''])
        self.assertEqual({(row["num_free"], row["gets"], row["get_rate"]) for row in rows},
                         {("6", "", "")})

    def test_titles_come_once(self):
        self.serve()
        out, _ = self.run_tool("--csv", "-d", "0.05", "-c", "3")
        lines = out.splitlines()
        self.assertEqual((len(lines), [line[:5] for line in lines].count("time,")), (4, 1))


class Limits(Case):
    def judge(self, status, *arguments, pools=None):
        pools = [pool("full", num_free=0), pool("half", num_free=5), pool("none", num_blocks=0,
                 num_free=0, min_free=0), pool("most", num_free=9)] if pools is None else pools
        path = self.write("pools", encode(document(pools)))
        return self.run_tool("-f", path, *arguments, status=status)

    def test_the_exit_status_is_a_check_plugins(self):
        self.judge(0)
        self.judge(2, "-w", "20", "-e", "10")
        self.judge(1, "-w", "20")
        self.judge(0, "-w", "20", "-e", "10", "most", "none")
        self.judge(1, "-w", "50.1", "-e", "50", "half")
        self.judge(0, "--warn-free", "50", "--crit-free=50", "half")
        self.judge(2, "-e", "100", "most")
        self.judge(1, "-w", "0.0001", "full")

    def test_each_pool_is_named_on_a_line_of_stderr(self):
        out, err = self.judge(2, "-w", "60", "-e", "10", "-j")
        self.assertEqual(len(json.loads(out)["pools"]), 4)
        lines = err.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertIn("critical: pool 'full'", lines[0])
        self.assertIn("0 of 10 blocks free", lines[0])
        self.assertIn("warning: pool 'half'", lines[1])

    def test_pools_beyond_the_last_row_count(self):
        out, err = self.judge(2, "-e", "10", "-n", "1", "-s", "free", "-r")
        self.assertNotIn("full", out)
        self.assertIn("full", err)

    def test_the_worst_report_of_several_counts(self):
        free = [9, 0, 9]

        def answer(connection, request):
            connection.sendall(encode(document([pool(num_free=free.pop(0))])))
        self.serve(answer=answer)
        _, err = self.run_tool("-d", "0.05", "-c", "3", "-e", "10", status=2)
        self.assertEqual(err.count("critical"), 1)

    def test_critical_matters_more_than_a_glob_without_a_pool_and_that_more_than_a_warning(self):
        self.judge(2, "-e", "10", "full", "x")
        self.judge(3, "-w", "10", "full", "x")


class Totals(Case):
    def test_each_report_ends_with_the_sum_of_what_is_chosen(self):
        pools = [pool("net_a"), pool("net_b", num_blocks=30, num_free=30, gets=500),
                 pool("disk", failed=9)]
        self.serve(answer=encode(document(pools)))
        out, _ = self.run_tool("-d", "0.05", "-c", "1", "net_*", "-n", "1", "-s", "name")
        lines = [line.split() for line in out.splitlines()]
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[2], ["total", "of", "2", "pools", "-", "40", "36", "-", "10.0",
                                    "15.0", "19.9", "6", "0"])
        self.assertEqual(len(self.run_tool("net_*")[0].splitlines()), 3)

    def test_several_processes_have_a_sum(self):
        self.serve("1.sock")
        self.serve("2.sock", encode(document([pool("a"), pool("b", gets=None)])))
        out, _ = self.run_tool("-c", "1")
        last = out.split("\n\n")[-1].splitlines()
        self.assertEqual(last[0], "all 2 processes")
        self.assertEqual(last[2].split(), ["total", "of", "3", "pools", "-", "30", "18", "-",
                                           "40.0", "-", "29.9", "9", "0"])

    def test_absurd_numbers_do_not_overflow(self):
        pools = [pool(f"p{i}", num_blocks=2**32 - 1, num_free=0, failed=2**63 - 1)
                 for i in range(100)]
        self.serve(answer=encode(document(pools)))
        out, _ = self.run_tool("-c", "1")
        last = out.splitlines()[-1].split()
        self.assertEqual((last[5], last[8], last[11]), (str(100 * (2**32 - 1)), "100.0",
                                                         str(2**63 - 1)))


class Extras(Case):
    def test_faults_and_debug_words_have_columns_where_there_are_any(self):
        pools = [pool("a", faults=0), pool("b", faults=2, debug="check,poi\x1bson")]
        out, _ = self.run_tool("-f", "-", data=encode(document(pools)))
        lines = out.splitlines()
        self.assertEqual(lines[0].split()[-2:], ["faults", "debug"])
        self.assertEqual(lines[2].split()[-2:], ["2", r"check,poi\x1bson"])
        out, _ = self.run_tool("-f", "-", "a", data=encode(document(pools)))
        self.assertNotIn("faults", out)

    def colours(self, *arguments, **changes):
        """What a run with a terminal for its stdout prints."""
        parent, child = pty.openpty()
        environment = self.environment(TERM="xterm")
        for key, value in changes.items():
            environment.pop(key, None)
            if value is not None:
                environment[key] = value
        path = self.write("pools", encode(document([pool("full", num_free=0), pool("low",
                          num_free=1, num_blocks=11), pool("fine")])))
        process = subprocess.Popen([PROGRAM, "-f", path, *arguments], env=environment,
                                   stdout=child, stderr=subprocess.PIPE)
        os.close(child)
        text = b""
        try:
            while True:
                text += os.read(parent, 4096)
        except OSError:
            pass
        os.close(parent)
        process.communicate(timeout=PATIENCE)
        return text.decode().replace("\r\n", "\n")

    def test_a_terminal_gets_colours(self):
        lines = self.colours().splitlines()
        self.assertEqual([line.split("m")[0] for line in lines[:3]],
                         ["\x1b[1", "\x1b[31", "\x1b[33"])
        self.assertTrue(all(line.endswith("\x1b[0m") for line in lines[:3]))
        self.assertNotIn("\x1b", lines[3])
        lines = self.colours("-w", "70").splitlines()
        self.assertEqual([line[:5] for line in lines[1:]], ["\x1b[33m"] * 3)

    def test_who_wants_no_colours_gets_none(self):
        for changes in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": None}, {"TERM": ""}):
            with self.subTest(changes):
                self.assertNotIn("\x1b", self.colours(**changes))
        self.assertIn("\x1b", self.colours(NO_COLOR=""))
        for form in ("-m", "-j", "--csv", "-l"):
            self.assertNotIn("\x1b", self.colours(form))


if __name__ == "__main__":
    main()
