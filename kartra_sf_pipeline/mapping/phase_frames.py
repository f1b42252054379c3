"""The source frame of every load phase at once, for judging a map before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl
import polars.selectors as cs

from kartra_sf_pipeline.mapping.custom_fields import PREFIX
from kartra_sf_pipeline.mapping.model import FieldMap, PhaseMap, Unmapped
from kartra_sf_pipeline.mapping.rows.choices import Choices, Frames
from kartra_sf_pipeline.mapping.rows.registry import DERIVED, PHASE_ROWS

PREPARED = tuple(
    dict.fromkeys(
        name
        for rows in (*DERIVED.values(), *PHASE_ROWS.values())
        for name in rows.needs
        if name not in DERIVED
    )
)
"""Frames that the phases are made of."""

JUDGED = ("people_plan", "memberships_left_out", "assignment_facts")
"""Derived frames by which the choices of a map are judged, beside the phases' own."""

# Which phases carry a prepared frame's columns to the org.
_CARRIED_BY = {
    "contacts_unified": ("contacts", "contact_tags"),
    "companies_prepared": ("accounts",),
    "transactions_prepared": (
        "opportunities",
        "opportunity_line_items",
        "products",
        "transaction_records",
    ),
    "subscriptions_prepared": ("opportunities", "subscription_records"),
    "affiliates_prepared": ("affiliates", "affiliate_records"),
    "bookings_prepared": ("events",),
    "notes_prepared": ("tasks", "files"),
    "activities_prepared": ("events", "tasks", "files"),
    "attachments_prepared": ("files",),
}

# Written by hand: their own columns make no field, further ones are left behind.
_BY_HAND = ("account_team_prepared", "opportunity_team_prepared", "territories_prepared")

# What the pipeline made for itself, or folds into a column that is mapped under another name.
_WORKING = frozenset(
    """
    source_file source_line disposition reason detail merged_into merged_keys merged_emails
    primary_reason extract_date evidence contacts derived contact_key account_key product_key
    opportunity_key subscription_key adjusts_key contact_evidence adjusts_evidence kartra_id
    email_raw email_verdict email_suggestion name_verdict phone_e164 company domain mailable
    country_iso2 deleted blocklisted tags tags_raw lists lists_raw transaction_id type
    occurred_at close_date price_point amount signed_amount lead_id buyer_email subscription_id
    status first_amount first_paid_on affiliate_id name booking_id class starts_at time_zone
    attendee_email note_id base_price email affiliate_key activity_id activity_key file_key file
    path size sha256 seconds outcome owner starts_at minutes created_on phone_verdict values_from
    """.split()  # noqa: SIM905 - one word per name reads better than seventy quoted ones
)
_PLACES: Final = {"state", "country", "state_code", "country_code", "place_held"}
"""By name or by code as the org takes them; what it does not offer is told apart."""


def phase_frames(prepared: Frames, choices: Choices) -> dict[str, pl.DataFrame]:
    """Rows of each phase that writes, as `transform` will see them, and the frames of `JUDGED`.

    `prepared` holds the frames of `PREPARED`, unread.
    """
    frames: dict[str, pl.LazyFrame] = dict(prepared)
    for name, rows in DERIVED.items():
        frames[name] = rows.build(frames, choices).lazy()
    judged = {name: frames[name].collect() for name in JUDGED}
    return judged | {name: PHASE_ROWS[name].build(frames, choices) for name in choices.phases}


def unmapped_columns(prepared: Frames, field_map: FieldMap) -> tuple[Unmapped, ...]:
    """Columns that hold values and that no rule of a phase that writes names: what the map leaves
    behind.

    Where a segment makes leads of people, what leads leave behind stands under `leads`.
    """
    found = []
    # An optional rule names its column, whether or not this org lets the field be written.
    active = field_map.active(lambda *_: True)
    for name, phases in _CARRIED_BY.items():
        found += _unmapped(name, prepared[name], _used(active, *phases))
    for name in _BY_HAND:
        further = prepared[name].select(cs.starts_with(PREFIX))
        found += _unmapped(name, further, set())
    if any(segment.become == "lead" for segment in field_map.contacts_without_company):
        choices = Choices(field_map=field_map, objects={}, pricebook_id="", minutes=0)
        plan = DERIVED["people_plan"].build(prepared, choices).lazy()
        leads = plan.filter(pl.col("become") == "lead").select("contact_key")
        people = prepared["contacts_unified"].join(leads, on="contact_key", how="semi")
        found += unmapped_of_leads(people, active)
    return tuple(found)


def unmapped_of_leads(people: pl.LazyFrame, phases: Mapping[str, PhaseMap]) -> Iterator[Unmapped]:
    """What people who become leads have, and no rule of theirs among the `phases` names."""
    return _unmapped("leads", people, _used(phases, "leads") | _PLACES)


def _used(phases: Mapping[str, PhaseMap], *names: str) -> set[str | None]:
    return {rule.source for name in names if name in phases for rule in phases[name].fields}


def _unmapped(name: str, frame: pl.LazyFrame, used: set[str | None]) -> Iterator[Unmapped]:
    left = [
        column for column in frame.collect_schema() if column not in used and column not in _WORKING
    ]
    if not left:
        return
    counted = frame.select(pl.col(left).is_not_null().sum()).collect(engine="streaming")
    for column, filled in counted.row(0, named=True).items():
        if filled or column.startswith(PREFIX):
            yield Unmapped(source=f"{name}.{column}", filled=filled)
