# SPDX-License-Identifier: Apache-2.0
"""patience.py: no test depends on how busy the machine is.

A test's time limit ends a hang; it is five minutes or more, or none. No test in Python demands that
something took less than forty seconds: what must be fast is a benchmark's business, and what must
not wait shows that in what it says or does. None counts on the number of a process that it has not
started. Arguments: the source tree, the build's root.
"""
import json
import pathlib
import re
import sys

import rule

LIMIT_S = 300
UPPER_S = 40
# A difference of two times, or a name for it, that is compared with a number from above.
ELAPSED = re.compile(r'assertLess(?:Equal)?\(\s*(?:time\.(?:monotonic|time|perf_counter)\(\)|elapsed)'
                     r'[^,\n]*,\s*([\d.]+)\s*[,)]|assertTrue\([^\n]*(?:monotonic|elapsed)[^\n]*<\s*([\d.]+)')
NUMBERS = re.compile(r'os\.kill\(\s*\d|/proc/[1-9]\d*\b')


def limit_breaches(tests):
    return [f'{test["name"]}: its time limit is {test["timeout"]} s' for test in tests
            if 0 < test['timeout'] < LIMIT_S]


def line_breaches(name, text):
    for number, line in enumerate(text.split('\n'), 1):
        for match in ELAPSED.finditer(line):
            if float(match[1] or match[2]) < UPPER_S:
                yield f'{name}:{number}: fails on a busy machine: {line.strip()}'
        if NUMBERS.search(line):
            yield f'{name}:{number}: the number of a process is no constant: {line.strip()}'


def check(tree):
    breaches = []
    for name in tree.under('tests', ends=('.py',)):
        if not name.startswith('tests/rules/'):
            breaches += line_breaches(name, tree.read(name))
    path = tree.root / 'meson-info/intro-tests.json'
    if path.exists():
        breaches += limit_breaches(json.loads(path.read_text(encoding='utf-8')))
    return breaches


def check_with_build(tree):
    breaches = check(tree)
    if (tree.root / 'meson.build').exists():
        breaches += check(rule.Tree(BUILD))
    return breaches


BUILD = pathlib.Path(sys.argv[2])


def test_of(line):
    return {'tests/a.py': f'class A:\n    def test(self):\n        {line}\n'}


rule.main(check_with_build, {
    'an upper limit': test_of('self.assertLess(time.monotonic() - before, 1.5)'),
    'an upper limit of a name': test_of('self.assertLessEqual(elapsed, 2)'),
    'a range of time': test_of('self.assertTrue(1.5 < time.monotonic() - before < 4)'),
    'a foreign process': test_of('os.kill(1, 0)'),
    'a foreign directory of a process': test_of('os.listdir("/proc/9/fd")'),
    'Meson\'s own limit': {'meson-info/intro-tests.json': '[{"name": "a", "timeout": 30}]'},
}, {
    'lower limits, and far ones': test_of('self.assertGreater(elapsed, 1.9); '
                                          'self.assertLess(time.monotonic() - before, 60)'),
    'tests with patience, and without an end': {
        'meson-info/intro-tests.json': '[{"name": "a", "timeout": 300}, {"name": "b", "timeout": 0}]'},
})
