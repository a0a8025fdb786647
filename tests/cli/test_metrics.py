# SPDX-License-Identifier: Apache-2.0
"""Metrics: the form, the labels, and that every number is exact."""

import json
import os

from exposition import Exposition, reference_reads
from harness import GOLDEN, Case, main
from server import document, encode, never, pool

BARE = {"name": "x", "block_size": 1, "num_blocks": 4, "num_free": 1, "min_free": 0}


class MetricsCase(Case):
    def print(self, *documents, arguments=()):
        data = encode(documents[0] if len(documents) == 1 else list(documents))
        out, err = self.run_tool("--openmetrics", "-f", "-", *arguments, data=data)
        self.assertEqual(err, "")
        return Exposition(out.encode(), openmetrics=True)


    def scrape(self, *arguments):
        """What is printed of those that answer."""
        out, _ = self.run_tool("--openmetrics", *arguments)
        return Exposition(out.encode(), openmetrics=True)


class Metrics(MetricsCase):
    def test_the_form_is_that_of_the_file_read_by_a_human(self):
        out, _ = self.run_tool("--openmetrics", "-f", "two.json", cwd=GOLDEN)
        with open(os.path.join(GOLDEN, "openmetrics.txt"), encoding="utf-8") as stream:
            self.assertEqual(out, stream.read())

    def test_the_reference_implementation_reads_all_of_it(self):
        pools = [pool(name, faults=1, failed_time=5, min_time=1700000000000001)
                 for name in ("a", "a", "", "back\\slash", 'quote"', "line\nbreak", "漢字", "\x1b")]
        files = [self.write("hostile", encode(document(pools))),
                 self.write("bare", encode({"schema": "osmempool/1", "pid": 1, "pools": [BARE]})),
                 os.path.join(GOLDEN, "two.json"), self.write("none", encode(document([])))]
        for path in files:
            data = self.run_tool("--openmetrics", "-f", path)[0].encode()
            ours = Exposition(data, openmetrics=True)
            found = reference_reads(data)
            if found is None:
                self.skipTest("python3-prometheus-client is not installed")
            self.assertEqual(set(found), set(ours.types))
            self.assertEqual(sum(found.values()), len(ours.samples))

    def test_every_number_is_there_and_exact(self):
        values = {
            "block_size": ("block_size_bytes", 2**32 - 1), "num_blocks": ("blocks", 2**32 - 1),
            "num_free": ("free_blocks", 2**32 - 2), "min_free": ("min_free_blocks", 7),
            "num_cached": ("cached_blocks", 5), "gets": ("gets_total", 2**63 - 1),
            "puts": ("puts_total", 2**62 + 1), "failed": ("failed_gets_total", 2**53 + 1),
            "refused": ("refused_puts_total", 3), "faults": ("faults_total", 2**61 + 1),
        }
        found = self.print(document([pool(**{key: value for key, (_, value) in values.items()})]))
        for name, value in values.values():
            self.assertEqual(found.values(name, pid="4242", program="demo", pool="pool"),
                             [str(value)], name)
        self.assertEqual(found.values("up"), ["1"])
        self.assertEqual(found.values("pools"), ["1"])
        self.assertEqual(found.values("stale_pools"), ["0"])
        self.assertEqual(found.values("process_info", version="0.1.0", locking="mutex"), ["1"])
        self.assertEqual(found.values("scrape_errors"), ["0"])

    def test_times_are_exact_to_the_microsecond_and_absent_if_never(self):
        found = self.print(document([
            pool("some", failed_time=1700000000000001, min_time=2**53 - 1),
            pool("never", failed_time=0, min_time=0)]))
        self.assertEqual(found.values("failed_get_timestamp_seconds"), ["1700000000.000001"])
        self.assertEqual(found.values("min_free_timestamp_seconds"), ["9007199254.740991"])
        self.assertEqual(found.values("process_start_time_seconds"), ["1700000000.000000"])

    def test_what_older_documents_lack_is_absent(self):
        found = self.print({"schema": "osmempool/1", "pid": 1, "pools": [BARE]})
        self.assertEqual({name for name, _ in found.samples}, {
            "osmempool_" + name for name in (
                "up", "process_info", "pools", "stale_pools", "block_size_bytes", "blocks",
                "free_blocks", "min_free_blocks", "scrape_errors")})
        self.assertEqual(found.labels("blocks"), [{"pid": "1", "program": "", "pool": "x"}])

    def test_stale_pools_are_counted(self):
        found = self.print(document([pool("a", stale=True), pool("b"), pool("c", stale=True)]))
        self.assertEqual(found.values("stale_pools"), ["2"])


