# SPDX-License-Identifier: Apache-2.0
"""Each form of output, compared with files that were read by a human."""

import json
import os
import unicodedata

from harness import GOLDEN, UTF8, Case, main
from server import document, encode, pool

HOSTILE = ["esc\x1b[31m", "c1\x9b31m", "bell\x07", "line\nbreak", "tab\t", "del\x7f",
           "rlo\u202egnp", "isolate\u2066", "mark\u200f", "separator\u2028", "bom\ufeff",
           "nothing\u200b", "soft\u00ad", "tag\U000e0041", "selector\ufe0f", "filler\u3164"]

DEMO = "demo.json"
TWO = "two.json"


def hidden_in(text):
    """What a terminal would obey or not show."""
    return [c for c in text if c not in "\n " and (
        unicodedata.category(c)[0] in "CZ" or c in "\u3164\ufe0f\u2800\u0301")]


class Golden(Case):
    def assert_golden(self, name, *arguments, environment=None):
        out, _ = self.run_tool(*arguments, environment=environment, cwd=GOLDEN)
        with open(os.path.join(GOLDEN, name), encoding="utf-8") as stream:
            self.assertEqual(out, stream.read())

    def test_table(self):
        self.assert_golden("table.txt", "-f", DEMO, environment=UTF8)

    def test_table_in_the_c_locale_has_ascii_only(self):
        self.assert_golden("table-c.txt", "-f", DEMO)

    def test_table_of_two_processes_has_headings(self):
        self.assert_golden("table-two.txt", "-f", TWO, environment=UTF8)

    def test_mynewt(self):
        self.assert_golden("mynewt.txt", "-m", "-f", DEMO, environment=UTF8)

    def test_mynewt_of_two_processes(self):
        self.assert_golden("mynewt-two.txt", "-m", "-f", TWO, environment=UTF8)

    def test_json_is_the_document_with_hidden_characters_made_visible(self):
        self.assert_golden("shown.json", "-j", "-f", DEMO)
        self.assert_golden("shown.json", "-j", "-f", "shown.json")

    def test_json_of_two_processes_is_their_array(self):
        self.assert_golden("two.json", "-j", "-f", TWO)

    def test_list(self):
        self.assert_golden("list.txt", "-l", "-f", TWO, environment=UTF8)

    def test_help_is_80_columns_wide(self):
        self.assert_golden("help.txt", "--help")
        out, _ = self.run_tool("-h")
        self.assertLessEqual(max(len(line) for line in out.splitlines()), 80)

    def test_version(self):
        out, _ = self.run_tool("--version")
        self.assertRegex(out, r"^mempoolstat \d+\.\d+\.\d+\n$")
        self.assertEqual(self.run_tool("-V")[0], out)


