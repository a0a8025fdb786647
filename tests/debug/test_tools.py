# SPDX-License-Identifier: Apache-2.0
"""Programs under Memcheck, AddressSanitizer and ThreadSanitizer, with the library as it ships.

Usage: test_tools.py TOOL PROGRAM [unittest's options]; TOOL is memcheck, asan or tsan.
"""
import sys
import unittest

from culprit import CulpritCase, fixed_addresses, run

TOOL, PROGRAM = "", ""
MEMCHECK = ["valgrind", "--leak-check=full", "--fair-sched=yes", "--error-exitcode=9", "-q"]


class CleanPrograms:
    """Of every tool that watches all accesses."""

    def test_clean_programs_stay_clean(self):
        for crime in ("clean", "hand-over"):
            with self.subTest(crime):
                self.assertSilent(self.commit(crime))

    def test_clean_programs_stay_clean_under_debug_words(self):
        for words in ("check,poison,track", "fence"):
            with self.subTest(words):
                self.assertSilent(self.commit("clean", OSMEMPOOL_DEBUG=words))

    def test_memory_of_pools_that_are_over_may_be_used(self):
        quiet = "detect_leaks=0"  # of blocks in use at unregister
        for words in ("", "check,poison", "fence"):
            with self.subTest(words):
                outcome = self.commit("reuse", OSMEMPOOL_DEBUG=words, ASAN_OPTIONS=quiet)
                self.assertSilent(outcome)


class Memcheck(CleanPrograms, CulpritCase):
    def commit(self, crime, **variables):
        return run(PROGRAM, crime, prefix=MEMCHECK, **variables)

    def test_a_write_after_put_is_told_with_both_calls(self):
        outcome = self.commit("write-after-put")
        self.assertEqual(outcome.status, 9)
        self.assertSays(outcome, "Invalid write of size 1", "do_write_after_put",
                        "20 bytes inside a block of size 60 free'd", "putter",
                        "Block was alloc'd at", "getter")

    def test_a_read_after_put_is_told_with_both_calls(self):
        outcome = self.commit("read-after-put")
        self.assertEqual(outcome.status, 9)
        self.assertSays(outcome, "Invalid read of size 1", "do_read_after_put",
                        "20 bytes inside a block of size 60 free'd", "putter",
                        "Block was alloc'd at", "getter")

    def test_what_the_allocator_has_back_is_not_opened(self):
        outcome = self.commit("read-of-freed-buffer")
        self.assertEqual(outcome.status, 9)
        self.assertSays(outcome, "Invalid read of size 1", "do_read_of_freed_buffer",
                        "free'd")

    def test_an_overrun_is_told_also_of_one_byte(self):
        for crime in ("overrun", "overrun-by-one"):
            with self.subTest(crime):
                outcome = self.commit(crime)
                self.assertEqual(outcome.status, 9)
                self.assertSays(outcome, "Invalid write of size 1",
                                "do_" + crime.replace("-", "_"))

    def test_lost_blocks_are_told_with_their_get(self):
        for crime in ("lost", "lost-at-unregister"):
            with self.subTest(crime):
                outcome = self.commit(crime)
                self.assertEqual(outcome.status, 9)
                self.assertSays(outcome, "60 bytes in 1 blocks are definitely lost", "getter")

    def test_puts_that_are_wrong_are_the_librarys_business(self):
        outcome = self.commit("double-put", OSMEMPOOL_FAULT="log")
        self.assertEqual(outcome.status, 0)
        self.assertSays(outcome, "osmempool: double put: pool 'scene': block 0 ")


