# SPDX-License-Identifier: Apache-2.0
"""The systemd unit, and where files are installed.

Arguments: mempoolstat, the unit as it was built, the build's root.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import unittest

from booted import FOREIGN, SYSTEMD, Booted, offer
from endpoint import Endpoint
from harness import PATIENCE, PROGRAM, Case, main
from server import document, encode
from test_live import another_user, container

UNIT, BUILD = [os.path.abspath(path) for path in sys.argv[2:4]] or (None, None)
del sys.argv[2:4]


def setting(name):
    with open(UNIT, encoding="utf-8") as stream:
        return re.findall(rf"^{name}=(.*)$", stream.read(), re.M)


class Installed(Case):
    def installed(self, ending):
        with open(os.path.join(BUILD, "meson-info/intro-installed.json"), encoding="utf-8") as file:
            return [path for path in json.load(file).values() if path.endswith(ending)]

    def test_files_go_where_shells_and_systemd_look(self):
        for ending in ("/share/bash-completion/completions/mempoolstat",
                       "/share/zsh/site-functions/_mempoolstat",
                       "/share/fish/vendor_completions.d/mempoolstat.fish",
                       "/lib/systemd/system/mempoolstat.service"):
            self.assertEqual(len(self.installed(ending)), 1, ending)

    def test_the_unit_starts_what_is_installed(self):
        self.assertEqual(setting("ExecStart")[0].split()[0], self.installed("/bin/mempoolstat")[0])


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd is not installed")
class Analyzed(Case):
    def analyze(self, verb, *options):
        path = self.path("mempoolstat.service")
        with open(UNIT, encoding="utf-8") as stream:
            text = stream.read().replace(setting("ExecStart")[0].split()[0], PROGRAM)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        result = subprocess.run(["systemd-analyze", verb, *options, path], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)
        return result.returncode, result.stdout.decode()

    def test_systemd_finds_nothing_wrong(self):
        self.assertEqual(self.analyze("verify", "--man=no"), (0, ""))

    def test_it_is_exposed_as_little_as_root_can_be(self):
        status, text = self.analyze("security", "--offline=true", "--threshold=27", "--no-pager")
        self.assertEqual(status, 0, text)


def user_without_sockets():
    """A user of whom nothing exports, and the directory for what he will."""
    for uid in range(20000 + os.getpid() % 20000, 60000):
        path = f"/tmp/osmempool-{uid}"
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            continue
        try:
            os.chown(path, uid, uid)
        except OSError as error:
            os.rmdir(path)
            raise unittest.SkipTest("this root has no other user") from error
        return uid, path
    raise unittest.SkipTest("no user is left")


@unittest.skipIf(os.geteuid() != 0, "needs root to become less")
class Powers(Case):
    """As the unit starts it: with few capabilities, and seeing the file system read-only."""

    # Mounts as ProtectSystem=strict and ProtectHome=read-only make them.
    SEALED = ("mount --make-rprivate / && mount --bind / / && mount -o remount,bind,ro / && "
              "for dir in /tmp /run; do mount --bind $dir $dir && "
              "mount -o remount,bind,ro $dir; done && exec \"$@\"")

    def sealed(self, capabilities, *arguments):
        bounding = "-all" + "".join(",+" + name[len("CAP_"):].lower()
                                    for name in capabilities.split())
        return ["unshare", "-m", "sh", "-c", self.SEALED, "sh",
                "setpriv", "--bounding-set", bounding, "--inh-caps", "-all", "--no-new-privs",
                PROGRAM, *arguments]

    def pids(self, capabilities):
        result = subprocess.run(self.sealed(capabilities, "-l"), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE,
                                env=self.environment(OSMEMPOOL_DIR=""))
        if b"mount" in result.stderr or b"unshare" in result.stderr:
            self.skipTest(result.stderr.decode())
        return [int(line.split()[0]) for line in result.stdout.splitlines()[1:]]

    def test_it_may_read_every_user_and_container_and_needs_both_powers(self):
        granted = setting("CapabilityBoundingSet")[0]
        uid, theirs = user_without_sockets()
        try:
            with another_user(theirs + "/{}.sock", uid) as other, \
                    container("/tmp/osmempool-0/{}.sock") as contained:
                self.assertEqual({other, contained} - set(self.pids(granted)), set())
                self.assertNotIn(other, self.pids("CAP_SYS_PTRACE"))
                self.assertNotIn(contained, self.pids("CAP_DAC_OVERRIDE"))
        finally:
            shutil.rmtree(theirs)

    def test_it_serves_with_these_powers(self):
        self.serve("1.sock")
        capabilities = setting("CapabilityBoundingSet")[0]
        process = subprocess.Popen(self.sealed(capabilities, "--listen", "0"), bufsize=0,
                                   env=self.environment(), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        try:
            endpoint = Endpoint(process)
            self.assertEqual(endpoint.scrape().values("up"), ["1"])
            self.assertEqual(endpoint.stop()[0], 0)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


# Asked in the network of the unit: by which address, and what comes.
ASK = """
import sys, urllib.request
try:
    print(urllib.request.urlopen(f"http://{sys.argv[1]}:9750/metrics",
                                 timeout=float(sys.argv[2])).read().decode())
