"""Reading counts out of the run's frames, of which some may be missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

Frames = Mapping[str, pl.DataFrame]

_FATE: Final = ("disposition", "reason")
# What the figures read of wide frames; of those that are not named here, every column.
READ: Final[Mapping[str, tuple[str, ...]]] = {
    "raw_contacts": (
        "email", "first_name", "last_name", "phone", "company", "country", "date_joined",
        "gdpr_status", "gdpr_communications", "tags", "lists",
    ),
    "raw_companies": ("source_line",),
    "raw_transactions": ("source_line",),
    "raw_subscriptions": ("source_line",),
    "raw_affiliates": ("source_line",),
    "raw_calendar_bookings": ("source_line",),
    "raw_custom_fields": ("source_line",),
    "raw_notes": ("source_line",),
    **{
        f"raw_{name}": ("source_line",)
        for name in ("activities", "attachments", "account_team", "opportunity_team", "territories")
    },
    "contacts_prepared": (*_FATE, "joined_at", "unreadable_cells"),
    "contacts_unified": (
        "contact_key", "email", "email_verdict", "mailing_status", "blocklisted", "mailable",
        "name_review", "tags",
    ),
    "contacts_suppressed": ("contact_key", "tags", "lists", "reason"),
    "contact_rows": _FATE,
    "contact_matches": ("decision",),
    "companies_prepared": ("account_key",),
    "company_rows": _FATE,
    "transactions_prepared": (
        *_FATE, "type", "contact_key", "opportunity_key", "currency", "amount", "revenue",
        "sales_tax", "shipping_cost", "close_date",
    ),
    "subscriptions_prepared": (*_FATE, "status"),
    "subscriptions_derived": (*_FATE, "status"),
    "affiliates_prepared": _FATE,
    "affiliates_derived": _FATE,
    "bookings_prepared": _FATE,
    "notes_prepared": _FATE,
    "activities_prepared": (*_FATE, "type"),
    "attachments_prepared": _FATE,
    "attachment_files": ("named",),
    "account_team_prepared": _FATE,
    "opportunity_team_prepared": _FATE,
    "territories_prepared": _FATE,
    "products_derived": ("product_key",),
    "quarantine": ("export", "source_file", "reason"),
    "spreadsheet_damage": ("kind", "rows"),
}  # fmt: skip


def read_narrow(stored: Mapping[str, pl.LazyFrame]) -> dict[str, pl.DataFrame]:
    """The frames of a run with the columns that the figures read.

    Columns of an account's own (`x__*`) keep their names and lose their values.
    """
    narrow: dict[str, pl.DataFrame] = {}
    for name, frame in stored.items():
        names = frame.collect_schema().names()
        wanted = READ.get(name)
        if wanted is not None:
            own = [pl.lit(None, pl.String).alias(c) for c in names if c.startswith("x__")]
            frame = frame.select(*(c for c in names if c in wanted), *own)
        narrow[name] = frame.collect()
    return narrow


def height(frames: Frames, name: str) -> int:
    """Rows of a frame; none for a frame that was not made."""
    frame = frames.get(name)
    return 0 if frame is None else frame.height


def count(frames: Frames, name: str, condition: pl.Expr) -> int:
    """Rows of a frame for which the condition is true; none for a frame that was not made."""
    frame = frames.get(name)
    return 0 if frame is None else frame.select(condition.fill_null(False).sum()).item()


def distinct(frames: Frames, name: str, column: str) -> int:
    """Different values of a column, blanks apart."""
    frame = frames.get(name)
    return 0 if frame is None else frame.get_column(column).drop_nulls().n_unique()


def tally(frames: Frames, name: str, column: str) -> list[tuple[str, int]]:
    """Values of a column with their counts, in the order of the values; null is `(blank)`."""
    frame = frames.get(name)
    if frame is None:
        return []
    counted = frame.group_by(pl.col(column).fill_null("(blank)")).len().sort(column)
    return [(str(value), int(rows)) for value, rows in counted.iter_rows()]


def disposed(*dispositions: str) -> pl.Expr:
    """True for rows of a prepared frame with one of these dispositions."""
    return pl.col("disposition").is_in(dispositions)


def custom_columns(frames: Frames) -> list[str]:
    """Columns of the contacts that no export defines: what is left are custom fields."""
    contacts = frames.get("raw_contacts")
    return [] if contacts is None else [c for c in contacts.columns if c.startswith("x__")]
