"""The beginning of a file: is it a table, how is it delimited, what are its headers."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

from kartra_sf_pipeline.errors import ExportError
from kartra_sf_pipeline.kartra.encoding import Buffer
from kartra_sf_pipeline.kartra.recognise import known_headers

# Far more than any header row takes.
_LIMIT = 1 << 20
_DELIMITERS = (",", ";", "\t", "|")
_DELIMITER_HINT = re.compile(r"^sep=(.)\s*$", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SIGNATURES = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet workbook"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet workbook"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"SQLite format 3", "a database"),
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"<", "a web page or XML"),
)


@dataclass(frozen=True)
class Head:
    """`start` is the offset of the first record, `line` its physical line."""

    headers: list[str]
    delimiter: str
    newline: bytes
    line_ending: str
    header_line: int
    start: int
    line: int
    notes: tuple[str, ...] = ()


def refuse_other_formats(buffer: Buffer, path: str) -> None:
    """Raise ExportError where the first bytes are those of something that is not text."""
    start = bytes(buffer[:512]).removeprefix(b"\xef\xbb\xbf").lstrip()
    for signature, what in _SIGNATURES:
        if start.startswith(signature):
            raise ExportError(
                f"this is {what}, not CSV",
                file=path,
                next_step="Export the file from Kartra again as CSV, or remove it from the folder.",
            )


def read_head(buffer: Buffer, start: int, path: str, delimiter: str | None) -> Head:
    """Read the header row of UTF-8 text that begins at `start`.

    `delimiter` overrides detection. Raises ExportError when there is no header row or it has
    fewer than two columns.
    """
    raw = bytes(buffer[start : start + _LIMIT])
    newline, line_ending = _line_ending(raw)
    text = raw.decode("utf-8", "replace")
    lines = text.split(newline.decode())
    skipped = 0
    notes: list[str] = []
    while skipped < len(lines) and not lines[skipped].strip():
        skipped += 1
    hint = _DELIMITER_HINT.match(lines[skipped]) if skipped < len(lines) else None
    if hint is not None:
        delimiter = delimiter or hint[1]
        notes.append(f"line {skipped + 1} names the delimiter {hint[1]!r}, as a spreadsheet does")
        skipped += 1
        while skipped < len(lines) and not lines[skipped].strip():
            skipped += 1
    if skipped >= len(lines):
        raise ExportError(
            "the file holds nothing but blank lines",
            file=path,
            next_step="Export it from Kartra again, or remove it from the folder.",
        )
    # Offsets are counted in bytes: a header may hold characters of several.
    offset = 0
    for _ in range(skipped):
        offset = raw.index(newline, offset) + 1
    body = raw[offset:].decode("utf-8", "replace")
    mark = delimiter or _delimiter(body, newline.decode())
    headers, lines_used = _header(body, mark, newline.decode())
    for _ in range(lines_used):
        found = raw.find(newline, offset)
        offset = len(raw) if found < 0 else found + 1
    header_line = skipped + 1
    if any(_CONTROL.search(header) for header in headers):
        raise ExportError(
            "this is not a text table: its first line holds control characters",
            file=path,
            line=header_line,
            next_step="Export the file from Kartra again as CSV, or remove it from the folder.",
        )
    if len(headers) < 2:
        raise ExportError(
            "the header row is too short: it has one column",
            file=path,
            line=header_line,
            next_step="Export the file from Kartra again with all columns; if its columns are "
            "parted by something else than , ; | or a tab, name the delimiter in exports.yaml.",
        )
    return Head(
        headers,
        mark,
        newline,
        line_ending,
        header_line,
        start + offset,
        header_line + lines_used,
        tuple(notes),
    )


def _line_ending(raw: bytes) -> tuple[bytes, str]:
    """The byte that ends a line, and the ending's usual name."""
    feeds = raw.count(b"\n")
    if feeds == 0 and b"\r" in raw:
        return b"\r", "CR"
    return b"\n", "CRLF" if feeds and raw.count(b"\r\n") * 2 > feeds else "LF"


def _delimiter(text: str, newline: str) -> str:
    """The delimiter under which most headers are known; then the one that gives most columns."""

    def fitness(mark: str) -> tuple[int, int]:
        headers, _ = _header(text, mark, newline)
        return (known_headers(headers) if len(headers) > 1 else 0, len(headers))

    return max(_DELIMITERS, key=fitness)


def _header(text: str, mark: str, newline: str) -> tuple[list[str], int]:
    """Cells of the first record, and how many physical lines it takes."""
    used = 0

    def counted() -> Iterator[str]:
        nonlocal used
        for line in lines_of(text, newline):
            used += 1
            yield line

    # The reader asks for one more line only while a quote is open.
    try:
        headers = next(csv.reader(counted(), delimiter=mark), [])
    except csv.Error:
        headers = []
    return [header.strip("\ufeff") for header in headers], max(used, 1)


def lines_of(text: str, newline: str) -> Iterator[str]:
    """Physical lines with their ends; unlike `splitlines`, only `newline` ends one."""
    start = 0
    while start < len(text):
        found = text.find(newline, start)
        end = len(text) if found < 0 else found + 1
        yield text[start:end]
        start = end
