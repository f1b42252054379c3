"""The product catalogue, which Kartra does not export: built from what was sold."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.dispositions import KEEP, MERGE, counted
from kartra_sf_pipeline.prepare.money import MONEY
from kartra_sf_pipeline.prepare.side_join import side_join

# Salesforce text keys hold 255 characters; two slugs, two hashes and a separator must fit.
_SLUG_LENGTH: Final = 100

_MENTION: Final = (
    "product_key", "product", "price_point", "currency", "source_file", "source_line",
)  # fmt: skip

PRODUCT_SCHEMA: Final = pl.Schema(
    {
        "product_key": pl.String(),
        "name": pl.String(),
        "price_point": pl.String(),
        "list_price": MONEY,
        "currency": pl.String(),
        "sales": pl.UInt32(),
        "source_file": pl.String(),
        "source_line": pl.Int64(),
    }
)


def slug(text: str) -> str:
    """A key made of the letters and digits of a name, in lower case, that no other name shares.

    Case and spaces do not count. Other signs are left out, and a hash of the name then keeps
    "C++ course" apart from "C course"; likewise for a name that is too long.
    """
    name = " ".join(unicodedata.normalize("NFC", text.casefold()).split())
    plain = re.sub(r"[\W_]+", "-", name).strip("-")
    if plain == name.replace(" ", "-") and "-" not in name and len(plain) <= _SLUG_LENGTH:
        return plain
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return "-".join(filter(None, (plain[:_SLUG_LENGTH].strip("-"), digest)))


@lru_cache(maxsize=65_536)
def product_key(product: str, price_point: str | None) -> str:
    """The key of one price point of a product: no slug holds the two dashes between its halves."""
    return f"{slug(product)}--{slug(price_point)}" if price_point else slug(product)


def product_keys(pairs: pl.DataFrame) -> pl.DataFrame:
    """`product`, `price_point` and the `product_key` of each distinct pair that has a product."""
    named = pairs.select("product", "price_point").drop_nulls("product").unique()
    return named.with_columns(
        product_key=pl.Series(
            [product_key(name, point) for name, point in named.iter_rows()], dtype=pl.String
        )
    )


def with_product_key(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `product_key` from `product` and `price_point`; null where there is no product."""
    return side_join(frame, product_keys(frame), ["product", "price_point"], nulls_equal=True)


def _modal_price(rows: pl.LazyFrame, amount: str) -> pl.DataFrame:
    """The most frequent amount per product with its currency; of equals the highest."""
    return (
        rows.drop_nulls(amount)
        .group_by("product_key", amount, "currency")
        .len()
        .collect(engine="streaming")
        .sort("len", amount, "currency", descending=True, nulls_last=True)
        .unique("product_key", keep="first", maintain_order=True)
        .select("product_key", list_price=pl.col(amount), price_currency="currency")
    )


def _first_mention(rows: pl.LazyFrame, when: pl.Expr) -> pl.DataFrame:
    """The earliest row of each product, of one day the first in the files."""
    dated = rows.select(*_MENTION, when=when)
    # Only rows of a product's first day are sorted, of however many there are.
    days = dated.group_by("product_key").agg(pl.col("when").min())
    return (
        dated.join(days, on=["product_key", "when"], how="semi", nulls_equal=True)
        .collect(engine="streaming")
        .sort("when", "source_file", "source_line", nulls_last=True)
        .unique("product_key", keep="first", maintain_order=True)
    )


def derive_products(
    transactions: pl.DataFrame | pl.LazyFrame, subscriptions: pl.DataFrame | None = None
) -> pl.DataFrame:
    """One row per product and price point that a kept or merged money row names.

    Takes prepared transactions and, so that their products have a record too, prepared
    subscriptions. `list_price` is the modal `base_price` of sales, else their modal amount, else
    the modal next payment of subscriptions; null when nothing was ever sold at a known price.
    `sales` counts sales. Name, price point and lineage are those of the earliest row.
    """
    named = pl.col("product_key").is_not_null()
    # Copies of a row in older exports are the same sale.
    sold = counted(transactions.lazy()).filter(named)
    mentions = [_first_mention(sold, pl.col("occurred_at").dt.date())]
    sales = sold.filter(pl.col("type") == "sale")
    prices = [_modal_price(sales, "base_price"), _modal_price(sales, "amount")]
    if subscriptions is not None:
        subscribed = subscriptions.lazy().filter(named & pl.col("disposition").is_in([KEEP, MERGE]))
        mentions.append(_first_mention(subscribed, pl.col("start_date")))
        prices.append(_modal_price(subscribed, "next_payment_amount"))
    earliest = pl.concat(mentions).unique("product_key", keep="first", maintain_order=True)
    best_price = pl.concat(prices).unique("product_key", keep="first", maintain_order=True)
    counts = sales.group_by("product_key").len("sales").collect(engine="streaming")
    return (
        earliest.join(best_price, on="product_key", how="left", maintain_order="left")
        .join(counts, on="product_key", how="left", maintain_order="left")
        .select(
            "product_key",
            pl.col("product").alias("name"),
            "price_point",
            "list_price",
            pl.coalesce("price_currency", "currency").alias("currency"),
            pl.col("sales").fill_null(0).cast(pl.UInt32),
            "source_file",
            "source_line",
        )
        .sort("product_key")
        .match_to_schema(PRODUCT_SCHEMA)
    )
