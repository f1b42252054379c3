"""Products and what they cost."""

from __future__ import annotations

import polars as pl


def products(derived: pl.DataFrame) -> pl.DataFrame:
    """One row per product and price point."""
    point = pl.col("price_point")
    return derived.with_columns(
        display_name=pl.when(point.is_not_null() & (point != pl.col("name")))
        .then(pl.col("name") + " (" + point + ")")
        .otherwise(pl.col("name"))
    )


def pricebook_entries(derived: pl.DataFrame, pricebook_id: str) -> pl.DataFrame:
    """The standard price of each product; the key is the pair of book and product."""
    return derived.with_columns(
        pricebook_id=pl.lit(pricebook_id),
        list_price=pl.col("list_price").fill_null(0),
        entry_key=pl.lit(pricebook_id) + "|" + pl.col("product_key"),
    )
