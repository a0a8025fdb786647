# SPDX-License-Identifier: Apache-2.0
"""Faults and their reports, and the debug words, in an unchanged program.

Usage: test_words.py PROGRAM [unittest's options]
"""
import os
import pathlib
import re
import signal
import sys
import tempfile
import unittest

from culprit import CulpritCase, run

PROGRAM = ""
SITE = r"\S*crimes\S*\+0x[0-9a-f]+"
LIBRARY = pathlib.Path(__file__).resolve().parent.parent.parent / "lib"
# Control characters of both kinds, marks that are not seen, and what is not UTF-8.
HOSTILE = "\x1b]0x\x07\n\r\t\x7f\x9b31m\u202e\u200b" + os.fsdecode(b"\xff\xc3")


class Reports(CulpritCase):
    def commit(self, crime, **variables):
        return run(PROGRAM, crime, **variables)

    def test_faults_are_counted_in_silence_unless_asked_for(self):
        for value in ("", "count"):
            self.assertSilent(self.commit("double-put", OSMEMPOOL_FAULT=value))

    def test_log_writes_one_report_and_the_program_goes_on(self):
        outcome = self.commit("double-put", OSMEMPOOL_FAULT="log")
        self.assertEqual(outcome.status, 0)
        self.assertSays(outcome, r"^osmempool: double put: pool 'scene': block 0 \(0x[0-9a-f]+\) "
                                 "is free already\n",
                        rf"osmempool:   this call at {SITE}, thread \d+ of \S+\[\d+\]\n",
                        "osmempool:   run with OSMEMPOOL_DEBUG=track ")
        for line in outcome.text.splitlines():
            self.assertTrue(line.startswith("osmempool: "), line)

    def test_abort_ends_the_program_after_the_report(self):
        outcome = self.commit("double-put", OSMEMPOOL_FAULT="abort")
        self.assertEqual(outcome.status, -signal.SIGABRT)
        self.assertSays(outcome, "^osmempool: double put: ")

    def test_the_same_report_in_a_loop_is_told_ten_times_and_then_at_powers_of_two(self):
        outcome = self.commit("storm", OSMEMPOOL_FAULT="log")
        self.assertEqual(outcome.status, 0)
        # All are counted, and handed to the handler.
        self.assertEqual(outcome.out, "60012 40000\n")
        seen = [str(10)] + [str(2 ** i) for i in range(4, 15)]
        for pool in ("scene", "other"):
            reports = re.findall(rf"double put: pool '{pool}': .*\n.* this call at ({SITE})(?: \S+)?,"
                                 r".*\n(?:.* run with .*\n)?(?:.*  seen (\d+) times)?", outcome.text)
            sites = sorted({site for site, _ in reports})
            self.assertEqual(len(sites), 2 if pool == "scene" else 1)
            for site in sites:
                self.assertEqual([n for at, n in reports if at == site], [""] * 9 + seen)
        # The one that was made again is another pool.
        self.assertEqual(outcome.text.count("double put: pool 'again'"), 10)

    def test_that_a_call_found_more_is_told_with_one_that_is_printed(self):
        outcome = self.commit("storm-of-calls", OSMEMPOOL_FAULT="log",
                              OSMEMPOOL_DEBUG="check,poison")
        self.assertEqual(outcome.status, 0)
        self.assertSays(outcome, r"\nosmempool: and \d+ more in the same call\n")
        self.assertLess(outcome.text.count("\n"), 500)

    def test_a_setting_that_is_none_is_told(self):
        outcome = self.commit("clean", OSMEMPOOL_FAULT="panic\x1b")
        self.assertEqual(outcome.text, "osmempool: OSMEMPOOL_FAULT=panic\\x1b ignored: "
                                       "set count, log or abort\n")

    def test_the_pool_that_a_foreign_block_belongs_to_is_named(self):
        outcome = self.commit("foreign-put", OSMEMPOOL_FAULT="log")
        self.assertSays(outcome, "^osmempool: put of a foreign address: pool 'scene': 0x[0-9a-f]+ is "
                                 "none of its blocks; it is inside block 0 of pool 'other'\n")

    def test_a_damaged_link_is_told_with_what_was_found(self):
        outcome = self.commit("damaged-link", OSMEMPOOL_FAULT="log")
        self.assertSays(outcome, "^osmempool: damaged free list: pool 'scene': block 0 .* begins "
                                 "with [0 ]*1[0 ]*, which leads to no block",
                        "no free block is lost\n")

    def test_under_track_both_calls_are_told(self):
        outcome = self.commit("double-put", OSMEMPOOL_FAULT="log", OSMEMPOOL_DEBUG="track")
        self.assertSays(outcome, "^osmempool: double put: ",
                        rf"this call at {SITE}, thread (\d+) ",
                        rf"last got at {SITE}, thread \d+, \d+\.\d{{6}} s ago\n",
                        rf"last put at {SITE}, thread \d+, \d+\.\d{{6}} s ago\n$")
        got, put = re.findall(rf"last \w+ at ({SITE})", outcome.text)
        self.assertNotEqual(got, put)


