"""What a subscription's transactions add up to."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.prepare.dispositions import KEEP, counted
from kartra_sf_pipeline.prepare.money import MONEY
from kartra_sf_pipeline.prepare.transaction_rules import TRANSACTION_RULES, Role, types_with


def payment_summary(transactions: pl.LazyFrame) -> pl.DataFrame:
    """Per `opportunity_key` of a subscription: `first_amount`, `first_paid_on`, `rebill_count`,
    `rebill_total`, `last_payment_on`, `trial`, from prepared transactions.

    `trial` is true where a payment was marked as the one of a trial.
    """
    # Which Sale opens a subscription was settled when its rows were judged.
    opens = (pl.col("type") == "sale") & (
        (pl.col("disposition") == KEEP) | (pl.col("reason") == "first_payment").fill_null(False)
    )
    return (
        counted(transactions)
        .filter(
            pl.col("subscription_key").is_not_null()
            & pl.col("type").is_in(types_with(Role.PAYMENT))
        )
        .select("subscription_key", "amount", "close_date", "trial", _opens=opens)
        .group_by("subscription_key")
        .agg(
            first_amount=pl.col("amount").filter("_opens").first(),
            first_paid_on=pl.col("close_date").filter("_opens").first(),
            rebill_count=(~pl.col("_opens")).sum().cast(pl.Int64),
            rebill_total=pl.col("amount").filter(~pl.col("_opens")).sum().cast(MONEY),
            last_payment_on=pl.col("close_date").max(),
            trial=pl.col("trial").any(),
        )
        .rename({"subscription_key": "opportunity_key"})
        .collect(engine="streaming")
    )


def derived_subscriptions(transactions: pl.LazyFrame, summary: pl.DataFrame) -> pl.DataFrame:
    """One row per subscription whose opportunity is a transaction that was kept for it.

    Status by the last event that speaks of one; `end_date` is the day of a last cancellation;
    `payment_number` is the highest that a payment had.
    """
    keepers = transactions.filter(
        (pl.col("disposition") == KEEP) & (pl.col("opportunity_key") == pl.col("subscription_key"))
    )
    status_of = {
        rule.type: rule.subscription_status
        for rule in TRANSACTION_RULES.values()
        if rule.subscription_status
    }
    rows = counted(transactions).join(
        keepers.select("subscription_key"), on="subscription_key", how="semi"
    )
    # Money and the event that follows from it often share a second: the state change is the later.
    last = (
        rows.with_row_index("_order")
        .filter(pl.col("type").is_in(list(status_of)))
        .select("subscription_key", "type", "occurred_at", "close_date", "_order")
        .collect(engine="streaming")
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
        rows.filter(pl.col("type").is_in(types_with(Role.PAYMENT)))
        .group_by(opportunity_key="subscription_key")
        .agg(start_date=pl.col("close_date").min(), payment_number=pl.col("payment_number").max())
        .collect(engine="streaming")
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
        .collect(engine="streaming")
        .join(started, on="opportunity_key", how="left", maintain_order="left")
        .join(last, on="opportunity_key", how="left", maintain_order="left")
        .join(summary, on="opportunity_key", how="left", maintain_order="left")
        .sort("opportunity_key")
    )
