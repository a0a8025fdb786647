# SPDX-License-Identifier: Apache-2.0
"""text.py: each file names its licence; no file names a place on one machine, or a thing undone."""
import re

import rule

# Files that cannot hold a comment, and the licence itself.
WITHOUT_COMMENTS = ('.json', '.csv', '.txt', '.golden', '.out', '.png', '.bin', '.om', '.tsv', '.svg')
BARE = ('LICENSE',)
PLACES = re.compile(r'(?<![\w})>*.])/(home|root|work|Users)/\w|/tmp/(wt|b|build)[-/]\w')
UNDONE = re.compile(r'\b(TO' r'DO|FIX' r'ME|X' r'XX)\b')


def breaches_of(name, text):
    if not name.endswith(WITHOUT_COMMENTS) and name.split('/')[-1] not in BARE:
        if 'SPDX-License-Identifier: Apache-2.0' not in '\n'.join(text.split('\n')[:5]):
            yield f'{name}:1: no SPDX-License-Identifier in the first five lines'
    for number, line in enumerate(text.split('\n'), 1):
        if PLACES.search(line):
            yield f'{name}:{number}: a path of one machine: {line.strip()}'
        if UNDONE.search(line):
            yield f'{name}:{number}: undone: {line.strip()}'


def check(tree):
    breaches = []
    for name in tree.names:
        try:
            text = tree.read(name)
        except UnicodeDecodeError:
            continue
        breaches += breaches_of(name, text)
    return breaches


LICENCE = '/* SPDX-License-Identifier: Apache-2.0 */\n'
rule.main(check, {
    'a file without a licence': {'a.c': 'int a;\n'},
    'somebody\'s home': {'a.c': LICENCE + '/* see /' 'home/me/a */\n'},
    'a temporary tree': {'a.c': LICENCE + '/* see /' 'tmp/wt/a */\n'},
    'an undone thing': {'a.c': LICENCE + '/* TO' 'DO: more */\n'},
}, {
    'a file with a licence, and paths in other places': {
        'a.c': LICENCE + '/* /proc/PID/root/run, /tmp/osmempool-0, /run/user */\n',
        'data.json': '{}\n'},
})
