"""Where a broken record ends and the next sound one begins.

Quote parity alone would let one stray quote swallow the rest of a file. When a quote stands where
none may, the record that holds it is set aside and reading goes on at the first line that is, by
itself, the start of a sound record: right number of fields, right quoting, and alike to the file's
other rows in the columns that are alike in all of them (numbers, e-mail addresses, dates).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kartra_sf_pipeline.kartra.encoding import Buffer

_PEERS = 200
# A shape counts as a column's own when enough rows show it without exception.
_MIN_PEERS = 3
_SHAPES = (
    re.compile(rb"\d+"),
    re.compile(rb"[^@\s]+@[^@\s]+"),
    re.compile(rb"\d{4}-\d{2}-\d{2}.*", re.DOTALL),
)


@dataclass(frozen=True)
class Dialect:
    """How the records of one file are written; `delimiter` and `newline` are one byte each.

    No record is longer than `longest` bytes: what seems to be is an unclosed quote.
    """

    delimiter: bytes
    newline: bytes
    width: int
    longest: int = 4 << 20


class Mender:
    """Finds the way on after a broken record."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        mark, end = re.escape(dialect.delimiter), re.escape(dialect.newline)
        quoted = rb'"(?:[^"]++|"")*+"'
        strict = rb"(?>" + quoted + rb"|[^\"" + mark + end + rb"]*+)"
        tail = rb"\r?(?:" + end + rb"|\Z)"
        repeat = b"{%d}" % (dialect.width - 1)
        self._sound = re.compile(rb"(?:" + strict + mark + rb")" + repeat + strict + tail)
        self._field = re.compile(rb"(" + strict + rb")(?:" + mark + rb"|" + tail + rb")")
        # A quoted field may trail junk, and a quote that never closes is text.
        lenient = rb"(?>" + quoted + rb"[^" + mark + end + rb"]*+|[^" + mark + end + rb"]*+)"
        self._lenient = re.compile(lenient + rb"(?:" + mark + lenient + rb")*+(?:" + end + rb"|\Z)")
        self._unclosed = re.compile(rb"(?:\A|" + mark + rb')"(?:[^"]++|"")*+\Z')
        self._shapes: list[tuple[int, re.Pattern[bytes]]] = []

    @property
    def anchored(self) -> bool:
        """Whether rows have a shape to be known by."""
        return bool(self._shapes)

    def learn(self, buffer: Buffer, start: int) -> None:
        """Take the shapes of the first sound rows from `start` on."""
        rows: list[list[bytes]] = []
        position = start
        for _ in range(_PEERS):
            limit = min(len(buffer), position + self.dialect.longest)
            match = self._sound.match(buffer, position, limit)
            if match is not None and match.end() > position:
                rows.append(self.fields(match[0]))
                position = match.end()
            else:
                position = self._next_line(buffer, position)
            if position >= len(buffer):
                break
        if len(rows) < _MIN_PEERS:
            return
        for column in range(self.dialect.width):
            cells = [row[column].strip(b'"') for row in rows]
            for shape in _SHAPES:
                if all(shape.fullmatch(cell) for cell in cells):
                    self._shapes.append((column, shape))
                    break

    def fields(self, record: bytes) -> list[bytes]:
        """Cells of one sound record, still quoted."""
        cells: list[bytes] = []
        position = 0
        while len(cells) < self.dialect.width:
            match = self._field.match(record, position)
            if match is None:
                break
            cells.append(match[1].rstrip(b"\r"))
            position = match.end()
        return cells

    def sound(self, buffer: Buffer, start: int) -> bool:
        """Whether a record that stands on its own begins at `start`."""
        match = self._sound.match(buffer, start, min(len(buffer), start + self.dialect.longest))
        if match is None or not match[0].strip():
            return False
        if not self._shapes:
            return True
        cells = self.fields(match[0])
        return len(cells) == self.dialect.width and all(
            shape.fullmatch(cells[column].strip(b'"')) for column, shape in self._shapes
        )

    def end_of(self, buffer: Buffer, start: int) -> int:
        """Offset at which reading goes on after the broken record that begins at `start`."""
        limit = min(len(buffer), start + self.dialect.longest)
        match = self._lenient.match(buffer, start, limit)
        end = match.end() if match is not None else limit
        line = self._next_line(buffer, start)
        while line < end:
            if self.sound(buffer, line) or self._begins(buffer, line):
                return line
            line = self._next_line(buffer, line)
        return end

    def unclosed(self, record: bytes) -> bool:
        """Whether a field of a broken record opens a quote that its text does not close."""
        return self._unclosed.search(record) is not None

    def swallowed(self, buffer: Buffer, start: int, end: int) -> int | None:
        """Where reading should have gone on inside the record from `start` to `end`.

        None unless one of its lines is itself a sound record.
        """
        way_on: int | None = None
        line = self._next_line(buffer, start)
        while line < end:
            if self.sound(buffer, line):
                return line if way_on is None else way_on
            if way_on is None and self._begins(buffer, line):
                way_on = line
            line = self._next_line(buffer, line)
        return None

    def _begins(self, buffer: Buffer, line: int) -> bool:
        """Whether a line that is broken, too, begins as the file's rows do."""
        end = self._next_line(buffer, line)
        text, quote, _ = buffer[line:end].partition(b'"')
        cells = text.rstrip(b"\r\n").split(self.dialect.delimiter)
        if quote:
            del cells[-1]
        seen = [(cells[column], shape) for column, shape in self._shapes if column < len(cells)]
        return bool(seen) and all(shape.fullmatch(cell) for cell, shape in seen)

    def _next_line(self, buffer: Buffer, start: int) -> int:
        found = buffer.find(self.dialect.newline, start)
        return len(buffer) if found < 0 else found + 1
