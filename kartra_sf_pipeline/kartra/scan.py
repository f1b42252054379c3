"""The records of a file, found without parsing its cells.

A block of bytes is searched for quotes, newlines and delimiters with array operations alone: the
parity of the quotes before a newline says whether it ends a record, the delimiters outside quotes
count its fields. Only records with a quote where none may stand are looked at one by one.

A trusting pass counts the delimiters of the whole block instead of each record's. It is for a
caller whose parser refuses both a record that is too long and text that is not UTF-8: then no
record can be too short either while the total is right.
"""

from __future__ import annotations

import codecs
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from kartra_sf_pipeline.kartra.block import Block, Broken, Offsets
from kartra_sf_pipeline.kartra.broken import Dialect, Mender

_QUOTE = ord('"')
_CR = ord("\r")
# So many records are looked through at a time, so that a cut among them costs little.
_SLICE = 8192
# Narrower rows are matched too easily by text inside a note.
_SWALLOW_WIDTH = 6
# Bytes per quote, or block per quoted bytes, from which looking at single ones is the slower way.
_DENSE = 16


class Scan:
    """The structure pass over one block of bytes that begins at a record."""

    def __init__(
        self,
        raw: bytes,
        first_line: int,
        final: bool,
        dialect: Dialect,
        mender: Mender,
        *,
        trusting: bool,
    ) -> None:
        self._given = raw
        self._trusting = trusting
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
        self._used = 0

    @cached_property
    def _marks(self) -> Offsets:
        """Where delimiters stand, inside quotes or not."""
        return np.flatnonzero(self._data == self._mark)

    @cached_property
    def _inside_before(self) -> Offsets:
        """Running count of the delimiters between quotes, up to each quote.

        It is signed by turns, so that whichever of two quotes opens, the difference over a record
        is what stands inside its quotes, but for the sign.
        """
        if self._quotes.size * _DENSE > self._data.size:
            before = np.cumsum(self._data == self._mark, dtype=np.int32)[self._quotes]
        else:
            before = np.searchsorted(self._marks, self._quotes)
        signs = np.where((np.arange(self._quotes.size) & 1) == 0, -1, 1)
        return np.concatenate(([0], np.cumsum(before * signs, dtype=np.int64)))

    def block(self) -> tuple[Block, int, int]:
        """The block, how many bytes of the input it used, and how many physical lines."""
        starts, ends, used = self._records()
        if used == 0:
            return Block(b"", np.empty(0, np.int64)), 0, 0
        self._used = used
        starts, ends = self._judge(starts, ends)
        text = self._text(starts, ends)
        self._broken.sort(key=lambda record: record.line)
        lines = int(np.searchsorted(self._newlines, used))
        if self._cut_short and used == len(self._raw):
            used -= 1
        again = self._again if self._trusting else None
        sizes = ends - starts + 1
        return Block(text, self._lines(starts), self._broken, sizes, again=again), used, lines

    def _again(self) -> Block:
        careful = Scan(
            self._given,
            self._first_line,
            self._final,
            self._dialect,
            self._mender,
            trusting=False,
        )
        return careful.block()[0]

    def _records(self) -> tuple[Offsets, Offsets, int]:
        """Starts and ends of the records by parity, past those whose quotes are at fault."""
        if self._quotes.size == 0:
            ends = self._newlines
            if ends.size:
                return np.concatenate(([0], ends[:-1] + 1)), ends, int(ends[-1]) + 1
            long = len(self._raw) >= self._dialect.longest
            return ends, ends, self._set_aside(0, "endless_line") if long else 0
        before = np.searchsorted(self._quotes, self._newlines) & 1
        # By the parity of the quote index at which reading began.
        ends_by = (self._newlines[before == 0], self._newlines[before == 1])
        faults_by = self._faults()
        starts_found: list[Offsets] = []
        ends_found: list[Offsets] = []
        position = 0
        while position < len(self._raw):
            first = int(np.searchsorted(self._quotes, position))
            ends, faults = ends_by[first & 1], faults_by[first & 1]
            at = int(np.searchsorted(faults, first))
            fault = int(self._quotes[faults[at]]) if at < faults.size else len(self._raw)
            low, high = np.searchsorted(ends, (position, fault)).tolist()
            found = ends[low : min(high, low + _SLICE)]
            if found.size:
                starts = np.concatenate(([position], found[:-1] + 1))
                index, way_on = self._swallower(starts, found)
                starts_found.append(starts[:index])
                ends_found.append(found[:index])
                position = way_on
                if index < found.size or high - low > _SLICE:
                    continue
            # What is left is a record that does not end here, or is at fault.
            if position == len(self._raw):
                break
            if not self._final and len(self._raw) - position < self._dialect.longest:
                # The way on may lie in the next block.
                break
            position = self._set_aside(
                position, "over_quoted" if fault < len(self._raw) else "unclosed_quote"
            )
        empty = np.empty(0, np.int64)
        return (
            np.concatenate([empty, *starts_found]),
            np.concatenate([empty, *ends_found]),
            position,
        )

    def _swallower(self, starts: Offsets, ends: Offsets) -> tuple[int, int]:
        """The first record that holds others because its own closing quote is missing.

        By its quotes alone it is well-formed. It goes to the quarantine, up to the line on which
        reading goes on; its index and that line's offset. Without one, the index is past the end.
        """
        first = int(np.searchsorted(self._newlines, starts[0]))
        single = int(np.searchsorted(self._newlines, ends[-1])) - first + 1 == ends.size
        if self._mender.anchored and not single:
            width = self._dialect.width
            lines = np.searchsorted(self._newlines, ends) - np.searchsorted(self._newlines, starts)
            several = np.flatnonzero(lines > 0)
            count, inside = self._delimiters(starts[several], ends[several])
            suspect = count - inside + 1 != width
            if width >= _SWALLOW_WIDTH:
                suspect |= inside >= width - 1
            for index in several[suspect].tolist():
                start, end = int(starts[index]), int(ends[index])
                found = self._mender.swallowed(self._raw, start, end)
                if found is not None:
                    detail = "a quote opens, and rows follow before it closes"
                    self._quarantine(start, found, "unclosed_quote", detail)
                    return index, found
        return ends.size, int(ends[-1]) + 1

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
        record = self._raw[start:end].rstrip(b"\r\n")
        if reason == "over_quoted" and self._mender.unclosed(record):
            reason = "unclosed_quote"
        if reason == "unclosed_quote" and self._final and end == len(self._raw):
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
        length = ends - starts
        blank = (length == 0) | ((length == 1) & (self._data[starts] == _CR))
        keep = ~blank
        if not (self._trusting and self._adds_up(int(keep.sum()))):
            keep &= ~self._ragged(starts, ends, keep)
        keep &= self._without_zero_bytes(starts, ends, keep)
        if not self._trusting:
            keep &= self._without_bad_text(starts, ends, keep)
        return starts[keep], ends[keep]

    def _adds_up(self, records: int) -> bool:
        """Whether the block has as many delimiters outside quotes as sound records would."""
        if self._broken:
            return False
        used = self._used
        total = int(np.count_nonzero(self._data[:used] == self._mark))
        quotes = self._quotes[: int(np.searchsorted(self._quotes, used))]
        opened, closed = quotes[0::2] + 1, quotes[1::2]
        lengths = closed - opened
        size = int(lengths.sum())
        if size * _DENSE > used:
            inside = abs(int(self._inside_before[quotes.size]))
        else:
            # The bytes between quotes, one after the other.
            shift = np.concatenate(([0], np.cumsum(lengths)[:-1])) if size else lengths
            between = np.repeat(opened - shift, lengths) + np.arange(size)
            inside = int(np.count_nonzero(self._data[between] == self._mark))
        return total - inside == records * (self._dialect.width - 1)

    def _ragged(
        self, starts: Offsets, ends: Offsets, keep: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Records with fewer or more fields than the header; they go to the quarantine."""
        count, inside = self._delimiters(starts, ends)
        width = self._dialect.width
        fields = count - inside + 1
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
        return ragged

    def _delimiters(self, starts: Offsets, ends: Offsets) -> tuple[Offsets, Offsets]:
        """Per record: its delimiters, and how many of them stand inside quotes."""
        count = np.searchsorted(self._marks, ends) - np.searchsorted(self._marks, starts)
        if self._quotes.size == 0:
            return count, np.zeros_like(count)
        first = np.searchsorted(self._quotes, starts)
        last = np.searchsorted(self._quotes, ends)
        return count, np.abs(self._inside_before[last] - self._inside_before[first])

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
