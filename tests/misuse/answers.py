# SPDX-License-Identifier: Apache-2.0
"""answers.py: commits every crime of the list, each in a process of its own, and names the outcome.

crime.h tells what the answers mean, and scene.h what the programs print.
"""
import concurrent.futures
import os
import re
import signal
import subprocess

# The columns, in the order of crime.h, and what OSMEMPOOL_DEBUG is in each.
COLUMNS = {'stock': None, 'check': 'check', 'poison': 'poison', 'track': 'check,track',
           'fence': 'fence'}
DEADLINE_S = 240
STAGES = {'call': '', 'sane': ' at is_sane', 'get': ' at get', 'put': ' at put',
          'end': ' at unregister'}


class Row:
    """A row of `misuse --list`."""

    def __init__(self, line):
        fields = line.split('\t')
        self.chapter, self.name, self.text = fields[:3]
        self.kinds, self.ways = fields[3].split(), fields[4].split()
        self.seen_by = fields[5]
        self.expected = dict(zip(COLUMNS, fields[6:11]))
        self.by_way = fields[11] != ''
        self.limit = fields[12]


def rows_of(program):
    listed = subprocess.run([program, '--list'], stdout=subprocess.PIPE, check=True, text=True,
                            stdin=subprocess.DEVNULL)
    return [Row(line) for line in listed.stdout.splitlines()]


class Outcome:
    """What one run of a crime led to."""

    def __init__(self, lines, status, words):
        self.lines = lines
        self.words = words
        self.status = status
        self.faults = sum(line.startswith('fault ') for line in lines)
        self.reports = len(re.findall(r"(?m)^osmempool: \w[^:]*: pool '", words))
        # Of the same fault again and again not all are.
        self.all_reported = 'osmempool:   seen 10 times; ' not in words
        self.owned = 'owner yes' in lines
        self.answer = ', '.join(dict.fromkeys(self._parts())) or 'silent'

    def _parts(self):
        stage = ''
        parts = []
        for line in self.lines:
            what, _, rest = line.partition(' ')
            if what == 'stage':
                stage = STAGES[rest]
            elif what == 'done':
                stage = ' at exit'
            elif what in ('error', 'fine', 'trap', 'lost', 'corrupt', 'callback'):
                parts.append(what)
            elif what == 'fault':
                parts.append(rest + stage)
            elif what == 'insane':
                parts.append('is_sane false')
            elif what == 'unexpected':
                parts.append(line)
        return sorted(parts, key=lambda part: part.split()[0] != 'error') + self._end()

    def _end(self):
        if self.status == -signal.SIGALRM:
            return ['hang']
        if self.status != 0:
            return ['crash']
        if 'done' not in self.lines and not any(line.startswith(('trap', 'corrupt', 'unexpected'))
                                                for line in self.lines):
            return ['ended early']
        return []


def environment(column):
    kept = {key: value for key, value in os.environ.items() if not key.startswith('OSMEMPOOL_')}
    kept['OSMEMPOOL_FAULT'] = 'log'
    if COLUMNS[column]:
        kept['OSMEMPOOL_DEBUG'] = COLUMNS[column]
    return kept


def commit(program, row, kind, way, column):
    try:
        done = subprocess.run([program, row.name, kind, way], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              env=environment(column), timeout=DEADLINE_S)
    except subprocess.TimeoutExpired as late:
        return Outcome((late.stdout or b'').decode().splitlines(), -signal.SIGALRM, '')
    return Outcome(done.stdout.decode().splitlines(), done.returncode, done.stderr.decode())


def commit_all(program, rows, columns):
    """{(row name, column): {(kind, way): outcome}}"""
    results = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as workers:
        asked = {(row.name, column, kind, way): workers.submit(commit, program, row, kind, way,
                                                               column)
                 for column in columns for row in rows for kind in row.kinds for way in row.ways}
        for (name, column, kind, way), future in asked.items():
            results.setdefault((name, column), {})[kind, way] = future.result()
    return results


def ownership_is_had(program, rows):
    """Whether threads own pools here, and have caches: not without membarrier(2), for example."""
    row = next(row for row in rows if 'owned' in row.kinds)
    return commit(program, row, 'owned', row.ways[0], 'stock').owned


def without_ownership(rows):
    """The rows of what is left where there is none."""
    for row in rows:
        row.kinds = [kind for kind in row.kinds if kind not in ('owned', 'cached', 'large')]
    return [row for row in rows if row.kinds]


def answer_of(outcomes):
    """The answer of a row in a column: one, or each with the pools that gave it."""
    answers = {}
    for (kind, way), outcome in outcomes.items():
        answers.setdefault(outcome.answer, []).append(f'{kind} {way}')
    if len(answers) == 1:
        return next(iter(answers))
    return '; '.join(f'{answer} ({" ".join(where)})' for answer, where in answers.items())
