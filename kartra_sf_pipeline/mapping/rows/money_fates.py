"""Which record each money row makes or folds into, under the chosen strategies.

Rows of the plan and rows of the phases are decided here and nowhere else: they cannot disagree.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.mapping.strategies import Strategies

DEAL: Final = "Opportunity"
SUBSCRIPTION: Final = "Kartra_Subscription__c"
PAYMENT: Final = "Kartra_Transaction__c"

_ADJUSTMENTS: Final = ("refund", "partial_refund", "chargeback")
_BUYER_UNKNOWN: Final = "Its buyer is not among the contacts."
_RECORDS: Final = {"opportunity": DEAL, "custom_object": PAYMENT}
_REBILLS: Final = {"own_opportunity": DEAL, "subscription_history": PAYMENT}


def subscription_object(chosen: Strategies) -> str:
    """The object of a subscription's own record."""
    return DEAL if chosen.subscriptions == "opportunity" else SUBSCRIPTION


def with_records(transactions: pl.LazyFrame, chosen: Strategies) -> pl.LazyFrame:
    """Prepared transactions with what becomes of each.

    Adds `record_object` and `record_key` (null for rows that stay behind), `own` (the row makes
    that record by itself), and writes `disposition`, `reason` and `detail` anew where a strategy
    changes them: a rebill that has a record of its own is kept, so is a failed payment.
    """
    rows = _told(transactions, chosen)
    return rows if _as_prepared(chosen) else _with_copies(rows)


def _as_prepared(chosen: Strategies) -> bool:
    """Whether every record has the key that preparing gave: then that of a copy is right, too."""
    return (
        chosen.transactions == "opportunity"
        and chosen.subscriptions == "opportunity"
        and chosen.rebills == "rolled_up"
        and chosen.failed_payments == "none"
    )


def _told(transactions: pl.LazyFrame, chosen: Strategies) -> pl.LazyFrame:
    kind, reason = pl.col("type"), pl.col("reason")
    kept = pl.col("disposition") == "keep"
    recurring = pl.col("opportunity_key").str.starts_with("S").fill_null(value=False)
    pays = kind.is_in(["sale", "rebill"]) & pl.col("disposition").is_in(["keep", "merge"])
    pays = pays & (reason != "older_extract").fill_null(value=True)
    opens = recurring & pays & (kind == "sale")
    opens = opens & (kept | (reason == "first_payment").fill_null(value=False))
    rebill = recurring & pays & opens.not_()
    single = kept & recurring.not_() & ((kind == "sale") | kind.is_in(_ADJUSTMENTS))
    failed = (reason == "failed_payment").fill_null(value=False) & pl.lit(
        chosen.failed_payments == "closed_lost"
    )
    lost = failed & pl.col("contact_key").is_not_null()

    alone = _RECORDS[chosen.transactions]
    by_itself = pl.lit(None, pl.String)
    if chosen.subscriptions == "custom_object":
        by_itself = pl.when(opens).then(pl.lit(alone)).otherwise(by_itself)
    if chosen.rebills != "rolled_up":
        by_itself = pl.when(rebill).then(pl.lit(_REBILLS[chosen.rebills])).otherwise(by_itself)
    by_itself = pl.when(single).then(pl.lit(alone)).otherwise(by_itself)
    by_itself = pl.when(lost).then(pl.lit(DEAL)).otherwise(by_itself)
    own = pl.col("own")
    arrives = (
        pl.col("disposition").is_in(["keep", "merge"]) & pl.col("opportunity_key").is_not_null()
    )
    folded = pl.when(recurring).then(pl.lit(subscription_object(chosen))).otherwise(pl.lit(alone))
    return (
        transactions.with_columns(_by_itself=by_itself, _failed=failed)
        .with_columns(own=pl.col("_by_itself").is_not_null())
        .with_columns(
            record_object=pl.when(own).then(pl.col("_by_itself")).when(arrives).then(folded),
            record_key=pl.when(own)
            .then("T" + pl.col("transaction_id"))
            .when(arrives)
            .then("opportunity_key"),
        )
        .with_columns(
            disposition=pl.when(own).then(pl.lit("keep")).otherwise("disposition"),
            reason=pl.when(own.not_()).then("reason"),
            detail=pl.when("_failed")
            .then(pl.when(own.not_()).then(pl.lit(_BUYER_UNKNOWN)))
            .otherwise("detail"),
        )
        .drop("_by_itself", "_failed")
    )


def _with_copies(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Older copies of a row with the record of its newest one."""
    older = (pl.col("reason") == "older_extract").fill_null(value=False)
    ids = rows.filter(older).select("transaction_id").unique()
    newest = (
        rows.filter(older.not_() & pl.col("record_key").is_not_null())
        .join(ids, on="transaction_id", how="semi")
        .select("transaction_id", _object="record_object", _key="record_key")
        .unique("transaction_id", keep="last")
    )
    return (
        rows.join(newest, on="transaction_id", how="left", maintain_order="left")
        .with_columns(
            record_object=pl.when(older).then("_object").otherwise("record_object"),
            record_key=pl.when(older).then("_key").otherwise("record_key"),
        )
        .drop("_object", "_key")
    )
