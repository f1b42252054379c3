"""The scope: Kartra's twelve objects, where each goes, how well, and how many records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl

from kartra_sf_pipeline.scope.frames import (
    Frames,
    count,
    custom_columns,
    disposed,
    distinct,
    height,
)

FULLY: Final = "fully supported"
MAPPED: Final = "mapping required"
NOT_SUPPORTED: Final = "not supported"

SCHEMA: Final = pl.Schema(
    {
        "object": pl.String(),
        "source_rows": pl.Int64(),
        "destination": pl.String(),
        "cardinality": pl.String(),
        "support": pl.String(),
        "planned_rows": pl.Int64(),
        "note": pl.String(),
    }
)


@dataclass(frozen=True)
class ScopeObject:
    """One of Kartra's objects. `cardinality` is null where nothing of it arrives as a record."""

    name: str
    destination: str
    cardinality: str | None
    support: str
    source_rows: Callable[[Frames], int]
    planned_rows: Callable[[Frames], int]
    note: Callable[[Frames], str]


def _kept(*names: str) -> Callable[[Frames], int]:
    return lambda frames: sum(count(frames, name, disposed("keep")) for name in names)


def _rows(name: str) -> Callable[[Frames], int]:
    return lambda frames: height(frames, name)


def _nothing(_: Frames) -> int:
    return 0


def _says(text: str) -> Callable[[Frames], str]:
    return lambda _: text


def _custom_fields(frames: Frames) -> int:
    return height(frames, "raw_custom_fields") or len(custom_columns(frames))


def _own_opportunities(frames: Frames) -> int:
    """Opportunities of one-off sales and refunds; a subscription's is counted with it."""
    return count(
        frames,
        "transactions_prepared",
        disposed("keep") & pl.col("opportunity_key").str.starts_with("T"),
    )


def _behavioural(*kinds: str) -> Callable[[Frames], str]:
    def note(frames: Frames) -> str:
        tags = count(frames, "behavioural_tags", pl.col("kind").is_in(kinds))
        found = f"Tags that speak of it, and arrive: {tags:,}." if tags else "No tag speaks of it."
        return f"No export has it. {found}"

    return note


OBJECTS: Final = (
    ScopeObject(
        "Contacts",
        "Contact",
        "1:1",
        FULLY,
        _rows("raw_contacts"),
        _rows("contacts_unified"),
        _says("Overlaps and proven duplicates become one record; consent comes first."),
    ),
    ScopeObject(
        "Companies",
        "Account",
        "many:1",
        FULLY,
        _rows("raw_companies"),
        _rows("companies_prepared"),
        _says("Kartra has no company object: keyed by web domain, else by name."),
    ),
    ScopeObject(
        "Custom fields",
        "Custom fields on Contact",
        "1:1",
        MAPPED,
        _custom_fields,
        _custom_fields,
        _says("Counted in fields; types are confirmed in the field map."),
    ),
    ScopeObject(
        "Tags",
        "Multi-select picklist on Contact",
        "lossy",
        MAPPED,
        _rows("parsed_tags"),
        _rows("parsed_tags"),
        lambda frames: (
            f"{distinct(frames, 'parsed_tags', 'tag_folded'):,} distinct tags; names "
            "only, without date or cause."
        ),
    ),
    ScopeObject(
        "Lists",
        "Campaign and CampaignMember",
        "lossy",
        MAPPED,
        _rows("parsed_lists"),
        _rows("parsed_lists"),
        lambda frames: (
            f"{distinct(frames, 'parsed_lists', 'list_folded'):,} lists; campaign or "
            "group is chosen per list."
        ),
    ),
    ScopeObject(
        "Transactions",
        "Opportunity",
        "many:1",
        FULLY,
        _rows("raw_transactions"),
        _own_opportunities,
        _says("Rebills roll up into their subscription; failed payments make no record."),
    ),
    ScopeObject(
        "Subscriptions",
        "Opportunity",
        "1:1",
        FULLY,
        _rows("raw_subscriptions"),
        _kept("subscriptions_prepared", "subscriptions_derived"),
        lambda frames: (
            f"{height(frames, 'subscriptions_derived'):,} are known from transactions "
            "alone; run rate is not exported and not derived."
        ),
    ),
    ScopeObject(
        "Affiliates",
        "Account",
        "1:1",
        MAPPED,
        _rows("raw_affiliates"),
        _kept("affiliates_prepared", "affiliates_derived"),
        lambda frames: (
            f"{height(frames, 'affiliates_derived'):,} are known from transactions alone."
        ),
    ),
    ScopeObject(
        "Calendars",
        "Event",
        "1:1",
        MAPPED,
        _rows("raw_calendar_bookings"),
        _kept("bookings_prepared"),
        _says("A file of its own; Kartra's calendar history is incomplete by default."),
    ),
    ScopeObject(
        "Memberships and courses",
        "none",
        None,
        NOT_SUPPORTED,
        _nothing,
        _nothing,
        _behavioural("membership", "course"),
    ),
    ScopeObject(
        "Sequences",
        "none",
        None,
        NOT_SUPPORTED,
        lambda frames: distinct(frames, "raw_sequences", "sequence"),
        _nothing,
        _says("The people move, the logic does not: it is listed for rebuilding."),
    ),
    ScopeObject(
        "Forms and surveys",
        "none",
        None,
        NOT_SUPPORTED,
        _nothing,
        _nothing,
        _behavioural("form", "survey"),
    ),
)


def migration_scope(frames: Frames) -> pl.DataFrame:
    """One row for each of Kartra's twelve objects, in the order of `OBJECTS`.

    `object`; `source_rows` (rows of its export, or values found in the contacts); `destination`;
    `cardinality` (1:1, many:1, lossy, null); `support` (fully supported, mapping required, not
    supported); `planned_rows` (records, or values on records, that will be written); `note`.
    `frames` are the run's frames by asset name, `behavioural_tags` among them.
    """
    return pl.DataFrame(
        [
            (
                item.name,
                item.source_rows(frames),
                item.destination,
                item.cardinality,
                item.support,
                item.planned_rows(frames),
                item.note(frames),
            )
            for item in OBJECTS
        ],
        schema=SCHEMA,
        orient="row",
    )
