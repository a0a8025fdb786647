# SPDX-License-Identifier: Apache-2.0
"""What mempoolstat costs: a listing of 10,000 pools in 100 processes, and a minute of --top.

    python3 bench/tool.py BUILD/tools/mempoolstat/mempoolstat BUILD/lib/libosmempool.so

Starts the processes itself, with pools of the library that is named. Prints, and judges nothing.
"""

import ctypes
import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

PROCESSES, POOLS, TOP_POOLS, ROUNDS, TOP_SECONDS = 100, 100, 1000, 11, 60
POOL_BYTES, BLOCK_BYTES, BLOCKS = 4096, 64, 16


def api(library, name):
    """A function of the pools' API, by its symbol."""
    return getattr(library, "osmempool_" + name)


def export_pools(library, n, ready):
    """A child's life: n pools, some of their blocks out, until it is killed."""
    init, get = api(library, "os_mempool_init"), api(library, "os_memblock_get")
    pools = []
    for i in range(n):
        pool = ctypes.create_string_buffer(POOL_BYTES)
        memory = (ctypes.c_uint64 * (BLOCKS * BLOCK_BYTES // 8))()
        name = f"subsystem.part_{i}".encode()
        if init(pool, BLOCKS, BLOCK_BYTES, memory, name) != 0:
            os._exit(1)
        for _ in range(i % BLOCKS):
            get(pool)
        pools.append((pool, memory))
    if library.osmempool_export_start(None) != 0:
        os._exit(1)
    os.write(ready, b".")
    while True:
        signal.pause()


def start(library, n_processes, n_pools):
    """Numbers of processes that export pools, once all of them do."""
    begin, ready = os.pipe()
    children = []
    for _ in range(n_processes):
        child = os.fork()
        if child == 0:
            export_pools(library, n_pools, ready)
        children.append(child)
    os.close(ready)
    n_ready = 0
    while n_ready < n_processes:
        read = os.read(begin, n_processes)
        if not read:
            sys.exit("a process could not export its pools")
        n_ready += len(read)
    os.close(begin)
    return children


def stop(children):
    for child in children:
        os.kill(child, signal.SIGKILL)
    while children:
        os.waitpid(children.pop(), 0)


def listing_seconds(program):
    before = time.monotonic()
    done = subprocess.run([program], stdout=subprocess.PIPE, check=True)
    seconds = time.monotonic() - before
    shown = done.stdout.count(b"subsystem.part_")
    if shown != PROCESSES * POOLS:
        sys.exit(f"{shown} pools were listed, not {PROCESSES * POOLS}")
    return seconds


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stream:
        fields = stream.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drain(terminal, seconds):
    """Reads what is drawn for so long; returns how many bytes that were."""
    end = time.monotonic() + seconds
    n = 0
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            n += len(os.read(terminal, 65536))
    return n


def top_share(program):
    """The part of a core that --top takes, and bytes it draws, at one refresh a second."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 150, 0, 0))
    process = subprocess.Popen([program, "--top", "-d", "1", "-s", "use"], stdin=child,
                               stdout=child, env={**os.environ, "TERM": "xterm"})
    drain(parent, 3)
    before, started = processor_seconds(process.pid), time.monotonic()
    drawn = drain(parent, TOP_SECONDS)
    share = (processor_seconds(process.pid) - before) / (time.monotonic() - started)
    os.write(parent, b"q")
    drain(parent, 0.5)
    process.wait(10)
    os.close(parent)
    os.close(child)
    return share, drawn


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("\n\n")[1].strip())
    program, library = sys.argv[1], ctypes.CDLL(os.path.abspath(sys.argv[2]))
    api(library, "os_memblock_get").restype = ctypes.c_void_p
    directory = tempfile.mkdtemp(prefix="mempoolstat-")
    os.environ["OSMEMPOOL_DIR"] = directory
    children = []
    try:
        children = start(library, PROCESSES, POOLS)
        seconds = sorted(listing_seconds(program) for _ in range(ROUNDS))
        print(f"{PROCESSES * POOLS} pools in {PROCESSES} processes, listed: "
              f"{seconds[0] * 1000:.0f} ms at best, median {seconds[ROUNDS // 2] * 1000:.0f} ms, "
              f"worst {seconds[-1] * 1000:.0f} ms of {ROUNDS}")
        stop(children)
        children = start(library, 1, TOP_POOLS)
        share, drawn = top_share(program)
        print(f"--top of {TOP_POOLS} pools, one refresh a second: {share * 100:.2f} % of a core, "
              f"{drawn / TOP_SECONDS:.0f} bytes drawn a second, over {TOP_SECONDS} s")
    finally:
        stop(children)
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
