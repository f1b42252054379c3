"""What joins the names in a cell of tags or lists: chosen for each file and column.

Kartra says nowhere which delimiter an export uses. It is never chosen per cell, because a name may
hold another one.
"""

from __future__ import annotations

from typing import Final

import polars as pl

# Columns whose cells hold several names, by export.
JOINED: Final = {"contacts": ("tags", "lists", "sequences")}
# In the order of preference when several recur: Kartra's own importer wants semicolons. A bar is
# tolerated, and counts only where it outnumbers the comma, since names such as "Gold | VIP" occur.
DELIMITERS: Final = (";", "|", ",")
# An entity of HTML ends in a semicolon that joins nothing.
ENTITIES: Final = {"&amp;": "&", "&quot;": '"', "&#39;": "'", "&#039;": "'", "&nbsp;": " "}
# A delimiter recurs when it stands in several cells, and in more of them than slips would explain.
_RECURRING_CELLS: Final = 2
_RECURRING_SHARE: Final = 0.01


def cells_with(cell: pl.Expr) -> list[pl.Expr]:
    """For each delimiter, in how many cells it stands; named by it. Entities must be replaced."""
    return [cell.str.contains(mark, literal=True).sum().alias(mark) for mark in DELIMITERS]


def counted(cells: pl.Series) -> dict[str, int]:
    """`cells_with` of raw cells, some of a file's."""
    column = pl.col(cells.name)
    if cells.str.contains("&", literal=True).any():
        column = column.str.replace_many(ENTITIES)
    return cells.to_frame().select(cells_with(column)).row(0, named=True)


def chosen(counts: pl.DataFrame) -> pl.DataFrame:
    """Add `delimiter`, `cells` and `ambiguous` to rows of `cells_with` counts.

    `cells` counts the cells that hold the delimiter; `ambiguous` says that another one recurs too.
    """
    # In a file of one filled cell, one occurrence is all the evidence there can be.
    most = pl.max_horizontal(DELIMITERS)
    needed = pl.min_horizontal(pl.lit(_RECURRING_CELLS), most)
    recurs = [
        (pl.col(mark) > 0)
        & (pl.col(mark) >= needed)
        & (pl.col(mark) >= most.cast(pl.Float64) * _RECURRING_SHARE)
        for mark in DELIMITERS
    ]
    recurs[1] = recurs[1] & (pl.col("|") > pl.col(","))
    choice = pl.coalesce(
        [pl.when(r).then(pl.lit(mark)) for mark, r in zip(DELIMITERS, recurs, strict=True)]
    ).fill_null(",")
    cells = pl.coalesce([pl.when(choice == mark).then(pl.col(mark)) for mark in DELIMITERS])
    return counts.with_columns(
        choice.alias("delimiter"),
        cells.cast(pl.Int64).alias("cells"),
        (pl.sum_horizontal([r.cast(pl.UInt8) for r in recurs]) > 1).alias("ambiguous"),
    )
