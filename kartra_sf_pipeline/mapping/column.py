"""A column of the account as a proposal looks at it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Column:
    """A column of the account: its names, its distinct values, the options within them."""

    source: str
    names: tuple[str, ...]
    values: pl.Series
    options: tuple[str, ...]
    """Distinct options where cells hold several, else the distinct values."""
    several: bool
    kind: str
    """Type that the column would have as a new field, in the Metadata API's words."""
