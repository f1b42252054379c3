"""Calls, e-mails, meetings, tasks and notes from a file that people assemble by hand."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.bookings import STATUSES
from kartra_sf_pipeline.prepare.codes import clean_id
from kartra_sf_pipeline.prepare.contact_lookup import contact_lookup
from kartra_sf_pipeline.prepare.dates import localize, parse_date, parse_datetime
from kartra_sf_pipeline.prepare.dispositions import (
    QUARANTINE,
    ROW,
    Rule,
    dispose,
    newest_rows,
    older_extract,
)
from kartra_sf_pipeline.prepare.durations import parse_seconds
from kartra_sf_pipeline.prepare.local_times import (
    HAS_TIME,
    local_instants,
    uncertain_times,
    zone_is_known,
)
from kartra_sf_pipeline.prepare.nulls import clean, tidy, tidy_lines
from kartra_sf_pipeline.prepare.side_join import side_join
from kartra_sf_pipeline.prepare.stable_keys import content_key, with_key
from kartra_sf_pipeline.prepare.wording import worded

TYPES: Final = {
    **dict.fromkeys(
        ("call", "phone", "phone call", "inbound call", "outbound call", "telephone", "voicemail"),
        "call",
    ),
    **dict.fromkeys(("email", "e mail", "mail", "sent email", "email sent"), "email"),
    **dict.fromkeys(("meeting", "appointment", "event", "video meeting"), "meeting"),
    **dict.fromkeys(("task", "to do", "todo", "follow up", "reminder"), "task"),
    **dict.fromkeys(("note", "comment", "memo"), "note"),
}
TASK_STATUSES: Final = {
    **dict.fromkeys(("completed", "complete", "done", "closed", "finished"), "Completed"),
    **dict.fromkeys(
        ("not started", "open", "pending", "planned", "scheduled", "to do", "todo", "new"),
        "Not Started",
    ),
    **dict.fromkeys(("in progress", "started"), "In Progress"),
    **dict.fromkeys(("waiting", "waiting on someone else"), "Waiting on someone else"),
    "deferred": "Deferred",
}
MEETING_STATUSES: Final = {**STATUSES, "held": "completed", "done": "completed"}
LONGEST_MEETING: Final = 14 * 24 * 60
"""Minutes: no event of the org lasts longer."""

_DAY: Final = 24 * 60


def prepare_activities(
    raw: pl.DataFrame, contacts_unified: pl.DataFrame, *, zone: str
) -> pl.DataFrame:
    """`activities_prepared`: one row per raw row, each with one disposition.

    `type` is call, email, meeting, task or note. `on_day` is the day as written, `starts_at` the
    instant in the row's own zone, where it names one, else in `zone`; null without a time of day,
    and a meeting is then `all_day`. `minutes` come from the duration, else from the end, and are
    null where neither is given. `activity_key` is `A<id>`, else `AH` and a hash of person, kind,
    time and text. Where several people share an id each has a record: the first of them by key has
    `A<id>`, the others a hash of theirs behind it. `status` is the org's word for a task's state
    and ours for a meeting's; calls, e-mails and notes are over, and what else their status says is
    their `outcome`.
    `created_at` is when the record was made, which for a call, an e-mail or a note is when it was.
    """
    facts = raw.select(
        clean_id(pl.col("activity_id")),
        clean(pl.col("type")).alias("_type"),
        tidy(pl.col("subject")),
        tidy_lines(pl.col("body")),
        clean(pl.col("date")).alias("_date"),
        clean(pl.col("time")).alias("_time"),
        clean(pl.col("timezone")).alias("time_zone"),
        clean(pl.col("end")).alias("_end"),
        clean(pl.col("duration")).alias("_duration"),
        clean_id(pl.col("contact_id")),
        clean(pl.col("contact_email")),
        tidy(clean(pl.col("owner"))).alias("owner"),
        tidy(clean(pl.col("status"))).alias("_status"),
        clean(pl.col("created_at")).alias("_created"),
        "extract_date",
        "source_file",
        "source_line",
        pl.col("^x__.*$"),
    ).with_row_index(ROW)
    facts = _timed(facts, zone).with_columns(
        _word("_type", TYPES).alias("type"),
        parse_seconds(pl.col("_duration")).alias("seconds"),
        parse_datetime(pl.col("_created"), zone).alias("created_at"),
    )
    facts = _judged_status(_lasting(facts))
    facts = contact_lookup(contacts_unified).resolve(
        facts, email="contact_email", lead_id="contact_id"
    )
    facts = with_key(
        facts.with_columns(
            _when=pl.coalesce(
                pl.col("starts_at").dt.epoch("us").cast(pl.String),
                pl.col("on_day").cast(pl.String),
            )
        ),
        "activity_key",
        own=worded("A{}", pl.col("activity_id")),
        content=["contact_key", "type", "_when", "subject", "body"],
        prefix="AH",
    )
    problems = _problems()
    sound = ~pl.any_horizontal([problem.when.fill_null(False) for problem in problems])
    facts = _one_record_per_person(facts, among=sound)
    facts = newest_rows(facts, "activity_key", among=sound)
    return dispose(facts, [*problems, older_extract()]).select(
        "activity_key",
        "activity_id",
        "type",
        "subject",
        "body",
        "on_day",
        "starts_at",
        "time_zone",
        "all_day",
        "seconds",
        "minutes",
        "status",
        "outcome",
        "owner",
        _made_at(zone),
        "contact_key",
        "contact_evidence",
        pl.col("^x__.*$"),
        "extract_date",
        "source_file",
        "source_line",
        "disposition",
        "reason",
        "detail",
    )


def _one_record_per_person(facts: pl.DataFrame, *, among: pl.Expr) -> pl.DataFrame:
    """The same set of people has the same keys, in whatever order the rows stand."""
    taken = (
        facts.filter(among & pl.col("activity_id").is_not_null())
        .group_by("activity_key")
        .agg(_first=pl.col("contact_key").min(), _people=pl.col("contact_key").n_unique())
        .filter(pl.col("_people") > 1)
    )
    facts = side_join(facts, taken, "activity_key")
    further = facts.select(ROW, "contact_key").filter(
        facts.select(pl.col("contact_key") != pl.col("_first")).to_series().fill_null(False)
    )
    suffixes = further.select(ROW, content_key(further, "-", ["contact_key"]).alias("_suffix"))
    return (
        side_join(facts, suffixes, ROW)
        .with_columns(pl.col("activity_key") + pl.col("_suffix").fill_null(""))
        .drop("_first", "_people", "_suffix")
    )


def _word(column: str, words: dict[str, str]) -> pl.Expr:
    folded = pl.col(column).str.to_lowercase().str.replace_all(r"[\s_\-]+", " ").str.strip_chars()
    return folded.replace_strict(words, default=None, return_dtype=pl.String)


def _timed(facts: pl.DataFrame, zone: str) -> pl.DataFrame:
    facts = facts.with_columns(
        parse_date(pl.col("_date")).alias("on_day"),
        local_instants(facts, zone).alias("starts_at"),
        _known_zone=zone_is_known(facts.get_column("time_zone")),
        _has_time=pl.col("_time").is_not_null()
        | pl.col("_date").str.contains(HAS_TIME).fill_null(False),
    )
    # An end is a date and time, or a time on the day of the start, or the last day.
    has_day = pl.col("_end").str.contains(r"\d{4}|\pL{3}")
    ends = facts.select(
        "time_zone",
        _date=pl.when(has_day).then("_end").otherwise(pl.col("on_day").cast(pl.String)),
        _time=pl.when(~has_day).then("_end"),
    )
    return facts.with_columns(
        local_instants(ends, zone).alias("_ends_at"),
        pl.when(~pl.col("_has_time")).then(parse_date(pl.col("_end"))).alias("_last_day"),
    )


def _lasting(facts: pl.DataFrame) -> pl.DataFrame:
    """`all_day` and `minutes`, from the duration, else from the end."""
    timeless = ~pl.col("_has_time")
    between = (pl.col("_ends_at") - pl.col("starts_at")).dt.total_minutes()
    days = (pl.col("_last_day") - pl.col("on_day")).dt.total_days() + 1
    lasted = (pl.col("seconds") / 60).ceil().cast(pl.Int64)
    return facts.with_columns(
        all_day=timeless & (pl.col("type") == "meeting").fill_null(False),
        minutes=pl.coalesce(lasted, pl.when(timeless).then(days * _DAY).otherwise(between)),
    )


def _judged_status(facts: pl.DataFrame) -> pl.DataFrame:
    kind, said = pl.col("type"), pl.col("_status")
    task, meeting = _word("_status", TASK_STATUSES), _word("_status", MEETING_STATUSES)
    over = pl.lit("Completed")
    return facts.with_columns(
        status=pl.when(kind == "meeting")
        .then(pl.coalesce(meeting, said))
        .when(kind == "task")
        .then(pl.when(said.is_null()).then(over).otherwise(task))
        .otherwise(over),
        outcome=pl.when(kind.is_in(["call", "email", "note"]) & (task != over).fill_null(True))
        .then(said),
    )  # fmt: skip


def _made_at(zone: str) -> pl.Expr:
    """A task may be due tomorrow and a meeting be planned long before: theirs must be said."""
    midnight = localize(pl.col("on_day").cast(pl.Datetime("us")), zone)
    happened = pl.when(pl.col("type").is_in(["call", "email", "note"])).then(
        pl.coalesce("starts_at", midnight)
    )
    return pl.coalesce("created_at", happened).alias("created_at")


def _problems() -> list[Rule]:
    unknown = "'{}' is not a type of activity: call, email, meeting, task or note."
    late = pl.col("_has_time") & pl.col("starts_at").is_null()
    unread_end = (
        pl.col("_end").is_not_null() & pl.col("_ends_at").is_null() & pl.col("_last_day").is_null()
    )
    return [
        Rule(
            pl.col("type").is_null(),
            QUARANTINE,
            "unknown_type",
            worded(unknown, pl.col("_type").fill_null("")),
        ),
        *uncertain_times(pl.col("on_day").is_null() | late),
        Rule(
            pl.col("created_at").is_null() & pl.col("_created").is_not_null(),
            QUARANTINE,
            "bad_date",
            worded("'{}' is not a certain time of creation.", "_created"),
        ),
        Rule(
            pl.col("seconds").is_null() & pl.col("_duration").is_not_null(),
            QUARANTINE,
            "bad_duration",
            worded("'{}' is not a duration, such as 45 min or 0:45:00.", "_duration"),
        ),
        Rule(
            (unread_end & pl.col("seconds").is_null()) | (pl.col("minutes") < 0),
            QUARANTINE,
            "bad_end",
            worded("'{}' is no end after the start.", pl.col("_end").fill_null("")),
        ),
        Rule(
            (pl.col("type") == "meeting") & (pl.col("minutes") > LONGEST_MEETING),
            QUARANTINE,
            "meeting_too_long",
            worded("It lasts {} minutes; no event lasts longer than 14 days.", "minutes"),
        ),
        Rule(
            (pl.col("type") == "task") & pl.col("status").is_null(),
            QUARANTINE,
            "unknown_status",
            worded("'{}' is not a status of a task.", "_status"),
        ),
        Rule(
            (pl.col("type") == "note") & pl.col("subject").is_null() & pl.col("body").is_null(),
            QUARANTINE,
            "empty_note",
            pl.lit("The note has no text."),
        ),
        Rule(
            pl.col("contact_key").is_null(),
            QUARANTINE,
            "contact_not_found",
            pl.lit("Neither the row's contact id nor its e-mail address is among the contacts."),
        ),
    ]
