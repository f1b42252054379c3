"""Gates after reading: is this a whole, identifiable export?"""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.gates.rules import (
    FIVE_PERCENT,
    ONE_PERCENT,
    Suite,
    holds,
    not_null,
    rows_at_least,
    unique_together,
)

# Where more cells are empty than that, the column was not read right; single rows without a value
# are held one by one, later.
_READABLE = ONE_PERCENT

_LINEAGE = ("source_file", "source_line")

SUITES = (
    Suite(
        asset="spreadsheet_damage",
        derive={"_whole": pl.col("rows") == 0},
        identify=("source_file", "column", "kind"),
        rules=(
            holds(
                "no_spreadsheet_has_spoilt_the_files",
                "_whole",
                "Files are as Kartra exported them: cut digits, dates that may be read two ways "
                "and truncated texts cannot be mended here; export again, and do not save the "
                "file from a spreadsheet.",
                severity="warning",
            ),
        ),
    ),
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
                "All but a few contact rows, or 1 %, carry a Kartra id or an e-mail address.",
                tolerance=_READABLE,
            ),
            not_null(
                "contacts_mostly_have_email",
                "email",
                "Kartra requires an e-mail address: where more than a few rows, or 5 %, have none, "
                "the column was not read right.",
                tolerance=FIVE_PERCENT,
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
                tolerance=_READABLE,
            ),
            not_null(
                "transactions_have_types",
                "transaction_type",
                "The type alone says whether money moved; a few rows without one are held.",
                tolerance=_READABLE,
            ),
            not_null(
                "transactions_have_dates", "date", "CloseDate needs a date.", tolerance=_READABLE
            ),
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
                tolerance=_READABLE,
            ),
        ),
    ),
)
