"""Sentences and keys put together from cells."""

from __future__ import annotations

import polars as pl


def worded(template: str, *cells: pl.Expr | str) -> pl.Expr:
    """`template` with each `{}` replaced by the text of a cell; null where one of them is null.

    Like `pl.format`, which panics on frames of several chunks (Polars 2.1): frames of many files
    have one chunk per file. Raises ValueError when braces and cells do not match in number.
    """
    texts = template.split("{}")
    if len(texts) != len(cells) + 1:
        message = f"{len(texts) - 1} places for {len(cells)} cells in {template!r}"
        raise ValueError(message)
    parts: list[pl.Expr] = [pl.lit(texts[0])]
    for cell, text in zip(cells, texts[1:], strict=True):
        value = pl.col(cell) if isinstance(cell, str) else cell
        parts += [value.cast(pl.String), pl.lit(text)]
    return pl.concat_str(parts)
