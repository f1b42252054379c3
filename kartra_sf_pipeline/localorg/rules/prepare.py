"""The part of a save that needs no database: cells taken apart, converted and checked.

Kept apart so that a load can prepare its next rows while the last ones are being written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from kartra_sf_pipeline.localorg.rules.header import Column
from kartra_sf_pipeline.localorg.rules.values import Finding, convert

# What an upload writes to empty a field.
NULL_MARK = "#N/A"


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows ready for the rules that ask the org.

    `cells` are the texts by field name (relationship columns by header) without null marks;
    `cleared` says by field name in which rows a mark stood; `values` are the stored forms.
    """

    cells: pl.DataFrame
    cleared: dict[str, pl.Series]
    values: dict[str, pl.Series]
    findings: list[Finding]


def prepare(columns: Sequence[Column], frame: pl.DataFrame, null_mark: str = NULL_MARK) -> Prepared:
    """Convert the text of `frame`, one column per entry of `columns`, named by its header."""
    cleared: dict[str, pl.Series] = {}
    out: list[pl.Series] = []
    marks = frame.select(
        (pl.col(c.header) == null_mark).fill_null(False).any().alias(c.header) for c in columns
    )
    for column in columns:
        cell = frame[column.header].cast(pl.String)
        name = column.field.name
        if marks[column.header].item():
            mask = (cell == null_mark).fill_null(False)
            cleared[name] = cleared[name] | mask if name in cleared else mask
            cell = (
                pl.DataFrame({"c": cell, "m": mask})
                .select(pl.when(~pl.col("m")).then("c"))
                .to_series()
            )
        out.append(cell.alias(name if column.parent is None else column.header))
    cells = pl.DataFrame(out)
    plain = [c.field for c in columns if c.parent is None and c.field.name != "Id"]
    values, findings = convert(plain, cells)
    return Prepared(cells, cleared, values, findings)