class Values(CulpritCase):
    """What the library repeats of its environment cannot write on a terminal."""

    def assertPrintable(self, text):
        for line in text.split("\n"):
            self.assertTrue(line.isascii() and line.isprintable(), text)

    def assertHarmless(self, outcome, wanted):
        self.assertPrintable(outcome.text)
        self.assertEqual(outcome.text.count("\\x1b]0x\\x07\\x0a"), wanted, outcome.text)

    def variables(self):
        """All that the library reads, whatever they are called."""
        sources = [path.read_text(encoding="utf-8") for path in LIBRARY.rglob("*.c")]
        return sorted(set(re.findall(r'"([A-Z][A-Z0-9]*_[A-Z0-9_]+)"', "".join(sources))))

    def test_the_variables_are_found(self):
        found = self.variables()
        for name in ("OSMEMPOOL_DEBUG", "OSMEMPOOL_CACHE", "OSMEMPOOL_FAULT", "OSMEMPOOL_EXPORT",
                     "OSMEMPOOL_DIR", "XDG_RUNTIME_DIR"):
            self.assertIn(name, found)

    def test_no_variable_is_repeated_as_it_is(self):
        for name in self.variables():
            for value in ("{}", "/{}/{}", "fail={}", "1{}", "check,{}:{}", "64:{};{}"):
                value = value.replace("{}", HOSTILE)
                variables = {"OSMEMPOOL_EXPORT": "1", name: value}
                with self.subTest(name=name, value=value), tempfile.TemporaryDirectory() as folder:
                    variables.setdefault("OSMEMPOOL_DIR", folder)
                    self.assertPrintable(run(PROGRAM, "clean", **variables).text)

    def test_what_is_wrong_is_named_escaped(self):
        for name, value in (("OSMEMPOOL_DEBUG", HOSTILE), ("OSMEMPOOL_CACHE", HOSTILE),
                            ("OSMEMPOOL_FAULT", HOSTILE), ("OSMEMPOOL_EXPORT", HOSTILE),
                            ("OSMEMPOOL_EXPORT", f"/{HOSTILE}/x")):
            with self.subTest(name=name, value=value):
                outcome = run(PROGRAM, "clean", **{name: value})
                self.assertHarmless(outcome, 1)
                self.assertEqual(outcome.text.count("\n"), 1)

    def test_of_an_endless_value_the_line_has_its_end(self):
        for name, value in (("OSMEMPOOL_DEBUG", "x"), ("OSMEMPOOL_CACHE", "x"),
                            ("OSMEMPOOL_FAULT", "\x1b"), ("OSMEMPOOL_EXPORT", "x"),
                            ("OSMEMPOOL_EXPORT", "/\x1b")):
            with self.subTest(name=name, value=value):
                text = run(PROGRAM, "clean", **{name: value * 20000}).text
                self.assertRegex(text, r"\.\.\..*(ignored|another place).*\n$")
                self.assertEqual(text.count("\n"), 1)

    def test_a_program_of_a_hostile_name_is_named_escaped(self):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, HOSTILE.replace("/", ""))
            os.symlink(os.path.abspath(PROGRAM), program)
            self.assertHarmless(run(program, "double-put", OSMEMPOOL_FAULT="log"), 1)
            self.assertHarmless(run(program, "clean", OSMEMPOOL_EXPORT="yes"), 1)


