"""A file's records as a frame of text with line numbers, and those that cannot be read."""

from __future__ import annotations

import csv
import io

import polars as pl

from kartra_sf_pipeline.kartra.broken import Dialect
from kartra_sf_pipeline.kartra.encoding import Buffer
from kartra_sf_pipeline.kartra.exports import LINEAGE
from kartra_sf_pipeline.kartra.head import Head, lines_of
from kartra_sf_pipeline.kartra.structure import Block, Broken, blocks

_LINE = LINEAGE[1]
_BROKEN_SCHEMA = {
    "source_line": pl.Int64,
    "reason": pl.String,
    "detail": pl.String,
    "raw": pl.String,
}


def read_rows(
    buffer: Buffer, head: Head, names: tuple[str, ...]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The sound records (columns `names` and `source_line`), and the broken ones.

    Cells are verbatim; an empty cell is null, quoted or not.
    """
    dialect = Dialect(head.delimiter.encode(), head.newline, len(names))
    frames: list[pl.DataFrame] = []
    broken: list[Broken] = []
    for block in blocks(buffer, head.start, head.line, dialect):
        broken.extend(block.broken)
        if block.lines.size:
            frames.append(_cells(block, dialect, names))
    empty = pl.DataFrame(schema={**dict.fromkeys(names, pl.String), _LINE: pl.Int64})
    frame = pl.concat([empty, *frames], rechunk=False)
    return frame, _broken_frame(broken)


def _cells(block: Block, dialect: Dialect, names: tuple[str, ...]) -> pl.DataFrame:
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
    if frame.height != block.lines.size:
        # Two readings of one text: the slow, exact one settles it.
        frame = _cells_by_csv(block, dialect, names)
    return frame.with_columns(pl.Series(_LINE, block.lines))


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
