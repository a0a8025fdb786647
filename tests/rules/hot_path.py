# SPDX-License-Identifier: Apache-2.0
"""hot_path.py: the owner's get and put fit a screen each, and read the same with every option.

Counted are the lines of the functions that a plain get or put runs through, without comments and
blank lines. None of them is there twice, holds a conditional of the preprocessor, or asks a constant
of base/build.h.
"""
import re

import rule

SCREEN = 66
ENTRY = ('osmp_thread_pointer', 'osmp_enter', 'osmp_leave')
PATHS = {
    'get': ('os_memblock_get', 'osmp_owner_get', 'osmp_pop') + ENTRY,
    'put': ('os_memblock_put', 'osmp_owner_put', 'osmp_push') + ENTRY,
}
HEADER = 'include/os/os_mempool_inline.h'
CALLS = 'lib/pool/block.c'


def bodies(tree):
    """name -> lines, of the functions in the two files; the exported ones of the library."""
    found = {}
    for name in (HEADER, CALLS):
        for function, _, lines in rule.functions(tree.read(name)):
            if function in ('os_memblock_get', 'os_memblock_put') and name == HEADER:
                continue
            found.setdefault(function, []).append([l for l in lines if l.strip()])
    return found


def check(tree):
    found = bodies(tree)
    breaches = []
    for path, names in PATHS.items():
        length = 0
        for name in names:
            copies = found.get(name, [])
            # One for each kind of processor.
            if len(copies) != 1 and (name != 'osmp_thread_pointer' or not copies):
                breaches.append(f'{name} is there {len(copies)} times')
                continue
            length += len(copies[0])
            breaches += [f'{name}: {line.strip()}' for line in copies[0]
                         if re.search(r'^\s*#|\bbuild_\w', line)]
        print(f'# a {path} runs through {length} lines')
        if length > SCREEN:
            breaches.append(f'the path of a {path} has {length} lines, more than {SCREEN}')
    return breaches


def sample(extra='', n_lines=1, without=None):
    names = [n for path in PATHS.values() for n in path if n != without]
    text = ''.join(f'void\n{n}(void)\n{{\n' + '    g();\n' * n_lines + extra + '}\n\n'
                   for n in dict.fromkeys(names) if not n.startswith('os_'))
    calls = ''.join(f'void\n{n}(void)\n{{\n    g();\n}}\n\n'
                    for n in ('os_memblock_get', 'os_memblock_put') if n != without)
    return {HEADER: text, CALLS: calls}


rule.main(check, {
    'a path longer than a screen': sample(n_lines=20),
    'a conditional of the preprocessor': sample('#ifdef X\n#endif\n'),
    'a question about a build option': sample('    if (build_ownership) {\n    }\n'),
    'a function that is gone': sample(without='osmp_pop'),
    'an exported function that is gone': sample(without='os_memblock_put'),
}, {
    'short functions': sample(),
    'a comment that names an option': sample('    /* build_ownership */\n'),
})
