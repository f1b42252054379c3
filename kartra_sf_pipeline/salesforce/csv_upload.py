"""Frames as Bulk 2.0 upload files: cells as the platform wants them, cut to size."""

from __future__ import annotations

import io
from collections.abc import Iterator

import polars as pl

NULL_CELL = "#N/A"
# The platform's 150 MB are counted after base64, which may add half.
MAX_BYTES = 100_000_000
# Ten of the platform's internal batches: a job that dies leaves no more than this to settle.
MAX_ROWS = 100_000


def as_cells(frame: pl.DataFrame) -> pl.DataFrame:
    """Every column as String in the platform's spelling; null stays null (an empty cell).

    Date-times with a zone become UTC; naive ones are taken as UTC, which is what the prepared
    frames hold. Lists are joined by `;`, the separator of multi-select picklists. Line breaks
    inside a text become LF: one CRLF in one cell makes the platform refuse the whole file.
    """
    cells = frame.select(
        _cell(pl.col(name), dtype).alias(name) for name, dtype in frame.schema.items()
    )
    # Looking is cheap, rewriting a million cells is not.
    returns = [column.name for column in cells if column.str.contains("\r", literal=True).any()]
    if not returns:
        return cells
    return cells.with_columns(
        pl.col(returns)
        .str.replace_all("\r\n", "\n", literal=True)
        .str.replace_all("\r", "\n", literal=True)
    )


def _cell(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        utc = column.dt.convert_time_zone("UTC") if dtype.time_zone else column
        return utc.dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
    if isinstance(dtype, pl.Date):
        return column.dt.strftime("%Y-%m-%d")
    if isinstance(dtype, pl.List):
        return column.list.join(";")
    if isinstance(dtype, pl.Boolean):
        return pl.when(column).then(pl.lit("true")).when(~column).then(pl.lit("false"))
    return column.cast(pl.String)


def pack(
    cells: pl.DataFrame, *, max_bytes: int = MAX_BYTES, max_rows: int = MAX_ROWS
) -> Iterator[pl.DataFrame]:
    """Slices, in order, whose file with header stays within `max_bytes` and `max_rows`.

    A single row larger than `max_bytes` travels alone, for the org to judge.
    """
    if not cells.height:
        return
    header = len(",".join(f'"{name}"' for name in cells.columns).encode()) + 1
    # Two quotes and a separator or line end around each cell; quotes inside are doubled.
    size = pl.sum_horizontal(
        pl.all().str.len_bytes().fill_null(0)
        + pl.all().str.count_matches('"', literal=True).fill_null(0)
        + 3
    )
    ends = cells.select(size.cast(pl.Int64).cum_sum()).to_series()
    start = 0
    while start < cells.height:
        before = int(ends[start - 1]) if start else 0
        stop = int(ends.search_sorted(before + max_bytes - header, side="right"))
        stop = min(max(stop, start + 1), start + max_rows)
        yield cells.slice(start, stop - start)
        start = stop


def csv_bytes(cells: pl.DataFrame) -> bytes:
    """UTF-8, LF, every cell quoted: blanks survive and a row of nulls is not a blank line."""
    body = io.BytesIO()
    cells.write_csv(body, quote_style="always", line_terminator="\n")
    return body.getvalue()
