"""A library that takes one value at a time is shown each distinct value once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl


def map_distinct(
    frame: pl.DataFrame,
    keys: list[str],
    settle: Callable[..., tuple[Any, ...]],
    outputs: Mapping[str, pl.DataType | type[pl.DataType]],
    *,
    where: pl.Expr,
) -> pl.DataFrame:
    """Add the columns `outputs`, filled by `settle(*key values)` for the rows that `where` selects.

    Rows that it does not select hold null there. The frame's order and its other columns stay.
    """
    distinct = frame.filter(where).select(keys).unique(maintain_order=True)
    results = [settle(*row) for row in distinct.iter_rows()]
    columns = list(zip(*results, strict=True)) if results else [() for _ in outputs]
    settled = distinct.with_columns(
        pl.Series(name, values, dtype=dtype)
        for (name, dtype), values in zip(outputs.items(), columns, strict=True)
    )
    joined = frame.join(settled, on=keys, how="left", nulls_equal=True, maintain_order="left")
    return joined.with_columns(pl.when(where).then(pl.col(name)).alias(name) for name in outputs)
