"""Results of a bulk query: one CSV file and the offset of each record in it.

SQLite itself writes each record as one line of text, so that a large result never becomes
Python objects; the offsets let any page be served as a slice of the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kartra_sf_pipeline.localorg.schema import NUMBER_TYPES, Field
from kartra_sf_pipeline.localorg.soql.plan import Plan

DELIMITERS = {
    "COMMA": ",",
    "TAB": "\t",
    "SEMICOLON": ";",
    "PIPE": "|",
    "CARET": "^",
    "BACKQUOTE": "`",
}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
_FETCH_ROWS = 5_000
_CHUNK_BYTES = 1 << 20


def java_double(value: float | None) -> str:
    """A number as the results show it: `15000.0`, and from ten million on `9.12260031E8`."""
    if value is None:
        return ""
    if value == 0:
        return "0.0"
    if 1e-3 <= abs(value) < 1e7:
        text = repr(value)
        return text if "." in text else f"{text}.0"
    mantissa, _, exponent = np.format_float_scientific(value, unique=True, trim="0").partition("e")
    return f"{mantissa}E{int(exponent)}"


def _cell(sql: str, field: Field) -> str:
    kind = field.type
    if kind == "boolean":
        return f"CASE {sql} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE '' END"
    if kind == "datetime":
        return f"ifnull(substr({sql}, 1, 23) || 'Z', '')"
    if kind in NUMBER_TYPES:
        plain = f"abs({sql}) >= 0.001 AND abs({sql}) < 1e7 AND {sql} = round({sql}, 4)"
        return (
            f"CASE WHEN {sql} IS NULL THEN '' WHEN {plain} THEN CAST({sql} AS TEXT) "
            f"ELSE sf_double({sql}) END"
        )
    if kind in {"id", "reference", "date", "int"}:
        return f"ifnull({sql}, '')"
    return f"""replace(ifnull({sql}, ''), '"', '""')"""


def _joined(parts: list[str]) -> str:
    """Concatenation as a balanced tree: SQLite bounds the depth of an expression."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return f"({_joined(parts[:middle])} || {_joined(parts[middle:])})"


def line_sql(plan: Plan, delimiter: str) -> str:
    """The SELECT that gives each record as one CSV line without its line end."""
    between = f"""'"{delimiter}"'"""
    parts: list[str] = ["'\"'"]
    for i, output in enumerate(plan.outputs):
        if i:
            parts.append(between)
        parts.append(_cell(output.sql, output.field))
    parts.append("'\"'")
    return f"SELECT CAST({_joined(parts)} AS BLOB) {plan.body} {plan.order}"


@dataclass(frozen=True)
class ResultFiles:
    """Where one job's results are."""

    directory: Path
    name: str

    @property
    def csv(self) -> Path:
        """The records, behind one header line."""
        return self.directory / f"{self.name}.csv"

    @property
    def offsets(self) -> Path:
        """Little-endian 64-bit offsets: where each record starts, and where the last one ends."""
        return self.directory / f"{self.name}.offsets"

    def write(
        self, connection: sqlite3.Connection, plan: Plan, *, delimiter: str, line_ending: str
    ) -> int:
        """Runs the query into the files; returns the number of records."""
        connection.create_function("sf_double", 1, java_double, deterministic=True)
        self.directory.mkdir(parents=True, exist_ok=True)
        header = delimiter.join(f'"{output.name}"' for output in plan.outputs) + line_ending
        end = line_ending.encode()
        position = len(header.encode())
        starts: list[np.ndarray] = [np.array([position], dtype="<i8")]
        with self.csv.open("wb") as file:
            file.write(header.encode())
            cursor = connection.execute(line_sql(plan, delimiter), plan.params)
            while rows := cursor.fetchmany(_FETCH_ROWS):
                lines = [row[0] for row in rows]
                file.write(end.join(lines) + end)
                lengths = np.fromiter(map(len, lines), dtype="<i8", count=len(lines)) + len(end)
                ends = position + np.cumsum(lengths)
                starts.append(ends)
                position = int(ends[-1])
        offsets = np.concatenate(starts)
        offsets.astype("<i8").tofile(self.offsets)
        return len(offsets) - 1

    def page(self, first: int, count: int) -> tuple[int, Iterator[bytes]]:
        """Records from `first` on, at most `count`, behind a header line, and how many they are."""
        offsets = np.memmap(self.offsets, dtype="<i8", mode="r")
        last = min(first + count, len(offsets) - 1)
        if first >= last:
            return 0, self._slices(int(offsets[0]), 0, 0)
        return last - first, self._slices(int(offsets[0]), int(offsets[first]), int(offsets[last]))

    def _slices(self, header_end: int, start: int, end: int) -> Iterator[bytes]:
        with self.csv.open("rb") as file:
            head = file.read(header_end)
            if start == header_end:
                # The first page is one run of the file.
                file.seek(0)
                start, head = 0, b""
            else:
                file.seek(start)
            if head:
                yield head
            remaining = end - start
            while remaining > 0:
                chunk = file.read(min(_CHUNK_BYTES, remaining))
                if not chunk:
                    return
                remaining -= len(chunk)
                yield chunk

    def remove(self) -> None:
        """Deletes both files, if they are there."""
        self.csv.unlink(missing_ok=True)
        self.offsets.unlink(missing_ok=True)
