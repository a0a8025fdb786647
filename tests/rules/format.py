# SPDX-License-Identifier: Apache-2.0
"""format.py: C is as clang-format leaves it."""
import pathlib
import sys

import rule

STYLE = pathlib.Path(sys.argv[1]).resolve() / '.clang-format'


def check(tree):
    sources = [str(tree.root / name) for name in tree.under(ends=('.c', '.h'))]
    return rule.run_command('clang-format', f'--style=file:{STYLE}', '--dry-run', '--Werror',
                            *sources)


rule.main(check, {
    'a return type beside the name': {'a.c': 'int f(void)\n{\n    return 0;\n}\n'},
    'a tab': {'a.h': 'struct a {\n\tint b;\n};\n'},
}, {
    'the house\'s format': {'a.c': 'int\nf(void)\n{\n    return 0;\n}\n'},
})
