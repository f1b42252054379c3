"""Reading counts out of the run's frames, of which some may be missing."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

Frames = Mapping[str, pl.DataFrame]


def height(frames: Frames, name: str) -> int:
    """Rows of a frame; none for a frame that was not made."""
    frame = frames.get(name)
    return 0 if frame is None else frame.height


def count(frames: Frames, name: str, condition: pl.Expr) -> int:
    """Rows of a frame for which the condition is true; none for a frame that was not made."""
    frame = frames.get(name)
    return 0 if frame is None else frame.select(condition.fill_null(False).sum()).item()


def distinct(frames: Frames, name: str, column: str) -> int:
    """Different values of a column, blanks apart."""
    frame = frames.get(name)
    return 0 if frame is None else frame.get_column(column).drop_nulls().n_unique()


def tally(frames: Frames, name: str, column: str) -> list[tuple[str, int]]:
    """Values of a column with their counts, in the order of the values; null is `(blank)`."""
    frame = frames.get(name)
    if frame is None:
        return []
    counted = frame.group_by(pl.col(column).fill_null("(blank)")).len().sort(column)
    return [(str(value), int(rows)) for value, rows in counted.iter_rows()]


def disposed(*dispositions: str) -> pl.Expr:
    """True for rows of a prepared frame with one of these dispositions."""
    return pl.col("disposition").is_in(dispositions)


def custom_columns(frames: Frames) -> list[str]:
    """Columns of the contacts that no export defines: what is left are custom fields."""
    contacts = frames.get("raw_contacts")
    return [] if contacts is None else [c for c in contacts.columns if c.startswith("x__")]
