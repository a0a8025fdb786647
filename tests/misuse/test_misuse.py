# SPDX-License-Identifier: Apache-2.0
"""test_misuse.py: every crime of the list has the outcome that the list says, in every column.

Usage: test_misuse.py [--columns WORD,...] PROGRAM. TAP, a test for each row and column. Where no
thread owns a pool, what needs that is left out.
"""
import argparse
import sys

import answers


def problems(row, column, outcomes, owned):
    """What is wrong with the outcomes of a row in a column, a line each."""
    for (kind, way), outcome in outcomes.items():
        where = f'{row.name} {kind} {way} [{column}]'
        if outcome.answer != row.expected[column]:
            yield f'{where}: {outcome.answer}, expected: {row.expected[column]}'
            for line in (outcome.lines + outcome.words.splitlines())[:40]:
                yield f'    {line}'
        if (outcome.reports != outcome.faults if outcome.all_reported
                else not 10 < outcome.reports < outcome.faults):
            yield (f'{where}: {outcome.faults} faults were handed to the handler, '
                   f'{outcome.reports} reported')
        if owned and column == 'stock' and outcome.owned != (kind == 'owned'):
            yield f'{where}: the pool is {"" if outcome.owned else "not "}owned'


def silent_everywhere(rows):
    """Rows that no word finds, and that do not say why."""
    for row in rows:
        if not row.limit and all(answer in ('silent', 'corrupt')
                                 for answer in row.expected.values()):
            yield f'{row.name}: silent in every column, and no limit is named'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--columns', default=','.join(answers.COLUMNS))
    parser.add_argument('program')
    options = parser.parse_args()
    columns = options.columns.split(',')
    rows = answers.rows_of(options.program)
    owned = answers.ownership_is_had(options.program, rows)
    if not owned:
        print('# no ownership here: pools that are owned or cached are left out')
        rows = answers.without_ownership(rows)
    results = answers.commit_all(options.program, rows, columns)
    print(f'1..{len(results) + 2}')
    failed = 0
    tests = [(f'{row.name} [{column}]',
              list(problems(row, column, results[row.name, column], owned)))
             for row in rows for column in columns]
    tests.append(('there are 60 wrong uses or more', [] if len(rows) >= 60 else ['too few']))
    tests.append(('some word finds each, or a limit is named', list(silent_everywhere(rows))))
    for number, (what, lines) in enumerate(tests, 1):
        for line in lines:
            print(f'# {line}')
        print(f'{"not ok" if lines else "ok"} {number} - {what}')
        failed += bool(lines)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
