# SPDX-License-Identifier: Apache-2.0
"""functions.py: functions are short, and hold no #if.

A function's length is its lines from the name to the closing brace.
"""
import re
import statistics

import rule

LONGEST = 60
MEDIAN_BELOW = 15


def check(tree):
    breaches = []
    lengths = []
    for name in tree.under(ends=('.c', '.h')):
        for function, start, lines in rule.functions(tree.read(name)):
            lengths.append(len(lines))
            if len(lines) > LONGEST:
                breaches.append(f'{name}:{start + 1}: {function} has {len(lines)} lines')
            for number, line in enumerate(lines, start + 1):
                if re.match(r'\s*#\s*(if|el|endif)', line):
                    breaches.append(f'{name}:{number}: {line.strip()} inside {function}')
    if lengths:
        median = statistics.median(lengths)
        print(f'# {len(lengths)} functions, median {median:g} lines, longest {max(lengths)}')
        if median >= MEDIAN_BELOW:
            breaches.append(f'median length {median:g}, {MEDIAN_BELOW} or more')
    return breaches


def function_of(n_lines):
    return 'void\nf(void)\n{\n' + '    g();\n' * n_lines + '}\n'


SHORT = function_of(1)
rule.main(check, {
    'a long function': {'a.c': function_of(LONGEST) + SHORT * 3},
    'many middling functions': {'a.c': function_of(MEDIAN_BELOW) * 3},
    'a conditional inside a function': {'a.c': 'int\nf(void)\n{\n#if X\n    g();\n#endif\n}\n'},
    'a conditional inside an inline function': {'a.h': 'int\nf(void)\n{\n# ifdef X\n# endif\n}\n'},
}, {
    'short functions between conditionals': {'a.c': '#if X\n' + SHORT + '#endif\n'},
    'a longest function, and a conditional in a comment': {
        'a.c': SHORT * 3 + function_of(LONGEST - 4) + 'void\nf(void)\n{\n/*\n#if 0\n*/\n}\n'},
})
