"""Which sale a refund took back: Kartra's file does not say, so the evidence is tried in order.

1. `subscription`: the refund names a subscription that has an opportunity.
2. Same contact and product, a payment not after the refund of which enough is left to give back:
   `contact_product_processor` with the same gateway transaction id, else
   `contact_product_amount` with exactly this amount, else `contact_product`. The latest counts;
   a refund without a subscription looks among the sales without one first.
3. `processor_transaction`, `processor_subscription`: the gateway's id, where it leads to one
   opportunity only.

Refunds of one sale never add up to more than it took in (`refund_balances`). One that only finds
sales with too little left is told apart from one that finds none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.codes import folded
from kartra_sf_pipeline.prepare.dispositions import ROW
from kartra_sf_pipeline.prepare.money import MONEY
from kartra_sf_pipeline.prepare.refund_balances import RefundBalances

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
_GATEWAY_EVIDENCE: Final = (
    ("processor_transaction_id", "processor_transaction"),
    ("processor_subscription_id", "processor_subscription"),
)
_Find = Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]
_LONE: Final = pl.col("subscription_key").is_null()


def link_adjustments(
    adjustments: pl.DataFrame, payments: pl.DataFrame, subscriptions: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The sale of each adjustment that has one, and the sales that others would overdraw.

    Both are frames of `_row`, `adjusts_key`, `adjusts_evidence`. `adjustments` and `payments` are
    transaction facts with a contact (LINK_COLUMNS), `payments` with the `opportunity_key` and the
    `type` of each; `subscriptions` are the opportunity keys of known ones. A subscription whose
    opening Sale is not among the payments has a history that is not known in full: what is given
    back of it is not weighed.
    """
    product = folded(pl.col("product"))
    open_rows = adjustments.select(LINK_COLUMNS).with_columns(product)
    in_full = payments.filter(pl.col("type") == "sale").select("opportunity_key").unique()
    balances = RefundBalances(payments.join(in_full, on="opportunity_key", how="semi"))
    paid = payments.select(*LINK_COLUMNS, "opportunity_key")
    links = [pl.DataFrame(schema=LINK_SCHEMA)]
    over = [pl.DataFrame(schema=LINK_SCHEMA)]

    named = open_rows.filter(pl.col("subscription_key").is_in(subscriptions.implode()))
    open_rows = open_rows.join(named, on=ROW, how="anti")
    asked = named.with_columns(adjusts_key="subscription_key")
    accepted = balances.accept(asked)
    links.append(_link(accepted, "subscription"))
    started = paid.group_by(adjusts_key="opportunity_key").agg(_since=pl.col("occurred_at").min())
    over.append(
        _link(
            asked.join(accepted, on=ROW, how="anti")
            .join(started, on="adjusts_key")
            .filter(pl.col("_since") <= pl.col("occurred_at")),
            "subscription",
        )
    )
    paid = _near(paid, open_rows).with_columns(product).sort("occurred_at", ROW)
    # A sale that turns out to be spent leaves its refunds to the next best one.
    waiting = -1
    while open_rows.height and open_rows.height != waiting:
        waiting = open_rows.height
        for evidence, find in _searches():
            found = find(open_rows, _with_left(paid, balances))
            asked = open_rows.join(found, on=ROW)
            if asked.is_empty():
                continue
            accepted = balances.accept(asked)
            links.append(_link(accepted, evidence))
            open_rows = open_rows.join(accepted, on=ROW, how="anti")
            paid = _near(paid, open_rows)
    whole = paid.with_columns(left="amount")
    for evidence, find in _searches():
        found = find(open_rows, whole)
        over.append(_link(found, evidence))
        open_rows = open_rows.join(found, on=ROW, how="anti")
    return pl.concat(links), pl.concat(over)


def _link(found: pl.DataFrame, evidence: str) -> pl.DataFrame:
    return found.select(ROW, "adjusts_key", adjusts_evidence=pl.lit(evidence)).cast(LINK_SCHEMA)


def _near(paid: pl.DataFrame, asking: pl.DataFrame) -> pl.DataFrame:
    """Of millions of payments, those that share a contact or a gateway's id with a refund."""
    shares = [
        pl.col(name).is_in(asking[name].drop_nulls().unique().implode()).fill_null(False)
        for name in ("contact_key", *(name for name, _ in _GATEWAY_EVIDENCE))
    ]
    return paid.filter(pl.any_horizontal(shares))


def _with_left(paid: pl.DataFrame, balances: RefundBalances) -> pl.DataFrame:
    """Payments with `left`: what can be given back of each, at most the payment itself."""
    left = balances.left()
    known = paid.join(left, on="opportunity_key", how="left", maintain_order="left")
    return known.with_columns(
        left=pl.min_horizontal("amount", pl.col("left").fill_null(pl.col("amount"))).cast(MONEY)
    )


