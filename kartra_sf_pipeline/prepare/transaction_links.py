"""The rows that may explain a refund, picked out of millions, and the links found among them."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.dispositions import ROW, superseded
from kartra_sf_pipeline.prepare.nulls import clean
from kartra_sf_pipeline.prepare.refund_balances import RefundBalances
from kartra_sf_pipeline.prepare.refunds import link_adjustments
from kartra_sf_pipeline.prepare.transaction_facts import rows_of
from kartra_sf_pipeline.prepare.transaction_judgement import IS_ADJUSTMENT, IS_PAYMENT

_GATEWAY: Final = ("processor_transaction_id", "processor_subscription_id")
_TEXT: Final = tuple(clean(pl.col(name)) for name in ("product", *_GATEWAY))


def link_refunds(
    events: pl.DataFrame, raw: pl.LazyFrame, known: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The sale of each refund or chargeback, and of those that would give back too much.

    Two frames as of `link_adjustments`. `events` has `_pays`, true for payments that belong to an
    opportunity, and `_own_key`; `known` are the opportunity keys of all subscriptions.
    """
    wanted = events.filter(pl.col("_live") & IS_ADJUSTMENT & pl.col("contact_key").is_not_null())
    asking = wanted.join(rows_of(raw, wanted[ROW], *_TEXT), on=ROW, maintain_order="left")
    payments = (
        events.lazy()
        .filter("_pays")
        .with_columns(opportunity_key=pl.coalesce("subscription_key", "_own_key"))
    )
    # Of millions of payments, a refund can only be of those that share something with one.
    gateway = same_gateway(raw, asking, *_GATEWAY).collect(engine="streaming")
    found = payments.join(gateway.lazy(), on=ROW, how="semi").select("opportunity_key").collect()
    keys = pl.concat([asking["subscription_key"], found["opportunity_key"]]).drop_nulls().unique()
    paid = payments.filter(
        pl.col("contact_key").is_in(_values(asking, "contact_key"))
        | pl.col("opportunity_key").is_in(keys.implode())
    ).collect()
    links, over = link_adjustments(
        asking, paid.join(rows_of(raw, paid[ROW], *_TEXT), on=ROW, maintain_order="left"), known
    )
    excused = _of_held_payments(asking.join(over, on=ROW), events, raw)
    is_excused = pl.col(ROW).is_in(excused.implode())
    return pl.concat([links, over.filter(is_excused)]), over.filter(~is_excused)


def _values(frame: pl.DataFrame, name: str) -> pl.Series:
    return frame.get_column(name).drop_nulls().unique().implode()


def same_gateway(raw: pl.LazyFrame, asking: pl.DataFrame, *names: str) -> pl.LazyFrame:
    """`_row` of all rows that share a gateway id with one of `asking`."""
    shares = [pl.col(name).is_in(_values(asking, name)).fill_null(False) for name in names]
    return (
        raw.select(clean(pl.col(name)) for name in names)
        .with_row_index(ROW)
        .filter(pl.any_horizontal(shares))
        .select(ROW)
    )


def _of_held_payments(over: pl.DataFrame, events: pl.DataFrame, raw: pl.LazyFrame) -> pl.Series:
    """Rows of refunds that name a subscription and took back a payment which is held back itself.

    The gateway's transaction id shows it. The money did come in, so nothing is overdrawn as long as
    the refunds do not exceed it: the payment lacks its subscription's id, or its type, in the file.
    """
    named = over.filter(pl.col("adjusts_evidence") == "subscription")
    gateway = "processor_transaction_id"
    if named[gateway].null_count() == named.height:
        return named.clear()[ROW]
    shared = same_gateway(raw, named, gateway).collect(engine="streaming")
    sharing = events.join(shared, on=ROW, how="semi")
    paying = sharing.filter("_pays")["transaction_id"].drop_nulls().unique()
    # Of several copies of a row one brought money, and none does where another is counted.
    held = (
        sharing.filter(
            ~pl.col("_pays")
            & (IS_PAYMENT | pl.col("type").is_null())
            & ~superseded()
            & pl.col("transaction_id").is_in(paying.implode()).fill_null(False).not_()
        )
        .with_columns(_id=pl.coalesce("transaction_id", pl.format("row {}", ROW)))
        .unique("_id", keep="last", maintain_order=True)
    )
    paid = held.join(rows_of(raw, held[ROW], clean(pl.col(gateway))), on=ROW).select(
        "occurred_at", pl.col("amount").fill_null(0), opportunity_key=gateway
    )
    asked = named.with_columns(adjusts_key=gateway).join(
        paid.select(adjusts_key="opportunity_key").unique(), on="adjusts_key", how="semi"
    )
    return RefundBalances(paid).accept(asked)[ROW]
