"""Billing events judged: which become opportunities, which fold into one, which are held back.

An export may have millions of rows. Decisions look at all rows at once, so they are taken on a few
columns in memory; everything else of a row is typed while it streams past them, in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.contact_lookup import ContactLookup, contact_lookup
from kartra_sf_pipeline.prepare.dispositions import (
    DISPOSITIONS,
    KEEP,
    ROW,
    details,
    disposition_of,
    first_rule,
    newest_copies,
    place,
    superseded,
)
from kartra_sf_pipeline.prepare.gateway_subscriptions import with_gateway_subscriptions
from kartra_sf_pipeline.prepare.money import MONEY
from kartra_sf_pipeline.prepare.side_join import side_join
from kartra_sf_pipeline.prepare.subscriptions import judged_subscriptions
from kartra_sf_pipeline.prepare.suppression import (
    PERSON_MISSING,
    PERSON_SUPPRESSED,
    follow_people,
)
from kartra_sf_pipeline.prepare.transaction_facts import (
    rows_of,
    transaction_details,
    transaction_events,
    unreadable_rows,
)
from kartra_sf_pipeline.prepare.transaction_judgement import (
    FOLLOWS,
    IS_PAYMENT,
    IS_STATUS,
    PROBLEMS,
    RULES,
    TEXT_COLUMNS,
)
from kartra_sf_pipeline.prepare.transaction_links import link_refunds
from kartra_sf_pipeline.prepare.transaction_rules import TRANSACTION_RULES
from kartra_sf_pipeline.prepare.wording import worded

_RULE: Final = "_rule"
_LAST: Final = ("extract_date", "source_file", "source_line", "disposition", "reason", "detail")


@dataclass(frozen=True)
class JudgedTransactions:
    """`frame` is `transactions_prepared`, not computed yet; `decisions` has `type`, `disposition`
    and `reason` of each of its rows.
    """

    frame: pl.LazyFrame
    decisions: pl.DataFrame


def prepare_transactions(
    raw: pl.DataFrame,
    raw_subscriptions: pl.DataFrame,
    contacts_unified: pl.DataFrame,
    *,
    zone: str,
) -> pl.DataFrame:
    """`transactions_prepared` in memory; see `judge_transactions`."""
    return judge_transactions(
        raw.lazy(), raw_subscriptions, contacts_unified, zone=zone
    ).frame.collect()


def judge_transactions(
    raw: pl.LazyFrame,
    raw_subscriptions: pl.DataFrame,
    contacts_unified: pl.DataFrame,
    *,
    zone: str,
    left_out: pl.DataFrame | None = None,
) -> JudgedTransactions:
    """`transactions_prepared`: one row per raw row, in the same order, each with one disposition.

    A sale of no subscription is an opportunity `T<id>`; all payments of a subscription share
    `S<subscription id>`, whose record is the export's row or, without one, the opening payment.
    A rebill that names none has the subscription that the gateway's id leads to. Refunds and
    chargebacks are opportunities of their own, of negative `signed_amount`, that name
    the sale they adjust. `amount` is absolute, `signed_amount` zero where no money moved.

    `left_out` are people who stay behind by choice (see `follow_people`): rows that are held for
    want of one of them are suppressed. `raw` is read several times, a few columns each time.
    """
    contacts = contact_lookup(contacts_unified)
    events = _with_buyers(transaction_events(raw, zone=zone), raw, contacts)
    unreadable = unreadable_rows(raw)
    events = _with_flag(events, "_unreadable", unreadable[ROW])
    sound = ~pl.any_horizontal([problem.when.fill_null(False) for problem in PROBLEMS])
    copies = newest_copies(events, "transaction_id", among=sound)
    events = side_join(events, copies, ROW).with_columns(_live=sound & ~superseded())
    pays = pl.col("_live") & IS_PAYMENT & pl.col("contact_key").is_not_null()
    payers = events.lazy().with_columns(pays=pays)
    subscriptions = judged_subscriptions(raw_subscriptions, payers, contacts)
    exported = subscriptions.filter(pl.col("disposition") == KEEP)["opportunity_key"]
    del contacts
    events = with_gateway_subscriptions(events, raw, subscriptions)
    events = _with_opportunities(events, raw, exported)
    events = events.with_columns(first_rule(RULES).alias(_RULE))
    events = side_join(events, _details(events, raw, unreadable), ROW)
    if left_out is not None and left_out.height:
        events = _following(events, raw, left_out)
    return _finished(raw, _with_keys_of_copies(events), zone)


def _with_flag(events: pl.DataFrame, name: str, rows: pl.Series) -> pl.DataFrame:
    """Add a Boolean that is true for these rows alone."""
    flags = pl.repeat(False, events.height, dtype=pl.Boolean, eager=True)
    return events.with_columns(flags.scatter(rows, True).alias(name))


def _with_buyers(events: pl.DataFrame, raw: pl.LazyFrame, contacts: ContactLookup) -> pl.DataFrame:
    """Put `contact_key` and `contact_evidence` in the place of `lead_id`.

    E-mail addresses are read for those rows alone whose id leads to nobody.
    """
    by_id = contacts.find(events["lead_id"], "id")
    unknown = events.select(ROW).filter(by_id.is_null())[ROW]
    asked = rows_of(raw, unknown, "buyer_email")
    by_email = contacts.find(asked["buyer_email"], "email")
    answered = by_email.is_not_null()
    mailed = asked.select(ROW, _by_email=by_email).filter(answered)
    evidence = pl.Enum(["lead_id", "email"])
    return (
        side_join(events.drop("lead_id").with_columns(_by_id=by_id), mailed, ROW)
        .with_columns(
            contact_key=pl.coalesce("_by_id", "_by_email"),
            contact_evidence=pl.when(pl.col("_by_id").is_not_null())
            .then(pl.lit("lead_id", evidence))
            .when(pl.col("_by_email").is_not_null())
            .then(pl.lit("email", evidence)),
        )
        .drop("_by_id", "_by_email")
    )


def _with_opportunities(
    events: pl.DataFrame, raw: pl.LazyFrame, exported: pl.Series
) -> pl.DataFrame:
    """Add `opportunity_key`, `_in_export`, `_opens`, `adjusts_key`, `adjusts_evidence`, `_exceeds`.

    Keys are given to live rows alone; a key is null where the row has nothing to belong to.
    """
    subscribed = pl.col("subscription_key").is_not_null()
    pays = (
        pl.col("_live")
        & IS_PAYMENT
        & pl.col("contact_key").is_not_null()
        & ((pl.col("type") == "sale") | subscribed)
    )
    recurring = events.filter(pays & subscribed).select(
        ROW, "subscription_key", "type", "occurred_at"
    )
    # The earliest Sale opens a subscription, else the earliest Rebill; rows are in their order.
    opening = recurring.sort(pl.col("type") != "sale", "occurred_at", maintain_order=True).unique(
        "subscription_key", keep="first", maintain_order=True
    )
    known = pl.concat([exported, opening["subscription_key"]]).unique()
    events = _with_flag(events, "_opens", opening[ROW]).with_columns(
        _in_export=pl.col("subscription_key").is_in(exported.implode()).fill_null(False),
        _own_key=worded("T{}", pl.col("transaction_id")),
        _pays=pays,
    )
    links, over = link_refunds(events, raw, known)
    events = side_join(events, links, ROW)
    events = side_join(events, over.select(ROW, _exceeds="adjusts_key"), ROW)
    reports = pl.col("_live") & IS_STATUS & pl.col("subscription_key").is_in(known.implode())
    return events.with_columns(
        opportunity_key=pl.when("_pays")
        .then(pl.coalesce("subscription_key", "_own_key"))
        .when(reports)
        .then("subscription_key")
        .when(pl.col("adjusts_key").is_not_null())
        .then("_own_key")
    ).drop("_own_key", "_pays")


def _details(events: pl.DataFrame, raw: pl.LazyFrame, unreadable: pl.DataFrame) -> pl.DataFrame:
    """`_row` and `detail` of the rows whose rule has something to say about them."""
    talks = [n for n, rule in enumerate(RULES) if rule.detail is not None]
    ruled = events.filter(pl.col(_RULE).is_in(talks))
    newest = rows_of(raw, ruled["newest_row"].drop_nulls(), place().alias("newest_place")).rename(
        {ROW: "newest_row"}
    )
    ruled = (
        ruled.join(rows_of(raw, ruled[ROW], *TEXT_COLUMNS), on=ROW, how="left")
        .join(unreadable, on=ROW, how="left")
        .join(newest, on="newest_row", how="left")
    )
    return details(ruled, _RULE, RULES, ROW)


def _following(events: pl.DataFrame, raw: pl.LazyFrame, left_out: pl.DataFrame) -> pl.DataFrame:
    """Suppress the rows that were held because their person is left out."""
    missing = [n for n, rule in enumerate(RULES) if rule.reason in PERSON_MISSING]
    held = events.filter(pl.col(_RULE).is_in(missing)).select(
        ROW, "detail", *disposition_of(pl.col(_RULE), RULES)
    )
    columns = ("source_file", "source_line", "buyer_email", "lead_id")
    held = held.join(rows_of(raw, held[ROW], *columns), on=ROW, maintain_order="left")
    followed = follow_people(held, held, left_out, email="buyer_email", lead_id="lead_id")
    told = followed.filter(pl.col("reason") == PERSON_SUPPRESSED).select(ROW, _told="detail")
    follows = pl.col("_told").is_not_null()
    return (
        side_join(events, told, ROW)
        .with_columns(
            pl.when(follows).then(pl.lit(FOLLOWS, pl.UInt8)).otherwise(_RULE).alias(_RULE),
            pl.coalesce("_told", "detail").alias("detail"),
        )
        .drop("_told")
    )


def _with_keys_of_copies(events: pl.DataFrame) -> pl.DataFrame:
    """Give older copies the key of their newest one."""
    newest_key = events.get_column("opportunity_key").gather(events.get_column("newest_row"))
    return events.with_columns(
        opportunity_key=pl.coalesce("opportunity_key", newest_key.alias("_newest_key"))
    )


def _finished(raw: pl.LazyFrame, events: pl.DataFrame, zone: str) -> JudgedTransactions:
    """Lay the decisions beside the columns that stream, sign the money."""
    # Codes of a byte each as long as they are in memory, text on their way into the file.
    codes = [
        verdict.cast(pl.Enum(words))
        for verdict, words in zip(
            disposition_of(pl.col(_RULE), RULES),
            (DISPOSITIONS, sorted({rule.reason for rule in RULES})),
            strict=True,
        )
    ]
    decided = events.select(
        "transaction_id", "type", "occurred_at", "amount", "subscription_key",
        "subscription_evidence", "contact_key", "contact_evidence", "opportunity_key",
        "adjusts_key", "adjusts_evidence", *codes, "detail",
    )  # fmt: skip
    signed = {
        sign: [rule.type for rule in TRANSACTION_RULES.values() if rule.sign == sign]
        for sign in (-1, 0, 1)
    }
    beside = pl.concat([decided.lazy(), transaction_details(raw)], how="horizontal")
    kind = pl.col("type")
    frame = (
        beside.with_columns(
            pl.col(
                "type", "subscription_evidence", "contact_evidence", "disposition", "reason"
            ).cast(pl.String)
        )
        .with_columns(
            pl.col("occurred_at").dt.convert_time_zone(zone).dt.date().alias("close_date"),
            pl.when(kind.is_in(signed[-1]))
            .then(-pl.col("amount"))
            .when(kind.is_in(signed[1]))
            .then(pl.col("amount"))
            .when(kind.is_in(signed[0]))
            .then(pl.lit(0).cast(MONEY))
            .cast(MONEY)
            .alias("signed_amount"),
        )
        .select(pl.exclude("^x__.*$", *_LAST), "^x__.*$", *_LAST)
    )
    return JudgedTransactions(frame, decided.select("type", "disposition", "reason"))
