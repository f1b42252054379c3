"""Events and tasks: when they are, and to whom and what they belong."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.localorg.clock import STORED
from kartra_sf_pipeline.localorg.rules.batch import Batch, fetch, keys

_PARSE = "%Y-%m-%dT%H:%M:%S%.f%z"
_LONGEST_DAYS = 14


def event_times(batch: Batch) -> None:
    """An event needs a start and an end or a duration; the missing ones are worked out."""
    names = (
        "StartDateTime",
        "ActivityDateTime",
        "EndDateTime",
        "DurationInMinutes",
        "ActivityDate",
        "IsAllDayEvent",
    )
    touched = pl.repeat(False, len(batch), dtype=pl.Boolean, eager=True)
    for name in names:
        touched = touched | batch.given(name)
    touched = (touched | batch.creating) & batch.live
    if not touched.any():
        return
    frame = pl.DataFrame({name: batch.value(name) for name in names})
    if (touched & ~batch.creating).any():
        held = pl.DataFrame(batch.look_up("Event", batch.ids, list(names)))
        moved = frame["StartDateTime"].is_not_null() | frame["ActivityDateTime"].is_not_null()
        moved = moved | frame["ActivityDate"].is_not_null()
        ends = frame["EndDateTime"].is_not_null() | frame["DurationInMinutes"].is_not_null()
        # What a change does not give stays: a new start keeps the duration, not the end.
        frame = frame.with_columns(
            pl.when(moved)
            .then("StartDateTime")
            .otherwise(held["StartDateTime"])
            .alias("StartDateTime"),
            pl.when(ends)
            .then("DurationInMinutes")
            .otherwise(held["DurationInMinutes"])
            .alias("DurationInMinutes"),
            pl.coalesce("IsAllDayEvent", held["IsAllDayEvent"]).alias("IsAllDayEvent"),
            pl.coalesce("ActivityDate", held["ActivityDate"]).alias("ActivityDate"),
        )
    all_day = pl.col("IsAllDayEvent") == 1
    frame = frame.with_columns(
        pl.coalesce("StartDateTime", "ActivityDateTime")
        .str.to_datetime(_PARSE, time_zone="UTC", strict=False)
        .alias("start"),
        pl.col("EndDateTime").str.to_datetime(_PARSE, time_zone="UTC", strict=False).alias("end"),
        pl.col("ActivityDate").str.to_date("%Y-%m-%d", strict=False).alias("day"),
        all_day.fill_null(False).alias("all_day"),
    ).with_columns(
        pl.when("all_day")
        .then(pl.coalesce(pl.col("day").cast(pl.Datetime("us", "UTC")), "start"))
        .otherwise("start")
        .alias("start"),
    )
    span = (pl.col("end") - pl.col("start")).dt.total_minutes()
    frame = frame.with_columns(
        pl.when(pl.col("DurationInMinutes").is_not_null())
        .then("DurationInMinutes")
        .when(pl.col("end").is_not_null())
        .then(span + pl.when("all_day").then(24 * 60).otherwise(0))
        .when("all_day")
        .then(24 * 60)
        .alias("minutes"),
        span.alias("span"),
    )
    no_start, no_end = touched & frame["start"].is_null(), touched & frame["minutes"].is_null()
    missing = "Required fields are missing: [{}]"
    for mask, fields in (
        (no_start & no_end, ["DurationInMinutes", "ActivityDateTime"]),
        (no_start, ["ActivityDateTime"]),
        (no_end, ["DurationInMinutes"]),
    ):
        batch.fail(mask, "REQUIRED_FIELD_MISSING", missing.format(", ".join(fields)), fields)
    integrity = "FIELD_INTEGRITY_EXCEPTION"
    batch.fail(
        touched & (frame["minutes"] < 0),
        integrity,
        "Event duration cannot be negative",
        ["DurationInMinutes"],
    )
    batch.fail(
        touched
        & ~frame["all_day"]
        & batch.given("EndDateTime")
        & batch.given("DurationInMinutes")
        & (frame["span"] != frame["minutes"]),
        integrity,
        "Event duration must match the difference between start and end date time",
        ["DurationInMinutes"],
    )
    batch.fail(
        touched & (frame["minutes"] > _LONGEST_DAYS * 24 * 60),
        integrity,
        f"An event can't last longer than {_LONGEST_DAYS} days.",
        ["EndDateTime"],
    )
    differ = pl.DataFrame({"a": batch.value("StartDateTime"), "b": batch.value("ActivityDateTime")})
    batch.fail(
        touched & (differ["a"] != differ["b"]),
        integrity,
        "StartDateTime and ActivityDateTime must be the same or one must be null",
        ["ActivityDateTime"],
    )
    ends_at = pl.col("start") + pl.duration(minutes=pl.col("minutes"))
    out = frame.select(
        pl.col("start").dt.strftime(STORED).alias("StartDateTime"),
        pl.col("start").dt.strftime("%Y-%m-%d").alias("ActivityDate"),
        ends_at.dt.strftime(STORED).alias("EndDateTime"),
        ends_at.dt.strftime("%Y-%m-%d").alias("EndDate"),
        pl.col("minutes").alias("DurationInMinutes"),
    )
    timed = touched & ~frame["all_day"]
    batch.fill("StartDateTime", out["StartDateTime"], touched)
    batch.fill("ActivityDateTime", out["StartDateTime"], timed)
    for name in ("ActivityDate", "EndDateTime", "EndDate", "DurationInMinutes"):
        batch.fill(name, out[name], touched)
    batch.fill("EventSubtype", pl.repeat("Event", len(batch), eager=True), batch.creating)


def task_status(batch: Batch) -> None:
    """IsClosed and CompletedDateTime follow Status, IsHighPriority follows Priority."""
    given = batch.given("Status")
    if given.any():
        closed = batch.value("Status").str.to_lowercase() == "completed"
        batch.fill("IsClosed", closed.cast(pl.Int64), given)
        now = pl.repeat(batch.now, len(batch), eager=True)
        batch.fill("CompletedDateTime", now, given & closed.fill_null(False))
    given = batch.given("Priority")
    if given.any():
        high = batch.value("Priority").str.to_lowercase() == "high"
        batch.fill("IsHighPriority", high.cast(pl.Int64), given)
    subtype = pl.repeat("Task", len(batch), eager=True)
    batch.fill("TaskSubtype", subtype, batch.creating & ~batch.given("TaskSubtype"))


def task_audit(batch: Batch) -> None:
    """The platform changes a task that belongs to somebody or something once more by itself: who
    changed it last, and when, cannot be given for it.
    """
    related = batch.creating & (batch.given("WhoId") | batch.given("WhatId"))
    for name in ("LastModifiedDate", "LastModifiedById"):
        if (related & batch.given(name)).any():
            batch.fill(name, pl.repeat(None, len(batch), dtype=pl.String, eager=True), related)


def relations(batch: Batch) -> None:
    """AccountId of an activity comes from what it is about, else from its person."""
    if not {"WhoId", "WhatId"} & set(batch.values):
        return
    who, what = batch.value("WhoId"), batch.value("WhatId")
    both = pl.DataFrame({"who": _kept(batch, "WhoId"), "what": _kept(batch, "WhatId")})
    batch.fail(
        both["who"].str.starts_with("00Q") & both["what"].is_not_null(),
        "FIELD_INTEGRITY_EXCEPTION",
        "A lead cannot be associated with a related record",
        ["WhatId"],
    )
    accounts = [
        fetch(
            batch.connection,
            f"SELECT t.Id, t.{column} FROM json_each(?) k CROSS JOIN {table} t ON t.Id = k.value",
            {"Id": pl.String, "account": pl.String},
            (keys(values),),
        )
        for table, column, values in (
            ("Account", "Id", what),
            ("Opportunity", "AccountId", what),
            ("Contact", "AccountId", who),
        )
    ]
    known = pl.concat(accounts)
    frame = (
        pl.DataFrame({"what": what, "who": who})
        .join(known, left_on="what", right_on="Id", how="left", maintain_order="left")
        .join(known, left_on="who", right_on="Id", how="left", maintain_order="left", suffix="_who")
        .select(pl.coalesce("account", "account_who"))
        .to_series()
    )
    batch.fill("AccountId", frame, frame.is_not_null())
    one = pl.repeat(1, len(batch), eager=True)
    batch.fill("WhoCount", one, who.is_not_null())
    batch.fill("WhatCount", one, what.is_not_null())


def _kept(batch: Batch, name: str) -> pl.Series:
    """A lookup as the row will have it: what a change does not name stays."""
    given = batch.value(name)
    if not (~batch.creating & batch.live).any():
        return given
    held = batch.look_up(batch.sobject.name, batch.ids, [name])[name]
    cleared = batch.cleared.get(name, pl.repeat(False, len(batch), eager=True))
    frame = pl.DataFrame({"given": given, "held": held, "cleared": cleared})
    return frame.select(
        pl.when("cleared").then(None).otherwise(pl.coalesce("given", "held"))
    ).to_series()
