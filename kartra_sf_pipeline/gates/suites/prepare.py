"""Gates after preparation: is every row accounted for, and is what is kept fit to be mapped?"""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.gates.rules import (
    Suite,
    holds,
    in_set,
    matches,
    not_null,
    rows_at_least,
    unique,
)

DISPOSITIONS = ["keep", "merge", "suppress", "quarantine"]
UNSAFE_CONSENT = ["refused", "pending", "unknown"]
MONEY_TYPES = ["sale", "rebill", "refund", "partial_refund", "chargeback"]
REVERSALS = ["refund", "partial_refund", "chargeback"]
EMAIL = r"^[^@\s,;<>()\"]+@[^@\s,;<>()\"]+\.[^@\s,;<>()\".]+$"

_kept = pl.col("disposition") == "keep"
_reasoned = {"_reasoned": _kept | pl.col("reason").is_not_null()}


def _accounted(asset: str, rows: str) -> Suite:
    """Each row of a prepared frame has one known disposition, and a reason unless it is kept."""
    return Suite(
        asset=asset,
        derive=_reasoned,
        rules=(
            in_set(
                f"{rows}_have_one_disposition",
                "disposition",
                DISPOSITIONS,
                "No row is lost between stages.",
            ),
            holds(
                f"{rows}_set_aside_have_a_reason", "_reasoned", "A row that does not move says why."
            ),
        ),
    )


_consent_safe = pl.col("mailable").fill_null(value=False).not_() | (
    pl.col("gdpr_status").fill_null("unknown").is_in(UNSAFE_CONSENT).not_()
    & (pl.col("communications").fill_null("yes") != "no")
    & pl.col("blocklisted").fill_null(value=False).not_()
)

SUITES = (
    _accounted("contacts_prepared", "contact_rows"),
    Suite(
        asset="contacts_unified",
        derive={"_consent_safe": _consent_safe},
        rules=(
            rows_at_least("people_remain_after_merging", 1, "Merging never leaves nobody."),
            not_null(
                "people_have_keys",
                "contact_key",
                "The key is what makes a second run change nothing.",
            ),
            unique(
                "people_stand_once",
                "contact_key",
                "Two rows with one key would overwrite each other.",
            ),
            not_null(
                "people_have_last_names",
                "last_name",
                "Salesforce requires LastName of every contact.",
            ),
            matches(
                "people_emails_are_addresses",
                "email",
                EMAIL,
                "Salesforce refuses a malformed address.",
            ),
            holds(
                "consent_never_widens",
                "_consent_safe",
                "Refused, pending or unknown consent never arrives as mailable.",
            ),
        ),
    ),
    Suite(
        asset="records_loaded_apart",
        identify=("object", "first_loaded_run"),
        rules=(
            in_set(
                "nobody_was_loaded_twice",
                "decision",
                ["ignore"],
                "What was loaded as two records and is one now is merged in Salesforce by a "
                "person, or ignored by a word in match_review.csv.",
                severity="warning",
            ),
        ),
    ),
    Suite(
        asset="companies_prepared",
        rules=(
            not_null(
                "companies_have_keys",
                "account_key",
                "The key is the domain, else the normalised name.",
            ),
            unique("companies_stand_once", "account_key", "One account per company."),
            not_null(
                "companies_have_names", "name", "Salesforce requires the Name of every account."
            ),
        ),
    ),
    Suite(
        asset="transactions_prepared",
        derive={
            **_reasoned,
            "_failed_set_aside": _kept.not_() | (pl.col("type") != "failed").fill_null(value=True),
            "_kept_is_money": _kept.not_()
            | pl.col("type").is_in(MONEY_TYPES).fill_null(value=False),
            "_kept_has_amount": _kept.not_() | pl.col("amount").is_not_null(),
            "_kept_has_date": _kept.not_() | pl.col("close_date").is_not_null(),
            "_reversal_is_negative": pl.col("type").is_in(REVERSALS).not_().fill_null(value=True)
            | (pl.col("signed_amount").fill_null(0) <= 0),
        },
        rules=(
            in_set(
                "transactions_have_one_disposition",
                "disposition",
                DISPOSITIONS,
                "No row is lost between stages.",
            ),
            holds(
                "transactions_set_aside_have_a_reason",
                "_reasoned",
                "A row that does not move says why.",
            ),
            holds(
                "failed_payments_never_count", "_failed_set_aside", "A failed payment is no sale."
            ),
            holds(
                "only_money_becomes_opportunities",
                "_kept_is_money",
                "Cancellations and failures are evidence, never won opportunities.",
            ),
            holds(
                "kept_transactions_have_amounts",
                "_kept_has_amount",
                "An opportunity carries its amount.",
            ),
            holds(
                "kept_transactions_have_dates", "_kept_has_date", "Salesforce requires CloseDate."
            ),
            holds(
                "reversals_are_negative",
                "_reversal_is_negative",
                "The type sets the sign of the money.",
            ),
        ),
    ),
    _accounted("subscriptions_prepared", "subscription_rows"),
    _accounted("affiliates_prepared", "affiliate_rows"),
    _accounted("bookings_prepared", "booking_rows"),
    _accounted("notes_prepared", "note_rows"),
    _accounted("activities_prepared", "activity_rows"),
    _accounted("attachments_prepared", "attachment_rows"),
    _accounted("account_team_prepared", "account_team_rows"),
    _accounted("opportunity_team_prepared", "opportunity_team_rows"),
    _accounted("territories_prepared", "territory_rows"),
    Suite(
        asset="attachment_files",
        identify=("size",),
        rules=(
            holds(
                "every_attachment_is_in_the_manifest",
                "named",
                "A file that no row of the manifest names belongs to nobody and stays behind.",
                severity="warning",
            ),
        ),
    ),
)