except OSError as error:
    print("no answer:", error)
"""


@unittest.skipUnless(os.geteuid() == 0 and os.path.exists(SYSTEMD), "needs root, and systemd")
class Running(Case):
    """The unit as it is built, run by a systemd that has nothing else to do."""

    def boot(self, listen):
        with open(UNIT, encoding="utf-8") as stream:
            text = stream.read().replace(setting("ExecStart")[0].split()[0],
                                         "/run/offer/mempoolstat")
        try:
            self.booted = Booted(offer(self.path("offer"), PROGRAM, text))
        except OSError as error:
            self.skipTest(f"systemd cannot be started in namespaces here: {error}")
        self.addCleanup(self.booted.close)
        with open(self.booted.inside("/etc/default/mempoolstat"), "w", encoding="utf-8") as stream:
            stream.write(f"MEMPOOLSTAT_LISTEN={listen}\n")

    def systemctl(self, *arguments):
        return self.booted.run("systemctl", "--no-pager", *arguments)

    def shown(self, *names):
        lines = self.systemctl("show", "mempoolstat", "-p", ",".join(names)).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def wait_for(self, **wanted):
        end = time.monotonic() + PATIENCE
        while self.shown(*wanted) != wanted:
            self.assertLess(time.monotonic(), end, self.systemctl("status", "mempoolstat"))
            time.sleep(0.1)

    def ask(self, address, seconds=PATIENCE):
        command = ["nsenter", "-t", str(self.booted.pid), "-n", sys.executable, "-c", ASK, address,
                   str(seconds)]
        return subprocess.run(command, stdout=subprocess.PIPE).stdout.decode()

    def wait_for_answer(self, address):
        """systemd calls a service started before it listens."""
        end = time.monotonic() + PATIENCE
        answer = self.ask(address)
        while "no answer" in answer and time.monotonic() < end:
            time.sleep(0.1)
            answer = self.ask(address)
        return answer

    def test_it_serves_what_other_users_export_to_loopback_peers_and_is_started_again(self):
        self.boot("0.0.0.0:9750")
        theirs = self.booted.inside("/tmp/osmempool-12345")
        os.mkdir(theirs, 0o700)
        server = self.serve(theirs + "/1.sock")
        # Nobody in there can tell its number.
        up = (f'osmempool_up{{pid="{server.pid}",program="demo",'
              'socket="/tmp/osmempool-12345/1.sock"} 1')
        os.chown(theirs + "/1.sock", 12345, 12345)
        os.chmod(theirs + "/1.sock", 0o600)
        os.chown(theirs, 12345, 12345)
        self.assertEqual(self.systemctl("start", "mempoolstat"), "")
        self.assertIn(up, self.wait_for_answer("127.0.0.1"))
        self.assertIn("no answer", self.ask(FOREIGN, 3))
        self.systemctl("kill", "-s", "KILL", "mempoolstat")
        self.wait_for(NRestarts="1", ActiveState="active")
        self.assertIn(up, self.wait_for_answer("127.0.0.1"))
        self.assertEqual(self.systemctl("stop", "mempoolstat"), "")
        self.assertEqual(self.shown("Result", "ExecMainStatus"),
                         {"Result": "success", "ExecMainStatus": "0"})

    def test_an_address_that_is_not_there_yet_is_tried_again_without_end(self):
        self.boot("198.51.100.1:9750")
        self.systemctl("start", "mempoolstat")
        self.wait_for(ExecMainStatus="3", ActiveState="activating", SubState="auto-restart")
        interval, burst = setting("RestartSec")[0], self.shown("StartLimitBurst")["StartLimitBurst"]
        limit = self.shown("StartLimitIntervalUSec")["StartLimitIntervalUSec"]
        self.assertGreater(int(interval) * int(burst), int(limit.rstrip("s")))

    def test_a_wrong_address_is_not_tried_again(self):
        self.boot("nowhere")
        self.systemctl("start", "mempoolstat")
        self.wait_for(ActiveState="failed")
        self.assertEqual(self.shown("NRestarts", "ExecMainStatus"),
                         {"NRestarts": "0", "ExecMainStatus": "64"})


if __name__ == "__main__":
    main()
