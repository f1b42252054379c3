"""Left joins that add columns to a wide frame without copying the ones that it has."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def side_join(
    frame: pl.DataFrame, table: pl.DataFrame, on: str | Sequence[str], *, nulls_equal: bool = False
) -> pl.DataFrame:
    """`frame` with the other columns of `table`, null where it has no row; order is kept.

    `table` has one row per key. Only the keys take part in the join: a plain join would gather
    every column of `frame` anew, which for millions of rows of fifty columns is most of the memory.
    """
    keys = [on] if isinstance(on, str) else list(on)
    found = frame.select(keys).join(
        table, on=keys, how="left", nulls_equal=nulls_equal, maintain_order="left"
    )
    return frame.hstack(found.drop(keys))
