"""Keys for records that have no id of their own: the same content has the same key in every run."""

from __future__ import annotations

import hashlib

import polars as pl

from kartra_sf_pipeline.prepare.side_join import side_join

# Cannot occur in a cell that a CSV file gave, so no two different rows join to one text.
_BETWEEN = "\x1f"


def content_key(frame: pl.DataFrame, prefix: str, columns: list[str]) -> pl.Series:
    """`prefix` and 20 hex digits of the SHA-256 over the text of `columns`, for each row."""
    text = frame.select(
        pl.concat_str([pl.col(name).fill_null("") for name in columns], separator=_BETWEEN)
    ).to_series()
    return pl.Series(
        [prefix + hashlib.sha256(value.encode()).hexdigest()[:20] for value in text],
        dtype=pl.String,
    )


def with_key(
    frame: pl.DataFrame, name: str, *, own: pl.Expr, content: list[str], prefix: str = "H"
) -> pl.DataFrame:
    """Add the key `name`: `own` where the row has one, else a content key with the `prefix`.

    Only rows without an id of their own are hashed.
    """
    keyed = frame.with_columns(own.alias(name)).with_row_index("_at")
    bare = keyed.filter(pl.col(name).is_null())
    hashed = bare.select("_at").with_columns(content_key(bare, prefix, content).alias("_hashed"))
    return (
        side_join(keyed, hashed, "_at")
        .with_columns(pl.coalesce(name, "_hashed").alias(name))
        .drop("_at", "_hashed")
    )
