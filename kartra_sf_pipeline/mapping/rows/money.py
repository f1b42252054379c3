"""Sales, subscriptions and reversals as deals, their buyers and their lines."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.mapping.model import Policies
from kartra_sf_pipeline.mapping.rows.lineage import LINEAGE


def opportunities(
    transactions: pl.LazyFrame,
    subscriptions: pl.DataFrame,
    derived: pl.DataFrame,
    people: pl.DataFrame,
    catalogue: pl.DataFrame,
    pricebook_id: str,
) -> pl.DataFrame:
    """One row per one-off sale, subscription, refund and chargeback.

    A subscription's opening payment is its Amount; rebills are rolled up beside it. Refunds and
    chargebacks are negative and name the opportunity that they adjust. Of the transactions only
    the rows and columns that become opportunities are read.
    """
    single = transactions.filter(
        (pl.col("disposition") == "keep") & pl.col("opportunity_key").str.starts_with("T")
    ).select(
        "opportunity_key",
        "contact_key",
        "product",
        "product_key",
        "close_date",
        "occurred_at",
        "currency",
        "processor",
        "processor_transaction_id",
        "coupon_code",
        "affiliate_username",
        "adjusts_key",
        "quantity",
        *LINEAGE,
        amount="signed_amount",
        kind="type",
    )
    opening = (
        transactions.filter(
            pl.col("opportunity_key").str.starts_with("S") & (pl.col("type") == "sale")
        )
        .select(
            "opportunity_key",
            "occurred_at",
            "processor_transaction_id",
            "coupon_code",
            "affiliate_username",
            "quantity",
        )
        .collect(engine="streaming")
        .sort("occurred_at", maintain_order=True)
        .unique("opportunity_key", keep="first", maintain_order=True)
    )
    recurring = pl.concat(
        [subscriptions.filter(pl.col("disposition") == "keep"), derived], how="diagonal_relaxed"
    ).unique("opportunity_key", keep="first", maintain_order=True)
    recurring = recurring.select(
        "opportunity_key",
        "contact_key",
        "product",
        "product_key",
        "currency",
        "processor",
        "recurrence",
        "start_date",
        "end_date",
        "next_payment_date",
        "next_payment_amount",
        "rebill_count",
        "rebill_total",
        "last_payment_on",
        *LINEAGE,
        amount="first_amount",
        subscription_status="status",
        close_date=pl.coalesce("first_paid_on", "start_date"),
        kind=pl.lit("subscription"),
    ).join(opening, on="opportunity_key", how="left", maintain_order="left")
    names = people.select(
        "contact_key",
        "account_key",
        person=pl.concat_str("first_name", "last_name", separator=" ", ignore_nulls=True),
    )
    priced = catalogue.select("product_key", _priced=pl.lit(value=True))
    rows = (
        pl.concat([single.collect(engine="streaming"), recurring], how="diagonal_relaxed")
        .join(names, on="contact_key", how="left", maintain_order="left")
        .join(priced, on="product_key", how="left", maintain_order="left")
    )
    known = rows.select(adjusts_key="opportunity_key", _known=pl.lit(value=True)).unique()
    rows = rows.join(known, on="adjusts_key", how="left", maintain_order="left")
    has_lines = (
        pl.col("_priced").fill_null(value=False)
        & (pl.col("amount") >= 0)
        & pl.col("amount").is_not_null()
    )
    return rows.with_columns(
        name=pl.concat_str(
            pl.coalesce("product", pl.lit("Kartra sale")),
            "person",
            separator=" – ",
            ignore_nulls=True,
        ),
        has_lines=has_lines,
        pricebook_id=pl.when(has_lines).then(pl.lit(pricebook_id)),
        wave=pl.col("adjusts_key").is_not_null().cast(pl.Int8),
        adjusts_key=pl.when(pl.col("_known")).then(pl.col("adjusts_key")),
    ).sort("wave", "occurred_at", "opportunity_key", nulls_last=True)


def opportunity_contact_roles(rows: pl.DataFrame, policies: Policies) -> pl.DataFrame:
    """The buyer of each opportunity."""
    return rows.filter(pl.col("contact_key").is_not_null()).select(
        "opportunity_key",
        "contact_key",
        *LINEAGE,
        role=pl.lit(policies.contact_role),
        role_key=pl.concat_str(
            "opportunity_key", "contact_key", pl.lit(policies.contact_role), separator="|"
        ),
    )


def opportunity_line_items(rows: pl.DataFrame) -> pl.DataFrame:
    """One line per opportunity of a known product: TotalPrice is what was charged, so that the
    Amount that the org sums from the lines is the amount that was paid.
    """
    return rows.filter("has_lines").select(
        "opportunity_key",
        "product_key",
        "amount",
        "close_date",
        *LINEAGE,
        line_key=pl.col("opportunity_key") + ":1",
        quantity=pl.when(pl.col("quantity") > 0).then(pl.col("quantity")).otherwise(1),
    )
