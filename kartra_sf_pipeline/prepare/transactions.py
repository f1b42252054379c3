"""Billing events judged: which become opportunities, which fold into one, which are held back."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.codes import damaged_id
from kartra_sf_pipeline.prepare.contact_lookup import contact_lookup
from kartra_sf_pipeline.prepare.dispositions import (
    MERGE,
    QUARANTINE,
    ROW,
    SUPPRESS,
    Rule,
    dispose,
    newest_rows,
    older_extract,
    superseded,
)
from kartra_sf_pipeline.prepare.money import MONEY
from kartra_sf_pipeline.prepare.payments import opening_first
from kartra_sf_pipeline.prepare.refunds import LINK_COLUMNS, link_adjustments
from kartra_sf_pipeline.prepare.side_join import side_join
from kartra_sf_pipeline.prepare.subscriptions import judged_subscriptions
from kartra_sf_pipeline.prepare.transaction_facts import transaction_facts
from kartra_sf_pipeline.prepare.transaction_rules import TRANSACTION_RULES, Role

_HAS_ROLE: Final = {role: pl.col("role") == role.value for role in Role}
_FOR_KEYS: Final = (
    *LINK_COLUMNS,
    "transaction_id",
    "type",
    "role",
    "_live",
)
_IS_PAYMENT: Final = _HAS_ROLE[Role.PAYMENT]


def prepare_transactions(
    raw: pl.DataFrame,
    raw_subscriptions: pl.DataFrame,
    contacts_unified: pl.DataFrame,
    *,
    zone: str,
) -> pl.DataFrame:
    """`transactions_prepared`: one row per raw row, in the same order, each with one disposition.

    A sale of no subscription is an opportunity `T<id>`; all payments of a subscription share
    `S<subscription id>`, whose record is the export's row or, without one, the opening payment.
    Refunds and chargebacks are opportunities of their own, of negative `signed_amount`, that name
    the sale they adjust. `amount` is absolute, `signed_amount` zero where no money moved.
    """
    contacts = contact_lookup(contacts_unified)
    facts = transaction_facts(raw, zone=zone)
    facts = contacts.resolve(facts, email="buyer_email", lead_id="lead_id")
    problems = _problems()
    sound = ~pl.any_horizontal([problem.when.fill_null(False) for problem in problems])
    facts = newest_rows(facts, "transaction_id", among=sound).with_columns(
        _live=sound & ~superseded()
    )
    subscriptions = judged_subscriptions(raw_subscriptions, facts, contacts)
    in_export = subscriptions.filter(pl.col("disposition") == "keep").select(
        subscription_key="opportunity_key", _in_export=pl.lit(True)
    )
    facts = _with_opportunities(facts, in_export)
    judged = dispose(facts, [*problems, older_extract(), *_RULES])
    return _finish(judged)


def _quoted(column: str) -> pl.Expr:
    return (
        pl.when(pl.col(column).is_null())
        .then(pl.lit("blank"))
        .otherwise(pl.format("'{}'", pl.col(column).fill_null("")))
    )


def _problems() -> list[Rule]:
    amount = pl.col("amount")
    return [
        Rule(
            pl.col("transaction_id").is_null(),
            QUARANTINE,
            "missing_id",
            pl.lit("The row has no transaction id, so it cannot be told from others."),
        ),
        Rule(
            damaged_id(pl.col("transaction_id")) | damaged_id(pl.col("_subscription_id")),
            QUARANTINE,
            "damaged_id",
            pl.lit("A spreadsheet has rounded an id of this row; export it from Kartra again."),
        ),
        Rule(
            pl.col("type").is_null(),
            QUARANTINE,
            "unknown_type",
            pl.format("The transaction type is {}.", _quoted("_type_text")),
        ),
        Rule(
            pl.col("occurred_at").is_null(),
            QUARANTINE,
            "bad_date",
            pl.format("The date is {}, in no form that is certain.", _quoted("_date_text")),
        ),
        Rule(
            pl.col("unreadable_value").is_not_null(),
            QUARANTINE,
            "bad_amount",
            pl.col("unreadable_value"),
        ),
        Rule(
            amount.is_null() & (_IS_PAYMENT | _HAS_ROLE[Role.ADJUSTMENT]),
            QUARANTINE,
            "missing_amount",
            pl.lit("Money moved, but the row has no amount."),
        ),
    ]


_RULES: Final = [
    Rule(_HAS_ROLE[Role.ATTEMPT], SUPPRESS, "failed_payment"),
    Rule(
        pl.col("contact_key").is_null() & ~_HAS_ROLE[Role.STATUS],
        QUARANTINE,
        "buyer_not_found",
        pl.lit("Neither the row's lead id nor its e-mail address is among the contacts."),
    ),
    Rule(
        _HAS_ROLE[Role.ADJUSTMENT] & pl.col("adjusts_key").is_null(),
        QUARANTINE,
        "sale_not_found",
        pl.lit("No earlier payment fits by subscription, by contact and product, or by processor."),
    ),
    Rule(
        pl.col("opportunity_key").is_null(),
        QUARANTINE,
        "no_subscription",
        pl.format(
            "There is no opportunity to fold it into: its subscription id is {}.",
            pl.col("_subscription_id").fill_null("blank"),
        ),
    ),
    Rule(_HAS_ROLE[Role.STATUS], MERGE, "status_evidence"),
    Rule(
        _IS_PAYMENT & pl.col("_in_export") & pl.col("_opens") & (pl.col("type") == "sale"),
        MERGE,
        "first_payment",
    ),
    Rule(
        _IS_PAYMENT
        & pl.col("subscription_key").is_not_null()
        & (pl.col("_in_export") | ~pl.col("_opens")),
        MERGE,
        "rebill_rolled_up",
    ),
]


def _with_opportunities(facts: pl.DataFrame, in_export: pl.DataFrame) -> pl.DataFrame:
    """Add `opportunity_key`, `_in_export`, `_opens`, `adjusts_key` and `adjusts_evidence`.

    Keys are given to live rows alone; a key is null where the row has nothing to belong to.
    """
    own_key = pl.format("T{}", pl.col("transaction_id"))
    live = facts.select(_FOR_KEYS).filter("_live")
    payments = live.filter(
        _IS_PAYMENT
        & pl.col("contact_key").is_not_null()
        & ((pl.col("type") == "sale") | pl.col("subscription_key").is_not_null())
    ).with_columns(opportunity_key=pl.coalesce("subscription_key", own_key))
    recurring = payments.filter(pl.col("subscription_key").is_not_null())
    opening = (
        opening_first(recurring.select(ROW, "subscription_key", "type", "occurred_at"))
        .unique("subscription_key", keep="first", maintain_order=True)
        .select(ROW, _opens=pl.lit(True))
    )
    known = pl.concat([in_export["subscription_key"], recurring["subscription_key"]]).unique()
    status = live.filter(_HAS_ROLE[Role.STATUS] & pl.col("subscription_key").is_in(known.implode()))
    adjustments = live.filter(_HAS_ROLE[Role.ADJUSTMENT] & pl.col("contact_key").is_not_null())
    links = link_adjustments(adjustments, payments, known)
    keys = pl.concat(
        [
            payments.select(ROW, "opportunity_key"),
            status.select(ROW, opportunity_key="subscription_key"),
            adjustments.join(links, on=ROW, how="semi").select(ROW, opportunity_key=own_key),
        ]
    )
    for table in (keys, links, opening):
        facts = side_join(facts, table, ROW)
    return side_join(facts, in_export, "subscription_key").with_columns(
        pl.col("_opens", "_in_export").fill_null(False)
    )


def _finish(judged: pl.DataFrame) -> pl.DataFrame:
    """Give older copies the key of their newest one, sign the money, drop the rules' columns."""
    newest_key = judged.select(
        pl.col(ROW).alias("newest_row"), pl.col("opportunity_key").alias("_newest_key")
    )
    signs = {rule.type: rule.sign for rule in TRANSACTION_RULES.values()}
    sign = pl.col("type").replace_strict(signs, default=None, return_dtype=pl.Int8)
    blank_is_zero = pl.when(sign == 0).then(pl.lit(0).cast(MONEY))
    return (
        side_join(judged, newest_key, "newest_row")
        .with_columns(
            pl.coalesce("opportunity_key", "_newest_key").alias("opportunity_key"),
            pl.when(sign == -1)
            .then(-pl.col("amount"))
            .when(sign == 1)
            .then(pl.col("amount"))
            .otherwise(blank_is_zero)
            .cast(MONEY)
            .alias("signed_amount"),
        )
        .select(
            pl.exclude(
                "^_.*$",
                "role",
                "unreadable_value",
                "newest_row",
                "newest_file",
                "newest_place",
                "^x__.*$",
                "extract_date",
                "source_file",
                "source_line",
                "disposition",
                "reason",
                "detail",
            ),
            "^x__.*$",
            "extract_date",
            "source_file",
            "source_line",
            "disposition",
            "reason",
            "detail",
        )
    )
