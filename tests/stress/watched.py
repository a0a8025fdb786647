# SPDX-License-Identifier: Apache-2.0
"""watched.py: a stress test is watched by mempoolstat a hundred times a second.

Usage: watched.py MEMPOOLSTAT PROGRAM. The program must end well, and mempoolstat must have shown
its pools in many reports until then.
"""
import os
import subprocess
import sys
import tempfile
import time

DELAY = '0.01'
REPORTS_MIN = 10


def socket_appears(directory, program):
    """Waits for the program to export; false if it ended before."""
    while program.poll() is None:
        if any(name.endswith('.sock') for name in os.listdir(directory)):
            return True
        time.sleep(0.001)
    return False


def main():
    mempoolstat, name = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix='osmempool-watched.') as directory:
        environment = dict(os.environ, OSMEMPOOL_DIR=directory, OSMEMPOOL_EXPORT='1')
        with subprocess.Popen([name], env=environment, stdin=subprocess.DEVNULL) as program:
            if not socket_appears(directory, program):
                print('it ended without a socket')
                return 1
            watch = subprocess.run([mempoolstat, '-d', DELAY], env=environment, check=False,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        reports = watch.stdout.count('blksz')
        print(f'{reports} reports; the program ended with {program.returncode}, mempoolstat with '
              f'{watch.returncode}: {watch.stderr.strip()}')
        return 0 if program.returncode == 0 and reports >= REPORTS_MIN else 1


if __name__ == '__main__':
    sys.exit(main())
