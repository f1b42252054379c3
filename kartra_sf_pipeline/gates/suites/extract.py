"""Gates after reading: is this a whole, identifiable export?"""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.gates.rules import Suite, holds, not_null, rows_at_least, unique_together

READABLE = 0.9
"""Below this share of filled cells a column was not read right; single rows are held one by one."""

_LINEAGE = ("source_file", "source_line")

SUITES = (
    Suite(
        asset="raw_contacts",
        derive={"_identified": pl.any_horizontal(pl.col("id", "email").is_not_null())},
        rules=(
            rows_at_least(
                "contacts_export_has_rows", 1, "A migration without contacts is a wrong folder."
            ),
            unique_together(
                "contact_rows_have_their_own_line",
                _LINEAGE,
                "Every row is traced to one line of one file.",
            ),
            holds(
                "contacts_are_identifiable",
                "_identified",
                "At least 95 % of contact rows carry a Kartra id or an e-mail address.",
                mostly=0.95,
            ),
            not_null(
                "contacts_mostly_have_email",
                "email",
                "Kartra requires an e-mail address: below 90 % the column was not read right.",
                mostly=0.9,
            ),
        ),
    ),
    Suite(
        asset="raw_transactions",
        rules=(
            unique_together(
                "transaction_rows_have_their_own_line",
                _LINEAGE,
                "Every row is traced to one line of one file.",
            ),
            not_null(
                "transactions_have_ids",
                "transaction_id",
                "Kartra gives each billing event an id: without it a second run would double it.",
                mostly=READABLE,
            ),
            not_null(
                "transactions_have_types",
                "transaction_type",
                "The type alone says whether money moved; a few rows without one are held.",
                mostly=READABLE,
            ),
            not_null("transactions_have_dates", "date", "CloseDate needs a date.", mostly=READABLE),
        ),
    ),
    Suite(
        asset="raw_subscriptions",
        rules=(
            unique_together(
                "subscription_rows_have_their_own_line",
                _LINEAGE,
                "Every row is traced to one line of one file.",
            ),
            not_null(
                "subscriptions_have_ids",
                "subscription_id",
                "Payments join their subscription by its id.",
                mostly=READABLE,
            ),
        ),
    ),
)
