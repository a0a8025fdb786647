# SPDX-License-Identifier: Apache-2.0
"""stderr.py: what the library says goes through base/text.c, and what others chose is escaped there.

Names and values come from the program, its environment and its files: as raw bytes they would write
on the user's terminal. So nothing else in lib/ writes to a stream or to standard error, and a %s or
a %c of text_add() stands for the library's own words: a literal, or a choice between literals. All
else is text_add_escaped()'s.
"""
import re

import rule

WRITER = 'lib/base/text.c'
STREAMS = re.compile(
    r'\b(?:v?f?d?printf|f?puts|fput[cs]|putc|putchar|fwrite|perror|psignal|v?warnx?|v?errx?|v?syslog|'
    r'error|asprintf)\s*\(|\bwrite\s*\(\s*(?:STDERR_FILENO|STDOUT_FILENO|[12]\b)')
TOKENS = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
LITERAL = re.compile(r'\s*(?:"[^"]*"\s*)+')
CONVERSION = re.compile(r'%[-+ #0]*(?:\*|\d*)(?:\.(?:\*|\d*))?(?:hh|h|ll|l|j|z|t|L)?([%a-zA-Z])')


def code(text):
    """C with comments blanked out."""
    return TOKENS.sub(lambda m: rule.blank(m) if m.group()[:2] in ('/*', '//') else m.group(), text)


def without_strings(text):
    return TOKENS.sub(lambda m: '"' + ' ' * (len(m.group()) - 2) + '"', text)


def calls(text, name):
    """(position, arguments) of each call."""
    bare = without_strings(text)
    for match in re.finditer(rf'\b{name}\(', bare):
        arguments, start, depth = [], match.end(), 0
        for at in range(match.end(), len(bare)):
            if bare[at] in '([{':
                depth += 1
            elif bare[at] in ')]}' and depth > 0:
                depth -= 1
            elif bare[at] == ')' or (bare[at] == ',' and depth == 0):
                arguments.append(text[start:at].strip())
                start = at + 1
                if bare[at] == ')':
                    yield match.start(), arguments
                    break


def is_own_words(argument):
    """A literal, or literals that conditions choose between."""
    results = re.sub(r'[^?:]*\?', '', without_strings(argument)).split(':')
    return all(LITERAL.fullmatch(result) for result in results)


def breaches_of(name, text):
    text = code(text)
    if name != WRITER:
        for match in STREAMS.finditer(without_strings(text)):
            yield text.count('\n', 0, match.start()) + 1, 'writes past text_write()'
    for at, arguments in calls(text, 'text_add'):
        if len(arguments) < 2 or '"' not in arguments[1]:
            continue
        kinds = [kind for kind in CONVERSION.findall(arguments[1]) if kind != '%']
        for kind, argument in zip(kinds, arguments[2:]):
            if kind in 'sc' and not is_own_words(argument) and name != WRITER:
                yield text.count('\n', 0, at) + 1, f'text_add() of {argument}, which is not escaped'


def check(tree):
    return [f'{name}:{line}: {problem}' for name in tree.under('lib', ends=('.c', '.h'))
            for line, problem in breaches_of(name, tree.read(name))]


def sample(statement, name='lib/pool/a.c'):
    return {name: 'void\nf(const char *name)\n{\n    ' + statement + '\n}\n'}


rule.main(check, {
    'a stream': sample('fprintf(stderr, "%d", 1);'),
    'a descriptor': sample('dprintf(STDERR_FILENO, "no\\n");'),
    'a write': sample('write(STDERR_FILENO, name, 3);'),
    'a write by number': sample('(void)write(2, name, 3);'),
    'perror': sample('perror("f");'),
    'a raw name': sample('text_add(&text, "pool %s is gone\\n", name);'),
    'a raw name behind a number': sample('text_add(&text, "%d%% %-*s", n, name);'),
    'a raw byte': sample('text_add(&text, "%c", name[0]);'),
    'a raw name by a condition': sample('text_add(&text, "%s", n > 0 ? name : "");'),
    'a raw name in a chain': sample('text_add(&text, "%s", a ? "x" : b ? name : "y");'),
}, {
    'literals': sample('text_add(&text, "%s, %s %d", n > 0 ? "a:" "b" : "", n ? "a" : m ? "?" : "c", n);'),
    'an escaped name': sample('text_add_escaped(&text, name);'),
    'a text in memory': sample('snprintf(to, room, "%s", name); /* printf("%s") */'),
    'the writer itself': sample('write(STDERR_FILENO, text, 1);', WRITER),
})
