"""What each contact has paid: added up here from the payments, because Kartra exports no total."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.dispositions import counted
from kartra_sf_pipeline.prepare.money import MONEY
from kartra_sf_pipeline.prepare.transaction_rules import Role, types_with

SPEND_SCHEMA: Final = pl.Schema(
    {
        "contact_key": pl.String(),
        "currency": pl.String(),
        "payments": pl.UInt32(),
        "gross": MONEY,
        "refunded": MONEY,
        "net": MONEY,
        "first_paid_on": pl.Date(),
        "last_paid_on": pl.Date(),
        "computed": pl.Boolean(),
    }
)


def contact_spend(transactions: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """`contact_spend`: one row per contact and currency, from prepared transactions.

    `gross` is what payments that count brought in, taxes and shipping included; `refunded` what
    refunds and chargebacks took back of it; both are positive. Rows that are held back, failed
    attempts and older copies do not count, so a total may be less than Kartra's screens show.
    `computed` is true throughout: these are sums made here, no figures of Kartra's, and the field
    map leaves them out unless somebody adds them. Currencies are never added together.
    """
    paid = pl.col("type").is_in(types_with(Role.PAYMENT))
    returned = pl.col("type").is_in(types_with(Role.ADJUSTMENT))
    return (
        counted(transactions.lazy())
        .filter(pl.col("contact_key").is_not_null() & (paid | returned))
        .group_by("contact_key", "currency")
        .agg(
            payments=paid.sum().cast(pl.UInt32),
            gross=pl.col("amount").filter(paid).sum().cast(MONEY),
            refunded=pl.col("amount").filter(returned).sum().cast(MONEY),
            first_paid_on=pl.col("close_date").filter(paid).min(),
            last_paid_on=pl.col("close_date").filter(paid).max(),
        )
        .with_columns(net=(pl.col("gross") - pl.col("refunded")).cast(MONEY), computed=pl.lit(True))
        .collect(engine="streaming")
        .sort("contact_key", "currency")
        .match_to_schema(SPEND_SCHEMA)
    )
