"""How full the columns of the exports are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.nulls import clean

SCHEMA: Final = pl.Schema(
    {
        "export": pl.String(),
        "column": pl.String(),
        "filled": pl.Int64(),
        "fill_rate": pl.Float64(),
        "distinct": pl.Int64(),
        "longest": pl.Int64(),
    }
)
# What the reader adds is never blank and says nothing about the export.
_ADDED: Final = ("source_file", "source_line", "extract_date", "currency")


def data_quality(frames: Mapping[str, pl.DataFrame | pl.LazyFrame]) -> pl.DataFrame:
    """One row per text column of every `raw_*` frame, in the order of the exports.

    `export`; `column`; `filled`: cells that say something ("N/A" and the like do not);
    `fill_rate`: of all rows, null for an export without rows; `distinct`: different filled values;
    `longest`: characters of the longest.
    """
    tables = [
        _profile(name.removeprefix("raw_"), frame.lazy())
        for name, frame in frames.items()
        if name.startswith("raw_")
    ]
    return pl.concat([SCHEMA.to_frame(), *tables])


def _profile(export: str, frame: pl.LazyFrame) -> pl.DataFrame:
    names = [
        name
        for name, dtype in frame.collect_schema().items()
        if dtype == pl.String and name not in _ADDED
    ]
    # Column by column: a wide export and its cleaned copy would not fit into memory together.
    rows = [(export, name, *_measure(frame.select(name).collect().to_series())) for name in names]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _measure(column: pl.Series) -> tuple[int, float | None, int, int | None]:
    values = column.to_frame("v").select(clean(pl.col("v")).alias("v")).to_series().drop_nulls()
    rate = len(values) / len(column) if len(column) else None
    return len(values), rate, values.n_unique(), _longest(values)


def _longest(values: pl.Series) -> int | None:
    return values.to_frame("v").select(pl.col("v").str.len_chars().max()).item()