class Rows(Case):
    def show(self, pools, *arguments, environment=UTF8, **fields):
        data = encode(document(pools, **fields))
        out, _ = self.run_tool("-f", "-", *arguments, data=data, environment=environment)
        return out

    def names(self, pools, *arguments):
        return [line.split()[0] for line in self.show(pools, *arguments).splitlines()[1:]]

    def test_mynewt_is_newtmgrs_to_the_byte(self):
        pools = [pool("msys_1", block_size=292, num_blocks=12, num_free=9, min_free=8),
                 pool("ble", block_size=4000000000, num_blocks=100000, num_free=0, min_free=0)]
        expected = "%32s %5s %4s %4s %4s\n" % ("name", "blksz", "cnt", "free", "min")
        expected += "%32s %5d %4d %4d %4d\n" % ("ble", 4000000000, 100000, 0, 0)
        expected += "%32s %5d %4d %4d %4d\n" % ("msys_1", 292, 12, 9, 8)
        self.assertEqual(self.show(pools, "-m"), expected)

    def test_wide_numbers_are_whole_and_in_line(self):
        pools = [pool("a"), pool("b" * 60, num_blocks=2**32 - 1, gets=2**62, failed=2**63 - 1)]
        lines = self.show(pools).splitlines()
        self.assertEqual({len(line) for line in lines}, {len(lines[0])})
        self.assertIn(str(2**63 - 1), lines[2])
        self.assertIn("b" * 60, lines[2])

    def test_what_older_documents_lack_is_a_dash(self):
        bare = {"name": "x", "block_size": 1, "num_blocks": 4, "num_free": 1, "min_free": 0}
        data = encode({"schema": "osmempool/1", "pid": 1, "pools": [bare]})
        out, _ = self.run_tool("-f", "-", data=data)
        self.assertEqual(out.splitlines()[1].split(),
                         ["x", "1", "4", "1", "0", "75.0", "-", "-", "-", "-"])
        out, _ = self.run_tool("-l", "-f", "-", data=data)
        self.assertEqual(out.splitlines()[1].split()[:7], ["1", "-", "-", "1", "-", "-", "-"])

    def test_a_minor_version_and_unknown_fields_are_fine(self):
        data = encode(document([pool(novel=[1, {"a": None}])], schema="osmempool/1.7", more=1.5))
        out, _ = self.run_tool("-j", "-f", "-", data=data)
        self.assertEqual(out.encode(), data + b"\n")

    def test_a_stale_row_is_marked_and_explained(self):
        data = encode(document([pool("a", stale=True), pool("b", stale=False)]))
        out, err = self.run_tool("-f", "-", data=data)
        rows = out.splitlines()[1:]
        self.assertTrue(rows[0].endswith(" *") and not rows[1].endswith("*"), out)
        self.assertIn("* ", err)

    def test_use_is_100_only_without_a_free_block(self):
        out = self.show([pool(num_blocks=100000, num_free=1), pool(num_blocks=3, num_free=0)])
        self.assertEqual([line.split()[5] for line in out.splitlines()[1:]], ["99.9", "100.0"])

    def test_sort_keys(self):
        pools = [pool("b", block_size=1, num_blocks=30, num_free=20, min_free=3, failed=0, gets=5),
                 pool("c", block_size=3, num_blocks=10, num_free=9, min_free=1, failed=7, gets=9),
                 pool("a", block_size=2, num_blocks=20, num_free=1, min_free=2, failed=1, gets=7)]
        orders = {"name": "abc", "size": "cab", "cnt": "bac", "free": "acb", "min": "cab",
                  "use": "abc", "fail": "cab", "rate": "cab"}
        for key, order in orders.items():
            self.assertEqual(self.names(pools, "-s", key), list(order), key)
            self.assertEqual(self.names(pools, "-r", "-s", key), list(order[::-1]), key)
            self.assertEqual(self.names(pools, "-n", "1", "-s", key), [order[0]], key)
        self.assertEqual(self.names(pools), ["b", "c", "a"])
        self.assertEqual(self.names(pools, "--reverse"), ["a", "c", "b"])
        self.assertEqual(self.names(pools, "--rows=2"), ["b", "c"])

    def test_equal_keys_stay_in_the_order_of_the_document(self):
        pools = [pool(f"p{i % 7}", min_free=i % 7 % 2) for i in range(50)]
        expected = sorted([p["name"] for p in pools], key=lambda name: int(name[1]) % 2)
        self.assertEqual(self.names(pools, "--sort", "min"), expected)

    def test_globs_choose_and_json_keeps_all_fields(self):
        pools = [pool("net_rx", novel=1), pool("disk"), pool("net_tx"), pool("")]
        self.assertEqual(self.names(pools, "net_*", "d?sk"), ["net_rx", "disk", "net_tx"])
        chosen = json.loads(self.show(pools, "-j", "net_*", more=2))
        self.assertEqual(chosen, document([pools[0], pools[2]], more=2))
        unnamed = json.loads(self.show(pools, "-j", ""))
        self.assertEqual(unnamed["pools"], [pools[3]])

    def test_what_json_writes_can_be_read_back(self):
        documents = [document([pool("a", novel=2**53 + 1)]), document(pid=2, real=0.5)]
        first, _ = self.run_tool("-j", "-f", "-", data=encode(documents))
        self.assertEqual(json.loads(first), documents)
        second, _ = self.run_tool("-j", "-f", self.write("a", first.encode()))
        self.assertEqual(second, first)

    def test_hostile_names_are_shown_harmlessly(self):
        for arguments in ([], ["-m"], ["--csv"], ["--openmetrics"], ["-j"]):
            for environment in (UTF8, {"LC_ALL": "C"}):
                out = self.show([pool(name) for name in HOSTILE], *arguments,
                                environment=environment, program="de\u202e\x1bmo")
                self.assertEqual(hidden_in(out), [], arguments)
                if arguments == ["-j"]:
                    self.assertEqual([p["name"] for p in json.loads(out)["pools"]], HOSTILE)
                    continue
                for shown in (r"esc\x1b[31m", r"rlo\xe2\x80\xaegnp", r"c1\xc2\x9b31m"):
                    # In the value of a label each backslash is two.
                    escaped = "--openmetrics" in arguments
                    self.assertIn(shown.replace("\\", "\\\\") if escaped else shown, out)
        out = self.show([pool(name) for name in HOSTILE])
        self.assertEqual(len(out.splitlines()), 1 + len(HOSTILE))

    def test_what_is_hidden_is_shown_in_every_other_place(self):
        for name in ("\u202e", "\u009b", "\u200b", "\x7f"):
            data = encode(document([pool("a", debug=name)], program=name, version=name,
                                   locking=name))
            for arguments in ([], ["-l"], ["-w", "70"], ["--diff"]):
                path = self.write("a", data)
                files = [path, path] if "--diff" in arguments else ["-f", path]
                out, err = self.run_tool(*arguments, *files, environment=UTF8, status=None)
                self.assertEqual(hidden_in(out + err), [])
            _, err = self.run_tool(name, "-f", path, environment=UTF8, status=3)
            self.assertEqual(hidden_in(err), [])

    def test_names_that_look_the_same_are_told_apart(self):
        pairs = (("a", "a "), ("a", " a"), ("", " "), ("  ", "   "), ("a b", "a\u00a0b"),
                 ("a b", "a\u3000b"), ("ab", "a\u200bb"), ("ab", "a\u00adb"), ("a", "a\ufe0f"),
                 ("a", "a\u3164"), ("a", "a\u2800"), ("a", "a\U000e0061"), ("\u00e9", "e\u0301"),
                 ("\x1b", "\\x1b"), ("\\x1b", "\\x5cx1b"), ("\u200b", "\\xe2\\x80\\x8b"))
        for one, other in pairs:
            for arguments in ([], ["-m"], ["--csv"], ["-j"], ["--openmetrics"]):
                with self.subTest(one=one, other=other, arguments=arguments):
                    shown = [self.show([pool(name)], *arguments) for name in (one, other)]
                    # As a human sees it: without what has no width, and blanks of all kinds alike.
                    seen = ["".join(" " if c.isspace() else c for c in
                                    unicodedata.normalize("NFC", text).rstrip(" "))
                            for text in shown]
                    self.assertNotEqual(*seen)
                    self.assertEqual(hidden_in("".join(shown)), [])

    def test_plain_backslashes_stay(self):
        for name in ("a\\b", "\\\\", "\\X1b", "\\"):
            self.assertEqual(self.names([pool(name)]), [name])

    def test_wide_and_combining_characters_keep_the_columns(self):
        out = self.show([pool("漢字"), pool("\u0e01\u0e34"), pool("plain")]).splitlines()
        ends = [line.index("64") for line in out[1:]]
        self.assertEqual([ends[2] - ends[0], ends[1] - ends[2]], [2, 1])

    def test_an_endless_name_widens_its_own_row_only(self):
        lines = self.show([pool("a" * 4000), pool("b"), pool("c" * 150)]).splitlines()
        self.assertIn("a" * 4000 + " ", lines[1])
        self.assertEqual([len(line) for line in lines[2:]], [len(lines[0])] * 2)
        self.assertLess(len(lines[0]), 250)

    def test_no_pools_is_a_table_without_rows(self):
        self.assertEqual(len(self.show([]).splitlines()), 1)
        self.assertEqual(json.loads(self.show([], "-j"))["pools"], [])

    def test_ten_thousand_pools(self):
        pools = [pool(f"pool{i}", min_free=i % 11) for i in range(10000)]
        self.assertEqual(len(self.names(pools, "-s", "min")), 10000)


if __name__ == "__main__":
    main()
