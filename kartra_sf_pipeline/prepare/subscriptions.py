"""Recurring subscriptions: the export's rows judged, and those that only payments show."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.codes import clean_id, damaged_id, parse_whole
from kartra_sf_pipeline.prepare.contact_lookup import ContactLookup, contact_lookup
from kartra_sf_pipeline.prepare.dates import parse_date
from kartra_sf_pipeline.prepare.dispositions import (
    COUNTED,
    QUARANTINE,
    ROW,
    Rule,
    dispose,
    newest_rows,
    older_extract,
    unreadable_value,
)
from kartra_sf_pipeline.prepare.money import MONEY, parse_money
from kartra_sf_pipeline.prepare.nulls import clean
from kartra_sf_pipeline.prepare.payments import derived_subscriptions, payment_summary
from kartra_sf_pipeline.prepare.products import with_product_key
from kartra_sf_pipeline.prepare.side_join import side_join
from kartra_sf_pipeline.prepare.transaction_judgement import IS_PAYMENT
from kartra_sf_pipeline.prepare.wording import worded

# "Terminated" is not a word for cancelled: Kartra's API tells the two apart.
STATUSES: Final = {
    "active": "active",
    "pending cancellation": "pending_cancellation",
    "pending cancelation": "pending_cancellation",
    "paused": "paused",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "terminated": "terminated",
}
_DATES: Final = {name: name for name in ("start_date", "end_date", "next_payment_date")}
_NUMBERS: Final = {name: name for name in ("next_payment_amount", "payment_number")}


def judged_subscriptions(
    raw: pl.DataFrame, payers: pl.LazyFrame, contacts: ContactLookup
) -> pl.DataFrame:
    """One row per raw row with its disposition; the contact is the row's own or, failing that, the
    payer's.

    `payers` holds `subscription_key`, `contact_key`, `occurred_at` of transactions and, true for
    payments that count, `pays`. Kartra's export of subscriptions need not name the buyer at all.
    """
    facts = raw.select(
        clean_id(pl.col("subscription_id")),
        clean(pl.col("status")).alias("_status_text"),
        clean(pl.col("recurrence_term")).alias("recurrence"),
        clean(pl.col("product")),
        clean(pl.col("price_point")),
        *[parse_date(pl.col(name)).alias(name) for name in _DATES],
        parse_money(pl.col("next_payment_amount"), pl.col("currency")).alias("next_payment_amount"),
        "currency",
        parse_whole(pl.col("payment_number")).alias("payment_number"),
        clean(pl.col("payments_left")),
        clean(pl.col("buyer_name")),
        clean(pl.col("buyer_email")),
        clean_id(pl.col("lead_id")),
        clean(pl.col("affiliate")).alias("affiliate_username"),
        clean(pl.col("processor")),
        clean(pl.col("processor_subscription_id")),
        "extract_date",
        "source_file",
        "source_line",
        pl.col("^x__.*$"),
    ).with_row_index(ROW)
    facts = facts.with_columns(
        worded("S{}", pl.col("subscription_id")).alias("opportunity_key"),
        pl.col("_status_text")
        .str.to_lowercase()
        .str.replace_all(r"[\s_\-]+", " ")
        .replace_strict(STATUSES, default=None, return_dtype=pl.String)
        .alias("status"),
        unreadable_value(raw, facts, _DATES).alias("_bad_date"),
        unreadable_value(raw, facts, _NUMBERS).alias("_bad_amount"),
    )
    facts = with_product_key(contacts.resolve(facts, email="buyer_email", lead_id="lead_id"))
    unknown = facts.filter(pl.col("contact_key").is_null())["opportunity_key"].drop_nulls()
    payer = (
        payers.filter(pl.col("subscription_key").is_in(unknown.unique().implode()))
        .select("subscription_key", "contact_key", "occurred_at")
        .drop_nulls(["subscription_key", "contact_key"])
        .collect(engine="streaming")
        .sort("occurred_at", "contact_key")
        .unique("subscription_key", keep="first", maintain_order=True)
        .select(opportunity_key="subscription_key", _payer="contact_key")
    )
    facts = side_join(facts, payer, "opportunity_key")
    facts = facts.with_columns(
        pl.coalesce("contact_key", "_payer").alias("contact_key"),
        pl.coalesce(
            "contact_evidence",
            pl.when(pl.col("_payer").is_not_null()).then(pl.lit("transactions")),
        ).alias("contact_evidence"),
    )
    dateless = facts.filter(pl.col("start_date").is_null())["opportunity_key"].drop_nulls()
    paid = (
        payers.filter(
            pl.col("subscription_key").is_in(dateless.unique().implode()) & pl.col("pays")
        )
        .select(pl.col("subscription_key").unique())
        .collect(engine="streaming")["subscription_key"]
    )
    facts = facts.with_columns(_paid=pl.col("opportunity_key").is_in(paid.implode()))
    problems = _problems()
    sound = ~pl.any_horizontal([problem.when.fill_null(False) for problem in problems])
    facts = newest_rows(facts, "subscription_id", among=sound)
    return dispose(facts, [*problems, older_extract(), _unknown_buyer()])


def _problems() -> list[Rule]:
    return [
        Rule(
            pl.col("subscription_id").is_null(),
            QUARANTINE,
            "missing_id",
            pl.lit("The row has no subscription id, so it cannot be told from others."),
        ),
        Rule(
            damaged_id(pl.col("subscription_id")),
            QUARANTINE,
            "damaged_id",
            worded("A spreadsheet has rounded the id to {}.", "subscription_id"),
        ),
        Rule(
            pl.col("status").is_null() & pl.col("_status_text").is_not_null(),
            QUARANTINE,
            "unknown_status",
            worded("'{}' is not a status of a subscription.", "_status_text"),
        ),
        Rule(
            pl.col("_bad_date").is_not_null(),
            QUARANTINE,
            "bad_date",
            pl.col("_bad_date"),
        ),
        Rule(
            pl.col("_bad_amount").is_not_null(),
            QUARANTINE,
            "bad_amount",
            pl.col("_bad_amount"),
        ),
        Rule(
            pl.col("start_date").is_null() & ~pl.col("_paid"),
            QUARANTINE,
            "missing_date",
            pl.lit("It has no start date and no payment: nothing says when it began."),
        ),
    ]


def _unknown_buyer() -> Rule:
    return Rule(
        pl.col("contact_key").is_null(),
        QUARANTINE,
        "buyer_not_found",
        pl.lit("Neither the row nor a payment of the subscription leads to a contact."),
    )


def prepare_subscriptions(
    raw: pl.DataFrame,
    transactions: pl.DataFrame | pl.LazyFrame,
    contacts_unified: pl.DataFrame,
    *,
    zone: str,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`subscriptions_prepared` (one row per raw row) and `subscriptions_derived`, of equal columns.

    `transactions` are the prepared ones, of which a few columns are read at a time. Payments are
    summed per subscription: `first_amount` and `first_paid_on` are those of the opening Sale;
    `rebill_count` and `rebill_total` cover every later payment; refunds are not deducted, they are
    records of their own; `trial` is true where a payment was that of a trial, null without any.
    Derived rows stand for subscriptions that have payments and no sound row in the export; their
    `status` is rebuilt from the last event, and what only the export could say is null.
    """
    money = transactions.lazy()
    pays = IS_PAYMENT & pl.col("contact_key").is_not_null() & COUNTED
    payers = money.with_columns(pays=pays)
    judged = judged_subscriptions(raw, payers, contact_lookup(contacts_unified))
    summary = payment_summary(money)
    prepared = (
        judged.join(summary, on="opportunity_key", how="left", maintain_order="left")
        .with_columns(
            pl.col("rebill_count").fill_null(0),
            pl.col("rebill_total").fill_null(0).cast(MONEY),
            derived=pl.lit(False),
        )
        .select(
            pl.exclude("^_.*$", "newest_row", "newest_file", "newest_place", "unreadable_value")
        )
    )
    derived = derived_subscriptions(money, summary)
    return prepared, pl.concat([prepared.clear(), derived], how="diagonal_relaxed").select(
        prepared.columns
    )