class Words(CulpritCase):
    def commit(self, crime, words, **variables):
        return run(PROGRAM, crime, OSMEMPOOL_DEBUG=words, OSMEMPOOL_FAULT="log", **variables)

    def test_clean_programs_stay_clean(self):
        for words in ("check", "poison", "track", "fence", "check,poison,track,fence"):
            for crime in ("clean", "hand-over"):
                with self.subTest(words=words, crime=crime):
                    self.assertSilent(self.commit(crime, words, OSMEMPOOL_CACHE="4"))

    def test_words_that_are_none_are_named_and_the_others_hold(self):
        outcome = self.commit("count-gets", "chek,fail=4,fail=0,fail=x,,fail")
        self.assertEqual(outcome.out, "3\n")
        for word in ("chek", "fail=0", "fail=x", "fail"):
            self.assertSays(outcome, f"osmempool: OSMEMPOOL_DEBUG: '{word}' is none of check, poison"
                                     ", track, fence, fail=N; ignored\n")

    def test_fail_fails_each_nth_get(self):
        self.assertEqual(self.commit("count-gets", "fail=1").out, "0\n")
        self.assertEqual(self.commit("count-gets", "fail=16").out, "15\n")
        self.assertEqual(self.commit("count-gets", "fail=17").out, "16\n")

    def test_the_last_rule_that_matches_a_pool_holds(self):
        for rules, gets in (("fail=3:s*", 2), ("fail=3:o*", 16), ("fail=3;fail=9", 8),
                            ("fail=3:scene;fail=9:other", 2), ("fail=3;check:sc?ne", 16)):
            with self.subTest(rules):
                self.assertEqual(self.commit("count-gets", rules).out, f"{gets}\n")

    def test_poison_finds_a_write_after_put_with_its_bytes(self):
        outcome = self.commit("write-after-put-and-get", "poison")
        self.assertEqual(outcome.status, 0)
        self.assertSays(outcome, "^osmempool: write after put: pool 'scene': block 0 .* was changed "
                                 "while it was free\n",
                        "from byte 20: found 21( a5){15}\n", "it should be a5( a5){15}\n")

    def test_check_finds_damage_at_the_next_put_of_any_block(self):
        outcome = self.commit("damaged-link-and-put", "check")
        self.assertSays(outcome, "^osmempool: write after put: pool 'scene': block 1 ",
                        "from byte 0, the link to the next free block: found ")
        self.assertEqual(outcome.text.count("write after put"), 1)

    def test_check_finds_a_pool_that_is_made_in_a_free_block(self):
        for words in ("check", "check:inner"):
            with self.subTest(words):
                outcome = self.commit("pool-in-free-block", words)
                self.assertSays(outcome, "^osmempool: shared buffer: pool 'inner': its buffer, from "
                                         "0x[0-9a-f]+ on, is also that of pool 'scene', 0 blocks ")

    def test_a_write_after_put_harms_nothing_under_any_word(self):
        for words in ("check", "poison", "track", "fail=100"):
            with self.subTest(words):
                outcome = self.commit("damaged-link", words)
                self.assertEqual(outcome.status, 0)
                self.assertSays(outcome, "^osmempool: write after put: pool 'scene': block 0 ")

    def test_fence_traps_at_the_instruction(self):
        for crime in ("write-after-put", "read-after-put", "overrun"):
            with self.subTest(crime):
                self.assertEqual(self.commit(crime, "fence").status, -signal.SIGSEGV)

    def test_a_fence_that_needs_too_many_mappings_is_poison(self):
        outcome = self.commit("many-blocks", "fence")
        self.assertEqual(outcome.status, 0)
        self.assertSays(outcome, "^osmempool: OSMEMPOOL_DEBUG: pool 'many': the kernel refuses more "
                                 "mappings for fence; poison instead. Raise vm.max_map_count, ")

    def test_a_fence_is_given_up_when_the_program_needs_the_mappings(self):
        outcome = self.commit("no-mappings-left", "fence")
        self.assertEqual(outcome.status, 0)
        self.assertSays(outcome, "^osmempool: OSMEMPOOL_DEBUG: pool 'scene': the kernel refuses ")
        self.assertSays(outcome, "write after put: pool 'scene': ", "from byte 20: found 21")

    def test_that_fences_are_refused_is_said_once_a_process(self):
        outcome = self.commit("many-blocks-again", "fence")
        self.assertEqual(outcome.status, 0)
        self.assertSays(outcome, "pool 'many': the kernel refuses ", "said once", "write after put: pool 'scene'")
        self.assertEqual(outcome.text.count("the kernel refuses"), 1)

    def test_blocks_out_at_unregister_are_told_with_their_holders(self):
        outcome = self.commit("lost-at-unregister", "check,track")
        self.assertSays(outcome, "^osmempool: blocks out at unregister: pool 'scene': 2 of 16 blocks "
                                 "are out\n",
                        rf"  2 got by {SITE}, the oldest \d+\.\d{{6}} s ago in thread \d+\n")
        self.assertSilent(self.commit("lost-at-unregister", "track"))

    def test_blocks_out_at_exit_are_told_with_their_holders(self):
        outcome = self.commit("lost", "check,track")
        self.assertEqual(outcome.status, 0)
        self.assertSays(outcome, "^osmempool: blocks out at exit: pool 'scene': 2 of 16 blocks are "
                                 "out\n",
                        rf"  2 got by {SITE}, the oldest \d+\.\d{{6}} s ago in thread \d+\n"
                        r"osmempool:   found at exit, thread \d+ of \S+\[\d+\]\n$")
        for words in ("check", "track", "poison,fail=100"):
            with self.subTest(words):
                self.assertSilent(self.commit("lost", words))
        self.assertSilent(run(PROGRAM, "lost", OSMEMPOOL_DEBUG="check,track"))

    def test_damage_at_exit_is_told_for_each_pool_before_what_is_out(self):
        outcome = self.commit("lost-and-damaged", "check,poison,track")
        self.assertEqual(outcome.status, 0)
        self.assertSays(outcome, *(
            rf"(?m)^osmempool: {what}" for pool in ("scene", "other") for what in (
                rf"write after put: pool '{pool}': block 0 .* was changed while it was free\n"
                "osmempool:   from byte 20: found 21( a5)* *\n",
                r"  found at exit, thread \d+ of \S+\[\d+\]\n", rf"  last got at {SITE}, ",
                rf"  last put at {SITE}, ",
                rf"write after put: pool '{pool}': block 1 ",
                rf"blocks out at exit: pool '{pool}': 1 of 16 blocks are out\n")))
        self.assertEqual(outcome.text.count("write after put"), 4)
        # Without the pattern only the first two words of a block are known.
        outcome = self.commit("lost-and-damaged", "check,track")
        self.assertEqual(outcome.text.count("blocks out at exit"), 2)
        self.assertNotIn("write after put", outcome.text)
        self.assertSilent(self.commit("lost-and-damaged", "poison,track"))

    def test_at_exit_abort_comes_after_all_reports(self):
        for words in ("check,poison", "check,track", "check,poison,track"):
            with self.subTest(words):
                outcome = run(PROGRAM, "lost-and-damaged", OSMEMPOOL_DEBUG=words,
                              OSMEMPOOL_FAULT="abort")
                self.assertEqual(outcome.status, -signal.SIGABRT)
                self.assertSays(outcome, "pool 'scene'", "pool 'other'")
        self.assertSilent(run(PROGRAM, "clean", OSMEMPOOL_DEBUG="check,poison,track",
                              OSMEMPOOL_FAULT="abort"))

    def test_a_handler_hears_of_it_also_without_a_log(self):
        outcome = run(PROGRAM, "lost-and-heard", OSMEMPOOL_DEBUG="check,poison,track")
        self.assertEqual(outcome.status, 7)
        self.assertEqual(outcome.out, "9 scene 0 0 1\n9 scene 1 0 1\n11 scene 4294967295 1 1\n")
        self.assertEqual(outcome.text, "")

    def test_what_exit_handlers_put_is_not_out(self):
        self.assertSilent(self.commit("put-at-exit", "check,poison,track"))
        self.assertSilent(self.commit("put-after-unregister", "poison,track"))

    def test_memory_that_is_gone_at_exit_is_no_damage(self):
        for words in ("check,poison", "check,poison,track", "check,fence"):
            with self.subTest(words):
                self.assertSilent(self.commit("gone-at-exit", words))

    def test_blocks_of_threads_that_are_at_work_at_exit_are_no_damage(self):
        for _ in range(10):
            self.assertSilent(self.commit("busy-at-exit", "check,poison"))

    def test_words_hold_after_unregister_while_blocks_are_out(self):
        outcome = self.commit("unregistered", "poison,track")
        self.assertEqual(outcome.status, 0)
        self.assertSays(outcome, "write after put", "from byte 20: found 21", "last put at ",
                        "double put")
        self.assertEqual(outcome.text.count("write after put"), 1)
        self.assertEqual(self.commit("unregistered", "fence").status, -signal.SIGSEGV)

    def test_a_refused_put_leaves_nothing_behind_after_unregister(self):
        for words in ("check", "fence"):
            with self.subTest(words):
                self.assertEqual(self.commit("refused-after-unregister", words).status, 0)

    def test_a_forked_child_is_checked_too(self):
        outcome = self.commit("forked", "poison,track")
        self.assertEqual(outcome.status, 0)
        threads = re.findall(r"last put at \S+, thread (\d+)", outcome.text)
        # Once before the fork, once in each process after it.
        self.assertEqual(len(threads), 3)
        self.assertEqual(len(set(threads)), 2)


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[2:]])
