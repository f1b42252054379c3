"""Calendar bookings, from files that people assemble by hand: Kartra has no such export."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.codes import clean_id, folded
from kartra_sf_pipeline.prepare.contact_lookup import contact_lookup
from kartra_sf_pipeline.prepare.dispositions import (
    MERGE,
    QUARANTINE,
    ROW,
    Rule,
    dispose,
    place,
)
from kartra_sf_pipeline.prepare.local_times import local_instants, uncertain_times, zone_is_known
from kartra_sf_pipeline.prepare.nulls import clean
from kartra_sf_pipeline.prepare.stable_keys import with_key
from kartra_sf_pipeline.prepare.wording import worded

STATUSES: Final = {
    "booked": "booked",
    "scheduled": "booked",
    "confirmed": "booked",
    "completed": "completed",
    "complete": "completed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "calendar subscribe": "booked",
    "calendar complete": "completed",
    "calendar cancel": "cancelled",
}


def prepare_bookings(
    raw: pl.DataFrame,
    contacts_unified: pl.DataFrame,
    *,
    zone: str,
) -> pl.DataFrame:
    """`bookings_prepared`: one row per raw row, each with one disposition.

    `starts_at` is the date and time in the row's own time zone, where it names one, else in `zone`;
    a booking without a time of day is held back. `booking_key` is `B<booking id>`, else a hash.
    Sessions of a series share an id: from the second on, by time, keys end in -2, -3. Of a booking
    that several extracts hold, the newest extract counts, so that a moved appointment is one.
    """
    facts = raw.select(
        clean_id(pl.col("booking_id")),
        clean(pl.col("calendar")),
        clean(pl.col("class")),
        clean(pl.col("host")),
        clean(pl.col("host_email")),
        clean(pl.col("date")).alias("_date"),
        clean(pl.col("time")).alias("_time"),
        clean(pl.col("timezone")).alias("time_zone"),
        clean(pl.col("status")).alias("_status"),
        clean(pl.col("attendee_email")).str.to_lowercase(),
        clean(pl.col("attendee_name")),
        "extract_date",
        "source_file",
        "source_line",
        pl.col("^x__.*$"),
    ).with_row_index(ROW)
    facts = facts.with_columns(
        pl.col("_status")
        .str.to_lowercase()
        .str.replace_all(r"[\s_\-]+", " ")
        .replace_strict(STATUSES, default=None, return_dtype=pl.String)
        .alias("status"),
        local_instants(facts, zone).alias("starts_at"),
        _known_zone=zone_is_known(facts.get_column("time_zone")),
    )
    facts = contact_lookup(contacts_unified).resolve(facts, email="attendee_email")
    problems = _problems()
    sound = ~pl.any_horizontal([problem.when.fill_null(False) for problem in problems])
    facts = with_key(
        facts.with_columns(
            _sound=sound,
            _calendar=folded(pl.col("calendar")),
            _when=pl.col("starts_at").dt.epoch("us").cast(pl.String),
        ),
        "booking_key",
        own=worded("B{}", pl.col("booking_id")),
        content=["_calendar", "_when", "attendee_email"],
    )
    judged = dispose(_numbered(facts), [*problems, _older_copy()])
    return judged.select(
        "booking_key",
        "booking_id",
        "calendar",
        "class",
        "host",
        "host_email",
        "starts_at",
        "time_zone",
        "status",
        "attendee_email",
        "attendee_name",
        "contact_key",
        pl.col("^x__.*$"),
        "extract_date",
        "source_file",
        "source_line",
        "disposition",
        "reason",
        "detail",
    )


def _problems() -> list[Rule]:
    return [
        *uncertain_times(pl.col("starts_at").is_null()),
        Rule(
            pl.col("status").is_null() & pl.col("_status").is_not_null(),
            QUARANTINE,
            "unknown_status",
            worded("'{}' is not a status of a booking.", "_status"),
        ),
        Rule(
            pl.col("contact_key").is_null(),
            QUARANTINE,
            "attendee_not_found",
            pl.lit("The attendee's e-mail address is not among the contacts."),
        ),
    ]


def _older_copy() -> Rule:
    return Rule(
        pl.col("_newest_row") != pl.col(ROW),
        MERGE,
        "older_extract",
        worded("The newest copy is {}.", "_newest_place"),
    )


def _numbered(facts: pl.DataFrame) -> pl.DataFrame:
    """Number the sessions of a series and find, for each older copy, the row that replaced it."""
    sound = facts.filter("_sound")
    newest_extract = sound.group_by("booking_key").agg(
        pl.col("extract_date").max().alias("_newest_extract")
    )
    current = sound.join(newest_extract, on="booking_key").filter(
        pl.col("extract_date").eq_missing(pl.col("_newest_extract"))
    )
    sessions = (
        current.sort(ROW)
        .unique(["booking_key", "starts_at"], keep="last", maintain_order=True)
        .sort("booking_key", "starts_at", ROW)
        .with_columns(_number=pl.int_range(1, pl.len() + 1).over("booking_key"))
    )
    same_time = sessions.select(
        "booking_key", "starts_at", _same_row=ROW, _same_place=place(), _same_number="_number"
    )
    first = sessions.filter(pl.col("_number") == 1).select(
        "booking_key", _first_row=ROW, _first_place=place()
    )
    return (
        facts.join(same_time, on=["booking_key", "starts_at"], how="left", maintain_order="left")
        .join(first, on="booking_key", how="left", maintain_order="left")
        .with_columns(
            # A session that the newest extract has lost was moved: the first one stands for it.
            _newest_row=pl.when("_sound").then(pl.coalesce("_same_row", "_first_row")),
            _newest_place=pl.coalesce("_same_place", "_first_place"),
            booking_key=pl.when(pl.col("_sound") & (pl.col("_same_number") > 1))
            .then(worded("{}-{}", "booking_key", "_same_number"))
            .otherwise("booking_key"),
        )
    )
