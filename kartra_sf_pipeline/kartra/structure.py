"""The records of a file, found without parsing its cells.

A block of bytes is searched for quotes, newlines and delimiters with array operations alone: the
parity of the quotes before a newline says whether it ends a record, the delimiters outside quotes
count its fields. Only records with a quote where none may stand are looked at one by one.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from kartra_sf_pipeline.kartra.broken import MAX_RECORD, Dialect, Mender
from kartra_sf_pipeline.kartra.encoding import Buffer

Offsets = npt.NDArray[np.int64]

_QUOTE = ord('"')
_CR = ord("\r")
_BLOCK = 16 << 20
# Narrower rows are matched too easily by text inside a note.
_SWALLOW_WIDTH = 6


@dataclass(frozen=True)
class Broken:
    """A record that cannot be read; `raw` is its text as bytes, without the line's end."""

    line: int
    reason: str
    detail: str
    raw: bytes


@dataclass
class Block:
    """Some records of a file: `text` holds the sound ones alone, `lines` where each began."""

    text: bytes
    lines: Offsets
    broken: list[Broken] = field(default_factory=list)


def blocks(
    buffer: Buffer, start: int, first_line: int, dialect: Dialect, size: int = _BLOCK
) -> Iterator[Block]:
    """Split what follows the header into blocks of whole records.

    `start` is the offset of the first record, `first_line` its physical line.
    """
    mender = Mender(dialect)
    mender.learn(buffer, start)
    line = first_line
    length = size
    while start < len(buffer):
        stop = min(len(buffer), start + length)
        final = stop == len(buffer)
        block, used, lines = _Scan(bytes(buffer[start:stop]), line, final, dialect, mender).block()
        if used == 0:
            # One record fills the block and is still within bounds.
            length *= 2
            continue
        yield block
        start += used
        line += lines
        length = size


