# SPDX-License-Identifier: Apache-2.0
"""culprit.py: runs the program crimes, and asks what was said of it."""
import os
import re
import shutil
import subprocess
import unittest

DEADLINE = 120


class Outcome:
    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout
        self.text = done.stderr


def run(program, *arguments, prefix=(), **variables):
    """Runs a program without the variables of whoever runs the tests; None takes one away."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("OSMEMPOOL", "ASAN_", "TSAN_", "LSAN_"))}
    env.update(variables)
    return Outcome(subprocess.run([*prefix, program, *arguments], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  errors="surrogateescape", env=env, timeout=DEADLINE, check=False))


def fixed_addresses():
    """ThreadSanitizer's runtime needs a layout that address randomisation may spoil."""
    prefix = ["setarch", os.uname().machine, "-R"]
    if shutil.which("setarch") and subprocess.run([*prefix, "true"], check=False).returncode == 0:
        return prefix
    return []


class CulpritCase(unittest.TestCase):
    def assertSays(self, outcome, *patterns):
        """The patterns occur on standard error, in this order."""
        at = 0
        for pattern in patterns:
            match = re.compile(pattern).search(outcome.text, at)
            self.assertIsNotNone(match, f"no {pattern!r} from there on in:\n{outcome.text}")
            at = match.end()

    def assertSilent(self, outcome, status=0):
        self.assertEqual(outcome.text, "")
        self.assertEqual(outcome.status, status)
