# SPDX-License-Identifier: Apache-2.0
"""results.py: counts the single tests in a testlog.json of Meson's.

A program that writes TAP counts as many tests as it has lines "ok" and "not ok", any other as one.
Prints "passed failed skipped", then what failed: the names, and the end of what the program said.
Exit status 1 if any failed, or if there was none at all.
"""
import json
import re
import sys

FINE = ('OK', 'EXPECTEDFAIL')
SKIPPED = ('SKIP',)
TAIL = 30


def counted(record):
    """(passed, failed, skipped, names of what failed) of one program."""
    tap = re.findall(r'^(ok|not ok)\b([^\n]*)', record.get('stdout') or '', re.MULTILINE)
    skipped = sum('# SKIP' in rest for _, rest in tap)
    failed = [rest.strip() for word, rest in tap if word == 'not ok' and '# SKIP' not in rest]
    passed = len(tap) - skipped - len(failed)
    if record['result'] in SKIPPED:
        skipped = max(skipped, 1)
    elif record['result'] in FINE:
        passed = max(passed, 1)
    elif not failed:
        # It died, took too long, or Valgrind or a sanitizer found something.
        failed = [f'{record["result"].lower()}, exit status {record.get("returncode")}']
    return passed, len(failed), skipped, [f'{record["name"]}: {text}' for text in failed]


def last_words(record):
    """The end of both outputs; of TAP only what is no result."""
    for stream in ('stdout', 'stderr'):
        lines = (record.get(stream) or '').rstrip().split('\n')
        yield from [f'    {line}' for line in lines if line and not line.startswith('ok ')][-TAIL:]


def main():
    totals = [0, 0, 0]
    words = []
    with open(sys.argv[1], encoding='utf-8') as log:
        for line in log:
            record = json.loads(line)
            *counts, failed = counted(record)
            totals = [total + n for total, n in zip(totals, counts)]
            words += failed
            words += last_words(record) if failed else []
    print(*totals)
    for line in words:
        print(line)
    return 1 if totals[1] > 0 or sum(totals) == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
