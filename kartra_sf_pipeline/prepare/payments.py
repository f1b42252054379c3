"""What a subscription's transactions add up to."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.prepare.dispositions import KEEP, MERGE
from kartra_sf_pipeline.prepare.money import MONEY
from kartra_sf_pipeline.prepare.transaction_rules import TRANSACTION_RULES, Role, types_with


def opening_first(payments: pl.DataFrame) -> pl.DataFrame:
    """Payments per subscription with the opening one first: the earliest Sale, else the earliest
    Rebill. Ties go to the earlier row of the frame.
    """
    return (
        payments.with_row_index("_order")
        .sort("subscription_key", pl.col("type") != "sale", "occurred_at", "_order")
        .drop("_order")
    )


def _counted(transactions: pl.DataFrame) -> pl.DataFrame:
    """Rows of known subscriptions that count: no older copies, nothing held back."""
    return transactions.filter(
        pl.col("subscription_key").is_not_null()
        & pl.col("disposition").is_in([KEEP, MERGE])
        & (pl.col("reason").is_null() | (pl.col("reason") != "older_extract"))
    )


def payment_summary(transactions: pl.DataFrame) -> pl.DataFrame:
    """Per `opportunity_key` of a subscription: `first_amount`, `first_paid_on`, `rebill_count`,
    `rebill_total`, `last_payment_on`, from prepared transactions.
    """
    payments = _counted(transactions).filter(pl.col("type").is_in(types_with(Role.PAYMENT)))
    opening = pl.col("type").first() == "sale"
    later = pl.col("amount").slice(pl.when(opening).then(1).otherwise(0))
    return (
        opening_first(payments)
        .group_by("subscription_key", maintain_order=True)
        .agg(
            pl.when(opening).then(pl.col("amount").first()).alias("first_amount"),
            pl.when(opening).then(pl.col("close_date").first()).alias("first_paid_on"),
            later.len().cast(pl.Int64).alias("rebill_count"),
            later.sum().cast(MONEY).alias("rebill_total"),
            pl.col("close_date").max().alias("last_payment_on"),
        )
        .rename({"subscription_key": "opportunity_key"})
    )


def derived_subscriptions(transactions: pl.DataFrame, summary: pl.DataFrame) -> pl.DataFrame:
    """One row per subscription whose opportunity is a transaction that was kept for it.

    Status by the last event that speaks of one; `end_date` is the day of a last cancellation.
    """
    keepers = transactions.filter(
        (pl.col("disposition") == KEEP) & (pl.col("opportunity_key") == pl.col("subscription_key"))
    )
    status_of = {
        rule.type: rule.subscription_status
        for rule in TRANSACTION_RULES.values()
        if rule.subscription_status
    }
    events = _counted(transactions).filter(pl.col("type").is_in(list(status_of)))
    # Money and the event that follows from it often share a second: the state change is the later.
    last = (
        events.with_row_index("_order")
        .sort("occurred_at", pl.col("type").is_in(types_with(Role.STATUS)), "_order")
        .unique("subscription_key", keep="last", maintain_order=True)
        .with_columns(
            status=pl.col("type").replace_strict(status_of, default=None, return_dtype=pl.String)
        )
        .select(
            opportunity_key="subscription_key",
            status="status",
            end_date=pl.when(pl.col("status") == "cancelled").then("close_date"),
        )
    )
    started = (
        _counted(transactions)
        .filter(pl.col("type").is_in(types_with(Role.PAYMENT)))
        .group_by("subscription_key")
        .agg(start_date=pl.col("close_date").min())
        .rename({"subscription_key": "opportunity_key"})
    )
    carried = [
        "product",
        "price_point",
        "product_key",
        "currency",
        "buyer_name",
        "buyer_email",
        "lead_id",
        "affiliate_username",
        "processor",
        "processor_subscription_id",
        "contact_key",
        "contact_evidence",
        "extract_date",
        "source_file",
        "source_line",
        "disposition",
    ]
    return (
        keepers.select(
            "opportunity_key",
            *carried,
            subscription_id=pl.col("opportunity_key").str.slice(1),
            derived=pl.lit(True),
        )
        .join(started, on="opportunity_key", how="left", maintain_order="left")
        .join(last, on="opportunity_key", how="left", maintain_order="left")
        .join(summary, on="opportunity_key", how="left", maintain_order="left")
        .sort("opportunity_key")
    )
