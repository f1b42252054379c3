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


def prices_in_currencies(
    derived: pl.DataFrame, deals: pl.DataFrame, pricebook_id: str
) -> pl.DataFrame:
    """The standard price of each product in every currency that it was sold in.

    For an org of several currencies, where a line takes the price in its deal's currency. `deals`
    are the rows of the opportunities. The list price holds in its own currency; in another one the
    price is what was charged most often, of equals the highest. The key has the currency, too.
    """
    charged = (
        deals.filter("has_lines")
        .group_by("product_key", "currency", "amount")
        .len()
        .sort("len", "amount", descending=True)
        .unique(["product_key", "currency"], keep="first", maintain_order=True)
        .select("product_key", "currency", _charged="amount")
    )
    own = derived.filter(pl.col("currency").is_not_null()).select("product_key", "currency")
    pairs = pl.concat([own, charged.select("product_key", "currency")]).unique()
    listed = derived.rename({"currency": "_own"})
    return (
        pairs.join(listed, on="product_key", how="inner")
        .join(charged, on=["product_key", "currency"], how="left")
        .with_columns(
            list_price=pl.when((pl.col("currency") == pl.col("_own")).fill_null(value=False))
            .then(pl.coalesce("list_price", "_charged"))
            .otherwise("_charged")
            .fill_null(0),
            pricebook_id=pl.lit(pricebook_id),
            entry_key=pl.concat_str(pl.lit(pricebook_id), "product_key", "currency", separator="|"),
        )
        .sort("product_key", "currency")
        .drop("_own", "_charged")
    )
