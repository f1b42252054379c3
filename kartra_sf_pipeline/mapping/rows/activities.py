"""Bookings and meetings as events; notes, calls, e-mails and tasks as tasks."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.mapping.rows.choices import Choices, Frames
from kartra_sf_pipeline.mapping.rows.lineage import LINEAGE

EVENTS: Final = ("bookings_prepared", "activities_prepared")
TASKS: Final = ("notes_prepared", "activities_prepared")

_DAY: Final = 24 * 60
_SUBTYPES: Final = {"call": "Call", "email": "Email"}
_CALLED: Final = {"call": "Call", "email": "E-mail", "task": "Task", "note": "Note"}


def event_rows(frames: Frames, choices: Choices) -> pl.DataFrame:
    """Bookings, then the meetings of the activities file."""
    return pl.concat(
        [
            events(frames["bookings_prepared"].collect(), choices.minutes),
            meetings(frames["activities_prepared"].collect(), choices.minutes),
        ],
        how="diagonal_relaxed",
    )


def task_rows(frames: Frames, choices: Choices) -> pl.DataFrame:
    """Notes, then calls, e-mails and tasks; notes are left to the files where the map says so."""
    kept = frames["notes_prepared"].collect()
    done = frames["activities_prepared"].collect()
    if choices.field_map.strategies.notes != "task":
        kept, done = kept.clear(), done.filter(pl.col("type") != "note")
    return pl.concat([tasks(kept), activity_tasks(done)], how="diagonal_relaxed")


def events(bookings: pl.DataFrame, minutes: int) -> pl.DataFrame:
    """One event per booking; Kartra gives no end, so each lasts the configured minutes."""
    return bookings.filter(pl.col("disposition") == "keep").with_columns(
        subject=pl.concat_str(
            pl.coalesce("calendar", pl.lit("Kartra booking")),
            "class",
            separator=" – ",
            ignore_nulls=True,
        ),
        minutes=pl.lit(minutes, pl.Int64),
        all_day=pl.lit(value=False),
        body=pl.lit(None, pl.String),
        created_at=pl.lit(None, pl.Datetime("us", "UTC")),
    )


def meetings(activities: pl.DataFrame, minutes: int) -> pl.DataFrame:
    """One event per meeting, of the configured minutes where neither length nor end is given.

    A meeting without a time of day lasts whole days, which the org counts from midnight UTC.
    """
    kept = activities.filter((pl.col("disposition") == "keep") & (pl.col("type") == "meeting"))
    midnight = pl.col("on_day").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    days = (pl.col("minutes") / _DAY).ceil().cast(pl.Int64).fill_null(1).clip(lower_bound=1)
    return kept.select(
        "contact_key",
        "status",
        "body",
        "all_day",
        "created_at",
        *LINEAGE,
        pl.col("^x__.*$"),
        booking_key="activity_key",
        subject=pl.coalesce("subject", _first_line("body"), pl.lit("Meeting")),
        starts_at=pl.when("all_day").then(midnight).otherwise("starts_at"),
        minutes=pl.when("all_day")
        .then(days * _DAY)
        .otherwise(pl.col("minutes").fill_null(minutes)),
        calendar=pl.lit(None, pl.String),
        host="owner",
        host_email="owner",
    )


def tasks(notes: pl.DataFrame) -> pl.DataFrame:
    """One completed task per note."""
    return notes.filter(pl.col("disposition") == "keep").with_columns(
        subject=pl.lit("Kartra note: ") + _first_line("note").fill_null(""),
        on_day="created_on",
        status=pl.lit("Completed"),
        subtype=pl.lit(None, pl.String),
        call_seconds=pl.lit(None, pl.Int64),
        call_result=pl.lit(None, pl.String),
    )


def activity_tasks(activities: pl.DataFrame) -> pl.DataFrame:
    """One task per call, e-mail, task and note; what a call came to is its result."""
    kept = activities.filter((pl.col("disposition") == "keep") & (pl.col("type") != "meeting"))
    is_call = pl.col("type") == "call"
    # Only a call has a field for it.
    outcome = pl.when(~is_call).then(pl.lit("Status: ") + pl.col("outcome"))
    return kept.select(
        "contact_key",
        "on_day",
        "status",
        "created_at",
        *LINEAGE,
        pl.col("^x__.*$"),
        note_key="activity_key",
        subject=pl.coalesce(
            "subject",
            _first_line("body"),
            pl.col("type").replace_strict(_CALLED, default=None, return_dtype=pl.String),
        ),
        note=pl.concat_str("body", outcome, separator="\n\n", ignore_nulls=True),
        author="owner",
        subtype=pl.col("type").replace_strict(_SUBTYPES, default=None, return_dtype=pl.String),
        call_seconds=pl.when(is_call).then("seconds"),
        call_result=pl.when(is_call).then("outcome"),
    )


def _first_line(column: str) -> pl.Expr:
    line = pl.col(column).str.split("\n").list.first().str.strip_chars().str.slice(0, 80)
    return pl.when(line.str.len_chars() > 0).then(line)
