"""Bookings as events, notes as tasks."""

from __future__ import annotations

import polars as pl


def events(bookings: pl.DataFrame, minutes: int) -> pl.DataFrame:
    """One event per booking; Kartra gives no end, so each lasts the configured minutes."""
    return bookings.filter(pl.col("disposition") == "keep").with_columns(
        subject=pl.concat_str(
            pl.coalesce("calendar", pl.lit("Kartra booking")),
            "class",
            separator=" – ",
            ignore_nulls=True,
        ),
        minutes=pl.lit(minutes),
    )


def tasks(notes: pl.DataFrame) -> pl.DataFrame:
    """One completed task per note."""
    first_line = pl.col("note").str.split("\n").list.first().str.strip_chars().str.slice(0, 80)
    return notes.filter(pl.col("disposition") == "keep").with_columns(
        subject=pl.lit("Kartra note: ") + first_line.fill_null("")
    )
