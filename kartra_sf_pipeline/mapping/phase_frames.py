"""The source frame of every load phase at once, for judging a map before anything is sent."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.mapping.custom_fields import PREFIX
from kartra_sf_pipeline.mapping.model import FieldMap, Unmapped
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
    path size sha256 seconds outcome owner starts_at minutes created_on
    """.split()  # noqa: SIM905 - one word per name reads better than seventy quoted ones
)


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
    """Columns that hold values and that no rule names: what the map leaves behind."""
    found = []
    for name, phases in _CARRIED_BY.items():
        frame = prepared[name]
        used = {
            rule.source
            for phase in phases
            if phase in field_map.phases
            for rule in field_map.phases[phase].fields
        }
        left = [
            column
            for column in frame.collect_schema()
            if column not in used and column not in _WORKING
        ]
        counted = frame.select(pl.col(left).is_not_null().sum()).collect(engine="streaming")
        for column, filled in counted.row(0, named=True).items() if left else ():
            if filled or column.startswith(PREFIX):
                found.append(Unmapped(source=f"{name}.{column}", filled=filled))
    return tuple(found)
