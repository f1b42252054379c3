"""A file's records as a frame of text with line numbers, and those that cannot be read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate

import polars as pl

from kartra_sf_pipeline.kartra.block import Block, Broken
from kartra_sf_pipeline.kartra.broken import Dialect
from kartra_sf_pipeline.kartra.encoding import Buffer
from kartra_sf_pipeline.kartra.exports import LINEAGE
from kartra_sf_pipeline.kartra.head import Head, lines_of
from kartra_sf_pipeline.kartra.structure import blocks

_LINE = LINEAGE[1]
_BROKEN_SCHEMA = {
    "source_line": pl.Int64,
    "reason": pl.String,
    "detail": pl.String,
    "raw": pl.String,
}


class NotUtf8(Exception):
    """The text that was taken for UTF-8 by its beginning is not."""


@dataclass(frozen=True)
class Batch:
    """Sound records (columns `names` and `source_line`) and broken ones; either may be none."""

    rows: pl.DataFrame
    aside: pl.DataFrame
    block: Block


def iter_rows(
    buffer: Buffer, head: Head, names: tuple[str, ...], *, proven: bool = True
) -> Iterator[Batch]:
    """Batch by batch, the records of a file.

    Cells are verbatim; an empty cell is null, quoted or not. Records that are not UTF-8 are broken
    where the encoding is `proven`; where it is not, they raise NotUtf8.
    """
    dialect = Dialect(head.delimiter.encode(), head.newline, len(names))
    for found in _ahead(blocks(buffer, head.start, head.line, dialect, trusting=True)):
        rows, block = _cells(found, dialect, names)
        if not proven and not all(_is_text(record.raw) for record in block.broken):
            raise NotUtf8
        yield Batch(rows, _broken_frame(block.broken), block)


def read_rows(
    buffer: Buffer, head: Head, names: tuple[str, ...]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All records at once, as `iter_rows` gives them."""
    frames = [pl.DataFrame(schema={**dict.fromkeys(names, pl.String), _LINE: pl.Int64})]
    broken = [_broken_frame([])]
    for batch in iter_rows(buffer, head, names):
        frames.append(batch.rows)
        broken.append(batch.aside)
    return pl.concat(frames, rechunk=False), pl.concat(broken)


def _ahead(found: Iterator[Block]) -> Iterator[Block]:
    """The blocks, each sought while the one before it is being parsed."""
    with ThreadPoolExecutor(1, thread_name_prefix="structure") as pool:
        coming = pool.submit(next, found, None)
        while (block := coming.result()) is not None:
            coming = pool.submit(next, found, None)
            yield block


def _cells(block: Block, dialect: Dialect, names: tuple[str, ...]) -> tuple[pl.DataFrame, Block]:
    """The cells of a block, and the block itself, looked at again if a parser refused it."""
    frame = _parsed(block, dialect, names)
    if frame is None and block.again is not None:
        stop = block.stop
        block = block.again()
        block.stop = stop
        frame = _parsed(block, dialect, names)
    if frame is None:
        # Two readings of one text: the slow, exact one settles it.
        frame = _cells_by_csv(block, dialect, names)
    return frame.hstack([_lines(block, frame)]), block


def _lines(block: Block, frame: pl.DataFrame) -> pl.Series:
    """The line of each row, in chunks as long as the frame's: else Polars copies all its cells."""
    lines = pl.Series(_LINE, block.lines, pl.Int64)
    lengths = frame.to_series(0).chunk_lengths()
    if len(lengths) < 2:
        return lines
    starts = accumulate(lengths, initial=0)
    return pl.concat(
        [lines.slice(start, length) for start, length in zip(starts, lengths, strict=False)],
        rechunk=False,
    )


def _parsed(block: Block, dialect: Dialect, names: tuple[str, ...]) -> pl.DataFrame | None:
    """The cells as Polars reads them; None where it refuses, or sees other records."""
    if not block.lines.size:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    try:
        frame = pl.read_csv(
            io.BytesIO(block.text),
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            separator=dialect.delimiter.decode(),
            quote_char='"',
            eol_char=dialect.newline.decode(),
            null_values="",
            infer_schema=False,
        )
    except pl.exceptions.PolarsError:
        return None
    return frame if frame.height == block.lines.size else None


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _cells_by_csv(block: Block, dialect: Dialect, names: tuple[str, ...]) -> pl.DataFrame:
    csv.field_size_limit(1 << 30)
    lines = lines_of(block.text.decode("utf-8"), dialect.newline.decode())
    rows = list(csv.reader(lines, delimiter=dialect.delimiter.decode(), strict=True))
    columns = {name: [row[position] or None for row in rows] for position, name in enumerate(names)}
    return pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))


def _broken_frame(broken: list[Broken]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "source_line": [record.line for record in broken],
            "reason": [record.reason for record in broken],
            "detail": [record.detail for record in broken],
            "raw": [record.raw.decode("utf-8", "replace") for record in broken],
        },
        schema=_BROKEN_SCHEMA,
    )
