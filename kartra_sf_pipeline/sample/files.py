"""The folder of files: names as Kartra gives them, written a block at a time."""

from __future__ import annotations

import io
import zlib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import TracebackType

import polars as pl


def export_name(label: str, taken: date, seed: int) -> str:
    """`<label>_DD-MM-YYYY_<13 hex>.csv`; the hex digits are seconds and microseconds."""
    noise = zlib.crc32(f"{seed} {label} {taken}".encode())
    # Between nine and five o'clock, UTC: the day is the same in New York.
    moment = datetime.combine(taken, time(14), UTC) + timedelta(seconds=noise % 25_000)
    stamp = f"{int(moment.timestamp()):08x}{noise % 1_000_000:05x}"
    return f"{label}_{taken:%d-%m-%Y}_{stamp}.csv"


class CsvFile:
    """One file that grows; a frame without rows still writes its header."""

    def __init__(self, path: Path, *, bom: bool = False, crlf: bool = False) -> None:
        self.path = path
        self.rows = 0
        self._bom = bom
        self._line = "\r\n" if crlf else "\n"
        self._begun = False
        self._handle: io.BufferedWriter | None = None

    def __enter__(self) -> CsvFile:
        self._handle = self.path.open("wb")
        if self._bom:
            self._handle.write(b"\xef\xbb\xbf")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            self._handle.close()

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows; the first call writes the header from the frame's column names."""
        assert self._handle is not None, "enter the file first"
        buffer = io.BytesIO()
        frame.write_csv(buffer, include_header=not self._begun, line_terminator=self._line)
        self._handle.write(buffer.getbuffer())
        self._begun = True
        self.rows += len(frame)