class Asan(CleanPrograms, CulpritCase):
    def commit(self, crime, **variables):
        return run(PROGRAM, crime, **variables)

    def test_accesses_after_put_and_overruns_are_told(self):
        for crime, access in (("write-after-put", "WRITE"), ("read-after-put", "READ"),
                              ("overrun", "WRITE"), ("overrun-by-one", "WRITE")):
            with self.subTest(crime):
                outcome = self.commit(crime)
                self.assertNotEqual(outcome.status, 0)
                self.assertSays(outcome, "ERROR: AddressSanitizer: use-after-poison",
                                f"{access} of size 1", "culprit_" + access.lower(),
                                "do_" + crime.replace("-", "_"))

    def test_what_the_allocator_has_back_is_not_opened(self):
        outcome = self.commit("read-of-freed-buffer")
        self.assertNotEqual(outcome.status, 0)
        self.assertSays(outcome, "AddressSanitizer: heap-use-after-free", "culprit_read")

    def test_blocks_out_are_told_at_the_end_and_at_unregister(self):
        for crime, title in (("lost", "at exit"), ("lost-at-unregister", "at unregister")):
            with self.subTest(crime):
                outcome = self.commit(crime)
                self.assertEqual(outcome.status, 1)
                self.assertSays(outcome, f"osmempool: blocks out {title}: pool 'scene': 2 of 16 "
                                         "blocks are out", "2 got by .*crimes.*the oldest")
                self.assertEqual(outcome.text.count("blocks are out"), 1)

    def test_the_exit_status_is_that_of_its_options(self):
        for asan, lsan, status in (("exitcode=77", "", 77), ("exitcode=77", "exitcode=78", 78),
                                   ("verbosity=0", "exitcode=78", 78), ("exitcode=0", "", 0)):
            with self.subTest(asan=asan, lsan=lsan):
                outcome = self.commit("lost", ASAN_OPTIONS=asan, LSAN_OPTIONS=lsan)
                self.assertEqual(outcome.status, status)
                self.assertSays(outcome, "osmempool: blocks out at exit: pool 'scene': ")

    def test_blocks_that_come_back_late_do_not_fail_a_program(self):
        self.assertSilent(self.commit("put-at-exit"))
        # Told at unregister, when it was out.
        outcome = self.commit("put-after-unregister")
        self.assertEqual(outcome.status, 0)
        self.assertSays(outcome, "osmempool: blocks out at unregister: pool 'scene': 1 of 16 ")

    def test_nothing_else_that_comes_at_exit_is_lost(self):
        outcome = self.commit("lost-with-words")
        self.assertEqual(outcome.status, 1)
        self.assertEqual(outcome.out, "last words\n")
        # LeakSanitizer comes first, and ends the program.
        outcome = self.commit("lost-with-memory")
        self.assertEqual(outcome.status, 1)
        self.assertSays(outcome, "LeakSanitizer: detected memory leaks", "4711 byte")

    def test_its_options_turn_that_off(self):
        self.assertSilent(self.commit("lost", ASAN_OPTIONS="detect_leaks=0"))
        self.assertSilent(self.commit("lost", LSAN_OPTIONS="detect_leaks=0"))
        self.assertSilent(self.commit("overrun-by-one",
                                      ASAN_OPTIONS="allow_user_poisoning=0:detect_leaks=0"))


class Tsan(CulpritCase):
    def commit(self, crime, **variables):
        return run(PROGRAM, crime, prefix=fixed_addresses(), **variables)

    def test_blocks_that_go_from_thread_to_thread_make_no_race(self):
        for words in ("", "check,poison,track", "fence"):
            with self.subTest(words):
                self.assertSilent(self.commit("hand-over", OSMEMPOOL_DEBUG=words))

    def test_a_race_on_a_block_is_told(self):
        outcome = self.commit("race")
        self.assertNotEqual(outcome.status, 0)
        self.assertSays(outcome, "WARNING: ThreadSanitizer: data race", "culprit_write")


if __name__ == "__main__":
    TOOL, PROGRAM = sys.argv[1:3]
    case = {"memcheck": "Memcheck", "asan": "Asan", "tsan": "Tsan"}[TOOL]
    unittest.main(argv=[sys.argv[0], "-v", case, *sys.argv[3:]])
