# SPDX-License-Identifier: Apache-2.0
"""rule.py: what the rules share: the files of a tree, C without its comments, and the run.

A rule is a script with a function check(tree) that returns the breaches it found, one line each,
and with samples: small trees that it must complain about. The samples are checked first, so a rule
that finds nothing any more fails. Output is TAP.
"""
import pathlib
import re
import subprocess
import sys
import tempfile


class Tree:
    """The files under version control, or, outside git, all of them."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.names = sorted(self._names())

    def _names(self):
        command = ['git', '-c', 'safe.directory=*', '-C', str(self.root), 'ls-files', '-z',
                   '--cached', '--others', '--exclude-standard']
        if (self.root / '.git').exists():
            listed = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
            names = listed.decode().split('\0')[:-1]
        else:
            names = [str(p.relative_to(self.root)) for p in self.root.rglob('*')]
        return [n for n in names if (self.root / n).is_file() and '__pycache__' not in n]

    def under(self, *folders, ends=('',)):
        """Names in these folders that end in one of ends."""
        return [n for n in self.names if n.endswith(ends)
                and (not folders or n.startswith(tuple(f + '/' for f in folders)))]

    def read(self, name):
        return (self.root / name).read_text(encoding='utf-8')


def blank(match):
    """Blanks in the place of a match, with its line ends."""
    return re.sub(r'[^\n]', ' ', match.group())


def without_comments(text):
    """C with comments blanked out and strings emptied: lines stay where they were."""
    tokens = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''

    def replace(match):
        if match.group()[0] == '/':
            return blank(match)
        quote = match.group()[0]
        return quote + ' ' * (len(match.group()) - 2) + quote

    return re.sub(tokens, replace, text, flags=re.DOTALL)


def functions(text):
    """(name, first line, lines from the name to the brace that closes) of each C function."""
    lines = without_comments(text).split('\n')
    for number, line in enumerate(lines):
        if line != '{':
            continue
        start = number - 1
        while start > 0 and not re.match(r'[A-Za-z_]', lines[start]):
            start -= 1
        name = re.match(r'[A-Za-z_]\w*', lines[start])
        end = lines.index('}', number)
        yield name.group() if name else '?', start, lines[start:end + 1]


def run_command(*command):
    """Breaches as a checker prints them: nothing if it succeeds."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode == 0:
        return []
    return done.stdout.decode(errors='replace').split('\n')[:-1] or [f'{command[0]} failed']


def finds_breach(check, sample):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in sample.items():
            path = pathlib.Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding='utf-8')
        return bool(check(Tree(folder)))


def main(check, bad, good):
    """bad and good: description -> {file name: text}; the tree to check is the first argument."""
    results = [(f'complains about {what}', finds_breach(check, sample), [])
               for what, sample in bad.items()]
    results += [(f'accepts {what}', not finds_breach(check, sample), [])
                for what, sample in good.items()]
    breaches = check(Tree(sys.argv[1]))
    results.append(('the tree keeps the rule', not breaches, breaches))
    print(f'1..{len(results)}')
    for number, (what, fine, lines) in enumerate(results, 1):
        for line in lines:
            print(f'# {line}')
        print(f'{"ok" if fine else "not ok"} {number} - {what}')
    sys.exit(0 if all(fine for _, fine, _ in results) else 1)
