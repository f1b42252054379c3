"""Which sale a refund took back: Kartra's file does not say, so the evidence is tried in order.

1. `subscription`: the refund names a subscription that has an opportunity.
2. Same contact and product, a payment not after the refund and not smaller than it:
   `contact_product_processor` with the same gateway transaction id, else
   `contact_product_amount` with exactly this amount, else `contact_product`. The latest counts;
   a refund without a subscription looks among the sales without one first.
3. `processor_transaction`, `processor_subscription`: the gateway's id, where it leads to one
   opportunity only.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.codes import folded
from kartra_sf_pipeline.prepare.dispositions import ROW

LINK_SCHEMA: Final = pl.Schema(
    {ROW: pl.UInt32(), "adjusts_key": pl.String(), "adjusts_evidence": pl.String()}
)

_SALE: Final = ("contact_key", "product")
LINK_COLUMNS: Final = (
    ROW,
    "occurred_at",
    "contact_key",
    "product",
    "amount",
    "subscription_key",
    "processor_transaction_id",
    "processor_subscription_id",
)


def link_adjustments(
    adjustments: pl.DataFrame, payments: pl.DataFrame, subscriptions: pl.Series
) -> pl.DataFrame:
    """The sale of each adjustment that has one: `_row`, `adjusts_key`, `adjusts_evidence`.

    `adjustments` and `payments` are transaction facts with a contact, `payments` with the
    `opportunity_key` that each belongs to; `subscriptions` are the opportunity keys of known ones.
    """
    open_rows = adjustments.select(LINK_COLUMNS).with_columns(folded(pl.col("product")))
    # Of millions of payments, a refund can only be of those that share something with one.
    shared = pl.any_horizontal(
        [
            pl.col(name).is_in(adjustments.get_column(name).drop_nulls().unique().implode())
            for name in ("contact_key", "processor_transaction_id", "processor_subscription_id")
        ]
    )
    paid = (
        payments.filter(shared)
        .select(*LINK_COLUMNS, "opportunity_key")
        .with_columns(folded(pl.col("product")))
        .sort("occurred_at", ROW)
    )
    links: list[pl.DataFrame] = []

    def settle(found: pl.DataFrame, evidence: str) -> None:
        nonlocal open_rows
        links.append(
            found.select(ROW, "adjusts_key", adjusts_evidence=pl.lit(evidence)).cast(LINK_SCHEMA)
        )
        open_rows = open_rows.join(found, on=ROW, how="anti")

    known = open_rows.filter(pl.col("subscription_key").is_in(subscriptions.implode()))
    settle(known.select(ROW, adjusts_key="subscription_key"), "subscription")
    # A refund that names no subscription most likely took back a sale that names none.
    lone = pl.col("subscription_key").is_null()
    for asking, sales in ((lone, paid.filter(lone)), (pl.lit(True), paid)):
        for find, evidence in _SALE_EVIDENCE:
            settle(find(open_rows.filter(asking), sales), evidence)
    for column, evidence in (
        ("processor_transaction_id", "processor_transaction"),
        ("processor_subscription_id", "processor_subscription"),
    ):
        settle(_same_gateway_id(open_rows, paid, column), evidence)
    return pl.concat(links)


def _same_sale(adjustments: pl.DataFrame, paid: pl.DataFrame, also: str) -> pl.DataFrame:
    """The latest payment of contact and product not after the refund that shares `also`, too."""
    by = [*_SALE, also]
    # An as-of join, so that a contact with thousands of sales costs no product of rows.
    return (
        adjustments.drop_nulls(by)
        .sort("occurred_at", ROW)
        .join_asof(
            paid.drop_nulls(by).select(
                *dict.fromkeys([*by, "amount"]), "occurred_at", adjusts_key="opportunity_key"
            ),
            on="occurred_at",
            by=by,
            strategy="backward",
            suffix="_paid",
            check_sortedness=False,
        )
        .filter(
            pl.col("adjusts_key").is_not_null()
            & ((pl.col("amount") <= pl.col("amount_paid")) if also != "amount" else pl.lit(True))
        )
        .select(ROW, "adjusts_key")
    )


def _large_enough(adjustments: pl.DataFrame, paid: pl.DataFrame) -> pl.DataFrame:
    """The latest payment of contact and product not after the refund and not smaller than it."""
    return (
        adjustments.drop_nulls(list(_SALE))
        .join(
            paid.select(
                *_SALE, "occurred_at", "amount", _paid_row=ROW, adjusts_key="opportunity_key"
            ),
            on=list(_SALE),
            suffix="_paid",
        )
        .filter(
            (pl.col("amount") <= pl.col("amount_paid"))
            & (pl.col("occurred_at_paid") <= pl.col("occurred_at"))
        )
        .sort("occurred_at_paid", "_paid_row")
        .unique(ROW, keep="last", maintain_order=True)
        .select(ROW, "adjusts_key")
    )


_SALE_EVIDENCE: Final = (
    (partial(_same_sale, also="processor_transaction_id"), "contact_product_processor"),
    (partial(_same_sale, also="amount"), "contact_product_amount"),
    (_large_enough, "contact_product"),
)


def _same_gateway_id(adjustments: pl.DataFrame, paid: pl.DataFrame, column: str) -> pl.DataFrame:
    """The opportunity that a gateway id leads to, unless it leads to several."""
    lone = (
        paid.drop_nulls(column)
        .group_by(column)
        .agg(pl.col("opportunity_key").unique().alias("keys"))
        .filter(pl.col("keys").list.len() == 1)
        .select(column, adjusts_key=pl.col("keys").list.first())
    )
    return adjustments.drop_nulls(column).join(lone, on=column).select(ROW, "adjusts_key")