class _Scan:
    """The structure pass over one block of bytes that begins at a record."""

    def __init__(
        self, raw: bytes, first_line: int, final: bool, dialect: Dialect, mender: Mender
    ) -> None:
        self._final = final
        self._cut_short = final and not raw.endswith(dialect.newline)
        # A newline of our own lets the last record end like the others.
        self._raw = raw + dialect.newline if self._cut_short else raw
        self._first_line = first_line
        self._dialect = dialect
        self._mender = mender
        self._newline = dialect.newline[0]
        self._mark = dialect.delimiter[0]
        self._data = np.frombuffer(self._raw, dtype=np.uint8)
        self._quotes = np.flatnonzero(self._data == _QUOTE)
        self._newlines = np.flatnonzero(self._data == self._newline)
        self._broken: list[Broken] = []

    def block(self) -> tuple[Block, int, int]:
        """The block, how many bytes of the input it used, and how many physical lines."""
        starts, ends, used = self._records()
        if used == 0:
            return Block(b"", np.empty(0, np.int64)), 0, 0
        starts, ends = self._judge(starts, ends)
        text = self._text(starts, ends)
        self._broken.sort(key=lambda record: record.line)
        lines = int(np.searchsorted(self._newlines, used))
        if self._cut_short and used == len(self._raw):
            used -= 1
        return Block(text, self._lines(starts), self._broken), used, lines

    def _records(self) -> tuple[Offsets, Offsets, int]:
        """Starts and ends of the records by parity, past those whose quotes are at fault."""
        if self._quotes.size == 0:
            ends = self._newlines
            if ends.size:
                return np.concatenate(([0], ends[:-1] + 1)), ends, int(ends[-1]) + 1
            long = len(self._raw) >= MAX_RECORD
            return ends, ends, self._set_aside(0, "endless_line") if long else 0
        before = np.searchsorted(self._quotes, self._newlines) & 1
        # By the parity of the quote index at which reading began.
        ends_by = (self._newlines[before == 0], self._newlines[before == 1])
        faults_by = self._faults()
        starts_found: list[Offsets] = []
        ends_found: list[Offsets] = []
        position = 0
        while True:
            first = int(np.searchsorted(self._quotes, position))
            ends, faults = ends_by[first & 1], faults_by[first & 1]
            low = int(np.searchsorted(ends, position))
            at = int(np.searchsorted(faults, first))
            if at < faults.size:
                fault = int(self._quotes[faults[at]])
                high = int(np.searchsorted(ends, fault))
            else:
                fault, high = -1, ends.size
            found = ends[low:high]
            if found.size:
                starts_found.append(np.concatenate(([position], found[:-1] + 1)))
                ends_found.append(found)
                position = int(found[-1]) + 1
            if fault < 0:
                if position >= len(self._raw):
                    break
                # What is left is a record that does not end here.
                if not self._final and len(self._raw) - position < MAX_RECORD:
                    break
                position = self._set_aside(position, "unclosed_quote")
            else:
                if not self._final and len(self._raw) - position < MAX_RECORD:
                    # The way on may lie in the next block.
                    break
                position = self._set_aside(position, "over_quoted")
            if position >= len(self._raw):
                break
        empty = np.empty(0, np.int64)
        return (
            np.concatenate(starts_found) if starts_found else empty,
            np.concatenate(ends_found) if ends_found else empty,
            position,
        )

    def _faults(self) -> tuple[Offsets, Offsets]:
        """Indices of quotes that stand where none may, if quotes of even index open, or of odd."""
        quotes, data = self._quotes, self._data
        padded_before = data[np.maximum(quotes - 1, 0)]
        opens = (
            (padded_before == self._mark)
            | (padded_before == self._newline)
            | (padded_before == _QUOTE)
            | (quotes == 0)
        )
        last = data.size - 1
        after = data[np.minimum(quotes + 1, last)]
        closes = (
            (after == self._mark)
            | (after == self._newline)
            | (after == _QUOTE)
            | (quotes == last)
            | ((after == _CR) & (data[np.minimum(quotes + 2, last)] == self._newline))
        )
        even = (np.arange(quotes.size) & 1) == 0
        return (
            np.flatnonzero(np.where(even, ~opens, ~closes)),
            np.flatnonzero(np.where(even, ~closes, ~opens)),
        )

    def _set_aside(self, start: int, reason: str) -> int:
        """Quarantine the broken record at `start`; the offset at which reading goes on."""
        end = self._mender.end_of(self._raw, start)
        end = end if end > start else len(self._raw)
        at_end = self._final and end == len(self._raw)
        if reason == "unclosed_quote" and at_end:
            reason = "truncated"
        details = {
            "over_quoted": "a quote stands inside a field, or text after a closing quote",
            "unclosed_quote": "a quote opens and does not close",
            "truncated": "the file ends inside a quoted field",
            "endless_line": "the line does not end",
        }
        self._quarantine(start, end, reason, details[reason])
        return end

    def _quarantine(self, start: int, end: int, reason: str, detail: str) -> None:
        raw = self._raw[start:end].rstrip(b"\r\n")
        line = int(self._lines(np.array([start]))[0])
        self._broken.append(Broken(line, reason, detail, raw))

    def _lines(self, starts: Offsets) -> Offsets:
        return self._first_line + np.searchsorted(self._newlines, starts).astype(np.int64)

    def _judge(self, starts: Offsets, ends: Offsets) -> tuple[Offsets, Offsets]:
        """The sound records; the others go to the quarantine."""
        count, inside = self._delimiters(starts, ends)
        width = self._dialect.width
        fields = count - inside + 1
        length = ends - starts
        blank = (length == 0) | ((length == 1) & (self._data[starts] == _CR))
        keep = ~blank
        saved = self._swallowed(starts, ends, inside, keep)
        ragged = keep & (fields != width)
        for index in np.flatnonzero(ragged).tolist():
            start, end = int(starts[index]), int(ends[index])
            cut = self._cut_short and end == len(self._raw) - 1 and fields[index] < width
            self._quarantine(
                start,
                end,
                "truncated" if cut else "ragged",
                f"{int(fields[index])} fields where the header has {width}"
                + (", and the file ends there" if cut else ""),
            )
        keep &= ~ragged
        keep &= self._without_zero_bytes(starts, ends, keep)
        keep &= self._without_bad_text(starts, ends, keep)
        if not saved:
            return starts[keep], ends[keep]
        starts = np.concatenate([starts[keep], *(low for low, _ in saved)])
        ends = np.concatenate([ends[keep], *(high for _, high in saved)])
        order = np.argsort(starts)
        return starts[order], ends[order]

    def _swallowed(
        self, starts: Offsets, ends: Offsets, inside: Offsets, keep: npt.NDArray[np.bool_]
    ) -> list[tuple[Offsets, Offsets]]:
        """Rows inside a quoted field whose own closing quote is missing.

        By its quotes alone such a record is well-formed. It is taken out of `keep`, its first
        lines go to the quarantine, and the records from the first sound line on are returned.
        """
        width = self._dialect.width
        saved: list[tuple[Offsets, Offsets]] = []
        if width < _SWALLOW_WIDTH or not self._mender.anchored:
            return saved
        for index in np.flatnonzero(keep & (inside >= width - 1)).tolist():
            start, end = int(starts[index]), int(ends[index])
            found = self._mender.swallowed(self._raw, start, end)
            if found is None:
                continue
            keep[index] = False
            self._quarantine(
                start, found, "unclosed_quote", "a quote opens, and rows follow before it closes"
            )
            line = int(self._lines(np.array([found]))[0])
            rest = _Scan(self._raw[found : end + 1], line, True, self._dialect, self._mender)
            low, high, _ = rest._records()
            low, high = rest._judge(low, high)
            self._broken.extend(rest._broken)
            saved.append((low + found, high + found))
        return saved

    def _delimiters(self, starts: Offsets, ends: Offsets) -> tuple[Offsets, Offsets]:
        """Per record: its delimiters, and how many of them stand inside quotes."""
        if self._quotes.size == 0:
            marks = np.flatnonzero(self._data == self._mark)
            count = np.searchsorted(marks, ends) - np.searchsorted(marks, starts)
            return count, np.zeros_like(count)
        total = np.cumsum(self._data == self._mark, dtype=np.int32)
        # The byte at `starts` may itself be a delimiter, which the difference misses.
        count = (total[ends] - total[starts]) + (self._data[starts] == self._mark)
        # Signed by turns, the counts at the quotes add up to what lies between pairs, whichever
        # of the two opens: only the sign differs.
        signs = np.where((np.arange(self._quotes.size) & 1) == 0, -1, 1)
        running = np.concatenate(([0], np.cumsum(total[self._quotes] * signs, dtype=np.int64)))
        first = np.searchsorted(self._quotes, starts)
        last = np.searchsorted(self._quotes, ends)
        return count, np.abs(running[last] - running[first])

    def _without_zero_bytes(
        self, starts: Offsets, ends: Offsets, keep: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        clean = np.ones_like(keep)
        if self._data.all():
            return clean
        zeros = np.flatnonzero(self._data == 0)
        held = np.searchsorted(zeros, ends) > np.searchsorted(zeros, starts)
        for index in np.flatnonzero(held & keep).tolist():
            self._quarantine(
                int(starts[index]), int(ends[index]), "zero_byte", "the row holds a zero byte"
            )
        return ~held

    def _without_bad_text(
        self, starts: Offsets, ends: Offsets, keep: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        clean = np.ones_like(keep)
        if _is_utf8(self._raw):
            return clean
        view = memoryview(self._raw)
        position = 0
        while position < len(self._raw):
            try:
                codecs.utf_8_decode(view[position:], "strict", True)
                break
            except UnicodeDecodeError as error:
                bad = position + error.start
            index = int(np.searchsorted(ends, bad))
            if index >= ends.size:
                break
            if bad >= starts[index]:
                if keep[index] and clean[index]:
                    self._quarantine(
                        int(starts[index]),
                        int(ends[index]),
                        "bad_encoding",
                        "the row holds bytes that are not UTF-8, as the rest of the file is",
                    )
                clean[index] = False
                position = int(ends[index]) + 1
            else:
                # Inside a record that was set aside before.
                position = bad + 1
        return clean

    def _text(self, starts: Offsets, ends: Offsets) -> bytes:
        """The kept records on end; one slice where nothing lies between them."""
        if starts.size == 0:
            return b""
        gaps = np.flatnonzero(starts[1:] != ends[:-1] + 1)
        if gaps.size == 0:
            return self._raw[int(starts[0]) : int(ends[-1]) + 1]
        lows = np.concatenate(([0], gaps + 1))
        highs = np.concatenate((gaps, [starts.size - 1]))
        pieces = zip(starts[lows].tolist(), ends[highs].tolist(), strict=True)
        return b"".join(self._raw[low : high + 1] for low, high in pieces)


def _is_utf8(raw: bytes) -> bool:
    """Polars validates several times faster than Python decodes."""
    try:
        pl.Series([raw], dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.PolarsError:
        return False
    return True