def _searches() -> Iterator[tuple[str, _Find]]:
    """Evidence by falling strength. A refund that names no subscription most likely took back a
    sale that names none.
    """
    for lone in (True, False):
        for find, evidence in _SALE_EVIDENCE:
            yield evidence, partial(_among, find=find, lone=lone)
    for column, evidence in _GATEWAY_EVIDENCE:
        yield evidence, partial(_same_gateway_id, column=column)


def _among(
    adjustments: pl.DataFrame, paid: pl.DataFrame, *, find: _Find, lone: bool
) -> pl.DataFrame:
    if lone:
        return find(adjustments.filter(_LONE), paid.filter(_LONE))
    return find(adjustments, paid)


def _same_processor(adjustments: pl.DataFrame, paid: pl.DataFrame) -> pl.DataFrame:
    """The latest payment of contact, product and gateway transaction not after the refund."""
    by = [*_SALE, "processor_transaction_id"]
    # An as-of join, so that a contact with thousands of sales costs no product of rows.
    return (
        adjustments.drop_nulls(by)
        .sort("occurred_at", ROW)
        .join_asof(
            paid.drop_nulls(by).select(*by, "left", "occurred_at", adjusts_key="opportunity_key"),
            on="occurred_at",
            by=by,
            strategy="backward",
            check_sortedness=False,
        )
        .filter(pl.col("amount") <= pl.col("left"))
        .select(ROW, "adjusts_key")
    )


def _same_amount(adjustments: pl.DataFrame, paid: pl.DataFrame) -> pl.DataFrame:
    """The latest payment of contact, product and amount that no refund in between has taken.

    Payments open and refunds close like brackets: a refund belongs to the payment that lies as deep
    as it does.
    """
    by = [*_SALE, "amount"]
    columns = [ROW, "occurred_at", *by]
    asking = adjustments.drop_nulls(by)
    events = (
        pl.concat(
            [
                paid.drop_nulls(by)
                .filter(pl.col("left") == pl.col("amount"))
                .join(asking, on=by, how="semi")
                .select(*columns, adjusts_key="opportunity_key", step=pl.lit(1, pl.Int64)),
                asking.select(columns).with_columns(
                    adjusts_key=pl.lit(None, pl.String), step=pl.lit(-1, pl.Int64)
                ),
            ]
        )
        .sort("occurred_at", pl.col("step") < 0, ROW)
        .with_columns(sum=pl.col("step").cum_sum().over(by))
        .with_columns(low=pl.min_horizontal(pl.col("sum").cum_min().over(by), 0))
        .with_columns(
            # A refund that finds nothing open closes nothing: the count starts anew beneath it.
            lost=pl.col("low") < pl.col("low").shift(1, fill_value=0).over(by),
            depth=pl.col("sum") - pl.col("low") + (pl.col("step") < 0),
        )
    )
    opened = pl.col("step") > 0
    return (
        events.with_columns(
            adjusts_key=pl.col("adjusts_key").forward_fill().over([*by, "depth"]),
        )
        .filter(~opened & ~pl.col("lost"))
        .select(ROW, "adjusts_key")
    )


def _large_enough(adjustments: pl.DataFrame, paid: pl.DataFrame) -> pl.DataFrame:
    """The latest payment of contact and product not after the refund with enough left."""
    return (
        adjustments.drop_nulls(list(_SALE))
        .select(ROW, "occurred_at", "amount", *_SALE)
        .join(
            paid.select(
                *_SALE, "left", _paid_at="occurred_at", _paid_row=ROW, adjusts_key="opportunity_key"
            ),
            on=list(_SALE),
        )
        .filter(
            (pl.col("amount") <= pl.col("left")) & (pl.col("_paid_at") <= pl.col("occurred_at"))
        )
        .sort("_paid_at", "_paid_row")
        .unique(ROW, keep="last", maintain_order=True)
        .select(ROW, "adjusts_key")
    )


_SALE_EVIDENCE: Final = (
    (_same_processor, "contact_product_processor"),
    (_same_amount, "contact_product_amount"),
    (_large_enough, "contact_product"),
)


def _same_gateway_id(adjustments: pl.DataFrame, paid: pl.DataFrame, *, column: str) -> pl.DataFrame:
    """The opportunity that a gateway id leads to, unless it leads to several or to a later one."""
    lone = (
        paid.drop_nulls(column)
        .group_by(column)
        .agg(keys=pl.col("opportunity_key").unique(), _since=pl.col("occurred_at").min())
        .filter(pl.col("keys").list.len() == 1)
        .select(column, "_since", adjusts_key=pl.col("keys").list.first())
    )
    return (
        adjustments.drop_nulls(column)
        .join(lone, on=column)
        .filter(pl.col("_since") <= pl.col("occurred_at"))
        .select(ROW, "adjusts_key")
    )
