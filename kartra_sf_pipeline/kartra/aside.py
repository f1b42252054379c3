"""Records of a file that cannot be read, kept in the order of their lines.

A file may be spoilt from end to end, and its quarantine as large as itself: what is more than a
little goes to disk while reading goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

# So many bytes of raw text are held in memory before they go to disk.
_HELD = 32 << 20


class Aside:
    """What one file's records in quarantine are; `rows` counts all of them."""

    def __init__(self, room: Callable[[], Path], held: int = _HELD) -> None:
        """`room` makes a path that no other file has; it is asked only when there is need."""
        self.rows = 0
        self._room = room
        self._most = held
        self._held: list[pl.DataFrame] = []
        self._bytes = 0
        self._stored: list[Path] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Take records whose lines are past those that were taken before."""
        if frame.is_empty():
            return
        self.rows += frame.height
        self._held.append(frame)
        self._bytes += int(frame.estimated_size())
        if self._bytes >= self._most:
            path = self._room()
            pl.concat(self._held).write_parquet(path)
            self._stored.append(path)
            self._held, self._bytes = [], 0

    def frames(self) -> Iterator[pl.DataFrame]:
        """All records, a part at a time."""
        for path in self._stored:
            yield pl.read_parquet(path)
        yield from self._held
