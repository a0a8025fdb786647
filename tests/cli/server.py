# SPDX-License-Identifier: Apache-2.0
"""What stands for a program with pools: documents, and servers that answer well or badly."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time


def pool(name="pool", **fields):
    """One pool of a document; a field that is None is left out."""
    values = {
        "name": name, "block_size": 64, "num_blocks": 10, "num_free": 6, "min_free": 2,
        "num_cached": 0, "gets": 1000, "puts": 996, "adjust": 0, "failed": 3, "refused": 0,
        "failed_time": 0, "min_time": 0,
    }
    values.update(fields)
    return {key: value for key, value in values.items() if value is not None}


# Stands in a document for the number of the process that serves it.
PID = 4242


def document(pools=None, **fields):
    """One document, 100 seconds after its process was started."""
    values = {
        "schema": "osmempool/1", "version": "0.1.0", "pid": PID, "program": "demo",
        "start_time": 1700000000000000, "time": 1700000100000000, "locking": "mutex",
        "pools": [pool()] if pools is None else pools,
    }
    values.update(fields)
    return {key: value for key, value in values.items() if value is not None}


def encode(value):
    """JSON as the library writes it: no blanks, no escapes beyond ASCII."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class Connection:
    """A connection on which PID becomes the number of the process."""

    def __init__(self, connection, pid):
        self.connection = connection
        self.pid = pid

    def sendall(self, data):
        self.connection.sendall(data.replace(b'"pid":%d,' % PID, b'"pid":%d,' % self.pid, 1))

    def __getattr__(self, name):
        return getattr(self.connection, name)


class Process:
    """A child that does nothing but to listen at a socket, which makes its number the peer's."""

    def __init__(self, listener, backlog):
        ready, tell = os.pipe()
        alive, self.life = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.read(alive, 1)
            listener.listen(backlog)
            os.write(tell, b".")
            # Nothing of the parent's stays open here: its clients would not see it close.
            os.dup2(alive, 3)
            os.closerange(4, 4096)
            os.read(3, 1)
            os._exit(0)
        os.close(tell)
        os.close(alive)
        self.ready = ready

    def listen(self):
        os.write(self.life, b".")
        os.read(self.ready, 1)
        os.close(self.ready)

    def end(self):
        if self.life >= 0:
            os.close(self.life)
            # Another child may have the pipe still.
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.life = -1


class Server:
    """
    Listens at a path, in which {} is the number of its process. `answer` is bytes, or a function of
    the connection and the request. It answers here; that a process of its own listens is to be seen
    by its number only, unless it is told to be in this one.
    """

    def __init__(self, path, answer, backlog=64, here=False):
        self.answer = answer
        self.requests = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.process = None if here else Process(self.socket, backlog)
        self.pid = os.getpid() if here else self.process.pid
        self.path = path.format(self.pid)
        bind_anywhere(self.socket, self.path)
        if here:
            self.socket.listen(backlog)
        else:
            self.process.listen()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                request = connection.recv(100)
                self.requests.append(request)
                connection = Connection(connection, self.pid)
                if callable(self.answer):
                    self.answer(connection, request)
                else:
                    connection.sendall(self.answer)
            except OSError:
                pass

    def is_late(self):
        """Whether it lets others wait on purpose."""
        return getattr(self.answer, "late", False)

    def begin_anew(self):
        """Forgets what it was asked."""
        self.requests.clear()
        if hasattr(self.answer, "begin_anew"):
            self.answer.begin_anew()

    def stop(self):
        """Ends as a killed program does: the socket file stays."""
        if self.socket.fileno() >= 0:
            # Wakes accept(), which close() alone does not.
            self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()
        if self.process is not None:
            self.process.end()

    def close(self):
        self.stop()
        if os.path.exists(self.path):
            os.unlink(self.path)


def bind_anywhere(listener, path):
    """Binds also to a path that is longer than an address."""
    directory = os.open(os.path.dirname(path), os.O_PATH)
    try:
        listener.bind(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
    finally:
        os.close(directory)


def late(answer):
    """An answer for which mempoolstat does not wait."""
    answer.late = True
    return answer


@late
def never(connection, request):
    """Answers nothing and keeps the connection."""
    time.sleep(60)


@late
def drip(connection, request):
    """A byte now and then, for ever."""
    while True:
        connection.sendall(b" ")
        time.sleep(0.1)


@late
def half(connection, request):
    """The beginning of a document, and then nothing."""
    connection.sendall(encode(document())[:50])
    time.sleep(60)


SERVING = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
import server
path, name, backlog = sys.argv[2].format(os.getpid()), sys.argv[3], int(sys.argv[4])
if name:
    open("/proc/self/comm", "w").write(name)
# By its plain path, as the kernel's table shows it.
server.bind_anywhere = lambda listener, where: listener.bind(where)
server.Server(path, server.encode(server.document(pid=os.getpid())), backlog, here=True)
server.socket.socket(server.socket.AF_UNIX).bind(path + ".dumb")
print(flush=True)
time.sleep(600)
"""


@contextlib.contextmanager
def process_with_server(path, name="", backlog=64):
    """A server in a process of its own, which has the number in its document. {} in path is it."""
    here = os.path.dirname(os.path.abspath(__file__))
    process = subprocess.Popen([sys.executable, "-c", SERVING, here, path, name, str(backlog)],
                               stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()
