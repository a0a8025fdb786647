# SPDX-License-Identifier: Apache-2.0
"""A small terminal: what a program has drawn, and a program that runs in one.

Screen understands what terminfo's entry "xterm" has; a sequence that it does not know is an error,
so that no test looks at a screen that it drew wrongly.
"""

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unicodedata

# How long anything may take that does happen: the machine may be busy with much else.
PATIENCE = 240
CSI = re.compile(r"\x1b\[([?>!]?)([0-9;]*)([@-~])")
PARTIAL = re.compile(r"\x1b(\[[?>!]?[0-9;]*|[()]?)?$")


def width_of(character):
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class Screen:
    """Cells, each of them a character and whether it is shown reversed, bold or coloured."""

    def __init__(self, lines, columns):
        self.lines, self.columns = lines, columns
        self.main = self.blank()
        self.cells = self.main
        self.full = False      # the alternate screen is shown
        self.cursor_hidden = False
        self.keypad = False    # application keys
        self.insert = False
        self.region = (0, lines - 1)
        self.attributes = frozenset()
        self.line = self.column = 0
        self.saved = (0, 0)
        self.wraps = False     # the next character begins a new line
        self.last = " "
        self.rest = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def blank(self):
        return [[(" ", frozenset())] * self.columns for _ in range(self.lines)]

    def resize(self, lines, columns):
        def fitted(cells):
            rows = [row[:columns] + [(" ", frozenset())] * (columns - len(row)) for row in cells]
            return rows[:lines] + [[(" ", frozenset())] * columns
                                   for _ in range(lines - len(rows))]
        shown_is_main = self.cells is self.main
        self.main, shown = fitted(self.main), fitted(self.cells)
        self.cells = self.main if shown_is_main else shown
        self.lines, self.columns = lines, columns
        self.region = (0, lines - 1)
        self.line, self.column = min(self.line, lines - 1), min(self.column, columns - 1)
        self.wraps = False

    def text(self):
        return ["".join(cell[0] for cell in row).rstrip() for row in self.cells]

    def style_at(self, line, column=0):
        return self.cells[line][column][1]

    def is_as_found(self):
        """Whether nothing of a full screen is left."""
        return not (self.full or self.cursor_hidden or self.keypad or self.insert
                    or self.attributes or self.region != (0, self.lines - 1))

    def feed(self, data):
        text = self.rest + self.decoder.decode(data)
        self.rest = ""
        while text:
            if text[0] == "\x1b":
                if PARTIAL.match(text):
                    self.rest = text
                    return
                text = self.escape(text)
            else:
                self.put(text[0])
                text = text[1:]

    def escape(self, text):
        match = CSI.match(text)
        if match:
            self.control(*match.groups())
            return text[match.end():]
        # An escape within a sequence ends that and begins another, as when a program was killed.
        again = text.find("\x1b", 1)
        if text[1] == "[" and again > 0 and re.fullmatch(r"\[[?>!]?[0-9;]*", text[1:again]):
            return text[again:]
        if text[1] == "\x1b":
            return text[1:]
        if text[1] in "()":
            return text[3:]
        if text[1] in "=>":
            self.keypad = text[1] == "="
        elif text[1] == "7":
            self.saved = (self.line, self.column)
        elif text[1] == "8":
            self.line, self.column = self.saved
        elif text[1] == "M" and self.line == self.region[0]:
            self.scroll(-1)
        elif text[1] == "M":
            self.line = max(self.line - 1, 0)
        else:
            raise AssertionError(f"unknown escape {text[:10]!r}")
        return text[2:]

    def put(self, character):
        if character == "\r":
            self.column, self.wraps = 0, False
        elif character in "\n\x0b\x0c":
            self.wraps = False
            self.down()
        elif character == "\b":
            self.column, self.wraps = max(self.column - 1, 0), False
        elif character == "\t":
            self.column = min((self.column // 8 + 1) * 8, self.columns - 1)
        elif character in "\x07\x0e\x0f\x18":
            pass
        elif ord(character) < 32 or 0x7f <= ord(character) < 0xa0:
            raise AssertionError(f"a control character was printed: {character!r}")
        elif width_of(character) == 0:
            line, attributes = self.cells[self.line][max(self.column - 1, 0)]
            self.cells[self.line][max(self.column - 1, 0)] = (line + character, attributes)
        else:
            self.draw(character)

    def draw(self, character):
        width = width_of(character)
        if self.wraps or self.column + width > self.columns:
            self.column, self.wraps = 0, False
            self.down()
        row = self.cells[self.line]
        if self.insert:
            row[self.column:] = [(" ", frozenset())] * width + row[self.column:-width]
        row[self.column] = (character, self.attributes)
        if width == 2:
            row[self.column + 1] = ("", self.attributes)
        self.last = character
        self.column += width
        if self.column >= self.columns:
            self.column, self.wraps = self.columns - 1, True

    def down(self):
        if self.line == self.region[1]:
            self.scroll(1)
        else:
            self.line = min(self.line + 1, self.lines - 1)

    def scroll(self, n):
        top, bottom = self.region
        part = self.cells[top:bottom + 1]
        empty = [[(" ", frozenset())] * self.columns for _ in range(min(abs(n), len(part)))]
        part = part[n:] + empty if n > 0 else empty + part[:n]
        self.cells[top:bottom + 1] = part[:bottom + 1 - top]

    def erase(self, line, begin, end):
        for column in range(begin, end):
            self.cells[line][column] = (" ", self.attributes & {"reverse"})

    def control(self, private, parameters, final):
        numbers = [int(n) if n else 0 for n in parameters.split(";")]
        first = numbers[0] or 1
        if private == "?":
            self.mode(numbers, final == "h")
        elif private:
            assert private in ">!", f"unknown sequence {private}{parameters}{final}"
        elif final == "m":
            self.rendition(numbers)
        elif final == "h" or final == "l":
            if numbers[0] == 4:
                self.insert = final == "h"
        elif final == "r":
            bottom = numbers[1] if len(numbers) > 1 and numbers[1] else self.lines
            self.region = (first - 1, min(bottom, self.lines) - 1)
            self.line = self.column = 0
        elif final == "t":
            pass    # titles
        else:
            self.wraps = False
            self.edit(final, first, numbers)

    def edit(self, final, first, numbers):
        row = self.cells[self.line]
        if final in "Hf":
            self.line = min(first, self.lines) - 1
            self.column = min(numbers[1] or 1 if len(numbers) > 1 else 1, self.columns) - 1
        elif final == "A":
            self.line = max(self.line - first, 0)
        elif final == "B":
            self.line = min(self.line + first, self.lines - 1)
        elif final == "C":
            self.column = min(self.column + first, self.columns - 1)
        elif final == "D":
            self.column = max(self.column - first, 0)
        elif final in "G`":
            self.column = min(first, self.columns) - 1
        elif final == "d":
            self.line = min(first, self.lines) - 1
        elif final == "J":
            self.erase_display(numbers[0])
        elif final == "K":
            begin = 0 if numbers[0] in (1, 2) else self.column
            self.erase(self.line, begin, self.column + 1 if numbers[0] == 1 else self.columns)
        elif final == "X":
            self.erase(self.line, self.column, min(self.column + first, self.columns))
        elif final == "P":
            row[self.column:] = row[self.column + first:] + [(" ", frozenset())] * min(
                first, self.columns - self.column)
        elif final == "@":
            row[self.column:] = ([(" ", frozenset())] * first
                                 + row[self.column:])[:self.columns - self.column]
        elif final in "ST":
            self.scroll(first if final == "S" else -first)
        elif final in "LM":
            region, self.region = self.region, (self.line, self.region[1])
            self.scroll(first if final == "M" else -first)
            self.region = region
        elif final == "b":
            for _ in range(first):
                self.draw(self.last)
        elif final == "Z":
            self.column = max((self.column - 1) // 8 * 8, 0)
        else:
            raise AssertionError(f"unknown sequence {numbers}{final}")

    def erase_display(self, kind):
        for line in range(self.lines):
            if kind == 2 or (kind == 0 and line > self.line) or (kind == 1 and line < self.line):
                self.erase(line, 0, self.columns)
        if kind == 0:
            self.erase(self.line, self.column, self.columns)
        elif kind == 1:
            self.erase(self.line, 0, self.column + 1)

    def mode(self, numbers, on):
        for number in numbers:
            if number == 1:
                self.keypad = on
            elif number == 25:
                self.cursor_hidden = not on
            elif number == 1049:
                self.alternate(on)

    def alternate(self, on):
        if on and not self.full:
            self.saved = (self.line, self.column)
            self.cells = self.blank()
        elif not on:
            self.cells = self.main
            self.line, self.column = self.saved
        self.full = on
        self.wraps = False

    def rendition(self, numbers):
        meanings = {1: "bold", 2: "dim", 7: "reverse", 31: "red", 33: "yellow", 4: "underline"}
        ends = {22: {"bold", "dim"}, 27: {"reverse"}, 24: {"underline"}, 39: {"red", "yellow"},
                49: set()}
        for number in numbers:
            if number == 0:
                self.attributes = frozenset()
            elif number in ends:
                self.attributes -= ends[number]
            elif number in meanings:
                if number in (31, 33):
                    self.attributes -= {"red", "yellow"}
                self.attributes |= {meanings[number]}
            else:
                raise AssertionError(f"unknown rendition {number}")


def at_the_terminal():
    """In the child: the terminal is its own, and no signal is ignored as it may be in the tests."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_DFL)


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, command, environment, lines=24, columns=80):
        self.screen = Screen(lines, columns)
        self.parent, child = pty.openpty()
        self.child = child    # kept open: the modes can be read after the program's end
        self.set_size(lines, columns)
        self.modes = termios.tcgetattr(child)
        self.process = subprocess.Popen(
            command, env=environment, stdin=child, stdout=child, stderr=subprocess.PIPE,
            start_new_session=True, preexec_fn=at_the_terminal)

    def set_size(self, lines, columns):
        fcntl.ioctl(self.parent, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, lines, columns):
        self.screen.resize(lines, columns)
        self.set_size(lines, columns)

    def read(self, seconds):
        """Takes what has been drawn, waiting so long for more. Returns whether there was any."""
        if not select.select([self.parent], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.parent, 65536)
        except OSError:
            return False
        self.screen.feed(data)
        return bool(data)

    def send(self, keys):
        os.write(self.parent, keys.encode() if isinstance(keys, str) else keys)

    def wait_until(self, condition, seconds=PATIENCE):
        """Reads until the screen is as wanted, and drawn to its end; returns its lines."""
        end = time.monotonic() + seconds
        while True:
            more = self.read(0.02)
            if not more and condition(self.screen.text()):
                return self.screen.text()
            if time.monotonic() > end:
                raise AssertionError("the screen never was as wanted:\n"
                                     + "\n".join(self.screen.text()))

    def finish(self, seconds=PATIENCE):
        """Reads to the end of the program; returns its status and its words on stderr."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > end:
                self.process.kill()
                raise AssertionError("the program does not end")
            self.read(0.02)
        while self.read(0):
            pass
        err = self.process.stderr.read().decode()
        self.process.stderr.close()
        return self.process.returncode, err

    def is_as_found(self):
        return termios.tcgetattr(self.child) == self.modes and self.screen.is_as_found()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        if not self.process.stderr.closed:
            self.process.stderr.close()
        os.close(self.parent)
        os.close(self.child)
