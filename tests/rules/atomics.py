# SPDX-License-Identifier: Apache-2.0
"""atomics.py: what is read, changed and written in one atomic step is a word, not a byte.

Some processors have no such instruction for less than 32 bits (riscv64), so that compilers call a
library of their own there, which programs would have to be linked with.
"""
import re

import rule

STEP = re.compile(r'__atomic_(?:exchange|compare_exchange|fetch|\w+_fetch|test_and_set)\w*\(\s*&?\s*'
                  r'([\w.\[\]>-]+)')
SMALL = r'\b(?:bool|char|short|u?int(?:8|16)_t)\b[^;(){{}}]*\b{name}\b[^;()]*;'


def check(tree):
    names = tree.under('lib', 'include', ends=('.c', '.h'))
    texts = {name: rule.without_comments(tree.read(name)) for name in names}
    headers = ''.join(text for name, text in texts.items() if name.endswith('.h'))
    breaches = []
    for name, text in texts.items():
        for match in STEP.finditer(text):
            word = re.findall(r'\w+', match.group(1))[-1]
            if re.search(SMALL.format(name=re.escape(word)), text + headers):
                line = text.count('\n', 0, match.start()) + 1
                breaches.append(f'{name}:{line}: {word} is less than a word')
    return breaches


def sample(kind, step='__atomic_exchange_n(&said, 1, __ATOMIC_RELAXED)'):
    return {'lib/a/a.c': f'static {kind} said;\nint\nf(void)\n{{\n    return {step};\n}}\n'}


rule.main(check, {
    'an exchange of a bool': sample('bool'),
    'an addition to a byte': sample('volatile uint8_t', '__atomic_fetch_add(&said, 1, 0)'),
    'a member of a header': {
        'lib/a/a.h': 'struct a {\n    bool busy;\n};\n',
        'lib/a/a.c': 'int\nf(struct a *a)\n{\n    return __atomic_exchange_n(&a->busy, 1, 0);\n}\n'},
}, {
    'an exchange of a word': sample('uint32_t'),
    'a load of a bool': sample('bool', '__atomic_load_n(&said, __ATOMIC_RELAXED)'),
})
