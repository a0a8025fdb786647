# SPDX-License-Identifier: Apache-2.0
"""table.py: doc/misuse.md from a run of all crimes.

Usage: table.py --write PAGE PROGRAM   writes the page
       table.py --check PAGE PROGRAM   fails, with the differences, if PAGE is not that
"""
import difflib
import itertools
import pathlib
import sys

import answers

HEAD = """\
<!-- SPDX-License-Identifier: Apache-2.0 -->
# What wrong uses lead to

{n_rows} wrong uses of the library, and what comes of each. The tests commit all of them, each in a
process of its own, {n_runs} runs in all, with both ways of locking. This page is what they saw; a
test fails if it is not. It is written by a build that has tests:

```
$ ninja -C build misuse-page
```

Each use is tried on a pool as it is after init ("shared"), on one that a thread owns, on cached
ones (of 48 and of 512 bytes), on an extended one and on one of one-word blocks, by each call that
puts, wherever it can be done there. The outcomes are the same on all of them, or stand in rows of
their own. ("All with two words" are all but those of one-word blocks.) After each, the pool is compared with what it should be: every block can be got, once;
blocks that are out keep their bytes; other pools, the list of pools and the memory around the
buffers are untouched; all can be put, cleared and unregistered.

The columns are the stock library and the words of `OSMEMPOOL_DEBUG`; a dot means: as stock.

| answer             | means                                                                        |
|--------------------|------------------------------------------------------------------------------|
| error              | the call returned its error, and nothing else happened                       |
| fine               | the call is legal, and did its work                                          |
| a kind of fault    | it was counted, handed to the handler, and reported; at the call itself, or, |
|                    | as "at get", when a later call came upon it                                  |
| is_sane false      | `os_mempool_is_sane()` tells, if asked                                       |
| lost               | until `os_mempool_clear()`, free blocks whose mark was destroyed, or, of     |
|                    | one-word blocks, those behind a damaged link                                 |
| trap               | a signal, at the very instruction that did it                                |
| silent             | nothing was said, and nothing is wrong with the pool                         |
| corrupt            | a block came out twice, or memory changed that was not to change             |

In none of them does the library crash or hang. Where the stock library cannot see a damage at the
cost of a look or two, it is corrupted; the words that see it stand beside.
"""
KINDS = ['shared', 'owned', 'cached', 'large', 'extended', 'one-word']
TAIL = """
## Why some are seen by no word

{limits}"""


def where(row):
    """The pools and the calls of a row."""
    missing = [kind for kind in KINDS if kind not in row.kinds]
    kinds = {(): 'all', ('one-word',): 'all with two words',
             ('cached', 'large'): 'all without caches'}.get(tuple(missing), ', '.join(row.kinds))
    if not row.by_way:
        return kinds
    return kinds + ' / ' + ('all' if len(row.ways) == 3 else ', '.join(row.ways))


def cells(row, results):
    stock = answers.answer_of(results[row.name, 'stock'])
    yield row.text
    yield where(row)
    yield stock
    for column in list(answers.COLUMNS)[1:]:
        answer = answers.answer_of(results[row.name, column])
        yield '.' if answer == stock else answer


def table(head, lines):
    """Aligned, as Markdown."""
    widths = [max(len(line[i]) for line in [head] + lines) for i in range(len(head))]
    yield '| ' + ' | '.join(cell.ljust(width) for cell, width in zip(head, widths)) + ' |'
    yield '|' + '|'.join('-' * (width + 2) for width in widths) + '|'
    for line in lines:
        yield '| ' + ' | '.join(cell.ljust(width) for cell, width in zip(line, widths)) + ' |'


def page(program):
    rows = answers.rows_of(program)
    columns = list(answers.COLUMNS)
    results = answers.commit_all(program, rows, columns)
    lines = HEAD.format(n_rows=len(rows), n_runs=sum(map(len, results.values()))).split('\n')
    words = [answers.COLUMNS[column] or column for column in columns]
    for chapter, group in itertools.groupby(rows, lambda row: row.chapter):
        body = [list(cells(row, results)) for row in group]
        lines += ['', f'## {chapter}', '']
        lines += table(['wrong use', 'pools / calls'] + words, body)
    limits = [f'- **{row.text}**: {row.limit}.' for row in rows if row.limit]
    if limits:
        lines += TAIL.format(limits='\n'.join(limits)).split('\n')
    return [line + '\n' for line in lines]


def main():
    what, name, program = sys.argv[1:]
    if not answers.ownership_is_had(program, answers.rows_of(program)):
        print('no ownership here: the page is of a library that has it')
        return 77
    kept = pathlib.Path(name)
    lines = page(program)
    if what == '--write':
        kept.write_text(''.join(lines), encoding='utf-8')
        return 0
    before = kept.read_text(encoding='utf-8').splitlines(keepends=True)
    differences = list(difflib.unified_diff(before, lines, name, 'this run'))
    sys.stdout.writelines(differences)
    return 1 if differences else 0


if __name__ == '__main__':
    sys.exit(main())
