# SPDX-License-Identifier: Apache-2.0
"""manuals.py: manual pages pass mandoc's lint."""
import re

import rule


def check(tree):
    pages = [str(tree.root / name) for name in tree.names
             if re.search(r'\.[1-8](\.in)?$', name)]
    if not pages:
        return []

    return rule.run_command('mandoc', '-T', 'lint', '-W', 'warning', *pages)


GOOD = ('.Dd November 1, 2025\n.Dt A 1\n.Os\n.Sh NAME\n.Nm a\n.Nd does nothing\n'
        '.Sh SYNOPSIS\n.Nm\n.Sh DESCRIPTION\nNothing.\n')
rule.main(check, {
    'an unknown macro': {'doc/a.1': GOOD + '.Zz x\n'},
    'a page without a name': {'doc/a.7': '.Dd November 1, 2025\n.Sh DESCRIPTION\nNothing.\n'},
}, {
    'a clean page': {'doc/a.1': GOOD},
})
