# SPDX-License-Identifier: Apache-2.0
"""exports.py: both libraries export what the map names, which is what the headers declare.

Arguments: the source tree, the shared library, the static one, the version. The symbol of a function
os_x is osmempool_os_x, and nothing without that beginning is exported; in the static library all
other names are local, or programs that link it would have them. Beside the symbols: no static TLS,
which would make dlopen() fail at random; never unloaded; the version in the headers is the
library's.
"""
import re
import subprocess
import sys

import rule

MAP = 'lib/osmempool.map'
LIBRARY = sys.argv[2]
ARCHIVE = sys.argv[3]
VERSION = sys.argv[4]


def output_of(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()


def symbols(*command):
    """The names that nm lists, each with an address and a letter."""
    lines = [line.split() for line in output_of('nm', '--defined-only', *command).split('\n')]
    # A version's own name is an absolute symbol (A).
    return {line[2].split('@')[0] for line in lines if len(line) == 3 and line[1] != 'A'}


def exported():
    return symbols('-D', LIBRARY)


def archived():
    return symbols('--extern-only', ARCHIVE)


def mapped(tree):
    text = re.sub(r'#[^\n]*|/\*.*?\*/', '', tree.read(MAP), flags=re.DOTALL)
    return set(re.findall(r'^\s*(\w+);', text, re.MULTILINE))


def declarations(tree):
    """(name, label or '') of the functions in the public headers: a name, its parentheses, perhaps
    OSMP_LABEL(), a semicolon."""
    for header in tree.under('include', ends=('.h',)):
        text = rule.without_comments(tree.read(header))
        text = re.sub(r'(?m)^[ \t]*#(?:[^\n]*\\\n)*[^\n]*|typedef[^;{]*;', '', text)
        yield from re.findall(r'\b((?:os|osmempool)_\w+)\s*\([^()]*\)\s*'
                              r'(?:OSMP_LABEL\((\w+)\)\s*)?;', text)


def declared(tree):
    """The symbols of those."""
    return {'osmempool_' + label if label else name for name, label in declarations(tree)}


def label_breaches(tree):
    breaches = [f'{name} has the label {label or "of none"}, not its own'
                for name, label in declarations(tree)
                if label != (name if name.startswith('os_') else '')]
    return breaches + [f'{name} is exported, and does not begin with osmempool_'
                       for name in sorted(mapped(tree)) if not name.startswith('osmempool_')]


def differences(one, other, verb):
    return [f'{name} {verb}' for name in sorted(one - other)]


def symbol_breaches(tree):
    names = mapped(tree)
    return (differences(exported(), names, 'is exported, but not in the map')
            + differences(names, exported(), 'is in the map, but not exported')
            + differences(archived(), names, 'is a name in the archive, but not in the map')
            + differences(names, archived(), 'is in the map, but no name in the archive')
            + differences(declared(tree), names, 'is declared in a header, but not in the map')
            + differences(names, declared(tree), 'is in the map, but in no header'))


def flag_breaches():
    dynamic = output_of('readelf', '-Wd', LIBRARY)
    breaches = []
    if 'STATIC_TLS' in dynamic:
        breaches.append('the library uses static TLS')
    if 'NODELETE' not in dynamic:
        breaches.append('the library may be unloaded: no NODELETE')
    if 'libosmempool.so.' not in dynamic:
        breaches.append('the library has no soname')
    return breaches


def version_breaches(tree):
    text = tree.read('include/osmempool.h')
    numbers = [re.search(rf'OSMEMPOOL_VERSION_{part}\s+(\d+)', text).group(1)
               for part in ('MAJOR', 'MINOR', 'PATCH')]
    string = re.search(r'OSMEMPOOL_VERSION_STRING\s+"([^"]*)"', text).group(1)
    if '.'.join(numbers) != VERSION or string != VERSION:
        return [f'include/osmempool.h says {numbers} and {string}, meson.build {VERSION}']
    return []


def check(tree):
    return (symbol_breaches(tree) + label_breaches(tree) + flag_breaches()
            + version_breaches(tree))


def sample(declarations='', symbols='', version=VERSION):
    """The real tree's map and declarations, changed."""
    real = rule.Tree(sys.argv[1])
    major, minor, patch = version.split('.')
    functions = ''.join(f'int {name}(void);\n' if re.match('osmempool_(?!os_)', name) else
                        f'int {name[10:]}(void) OSMP_LABEL({name[10:]});\n'
                        for name in sorted(mapped(real)))
    return {
        MAP: real.read(MAP).replace('local:', f'{symbols} local:'),
        'include/osmempool.h': f'#define OSMEMPOOL_VERSION_MAJOR {major}\n'
                               f'#define OSMEMPOOL_VERSION_MINOR {minor}\n'
                               f'#define OSMEMPOOL_VERSION_PATCH {patch}\n'
                               f'#define OSMEMPOOL_VERSION_STRING "{version}"\n'
                               + functions + declarations}


rule.main(check, {
    'a function that the map lacks': sample(
        declarations='int os_more(int a,\n  int b) OSMP_LABEL(os_more);\n'),
    'a symbol that no one exports': sample(symbols='osmempool_os_more;\n',
                                           declarations='int os_more(void) OSMP_LABEL(os_more);\n'),
    'a function without its label': sample(declarations='int os_mempool_clear(void);\n'),
    'another function\'s label': sample(
        declarations='int os_mempool_clear(void) OSMP_LABEL(os_mempool_get);\n'),
    'another version': sample(version='99.0.1'),
}, {
    'its own sample': sample(declarations='typedef int os_fn(int a);\n'),
})
