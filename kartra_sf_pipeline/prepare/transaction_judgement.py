"""The rules by which a billing event is kept, folded into another record, or held back."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.dispositions import (
    MERGE,
    QUARANTINE,
    SUPPRESS,
    Rule,
    older_extract,
)
from kartra_sf_pipeline.prepare.suppression import PERSON_SUPPRESSED
from kartra_sf_pipeline.prepare.transaction_rules import Role, types_with
from kartra_sf_pipeline.prepare.wording import worded

IS_PAYMENT: Final = pl.col("type").is_in(types_with(Role.PAYMENT))
IS_STATUS: Final = pl.col("type").is_in(types_with(Role.STATUS))
IS_ADJUSTMENT: Final = pl.col("type").is_in(types_with(Role.ADJUSTMENT))
_IS_ATTEMPT: Final = pl.col("type").is_in(types_with(Role.ATTEMPT))


def _quoted(column: str) -> pl.Expr:
    return (
        pl.when(pl.col(column).is_null())
        .then(pl.lit("blank"))
        .otherwise(worded("'{}'", pl.col(column).fill_null("")))
    )


# What makes a row unfit to be a fact. Details are of rows that have `TEXT_COLUMNS` beside them.
PROBLEMS: Final = [
    Rule(
        pl.col("transaction_id").is_null(),
        QUARANTINE,
        "missing_id",
        pl.lit("The row has no transaction id, so it cannot be told from others."),
    ),
    Rule(
        pl.col("_damaged"),
        QUARANTINE,
        "damaged_id",
        pl.lit("A spreadsheet has rounded an id of this row; export it from Kartra again."),
    ),
    Rule(
        pl.col("type").is_null(),
        QUARANTINE,
        "unknown_type",
        worded("The transaction type is {}.", _quoted("_type_text")),
    ),
    Rule(
        pl.col("occurred_at").is_null(),
        QUARANTINE,
        "bad_date",
        worded("The date is {}, in no form that is certain.", _quoted("_date_text")),
    ),
    Rule(
        pl.col("_unreadable"),
        QUARANTINE,
        "bad_amount",
        pl.col("unreadable_value"),
    ),
    Rule(
        pl.col("amount").is_null() & (IS_PAYMENT | IS_ADJUSTMENT),
        QUARANTINE,
        "missing_amount",
        pl.lit("Money moved, but the row has no amount."),
    ),
]
TEXT_COLUMNS: Final = (
    pl.col("transaction_type").alias("_type_text"),
    pl.col("date").alias("_date_text"),
)

RULES: Final = [
    *PROBLEMS,
    older_extract(),
    Rule(_IS_ATTEMPT, SUPPRESS, "failed_payment"),
    Rule(
        pl.col("contact_key").is_null() & ~IS_STATUS,
        QUARANTINE,
        "buyer_not_found",
        pl.lit("Neither the row's lead id nor its e-mail address is among the contacts."),
    ),
    Rule(
        IS_ADJUSTMENT & pl.col("_exceeds").is_not_null(),
        QUARANTINE,
        "exceeds_sale",
        worded(
            "It would give back more of {} than was paid by its date and not given back yet.",
            "_exceeds",
        ),
    ),
    Rule(
        IS_ADJUSTMENT & pl.col("adjusts_key").is_null(),
        QUARANTINE,
        "sale_not_found",
        pl.lit("No earlier payment fits by subscription, by contact and product, or by processor."),
    ),
    Rule(
        pl.col("opportunity_key").is_null(),
        QUARANTINE,
        "no_subscription",
        worded(
            "There is no opportunity to fold it into: its subscription id is {}.",
            pl.col("subscription_key").str.slice(1).fill_null("blank"),
        ),
    ),
    Rule(IS_STATUS, MERGE, "status_evidence"),
    Rule(
        IS_PAYMENT & pl.col("_in_export") & pl.col("_opens") & (pl.col("type") == "sale"),
        MERGE,
        "first_payment",
    ),
    Rule(
        IS_PAYMENT
        & pl.col("subscription_key").is_not_null()
        & (pl.col("_in_export") | ~pl.col("_opens")),
        MERGE,
        "rebill_rolled_up",
    ),
    # Given to rows by `follow_people` alone, after all other rules.
    Rule(pl.lit(False), SUPPRESS, PERSON_SUPPRESSED),
]
FOLLOWS: Final = len(RULES) - 1
