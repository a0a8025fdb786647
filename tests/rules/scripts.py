# SPDX-License-Identifier: Apache-2.0
"""scripts.py: shell scripts pass shellcheck, Python compiles without a warning."""
import sys

import rule

COMPILE = ('import sys, warnings\n'
           'warnings.simplefilter("error")\n'
           'for name in sys.argv[1:]:\n'
           '    compile(open(name, "rb").read(), name, "exec")\n')


def scripts(tree, interpreters, ending):
    """Files that end so, or whose first line names such an interpreter."""
    for name in tree.names:
        with open(tree.root / name, 'rb') as file:
            first = file.readline(80).decode(errors='replace').split()
        if name.endswith(ending) or (first and first[0][:2] == '#!'
                                     and first[-1].split('/')[-1] in interpreters):
            yield str(tree.root / name)


def check(tree):
    shell = list(scripts(tree, ('sh', 'bash', 'dash'), '.sh'))
    python = list(scripts(tree, ('python3',), '.py'))
    breaches = []
    if shell:
        breaches += rule.run_command('shellcheck', '-f', 'gcc', *shell)
    if python:
        breaches += rule.run_command(sys.executable, '-c', COMPILE, *python)
    return breaches


rule.main(check, {
    'an unquoted variable': {'a.sh': '#!/bin/sh\nrm $1\n'},
    'a bashism, by the first line': {'run': '#!/bin/sh\n[[ -e a ]] && echo a\n'},
    'Python that does not compile': {'a.py': 'def f(:\n'},
}, {
    'clean scripts': {'a.sh': '#!/bin/sh\nrm "$1"\n', 'a.py': 'print(1)\n'},
})
