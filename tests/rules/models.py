# SPDX-License-Identifier: Apache-2.0
"""models.py: the models of tests/models stand for functions that the library has.

Each line of a model that stores, takes or gives a lock, or sends a barrier has a comment that names
the function it stands for, as in /* cache_enter() */; each function so named is defined in lib/ or
include/. Lines that only a mutant has, between `#ifdef M_…` and its end, need no name.
"""
import re

import rule

FOLDER = 'tests/models'
MACHINE = FOLDER + '/store_buffers.pml'
STEP = re.compile(r'\b(?:STR?|MB|LOCK|UNLOCK|LEAVE|RESUME|busy_set|busy_clear)\(')
NAMED = re.compile(r'\b(\w+)\(\)')
COMMENT = re.compile(r'/\*.*?\*/')
GENERATED = re.compile(r'^#\s*(if|ifdef|ifndef|else|elif|endif)\b(.*)')


def library_functions(tree):
    names = set()
    for name in tree.under('lib', 'include', ends=('.c', '.h')):
        names.update(function for function, _, _ in rule.functions(tree.read(name)))
    return names


def of_mutants(lines):
    """For each line, whether only a mutant has it."""
    stack = []
    for line in lines:
        match = GENERATED.match(line)
        if match and match.group(1) in ('if', 'ifdef', 'ifndef'):
            mutant = 'M_' in match.group(2)
            absent = match.group(1) == 'ifndef' or '!' in match.group(2)
            stack.append((mutant, mutant and not absent))
        elif match and match.group(1) in ('else', 'elif'):
            mutant, inside = stack.pop()
            stack.append((mutant, mutant and not inside))
        elif match:
            stack.pop()
        yield any(inside for _, inside in stack)


def breaches_of(name, text, known):
    lines = text.split('\n')
    for number, (line, mutant) in enumerate(zip(lines, of_mutants(lines)), 1):
        if line.startswith(('#', 'inline ')):
            continue
        named = NAMED.findall(' '.join(COMMENT.findall(line)))
        for function in named:
            if function not in known:
                yield f'{name}:{number}: the library has no function {function}()'
        if STEP.search(COMMENT.sub('', line)) and not named and not mutant:
            yield f'{name}:{number}: which function does this step stand for? {line.strip()}'


def check(tree):
    known = library_functions(tree)
    breaches = []
    for name in tree.under(FOLDER, ends=('.pml',)):
        if name != MACHINE:
            breaches += breaches_of(name, tree.read(name), known)
    return breaches


LIBRARY = 'void\ncache_leave(void)\n{\n    g();\n}\n'
LEAVE = '    ST(me, BUSY(me), 0); '
rule.main(check, {
    'a step for a function that is gone': {
        'lib/a.c': LIBRARY, FOLDER + '/a.pml': LEAVE + '/* cache_left() */\n'},
    'a step for no function': {
        'lib/a.c': LIBRARY, FOLDER + '/a.pml': LEAVE + '/* leaves */\n'},
    'a step for no function where a mutant has none': {
        'lib/a.c': LIBRARY, FOLDER + '/a.pml': '#ifdef M_A\nskip\n#else\n' + LEAVE + '\n#endif\n'},
}, {
    'steps for functions, and of mutants': {
        'lib/a.c': LIBRARY,
        FOLDER + '/a.pml': LEAVE + '/* cache_leave(): the store */\n'
                           '#ifdef M_EARLY\n' + LEAVE + '\n#else\nskip\n#endif\n',
        MACHINE: 'MB(t)\n'},
})
