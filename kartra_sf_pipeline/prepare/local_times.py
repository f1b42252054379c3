"""Dates and times of day in cells of their own, read in the zone that the row names."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from kartra_sf_pipeline.prepare.dates import UTC, parse_datetime
from kartra_sf_pipeline.prepare.dispositions import QUARANTINE, Rule
from kartra_sf_pipeline.prepare.wording import worded

_TIME: Final = r"^(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?\s*([AaPp])?\.?(?:[Mm]\.?)?$"
HAS_TIME: Final = r"\d:\d{2}"
"""What a cell shows that holds a time of day beside its date."""


def zone_is_known(zones: pl.Series) -> pl.Series:
    """False where a row names a zone that does not exist."""
    unknown: list[str] = []
    for name in zones.drop_nulls().unique().to_list():
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            unknown.append(name)
    return ~zones.is_in(unknown).fill_null(False)


def local_instants(facts: pl.DataFrame, zone: str) -> pl.Series:
    """Date and time of day as one instant, read in the row's zone; null without either.

    `facts` has `_date`, `_time` and `time_zone`; where `_date` holds a time, too, that one counts.
    """
    hour, minute, second, half = (pl.col("_time").str.extract(_TIME, n) for n in range(1, 5))
    hour = hour.cast(pl.Int16)
    afternoon = half.str.to_lowercase() == "p"
    of_day = (
        pl.when(half.is_null())
        .then(hour)
        .when(hour.is_between(1, 12))
        .then(hour % 12 + pl.when(afternoon).then(12).otherwise(0))
    )
    # A lone number such as "15" may be anything.
    time = pl.when((minute.is_not_null() | half.is_not_null()) & (of_day < 24)).then(
        worded(
            "{}:{}:{}",
            of_day.cast(pl.String).str.zfill(2),
            minute.fill_null("00"),
            second.fill_null("00"),
        )
    )
    has_time = pl.col("_date").str.contains(HAS_TIME)
    text = facts.select(
        "time_zone",
        text=pl.when(has_time).then(pl.col("_date")).otherwise(worded("{} {}", "_date", time)),
    ).with_columns(_known=zone_is_known(facts.get_column("time_zone")))
    starts = pl.Series("starts_at", [None] * len(text), dtype=UTC)
    for name in text.filter("_known").get_column("time_zone").unique().to_list():
        here = text.select((pl.col("time_zone").eq_missing(name)).alias("here")).to_series()
        local = text.select(
            parse_datetime(pl.when(here).then(pl.col("text")), zone if name is None else name)
        ).to_series()
        starts = starts.zip_with(~here, local)
    return starts


def uncertain_times(uncertain: pl.Expr) -> tuple[Rule, Rule]:
    """Rows that name a zone which does not exist, and those whose time is `uncertain`.

    The frame has `_known_zone`, `time_zone`, `_date` and `_time`.
    """
    return (
        Rule(
            ~pl.col("_known_zone"),
            QUARANTINE,
            "bad_time_zone",
            worded("'{}' is not a time zone, such as America/Detroit.", "time_zone"),
        ),
        Rule(
            uncertain,
            QUARANTINE,
            "bad_date",
            worded(
                "'{}' at '{}' is not a certain time.",
                pl.col("_date").fill_null(""),
                pl.col("_time").fill_null(""),
            ),
        ),
    )
