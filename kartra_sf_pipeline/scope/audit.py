"""The account in numbers: what was exported, and how much of it is clean and active."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.nulls import clean
from kartra_sf_pipeline.scope.frames import (
    Frames,
    count,
    custom_columns,
    disposed,
    distinct,
    height,
    tally,
)

SCHEMA: Final = pl.Schema({"metric": pl.String(), "value": pl.Int64(), "note": pl.String()})

# Contacts that Kartra's plans have been sold with; above the last, plans are negotiated.
PLAN_TIERS: Final = (2_500, 12_500, 25_000, 50_000, 100_000)
# A migration takes weeks: an account this full may outgrow its plan on the way.
NEARLY_FULL: Final = 0.95

# Above this, the extraction itself must be tried before a date is promised (S77).
TRIAL_ABOVE_CONTACTS: Final = 10_000

# Verdicts on addresses that the org would not take.
_NO_ADDRESS: Final = ("invalid", "unsupported")

_BOUNCED: Final = ("bounced", "multiple_soft_bounces")

# Fields whose completeness decides what can be loaded and matched.
_FIELDS: Final = (
    "email",
    "first_name",
    "last_name",
    "phone",
    "company",
    "country",
    "date_joined",
    "gdpr_status",
    "gdpr_communications",
    "tags",
    "lists",
)

Metric = tuple[str, int, str | None]


def audit(frames: Frames, *, plan_contacts: int | None = None) -> pl.DataFrame:
    """Counts as `metric` (snake_case), `value` (a count), `note` (a sentence or null).

    `frames` are the run's frames by asset name (`raw_*`, the prepared ones, `quarantine`); what is
    missing counts as none. `plan_contacts` is the number of contacts of the account's plan; without
    it the nearest of `PLAN_TIERS` is assumed, and the note says so.
    """
    return pl.DataFrame(
        [
            *_contacts(frames),
            *_fields(frames),
            *_spoilt(frames),
            *_tier(frames, plan_contacts),
            *_others(frames),
        ],
        schema=SCHEMA,
        orient="row",
    )


def _contacts(frames: Frames) -> Iterator[Metric]:
    unified = "contacts_unified"
    rows = height(frames, "raw_contacts")
    people = height(frames, unified)
    status = pl.col("mailing_status")
    yield "contact_rows", rows, "Rows of all contact files, overlaps included."
    for reason, number in _reasons(frames, "contact_rows"):
        yield f"contact_rows_{reason}", number, None
    yield "contacts", people, "People after overlaps and duplicates were merged."
    yield (
        "contacts_to_review",
        count(frames, "contact_matches", pl.col("decision") == "review"),
        "Pairs that may be one person and were not merged.",
    )
    yield "contacts_bounced", count(frames, unified, status.is_in(_BOUNCED)), None
    yield "contacts_blocklisted", count(frames, unified, pl.col("blocklisted")), None
    yield "contacts_unsubscribed", count(frames, unified, status == "unsubscribed"), None
    yield "contacts_spam_complaint", count(frames, unified, status == "spam_complaint"), None
    yield (
        "contacts_without_valid_email",
        count(frames, unified, pl.col("email").is_null()),
        "No address that mail could reach.",
    )
    yield (
        "contacts_email_unsupported",
        count(frames, unified, pl.col("email_verdict") == "unsupported"),
        "Addresses that exist by the book and that Salesforce does not take.",
    )
    yield (
        "contacts_clean_active",
        count(frames, unified, _clean_active()),
        "A valid address, not blocklisted, not bounced, not unsubscribed, no complaint.",
    )
    yield (
        "contacts_mailable",
        count(frames, unified, pl.col("mailable")),
        "Consent allows mailing; all others arrive opted out.",
    )
    yield (
        "contacts_name_to_review",
        count(frames, unified, pl.col("name_review")),
        "The last name was derived or is a placeholder.",
    )
    if rows > TRIAL_ABOVE_CONTACTS:
        yield (
            "trial_extract_needed",
            1,
            f"Above {TRIAL_ABOVE_CONTACTS:,} contacts the extraction is tried before scoping.",
        )


def _clean_active() -> pl.Expr:
    status = pl.col("mailing_status")
    return (
        pl.col("email").is_not_null()
        & ~pl.col("email_verdict").is_in(_NO_ADDRESS)
        & ~pl.col("blocklisted").fill_null(False)
        & (status.is_null() | (status == "subscribed"))
    )


def _fields(frames: Frames) -> Iterator[Metric]:
    rows = height(frames, "raw_contacts")
    for field in _FIELDS:
        filled = count(frames, "raw_contacts", clean(pl.col(field)).is_not_null())
        share = f"{filled / rows:.1%} of {rows:,} rows." if rows else "No rows."
        yield f"contact_rows_with_{field}", filled, share
    for field in ("last_name", "email"):
        missing = count(frames, "raw_contacts", clean(pl.col(field)).is_null())
        yield f"contact_rows_without_{field}", missing, "Needs a transform before loading."


def _spoilt(frames: Frames) -> Iterator[Metric]:
    """Cells that say something and could not be read with certainty, and what spreadsheets spoilt.

    A row may have several such cells: `contact_rows_unreadable_<cell>` adds up to more rows than
    there are.
    """
    rows = frames.get("contacts_prepared")
    cells = None if rows is None else rows.get_column("unreadable_cells").drop_nulls()
    yield (
        "contact_rows_with_unreadable_cells",
        0 if cells is None else len(cells),
        "Cells that are held for review, never guessed.",
    )
    if cells is not None:
        each = cells.str.split(", ").explode(empty_as_null=False).alias("cell").to_frame()
        for cell, number in tally({"cells": each}, "cells", "cell"):
            yield f"contact_rows_unreadable_{cell}", number, None
    damage = frames.get("spreadsheet_damage")
    found = 0 if damage is None else damage.get_column("rows").sum()
    yield "rows_with_spreadsheet_damage", int(found), "Column by column; see spreadsheet_damage."
    if damage is not None:
        for kind, number in damage.group_by("kind").agg(pl.col("rows").sum()).sort("kind").rows():
            yield f"rows_with_spreadsheet_damage_{kind}", number, None


def _tier(frames: Frames, plan_contacts: int | None) -> Iterator[Metric]:
    people = height(frames, "contacts_unified")
    fitting = next((tier for tier in PLAN_TIERS if tier >= people), PLAN_TIERS[-1])
    limit = fitting if plan_contacts is None else plan_contacts
    source = "assumed from the count" if plan_contacts is None else "as given"
    yield "kartra_plan_contacts", limit, f"Contacts of the account's plan, {source}."
    if people > limit:
        note = "Above it already."
    elif people >= limit * NEARLY_FULL:
        note = "Nearly full: the account may reach its limit during the migration."
    else:
        note = None
    yield "kartra_plan_headroom", limit - people, note


def _others(frames: Frames) -> Iterator[Metric]:
    yield "tags", distinct(frames, "parsed_tags", "tag_folded"), "Distinct names."
    yield "tag_assignments", height(frames, "parsed_tags"), None
    yield "lists", distinct(frames, "parsed_lists", "list_folded"), "Distinct names."
    yield "list_memberships", height(frames, "parsed_lists"), None
    yield (
        "custom_fields",
        height(frames, "raw_custom_fields") or len(custom_columns(frames)),
        "From the field schema, else from columns that no export defines.",
    )
    yield "company_rows", height(frames, "raw_companies"), None
    yield "accounts", height(frames, "companies_prepared"), "By web domain, else by name."
    yield "transaction_rows", height(frames, "raw_transactions"), None
    for kind, number in tally(frames, "transactions_prepared", "type"):
        yield f"transactions_{_snake(kind)}", number, None
    for reason, number in _reasons(frames, "transactions_prepared"):
        yield f"transactions_set_aside_{reason}", number, None
    yield "buyers", distinct(frames, "transactions_prepared", "contact_key"), None
    yield "products", height(frames, "products_derived"), "Product and price point."
    yield "subscription_rows", height(frames, "raw_subscriptions"), None
    for status, number in tally(frames, "subscriptions_prepared", "status"):
        yield f"subscriptions_{_snake(status)}", number, None
    yield (
        "subscriptions_derived",
        height(frames, "subscriptions_derived"),
        "Known from transactions alone.",
    )
    yield "affiliate_rows", height(frames, "raw_affiliates"), None
    yield "affiliates_derived", height(frames, "affiliates_derived"), "From transactions alone."
    yield "booking_rows", height(frames, "raw_calendar_bookings"), None
    yield "note_rows", height(frames, "raw_notes"), None
    yield "sequences", distinct(frames, "raw_sequences", "sequence"), "For the inventory."
    yield "rows_not_readable", height(frames, "quarantine"), "Held back by the reader."


def _reasons(frames: Frames, name: str) -> list[tuple[str, int]]:
    """Why rows are not records of their own, with counts."""
    frame = frames.get(name)
    if frame is None:
        return []
    return tally({name: frame.filter(~disposed("keep"))}, name, "reason")


def _snake(value: str) -> str:
    return "without" if value == "(blank)" else value