class Labels(MetricsCase):
    def pools(self, *names, arguments=()):
        pools = [pool(name, num_blocks=100 + i) for i, name in enumerate(names)]
        found = self.print(document(pools), arguments=arguments)
        return {(labels["pool"], labels.get("index")): value for labels, value in
                zip(found.labels("blocks"), found.values("blocks"))}

    def test_pools_of_one_name_are_told_apart_by_an_index(self):
        self.assertEqual(self.pools("b", "a", "b", "", "b", ""), {
            ("b", None): "100", ("a", None): "101", ("b", "2"): "102", ("", None): "103",
            ("b", "3"): "104", ("", "2"): "105"})

    def test_what_is_chosen_changes_no_index(self):
        names = ("net", "disk", "net", "net")
        self.assertEqual(self.pools(*names, arguments=["-n", "1", "-r"]), {("net", "3"): "103"})
        self.assertEqual(self.pools(*names, arguments=["disk"]), {("disk", None): "101"})

    def test_names_are_escaped_whatever_the_locale(self):
        names = ["back\\slash", 'quo"te', "漢字 é", "a b=c,d{e}", "line\nbreak", "esc\x1b[31m",
                 "c1\u009b", "del\x7f", "tab\t", "u+00a0\u00a0", "\\x1b", "\x1b"]
        shown = [r"back\slash", 'quo"te', "漢字 é", "a b=c,d{e}", r"line\x0abreak",
                 r"esc\x1b[31m", r"c1\xc2\x9b", r"del\x7f", r"tab\x09", r"u+00a0\xc2\xa0",
                 # What would look the same as the next one.
                 r"\x5cx1b", r"\x1b"]
        self.assertEqual(list(self.pools(*names)), [(name, None) for name in shown])
        data = encode(document([pool(name) for name in names], program='p"\n\x1b'))
        outputs = {self.run_tool("--openmetrics", "-f", "-", data=data,
                                 environment={"LC_ALL": locale})[0] for locale in ("C", "C.UTF-8")}
        self.assertEqual(len(outputs), 1)
        self.assertFalse({chr(code) for code in range(32)} - {"\n"} & set(outputs.pop()))

    def test_processes_of_one_number_are_told_apart_by_their_sockets(self):
        servers = [self.serve(name) for name in ("1.sock", "2.sock")]
        # Both say that they are the first one: that is believed of who is named by his path.
        servers[1].answer = encode(document(pid=servers[0].pid, start_time=2))
        found = self.scrape("-S", servers[0].path, "-S", servers[1].path)
        pid = str(servers[0].pid)
        self.assertEqual(found.labels("up"), [
            {"pid": pid, "program": "demo"},
            {"pid": pid, "program": "demo", "socket": self.path("2.sock")}])
        self.assertEqual(len(found.values("blocks")), 2)

    def test_what_others_claim_changes_the_labels_of_none(self):
        honest = self.serve("1.sock")
        alone = self.scrape().labels("up")
        self.assertEqual(alone, [{"pid": str(honest.pid), "program": "demo"}])
        for answer in (encode(document(pid=honest.pid)), encode(document(pid=honest.pid, start_time=5)),
                       encode(document(pid=1)), encode(document(program="demo")), never, b"junk"):
            other = self.serve("2.sock", answer)
            for arguments in ([], ["-S", honest.path, "-S", other.path]):
                found = self.scrape(*arguments)
                self.assertEqual(found.labels("up")[0], alone[0])
                self.assertEqual(found.values("gets_total", **alone[0])[0], "1000")
                # Whoever else there is has other labels.
                self.assertNotIn(alone[0], found.labels("up")[1:])
            self.servers.pop().close()

    def test_a_process_that_stands_twice_in_a_file_counts_once(self):
        data = encode([document([pool(num_free=3)]), document([pool(num_free=4)])])
        out, err = self.run_tool("--openmetrics", "-f", "-", data=data)
        found = Exposition(out.encode(), openmetrics=True)
        self.assertEqual(found.values("free_blocks"), ["3"])
        self.assertIn("4242", err)


class Reading(MetricsCase):
    def test_several_processes_and_globs(self):
        server = self.serve("1.sock", encode(document([pool("net_a"), pool("disk")])))
        self.serve("2.sock", encode(document([pool("disk")])))
        out, _ = self.run_tool("--openmetrics", "net_*")
        found = Exposition(out.encode(), openmetrics=True)
        self.assertEqual(found.labels("up"), [{"pid": str(server.pid), "program": "demo"}])
        self.assertEqual([labels["pool"] for labels in found.labels("gets_total")], ["net_a"])
        self.assertEqual(found.values("pools"), ["2"])

    def test_who_does_not_answer_is_down_and_the_others_are_shown(self):
        servers = [self.serve("1.sock"), self.serve("2.sock", never), self.serve("3.sock", b"junk")]
        out, err = self.run_tool("--openmetrics")
        found = Exposition(out.encode(), openmetrics=True)
        self.assertEqual(found.values("up", pid=str(servers[0].pid)), ["1"])
        for server in servers[1:]:
            self.assertEqual(found.values("up", pid=str(server.pid), program="",
                                          socket=server.path), ["0"])
        self.assertEqual(found.values("up"), ["1", "0", "0"])
        self.assertEqual(found.values("scrape_errors"), ["2"])
        self.assertEqual(len(err.splitlines()), 2)

    def test_a_named_socket_that_is_gone_is_an_error(self):
        self.serve("1.sock")
        out, _ = self.run_tool("--openmetrics", "-S", self.path("1.sock"), "-S", self.path("x"))
        found = Exposition(out.encode(), openmetrics=True)
        self.assertEqual(found.values("up", socket=self.path("x"), pid=""), ["0"])
        self.assertEqual(found.values("scrape_errors"), ["1"])

    def test_nothing_to_read_is_no_metrics(self):
        self.assert_nothing("--openmetrics")
        self.serve("1.sock", never)
        self.assert_nothing("--openmetrics")

    def test_ten_thousand_pools_of_one_name(self):
        found = self.print(document([pool("x", num_blocks=10 + i) for i in range(10000)]))
        self.assertEqual(found.values("blocks"), [str(10 + i) for i in range(10000)])
        self.assertEqual(found.values("blocks", index="10000"), ["10009"])

    def test_what_json_keeps_metrics_can_be_made_of(self):
        server = self.serve("1.sock")
        kept = self.write("kept", self.run_tool("-j")[0].encode())
        self.assertEqual(self.run_tool("--openmetrics", "-f", kept)[0],
                         self.run_tool("--openmetrics")[0])
        self.assertEqual(json.loads(self.run_tool("-j", "-f", kept)[0])["pid"], server.pid)


if __name__ == "__main__":
    main()
