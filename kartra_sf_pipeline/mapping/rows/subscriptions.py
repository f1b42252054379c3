"""Subscriptions, from their export or from their payments: the facts, whichever record they get."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.mapping.rows.lineage import LINEAGE
from kartra_sf_pipeline.mapping.strategies import Strategies
from kartra_sf_pipeline.prepare.dispositions import counted


def recurring(
    transactions: pl.LazyFrame,
    subscriptions: pl.DataFrame,
    derived: pl.DataFrame,
    people: pl.DataFrame,
    chosen: Strategies,
) -> pl.DataFrame:
    """One row per subscription with its opening payment.

    `amount` is what the first payment was, in the currency of the payments: their export names it,
    the one of subscriptions does not. Rebills are counted and added up only where they have no
    records of their own: money stands once.
    """
    # A superseded copy says what the account no longer does.
    payments = counted(transactions).filter(pl.col("opportunity_key").str.starts_with("S"))
    paid_in = (
        payments.group_by("opportunity_key")
        .agg(
            _paid_in=pl.col("currency").min(),
            _paid_since=pl.col("close_date").filter(pl.col("type").is_in(["sale", "rebill"])).min(),
        )
        .collect(engine="streaming")
    )
    opening = (
        payments.filter(pl.col("type") == "sale")
        .select(
            "opportunity_key",
            "occurred_at",
            "processor_transaction_id",
            "coupon_code",
            "affiliate_username",
            "quantity",
            _opened_in="currency",
        )
        .collect(engine="streaming")
        .sort("occurred_at", maintain_order=True)
        .unique("opportunity_key", keep="first", maintain_order=True)
    )
    rolled_up = chosen.rebills == "rolled_up"
    facts = (
        pl.concat(
            [subscriptions.filter(pl.col("disposition") == "keep"), derived],
            how="diagonal_relaxed",
        )
        .unique("opportunity_key", keep="first", maintain_order=True)
        .select(
            "opportunity_key",
            "contact_key",
            "product",
            "price_point",
            "product_key",
            "currency",
            "processor",
            "recurrence",
            "start_date",
            "end_date",
            "next_payment_date",
            "next_payment_amount",
            "last_payment_on",
            pl.when(rolled_up).then("rebill_count").alias("rebill_count"),
            pl.when(rolled_up).then("rebill_total").alias("rebill_total"),
            *LINEAGE,
            amount="first_amount",
            subscription_status="status",
            close_date=pl.coalesce("first_paid_on", "start_date"),
            kind=pl.lit("subscription"),
        )
        .join(opening, on="opportunity_key", how="left", maintain_order="left")
        .join(paid_in, on="opportunity_key", how="left", maintain_order="left")
        .with_columns(
            currency=pl.coalesce("_opened_in", "_paid_in", "currency"),
            close_date=pl.coalesce("close_date", "_paid_since"),
        )
        .drop("_opened_in", "_paid_in", "_paid_since")
    )
    return named(facts, people, "Kartra subscription")


def named(rows: pl.DataFrame, people: pl.DataFrame, nameless: str) -> pl.DataFrame:
    """Rows with their buyer's `account_key` and `person`, and a `name` of product and buyer."""
    buyers = people.select(
        "contact_key",
        "account_key",
        person=pl.concat_str("first_name", "last_name", separator=" ", ignore_nulls=True),
    )
    return rows.join(buyers, on="contact_key", how="left", maintain_order="left").with_columns(
        name=pl.concat_str(
            pl.coalesce("product", pl.lit(nameless)),
            "person",
            separator=" – ",
            ignore_nulls=True,
        )
    )
