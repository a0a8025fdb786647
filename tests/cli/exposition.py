# SPDX-License-Identifier: Apache-2.0
"""Reads metrics strictly: text format 0.0.4 and OpenMetrics 1.0, as far as mempoolstat writes them."""

import re
import subprocess

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (-?[0-9]+(?:\.[0-9]+)?)")
ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
SUFFIXES = {"counter": "_total", "info": "_info", "gauge": ""}


class Malformed(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Malformed(what)


def labels_read(text):
    """The labels of a sample, as a sorted tuple of pairs."""
    labels, position = {}, 0
    while position < len(text):
        need(position == 0 or text[position] == ",", text)
        match = LABEL.match(text, position + (position > 0))
        need(match and match[1] not in labels, text)
        labels[match[1]] = re.sub(r"\\.", lambda escape: ESCAPES[escape[0]], match[2])
        position = match.end()
    return tuple(sorted(labels.items()))


class Exposition:
    """samples: {(name, labels): value as text}; types: {family: type}."""

    def __init__(self, data, openmetrics):
        text = data.decode("utf-8")
        need(text.endswith("\n"), "the last line has no end")
        lines = text[:-1].split("\n")
        if openmetrics:
            need(lines.pop() == "# EOF", "no # EOF")
        self.openmetrics = openmetrics
        self.samples, self.types, self.family = {}, {}, None
        for line in lines:
            if line.startswith("#"):
                self.read_comment(line)
            else:
                self.read_sample(line)

    def read_comment(self, line):
        mark, word, name, rest = line.split(" ", 3)
        need(mark == "#" and re.fullmatch(NAME, name), line)
        if word == "HELP":
            need(name not in self.types and rest and "\\" not in rest and '"' not in rest, line)
            self.family, self.types[name] = name, None
        elif word == "TYPE":
            need(self.family == name and self.types[name] is None, line)
            need(rest in (SUFFIXES if self.openmetrics else ("gauge", "counter")), line)
            self.types[name] = rest
        else:
            need(word == "UNIT" and self.openmetrics and self.family == name, line)
            need(name.endswith("_" + rest), line)

    def read_sample(self, line):
        match = SAMPLE.fullmatch(line)
        need(match, line)
        suffix = SUFFIXES[self.types[self.family]] if self.openmetrics else ""
        need(match[1] == self.family + suffix, line)
        key = (match[1], labels_read(match[2] or ""))
        need(key not in self.samples, f"twice: {line}")
        self.samples[key] = match[3]

    def values(self, name, **labels):
        """The values of the series of that name that have these labels."""
        wanted = set(labels.items())
        return [value for (found, has), value in self.samples.items()
                if found == "osmempool_" + name and wanted <= set(has)]

    def labels(self, name):
        return [dict(labels) for found, labels in self.samples if found == "osmempool_" + name]


REFERENCE = """
import sys
try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
except ImportError:
    sys.exit(77)
for family in text_string_to_metric_families(sys.stdin.buffer.read().decode()):
    print(family.name, len(family.samples))
"""


def reference_reads(data):
    """What the reference implementation finds, {family: samples}; None where there is none."""
    result = subprocess.run(["/usr/bin/python3", "-c", REFERENCE], input=data,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if result.returncode == 77:
        return None
    need(result.returncode == 0, result.stderr.decode())
    rows = [line.split() for line in result.stdout.decode().splitlines()]
    return {name: int(number) for name, number in rows}
