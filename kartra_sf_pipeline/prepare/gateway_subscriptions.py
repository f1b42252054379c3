"""Rebills that name no subscription, but carry the gateway's id of a known one."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.dispositions import KEEP, ROW
from kartra_sf_pipeline.prepare.nulls import clean
from kartra_sf_pipeline.prepare.side_join import side_join
from kartra_sf_pipeline.prepare.transaction_facts import rows_of
from kartra_sf_pipeline.prepare.transaction_judgement import IS_PAYMENT
from kartra_sf_pipeline.prepare.transaction_links import same_gateway

SUBSCRIPTION_EVIDENCE: Final = pl.Enum(["processor_subscription"])
_GATEWAY: Final = "processor_subscription_id"
_NAMED: Final = pl.col("subscription_key").is_not_null()


def with_gateway_subscriptions(
    events: pl.DataFrame, raw: pl.LazyFrame, subscriptions: pl.DataFrame
) -> pl.DataFrame:
    """Fill `subscription_key` where the gateway's id leads to one; add `subscription_evidence`.

    Known are the kept rows of the export (`subscriptions`, as judged) and sound payments that name
    their subscription. A gateway's id that several subscriptions have, or that is another
    contact's, settles nothing. The evidence is null where the row names its subscription itself.
    """
    asking = events.filter(
        pl.col("_live")
        & (pl.col("type") == "rebill")
        & ~_NAMED
        & pl.col("contact_key").is_not_null()
    ).select(ROW, "contact_key")
    asked = asking.join(rows_of(raw, asking[ROW], clean(pl.col(_GATEWAY))), on=ROW)
    asked = asked.drop_nulls(_GATEWAY)
    if asked.is_empty():
        none = pl.lit(None, SUBSCRIPTION_EVIDENCE)
        return events.with_columns(subscription_evidence=none)
    known = pl.concat([_exported(subscriptions), _paid(events, raw, asked)])
    lone = known.filter(pl.col("_found").n_unique().over(_GATEWAY) == 1)
    found = asked.join(lone.unique(), on=[_GATEWAY, "contact_key"]).select(ROW, "_found")
    return (
        side_join(events, found, ROW)
        .with_columns(
            subscription_evidence=pl.when(pl.col("_found").is_not_null()).then(
                pl.lit("processor_subscription", SUBSCRIPTION_EVIDENCE)
            ),
            subscription_key=pl.coalesce("subscription_key", "_found"),
        )
        .drop("_found")
    )


def _exported(subscriptions: pl.DataFrame) -> pl.DataFrame:
    return (
        subscriptions.filter(pl.col("disposition") == KEEP)
        .select(_GATEWAY, "contact_key", _found="opportunity_key")
        .drop_nulls()
    )


def _paid(events: pl.DataFrame, raw: pl.LazyFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Payments of subscriptions that share a gateway id with one of `asked`."""
    shared = same_gateway(raw, asked, _GATEWAY).collect(engine="streaming")
    paid = events.join(shared, on=ROW, how="semi").filter(pl.col("_live") & IS_PAYMENT & _NAMED)
    return (
        paid.join(rows_of(raw, paid[ROW], clean(pl.col(_GATEWAY))), on=ROW)
        .select(_GATEWAY, "contact_key", _found="subscription_key")
        .drop_nulls()
    )
