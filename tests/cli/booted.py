# SPDX-License-Identifier: Apache-2.0
"""systemd as process 1 of namespaces of its own, with one unit and nothing else to start.

What it could change of the machine is hidden from it or read-only: it has a network, a /run, a /tmp,
an /etc/default and a group of control groups to itself.
"""

import ctypes
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time

# How long anything may take that does happen: the machine may be busy with much else.
PATIENCE = 240
SYSTEMD = "/lib/systemd/systemd"

# Its network: the loopback interface, and on it an address that is not a loopback address.
FOREIGN = "192.0.2.7"
NETWORK = """
import fcntl, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any:
    address = struct.pack("16sHH4s16x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(sys.argv[1]))
    fcntl.ioctl(any, 0x8914, struct.pack("16sH22x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(any, 0x8916, address)                           # SIOCSIFADDR
"""

# $1: a directory with the unit and the program, which becomes /run/offer.
BOOT = r"""set -e
mount --make-rprivate /
mount -t proc proc /proc
mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys
mount -o remount,bind,ro /
for file in /dev/console /dev/kmsg; do [ ! -e $file ] || mount --bind /dev/null $file; done
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/systemd/system /run/offer
cp -r "$1"/. /run/offer
cp /run/offer/*.service /run/systemd/system
mount -t tmpfs tmpfs /tmp && chmod 1777 /tmp
for dir in /etc/default /etc/systemd /lib/systemd/system/sysinit.target.wants; do
    mount -t tmpfs tmpfs $dir
done
mkdir /etc/systemd/system
mount -t tmpfs tmpfs /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup
printf '[Unit]\nDefaultDependencies=no\n' >/run/systemd/system/idle.target
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=idle.target --log-target=console
"""


def cgroup_root():
    """Where the second version of control groups is mounted, and our own group in there."""
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        own = next((line.split(":", 2)[2].strip() for line in file if line.startswith("0::")), None)
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounted = next((line.split()[4] for line in file if " - cgroup2 " in line), None)
    return None if own is None or mounted is None else mounted + own.rstrip("/")


class Booted:
    def __init__(self, offer):
        """Boots. Raises OSError where that may not be done."""
        root = cgroup_root()
        if root is None or not os.path.exists(SYSTEMD):
            raise OSError("no systemd, or no second version of control groups")
        self.cgroup = f"{root}/mempoolstat-test-{secrets.token_hex(8)}"
        os.mkdir(self.cgroup)
        self.process = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc", "--net",
             "--cgroup", "sh", "-c", BOOT, "sh", offer],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            preexec_fn=self._enter_cgroup)
        self.pid = self._wait()

    def _enter_cgroup(self):
        with open(self.cgroup + "/cgroup.procs", "w", encoding="utf-8") as file:
            file.write("0")
        # Dies with the test, whatever ends that.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)

    def _child(self):
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children",
                      encoding="utf-8") as file:
                return int(file.read().split()[0])
        except (OSError, IndexError):
            return 0

    def _wait(self):
        """Waits until systemd can be asked; its process number out here."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            pid = self._child()
            if pid != 0 and os.path.exists(f"/proc/{pid}/root/run/systemd/private"):
                subprocess.run(["nsenter", "-t", str(pid), "-n", sys.executable, "-c", NETWORK,
                                FOREIGN], check=True)
                return pid
            time.sleep(0.05)
        said = "it does not get ready" if self.process.poll() is None else \
            self.process.stderr.read().decode()
        self.close()
        raise OSError(said)

    @staticmethod
    def run_in(pid, *command):
        """Runs a command inside; its output and errors."""
        result = subprocess.run(["nsenter", "-t", str(pid), "-m", "-p", "-n", *command],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, timeout=PATIENCE)
        return result.stdout.decode()

    def run(self, *command):
        return self.run_in(self.pid, *command)

    def inside(self, path):
        """A path inside, as seen from here."""
        return f"/proc/{self.pid}/root{path}"

    def close(self):
        self.process.kill()
        self.process.communicate()
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            self._remove(folder)

    @staticmethod
    def _remove(folder):
        """A group is empty only once the last of its processes is gone for good."""
        for _ in range(200):
            try:
                os.rmdir(folder)
                return
            except OSError:
                time.sleep(0.02)


def offer(directory, program, unit_text):
    """What Booted() is to be given: the unit starts the program inside."""
    os.mkdir(directory)
    shutil.copy(program, os.path.join(directory, "mempoolstat"))
    with open(os.path.join(directory, "mempoolstat.service"), "w", encoding="utf-8") as stream:
        stream.write(unit_text)
    return directory
