# SPDX-License-Identifier: Apache-2.0
"""seed.py: doc/seed.md names a test for each statement, and each test that it names is there.

A test is `suite/program: function`: a function of tests/suite/test_program.c that main() runs. Each
row of a table whose last column is "proved by" names one at least.
"""
import re

import rule

PAGE = 'doc/seed.md'
SPAN = re.compile(r'`(\w+/\w+): (\w+)`')
TEST = re.compile(r'(\w+)\(void \*\*\w+\)')


def tests_of(text):
    """Names of the tests that a program's main() runs."""
    bodies = {name: '\n'.join(lines) for name, _, lines in rule.functions(text)}
    run = set(re.findall(r'\w+', bodies.get('main', '')))
    return {name for name, body in bodies.items() if TEST.match(body) and name in run}


def rows(text):
    """(line number, last cell) of the rows below a head whose last cell is "proved by"."""
    inside = False
    for number, line in enumerate(text.split('\n'), 1):
        last = line.strip()[:-1].split('|')[-1].strip()
        if not line.startswith('|') or not inside:
            inside = line.startswith('|') and last == 'proved by'
        elif not re.fullmatch('-+', last):
            yield number, last


def named(tree, program):
    suite, name = program.split('/')
    source = f'tests/{suite}/test_{name}.c'
    return tests_of(tree.read(source)) if source in tree.names else set()


def check(tree):
    if PAGE not in tree.names:
        return [f'{PAGE} is not there']
    breaches = []
    text = tree.read(PAGE)
    statements = list(rows(text))
    if not statements:
        breaches.append(f'{PAGE}: no table of statements')
    for number, cell in statements:
        if not re.fullmatch(SPAN.pattern, cell):
            breaches.append(f'{PAGE}:{number}: "{cell}" is no name of a test')
    for program, function in SPAN.findall(text):
        if function not in named(tree, program):
            breaches.append(f'{PAGE}: there is no test {program}: {function}')
    return breaches


PROGRAM = ('static void\nhelp(void **blocks)\n{\n}\n\nstatic void\na_test(void **state)\n{\n}\n\n'
           'int\nmain(void)\n{\n    return run(PLAIN(a_test)); /* help */\n}\n')


def sample(row, program=PROGRAM):
    head = '| it says | proved by |\n|---------|-----------|\n'
    return {PAGE: f'Text.\n\n{head}| one | `unit/a: a_test` |\n{row}\n\n'
                  '| b | c |\n|---|---|\n| d | e |\n',
            'tests/unit/test_a.c': program}


rule.main(check, {
    'a test that was renamed': sample('', PROGRAM.replace('a_test', 'another')),
    'a program that is gone': sample('| two | `unit/b: a_test` |'),
    'a test of another suite': sample('| two | `api/a: a_test` |'),
    'a function that is no test': sample('| two | `unit/a: main` |'),
    'a function that main() does not run': sample('| two | `unit/a: help` |'),
    'a statement without a test': sample('| two | |'),
    'a statement with words for a test': sample('| two | by hand |'),
    'a name in the text': sample('\nSee `unit/a: b_test`.'),
    'a page without statements': {PAGE: 'Text.\n'},
    'no page': {'doc/other.md': 'Text.\n'},
}, {
    'statements with tests, and another table': sample('|     | `unit/a: a_test` |'),
})
