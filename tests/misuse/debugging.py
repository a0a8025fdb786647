# SPDX-License-Identifier: Apache-2.0
"""debugging.py: the commands of doc/debugging.md print what the page shows.

Usage: debugging.py [--write] BUILD-DIRECTORY SOURCE-DIRECTORY

Each block of the page that begins with "$ " is run by a shell, in a directory with a copy of
wrong.c, which the first block compiles. What differs from run to run (addresses, numbers of threads,
times) is made equal on both sides. A line "..." on the page
stands for any lines. --write puts what is printed now in the place of each block that has none.
A command that this build has no program or option for is left out, and said so.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

DEADLINE_S = 240
# mempoolstat waits for no program longer than 2 seconds, however busy the machine is.
ATTEMPTS = 3
PAGE = 'doc/debugging.md'
BLOCK = re.compile(r'^```\n(\$ .*?)^```$', re.MULTILINE | re.DOTALL)
# A program in the background is waited for until it says something.
WAIT = 'while [ ! -s said ] && kill -0 $!; do sleep 0.05; done; cat said'


def setting(build, scratch):
    """The environment: the library and the tools of the build, as if installed."""
    kept = {key: value for key, value in os.environ.items()
            if not key.startswith(('OSMEMPOOL_', 'ASAN_', 'MALLOC_', 'LC_')) and key != 'LANG'}
    return dict(kept, LC_ALL='C', OSMEMPOOL_DIR=str(scratch / 'sockets'), HOME=str(scratch),
                PATH=f'{build}/tools/mempoolstat:{kept["PATH"]}',
                PKG_CONFIG_PATH=f'{build}/meson-uninstalled', LD_LIBRARY_PATH=f'{build}/lib')


def commands_of(block):
    """(command, what it prints) for each of a block."""
    parts = re.split(r'(?m)^\$ (.*)\n', block)[1:]
    return list(zip(parts[::2], parts[1::2]))


def shell_text(commands):
    """A script that prints each command before what it prints."""
    text = 'ulimit -c 0\n'
    for command in commands:
        quoted = command.replace("'", "'\\''")
        text += f"printf '%s\\n' '$ {quoted}'\n"
        if command.endswith('&'):
            text += f'{command[:-1]} >said 2>&1 &\n{WAIT}\n'
        else:
            text += f'{command}\n'
    return text


def run(commands, scratch, environment):
    """What a block prints; nothing of it lives on."""
    (scratch / 'said').unlink(missing_ok=True)
    with subprocess.Popen(['sh', '-c', shell_text(commands)], cwd=scratch, env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, start_new_session=True) as shell:
        ended = signal.SIGTERM
        try:
            # Not to the end of the pipe, which a program in the background may hold open.
            shell.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            ended = signal.SIGKILL
        try:
            os.killpg(shell.pid, ended)
        except ProcessLookupError:
            pass
        printed = shell.stdout.read().decode(errors='replace')
    return printed.replace(str(scratch), '/src')


EQUAL = [
    (r'0x[0-9A-Fa-f]+', '0xN'),
    (r'==\d+==', '==N=='),
    (r'\b(thread|LWP|process|PID) \d+', r'\1 N'),
    (r'\[\d+\]', '[N]'),
    (r'\d+\.\d{6} s ago', 'T s ago'),
    (r'registered \d{4}(-\d\d){2} \d\d(:\d\d){2}', 'registered T'),
    # mempoolstat: rates; ages and a thread.
    (r'^( +\S+ +\d+ +\d+ +\d+ +\d+ +\d+\.\d) +\S+ +\S+( +\d+ +\d+)$', r'\1 RATES\2'),
    (r'^( +\d+ +\d+\.\d) +\S+ +\S+ +\d+( +\S+ at )', r'\1 AGES N\2'),
    # A link and a key in memory.
    (r'(?<=it should be )(?!a5 a5)(?:[0-9a-f]{2} ){15}[0-9a-f]{2}$', 'LINK AND KEY'),
    # The path of a library, and what is filled up with blanks.
    (r'"/\S+/(\S+)"', r'"\1"'),
    (r' +', ' '),
    (r' $', ''),
]


def equal(text):
    for pattern, replacement in EQUAL:
        text = re.sub('(?m)' + pattern, replacement, text)
    return text


def fits(shown, printed):
    """Whether the page's block is what is printed now, with lines "..." for any lines."""
    pattern = re.escape(equal(shown)).replace(re.escape('...\n'), '(?:.*\n)*?')
    return re.fullmatch(pattern, equal(printed)) is not None


def lacking(commands, environment):
    """What a block's commands need and this build has not; None if all is there."""
    for command in commands:
        for word in ('gdb', 'valgrind', 'mempoolstat'):
            if re.search(rf'\b{word}\b', command) and not shutil.which(word,
                                                                       path=environment['PATH']):
                return word
        option = re.search(r'\bmempoolstat.* (-[A-Z])\b', command)
        if option:
            known = subprocess.run(['mempoolstat', '--help'], env=environment, check=True, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout
            if f' {option.group(1)}' not in known:
                return f'mempoolstat {option.group(1)}'
    return None


def main():
    write = '--write' in sys.argv
    build, source = (pathlib.Path(name).resolve() for name in sys.argv[-2:])
    page = (source / PAGE).read_text(encoding='utf-8')
    blocks = BLOCK.findall(page)
    failed = 0
    print(f'1..{len(blocks)}', flush=True)
    with tempfile.TemporaryDirectory(prefix='osmempool-debugging.') as folder:
        scratch = pathlib.Path(folder).resolve()
        shutil.copy(source / 'doc/examples/wrong.c', scratch)
        environment = setting(build, scratch)
        for number, block in enumerate(blocks, 1):
            commands = [command for command, _ in commands_of(block)]
            missing = lacking(commands, environment)
            if missing:
                print(f'ok {number} - {commands[-1]} # left out: no {missing} here', flush=True)
                continue
            for _ in range(ATTEMPTS):
                printed = run(commands, scratch, environment)
                good = fits(block, printed)
                if good:
                    break
            if not good and write and '\n...\n' not in block:
                page = page.replace(block, printed)
                good = True
            if not good:
                failed += 1
                for line in printed.splitlines():
                    print(f'# {line}')
            print(f'{"ok" if good else "not ok"} {number} - {commands[-1]}', flush=True)
    if write:
        (source / PAGE).write_text(page, encoding='utf-8')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
