# SPDX-License-Identifier: Apache-2.0
"""The command line, exit codes and standard streams."""

import os
import subprocess

from harness import PATIENCE, PROGRAM, Case, main
from server import document, encode, pool

JUNK = ("", "-1", str(2**63), "x", "1x", " 1", "0x10", "1e3", "nan", "inf", "1,5", "0")


class Usage(Case):
    def test_a_missing_argument(self):
        for short, long in (("-p", "--pid"), ("-S", "--socket"), ("-f", "--file"),
                            ("-d", "--delay"), ("-c", "--count"), ("-s", "--sort"),
                            ("-n", "--rows"), ("-w", "--warn-free"), ("-e", "--crit-free")):
            self.assertIn("needs an argument", self.assert_usage(short))
            self.assertIn("needs an argument", self.assert_usage(long))

    def test_the_second_argument_of_diff(self):
        for arguments in (["--diff"], ["--diff="], ["--diff", "a"], ["--diff=a"],
                          ["--diff", "a", "-l"], ["--diff", "-", "-"], ["--diff", "a", ""]):
            self.assertIn("--diff", self.assert_usage(*arguments))

    def test_arguments_that_are_none(self):
        for option in ("-p", "-d", "-c", "-s", "-n"):
            for junk in JUNK:
                with self.subTest(option=option, junk=junk):
                    self.assertIn(option, self.assert_usage(option, junk))
        for option in ("-S", "-f"):
            self.assert_usage(option, "")
        for junk in ("0.0001", "1000001", "1.2.3", ".", "-0.5"):
            self.assert_usage("-d", junk)
        for option in ("-w", "-e"):
            for junk in (*JUNK, "100.1", "0.0", "1.2.3", ".", "5%"):
                self.assertIn(option, self.assert_usage(option, junk))

    def test_paths_that_are_none(self):
        for option in ("-S", "-f"):
            for junk in ("-1", str(2**63), "nowhere", "/", self.directory, "x" * 300, "x/" * 3000):
                with self.subTest(option=option, junk=junk):
                    self.assertIn("mempoolstat: ", self.assert_nothing(option, junk))

    def test_an_argument_where_none_belongs(self):
        for long in ("--list", "--reverse", "--mynewt", "--json", "--help", "--version",
                     "--holders", "--check", "--reset-min", "--csv", "--top"):
            self.assertIn("no argument", self.assert_usage(long + "=1"))

    def test_unknown_options(self):
        for option in ("-x", "--unknown", "--re\x1bd", "-\x1b", "--s", "-lx", "-1", "-2",
                       "-l3"):
            self.assertTrue(self.assert_usage(option).isprintable())

    def test_options_that_do_not_go_together(self):
        for arguments in ("-p1 -Sx", "-p1 -fx", "-Sx -fx", "-fx -d1", "-fx -c1", "-l -m", "-l -j",
                          "-m -j", "-l -sname", "-l -r", "-l -n1", "-l glob", "-H -l",
                          "-H -sname", "-k -H", "-k -fx", "-k -d1", "-k -c1", "--reset-min -k",
                          "--reset-min -fx", "--reset-min -H", "--diff a b -fx",
                          "--diff a b -p1", "--diff a b -j", "--diff a b -H", "--csv -j",
                          "--csv -m", "--csv -H", "--csv -l", "-w5 -H", "-e5 -l", "-w5 -k",
                          "-e5 --diff a b"):
            self.assertIn("-", self.assert_usage(*arguments.split()))


class Output(Case):
    FORMS = ([], ["-m"], ["-j"], ["-l"], ["--csv"])

    def test_a_full_disk_is_an_error(self):
        self.serve()
        big = self.write("big", encode(document([pool(f"pool{i}") for i in range(3000)])))
        for form in (*self.FORMS, ["-h"], ["-V"], ["-f", big], ["-j", "-f", big]):
            with open("/dev/full", "wb") as full:
                _, err = self.run_tool(*form, status=3, stdout=full)
            self.assertIn("standard output", err)
            self.assertEqual(len(err.splitlines()), 1)

    def test_a_closed_stdout_is_an_error(self):
        self.serve()
        for form in (*self.FORMS, ["-h"], ["-V"]):
            process = subprocess.run(["sh", "-c", '"$0" "$@" >&-', PROGRAM, *form],
                                     env=self.environment(), stderr=subprocess.PIPE, timeout=PATIENCE)
            self.assertEqual(process.returncode, 3)
            self.assertIn(b"standard output", process.stderr)

    def test_closed_streams_are_never_mistaken_for_sockets(self):
        server = self.serve()
        process = subprocess.run(["sh", "-c", '"$0" "$@" <&- >&- 2>&-', PROGRAM],
                                 env=self.environment(), timeout=PATIENCE)
        self.assertEqual(process.returncode, 3)
        self.assertEqual(server.requests, [b"snapshot\n"])

    def test_a_reader_that_leaves_ends_it_quietly(self):
        big = self.write("big", encode(document([pool(f"pool{i}") for i in range(5000)])))
        for form in ([], ["-m"], ["-j"]):
            process = self.start("-f", big, *form)
            process.stdout.read(10)
            process.stdout.close()
            err = process.stderr.read()
            process.stderr.close()
            self.assertEqual((process.wait(PATIENCE), err), (3, b""))

    def test_a_reader_that_leaves_ends_the_repetition(self):
        self.serve()
        process = self.start("-d", "0.05")
        process.stdout.read(10)
        process.stdout.close()
        self.assertEqual(process.wait(PATIENCE), 3)
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()

    def test_words_go_to_stderr_and_data_to_stdout(self):
        server = self.serve("1.sock")
        self.serve("2.sock", b"junk")
        out, err = self.run_tool("-j")
        self.assertEqual(out.encode(), encode(document(pid=server.pid)) + b"\n")
        self.assertIn("2.sock", err)


class Nothing(Case):
    def test_no_process_names_the_directory_and_the_remedy(self):
        err = self.assert_nothing()
        self.assertIn(self.directory, err)
        self.assertIn("OSMEMPOOL_EXPORT=1", err)

    def test_no_directory_is_no_process(self):
        self.assert_nothing(environment={"OSMEMPOOL_DIR": self.path("nowhere")})

    def test_no_such_process(self):
        self.assertIn("999999999", self.assert_nothing("-p", "999999999"))
        err = self.assert_nothing("-p", str(os.getpid()))
        self.assertIn(self.directory, err)
        self.assertIn("OSMEMPOOL_EXPORT=1", err)

    def test_no_such_pool(self):
        self.serve()
        self.assertIn("no pool matches 'x*'", self.assert_nothing("x*"))
        self.assertIn("no pool matches 'x*'", self.assert_nothing("-j", "x*"))
        out, err = self.run_tool("pool", "x*", status=3)
        self.assertIn("no pool matches 'x*'", err)
        self.assertEqual(len(out.splitlines()), 2)

    def test_stale_sockets_are_passed_over(self):
        self.serve("1.sock").stop()
        self.write("2.sock", b"a file")
        os.mkdir(self.path("3.sock"))
        os.symlink(self.path("nowhere"), self.path("4.sock"))
        self.assertIn("OSMEMPOOL_EXPORT=1", self.assert_nothing())
        self.serve("5.sock")
        self.assertEqual(self.run_tool()[1], "")

    def test_a_named_stale_socket_is_an_error(self):
        server = self.serve("{}.sock")
        server.stop()
        self.assertIn(server.path, self.assert_nothing("-S", server.path))
        self.assertIn(server.path, self.assert_nothing("-p", str(server.pid)))


if __name__ == "__main__":
    main()
