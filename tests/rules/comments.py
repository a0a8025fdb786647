# SPDX-License-Identifier: Apache-2.0
"""comments.py: every public function has a full comment.

Full: it begins with a sentence that says what the function does, tells what a non-void function
returns, and names each parameter, by @param or in a sentence.
"""
import re

import rule

DECLARATION = re.compile(r'^([A-Za-z_][\w \t*\n]*?)\b((?:os|osmempool)_\w+)\(([^()]*)\)'
                         r'\s*(?:OSMP_LABEL\(\w+\)\s*)?;', re.MULTILINE)


def comment_before(text, at):
    """The comment that ends right before a position, without its stars; '' if there is none."""
    match = re.search(r'/\*\*((?:(?!\*/).)*)\*/\s*$', text[:at], re.DOTALL)
    return re.sub(r'(?m)^\s*\* ?', '', match.group(1)).strip() if match else ''


def parameters(text):
    for parameter in text.split(','):
        name = re.search(r'(\w+)(\[\w*\])?\s*$', parameter.strip())
        if name and parameter.strip() != 'void':
            yield name.group(1)


def problems(kind, arguments, comment):
    """What a comment lacks."""
    if not re.match(r'[A-Z][^@]*\.', comment):
        return ['no sentence says what it does']
    found = []
    if kind.strip() != 'void' and '@return' not in comment:
        found.append('no @return')
    # A comment that says whose parameters these are has named them all.
    if 'Parameters' not in comment:
        found += [f'nothing about {name}' for name in parameters(arguments)
                  if not re.search(rf'\b{name}\b', comment)]
    return found


def check(tree):
    breaches = []
    for name in tree.under('include', ends=('.h',)):
        text = tree.read(name)
        code = re.sub(r'(?m)^OSMP_LAYOUT_\w+$', rule.blank, rule.without_comments(text))
        for match in DECLARATION.finditer(code):
            kind, function, arguments = match.groups()
            if kind.split()[0] in ('typedef', 'return'):
                continue
            comment = comment_before(text, match.start())
            breaches += [f'{name}: {function}: {problem}'
                         for problem in problems(kind, arguments, comment)]
    return breaches


FULL = '/**\n * Takes a block.\n *\n * @param mp  The pool.\n * @return  A block.\n */\n'
rule.main(check, {
    'a function without a comment': {'include/a.h': 'void *os_get(void *mp);\n'},
    'a comment of another function': {
        'include/a.h': FULL + 'void *os_get(void *mp);\nint os_put(void *mp);\n'},
    'a parameter that is not named': {
        'include/a.h': FULL + 'void *os_get(void *mp,\n             int n);\n'},
    'a function with a label and no comment': {
        'include/a.h': 'void *\nos_get(void *mp) OSMP_LABEL(os_get);\n'},
    'a missing @return': {'include/a.h': '/** Frees mp. */\nint os_free(void *mp);\n'},
    'no sentence': {'include/a.h': '/** @return mp */\nint osmempool_free(void *mp);\n'},
}, {
    'full comments': {'include/a.h': FULL + 'void *os_get(void *mp) OSMP_LABEL(os_get);\n\n'
                                     '/** Stops. */\nvoid osmempool_stop(void);\n'
                                     'typedef int os_fn(int x);\n'},
})
