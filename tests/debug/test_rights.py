# SPDX-License-Identifier: Apache-2.0
"""A program that has more rights than its user, as set-user-ID gives it, has none of our variables.

Usage: test_rights.py PROGRAM [unittest's options]; as root, who alone can make such programs.
"""
import os
import pathlib
import pwd
import re
import shutil
import signal
import sys
import tempfile
import unittest

from culprit import CulpritCase, run

PROGRAM = ""


def rights_can_be_had(folder):
    """Whether set-user-ID programs have their effect: not in some containers and file systems."""
    status = pathlib.Path("/proc/self/status").read_text(encoding="utf-8")
    return not (os.statvfs(folder).f_flag & os.ST_NOSUID or re.search(r"NoNewPrivs:\s*1", status))


@unittest.skipIf(os.geteuid() != 0, "needs root")
class MoreRights(CulpritCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        os.chmod(self.folder.name, 0o1777)
        if not rights_can_be_had(self.folder.name):
            self.skipTest("set-user-ID has no effect here")
        self.plain = pathlib.Path(self.folder.name) / "crimes-plain"
        self.lifted = pathlib.Path(self.folder.name) / "crimes-lifted"
        shutil.copy(PROGRAM, self.plain)
        shutil.copy(PROGRAM, self.lifted)
        try:
            os.chown(self.lifted, pwd.getpwnam("nobody").pw_uid, -1)
        except OSError:
            self.skipTest("this root has no other user")
        os.chmod(self.lifted, 0o4755)

    def test_words_are_not_heard(self):
        self.assertEqual(run(self.plain, "count-gets", OSMEMPOOL_DEBUG="fail=4").out, "3\n")
        self.assertEqual(run(self.lifted, "count-gets", OSMEMPOOL_DEBUG="fail=4").out, "16\n")

    def test_faults_end_no_program(self):
        self.assertEqual(run(self.plain, "double-put", OSMEMPOOL_FAULT="abort").status,
                         -signal.SIGABRT)
        self.assertSilent(run(self.lifted, "double-put", OSMEMPOOL_FAULT="abort"))

    def test_no_socket_is_made(self):
        for program, made in ((self.plain, True), (self.lifted, False)):
            sockets = pathlib.Path(self.folder.name) / program.name.replace("crimes", "sockets")
            run(program, "clean", OSMEMPOOL_EXPORT="1", OSMEMPOOL_DIR=str(sockets))
            self.assertEqual(sockets.exists(), made)


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[2:]])
